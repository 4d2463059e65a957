// Plots that leave the window: full samples as CSV, figures as SVG and PNG, nothing half written.
#include "ui/model/plot_export.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/support/faulty_file_system.h"
#include "tests/support/temporary_folder.h"
#include "ui/client/exporter.h"

namespace switchyard::ui {
namespace {

std::shared_ptr<const Series> made_series(std::size_t count, double offset = 0.0) {
  Series series("train_loss");
  for (std::size_t i = 0; i < count; ++i) {
    const auto step = static_cast<std::int64_t>(i + 1);
    const double value = 3.0 + offset + std::sin(static_cast<double>(i) * 0.3);
    series.append(
        {step, step * 10, static_cast<double>(step) * 0.25, 1e9 * static_cast<double>(step)},
        i == 40 ? std::nan("") : value);
  }
  return std::make_shared<const Series>(series);
}

ChartSpec made_chart(std::size_t count = 500) {
  ChartSpec chart;
  chart.metric = "train_loss";
  chart.title = "Loss <all>";
  chart.unit = "nats/token";
  chart.run = "moe-001";
  chart.x_max = static_cast<double>(count);
  chart.smoothing = 0.6;
  chart.lines.push_back({"moe-001", made_series(count), 0, false, true});
  chart.lines.push_back({"moe-002", made_series(count, 0.5), 1, true, false});
  chart.marks.push_back({100.0, "", false});
  chart.marks.push_back({200.0, "LR \xC3\xB7 2", false});
  return chart;
}

std::string csv_of(const ChartSpec& chart, bool is_visible_only) {
  std::string text;
  const Status status = write_csv(chart, is_visible_only, [&](std::string_view piece) {
    text += piece;
    return Status();
  });
  EXPECT_TRUE(status.ok());
  return text;
}

std::size_t num_lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(PlotExport, CsvHoldsEverySampleExactly) {
  const ChartSpec chart = made_chart(20'000);
  const std::string text = csv_of(chart, false);
  EXPECT_EQ(num_lines(text), 40'001U);
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "run,step,tokens,seconds,flops,train_loss,smoothed");
  for (std::size_t i = 0; i < 1000; ++i) {
    std::getline(lines, line);
    std::istringstream fields(line);
    std::string run, step, tokens, seconds, flops, value;
    for (std::string* field : {&run, &step, &tokens, &seconds, &flops, &value})
      std::getline(fields, *field, ',');
    EXPECT_EQ(std::stoll(step), static_cast<long long>(i + 1));
    if (i == 40) {
      EXPECT_EQ(value, "nan");
    } else {
      EXPECT_EQ(std::stod(value), chart.lines[0].data->value(i)) << "no digit is lost";
    }
  }
}

TEST(PlotExport, CsvOfTheVisibleRangeHoldsThatOnly) {
  ChartSpec chart = made_chart();
  chart.x_min = 100.0;
  chart.x_max = 149.0;
  EXPECT_EQ(num_lines(csv_of(chart, true)), 1U + 2U * 50U);
  chart.axis = XAxis::kTokens;  // 100 … 149 tokens: steps 10 to 14
  EXPECT_EQ(num_lines(csv_of(chart, true)), 1U + 2U * 5U);
}

TEST(PlotExport, CsvEndsWhenTheReceiverRefuses) {
  int calls = 0;
  const Status status = write_csv(made_chart(20'000), false, [&](std::string_view) -> Status {
    ++calls;
    return Error{ErrorCode::kDiskFull, "here", "full", "", {}};
  });
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(calls, 1);
}

bool has_text(const Chart& chart, const std::string& words) {
  return std::any_of(chart.shapes.begin(), chart.shapes.end(), [&](const ChartShape& shape) {
    return shape.text.find(words) != std::string::npos;
  });
}

TEST(Chart, HasTitleAxesLegendAndValues) {
  const Chart chart = lay_out_chart(made_chart());
  for (const char* words : {"Loss <all>", "nats/token", "steps", "moe-001", "moe-002", "Debiased"})
    EXPECT_TRUE(has_text(chart, words)) << words;
  for (const ChartShape& shape : chart.shapes) {
    if (shape.is_clipped) continue;
    for (const ChartPoint& point : shape.points) {
      EXPECT_GE(point.x, 0.0);
      EXPECT_LE(point.x, chart.width);
      EXPECT_GE(point.y, 0.0);
      EXPECT_LE(point.y, chart.height);
    }
  }
}

TEST(Chart, IsAWholeSvgDocument) {
  const std::string svg = svg_of_chart(lay_out_chart(made_chart()));
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_NE(svg.find("Loss &lt;all&gt;"), std::string::npos) << "text is escaped";
  EXPECT_EQ(svg.find("<all>"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos) << "no coordinate is NaN";
  EXPECT_NE(svg.find("stroke-dasharray"), std::string::npos);
}

TEST(Chart, LosesNoSpikeWhenItIsReduced) {
  Series series("train_loss");
  for (std::int64_t step = 1; step <= 100'000; ++step)
    series.append({step, step, 1.0, 1.0}, step == 61'234 ? 50.0 : 1.0);
  ChartSpec spec;
  spec.x_max = 100'000.0;
  spec.lines.push_back({"a", std::make_shared<const Series>(series), 0, false, true});
  const Chart chart = lay_out_chart(spec);
  double top = 1e9;
  for (const ChartShape& shape : chart.shapes) {
    if (shape.kind != ChartShape::Kind::kLine || !shape.is_clipped) continue;
    for (const ChartPoint& point : shape.points) top = std::min(top, point.y);
    EXPECT_LT(shape.points.size(), 2200U);
  }
  EXPECT_LT(top, chart.plot_min.y + 60.0) << "the spike reaches the top of the plot";
}

TEST(Chart, DrawsSeedsAsOneLineWithABand) {
  ChartSpec spec = made_chart();
  spec.lines[0].seed_group = spec.lines[1].seed_group = 0;
  const Chart chart = lay_out_chart(spec);
  EXPECT_TRUE(has_text(chart, "moe-001 and 1 more"));
  EXPECT_FALSE(has_text(chart, "moe-002"));
  const bool has_band =
      std::any_of(chart.shapes.begin(), chart.shapes.end(), [](const ChartShape& shape) {
        return shape.kind == ChartShape::Kind::kArea && shape.is_clipped;
      });
  EXPECT_TRUE(has_band);
}

ExportPlots made_order(const std::string& folder, ExportFormat format) {
  ExportPlots order;
  order.folder = folder;
  order.format = format;
  order.charts.push_back(made_chart());
  return order;
}

Result<std::string> no_png(const ChartSpec&) {
  return std::string("png");
}

TEST(PlotExport, MakesTheFolderAndNamesTheFiles) {
  const test::TemporaryFolder folder;
  const auto paths = write_exports(made_order(folder / "deep/plots", ExportFormat::kSvg), no_png);
  ASSERT_TRUE(paths.ok()) << paths.error().text();
  ASSERT_EQ(paths.value().size(), 1U);
  EXPECT_EQ(paths.value()[0], folder / "deep/plots/moe-001-train_loss.svg");
  const auto content = read_file(paths.value()[0], 1 << 24);
  ASSERT_TRUE(content.ok());
  EXPECT_TRUE(content.value().ends_with("</svg>\n"));
}

TEST(PlotExport, RefusesAFolderThatIsNoWholePath) {
  for (const char* folder : {"", "plots", "./plots"}) {
    const auto paths = write_exports(made_order(folder, ExportFormat::kCsv), no_png);
    ASSERT_FALSE(paths.ok());
    EXPECT_FALSE(paths.error().hint.empty());
  }
}

TEST(PlotExport, AFullDiskLeavesNothingHalfWritten) {
  for (int failing = 1; failing < 12; ++failing) {
    test::FaultyFileSystem fs;
    fs.fail_at(failing, ENOSPC, false);
    const auto paths = write_exports(made_order("/plots", ExportFormat::kCsv), no_png, fs);
    if (!fs.has_failed()) {
      EXPECT_TRUE(paths.ok());
      continue;
    }
    const auto names = fs.list("/plots");
    for (const std::string& name : names.ok() ? names.value() : std::vector<std::string>()) {
      EXPECT_EQ(name.find(".tmp"), std::string::npos) << "operation " << failing;
    }
    if (paths.ok()) continue;
    EXPECT_EQ(paths.error().code, ErrorCode::kDiskFull);
    EXPECT_NE(paths.error().text().find('/'), std::string::npos) << "names where";
  }
}

TEST(Exporter, SaysWhereThePictureIsAndWhyThereIsNone) {
  const test::TemporaryFolder folder;
  Mailbox mailbox([] {});
  {
    Exporter exporter(folder / "no-assets", mailbox);
    exporter.order(made_order(folder.path(), ExportFormat::kSvg));
    exporter.order(made_order(folder.path(), ExportFormat::kPng));  // no fonts there
    exporter.order(made_order("/proc/nowhere", ExportFormat::kCsv));
    ExportPlots copy = made_order(folder.path(), ExportFormat::kCsv);
    copy.to_clipboard = true;
    exporter.order(copy);
  }
  std::vector<Notice> notices;
  std::string copied;
  for (const ClientEvent& event : mailbox.take()) {
    if (const auto* notice = std::get_if<Notice>(&event)) notices.push_back(*notice);
    if (const auto* text = std::get_if<ClipboardText>(&event)) copied = text->text;
  }
  ASSERT_EQ(notices.size(), 4U);
  EXPECT_EQ(notices[0].kind, NoticeKind::kOk);
  EXPECT_NE(notices[0].detail.find("moe-001-train_loss.svg"), std::string::npos);
  EXPECT_EQ(notices[1].kind, NoticeKind::kFailure);
  EXPECT_NE(notices[1].detail.find("font"), std::string::npos);
  EXPECT_EQ(notices[2].kind, NoticeKind::kFailure);
  EXPECT_NE(notices[2].detail.find("/proc"), std::string::npos);
  EXPECT_EQ(num_lines(copied), 1001U);
}

}  // namespace
}  // namespace switchyard::ui
