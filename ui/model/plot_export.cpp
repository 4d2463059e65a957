#include "ui/model/plot_export.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <set>

#include "ui/plot/smooth.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18;  ///< bytes handed on at a time

/// Text of a name between commas: quoted where it must be.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0.0 ? "inf" : "-inf";
  std::array<char, 40> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.17g", value);
  // The shortest form that reads back as the same number.
  for (int digits = 6; digits < 17; ++digits) {
    std::array<char, 40> shorter{};
    std::snprintf(shorter.data(), shorter.size(), "%.*g", digits, value);
    if (std::strtod(shorter.data(), nullptr) == value) return shorter.data();
  }
  return buffer.data();
}

std::string safe_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool is_plain =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
    name += is_plain ? c : '-';
  }
  return name.empty() || name.front() == '.' ? "plot" + name : name;
}

Result<std::string> content_of(const ExportPlots& order,
                               const ChartSpec& chart,
                               const std::function<Result<std::string>(const ChartSpec&)>& png_of) {
  if (order.format == ExportFormat::kPng) return png_of(chart);
  if (order.format == ExportFormat::kSvg) return svg_of_chart(lay_out_chart(chart));
  std::string text;
  SY_RETURN_IF_ERROR(write_csv(chart, order.is_visible_only, [&](std::string_view piece) {
    text += piece;
    return Status();
  }));
  return text;
}

}  // namespace

std::string_view export_extension(ExportFormat format) {
  switch (format) {
    case ExportFormat::kSvg:
      return "svg";
    case ExportFormat::kPng:
      return "png";
    case ExportFormat::kCsv:
      break;
  }
  return "csv";
}

Status write_csv(const ChartSpec& chart,
                 bool is_visible_only,
                 const std::function<Status(std::string_view)>& put) {
  std::string text = "run,step,tokens,seconds,flops," + csv_field(chart.metric) + ",smoothed\n";
  for (const ChartLine& line : chart.lines) {
    const Series& series = *line.data;
    Smoother smoother(chart.smoothing, chart.smoothing_unit);
    smoother.update(x_column(series, chart.axis), series.values());
    const std::string name = csv_field(line.name);
    for (std::size_t i = 0; i < series.size(); ++i) {
      const double x = series.x(chart.axis, i) + line.x_shift;
      if (is_visible_only && (x < chart.x_min || x > chart.x_max)) continue;
      text += name + "," + std::to_string(series.step(i)) + "," + std::to_string(series.tokens(i)) +
              "," + csv_number(series.seconds(i)) + "," + csv_number(series.flops(i)) + "," +
              csv_number(series.value(i)) + "," + csv_number(smoother.values()[i]) + "\n";
      if (text.size() < kPiece) continue;
      SY_RETURN_IF_ERROR(put(text));
      text.clear();
    }
  }
  return put(text);
}

std::string export_name(const ChartSpec& chart, ExportFormat format) {
  return safe_name(chart.run) + "-" + safe_name(chart.metric) + "." +
         std::string(export_extension(format));
}

Result<std::vector<std::string>> write_exports(
    const ExportPlots& order,
    const std::function<Result<std::string>(const ChartSpec&)>& png_of,
    FileSystem& fs) {
  if (order.folder.empty() || order.folder.front() != '/') {
    return Error{ErrorCode::kUsage,
                 "export folder",
                 "expected the whole path of a folder, found \"" + order.folder + "\".",
                 "Type a path that begins with /.",
                 {}};
  }
  SY_RETURN_IF_ERROR(make_directories(order.folder, fs));
  std::vector<std::string> paths;
  std::set<std::string> names;
  for (const ChartSpec& chart : order.charts) {
    if (chart.lines.empty()) continue;
    const std::string name = export_name(chart, order.format);
    if (!names.insert(name).second) continue;
    SY_ASSIGN_OR_RETURN(const std::string content, content_of(order, chart, png_of));
    const std::string path = order.folder + "/" + name;
    SY_RETURN_IF_ERROR(write_file_durably(path, content, fs));
    paths.push_back(path);
  }
  return paths;
}

}  // namespace switchyard::ui
