#include "ui/plot/chart.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "ui/plot/decimate.h"
#include "ui/plot/seed_band.h"
#include "ui/plot/smooth.h"
#include "ui/plot/ticks.h"

namespace switchyard::ui {
namespace {

constexpr double kPad = 20.0, kTitleSize = 17.0, kTextSize = 12.0, kSmallSize = 11.0;
constexpr double kClipLow = 1.0, kClipHigh = 99.0;
constexpr std::size_t kClipSamples = 65'536;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// A line with its smoothed samples and what its pixels show.
struct LineData {
  Smoother smoother;
  Decimated raw, smooth;
};

/// Lays out one chart; gathers what the steps share.
class Layout {
 public:
  Layout(const ChartSpec& spec, const MeasureText& measure)
      : spec_(spec), measure_(measure), tokens_(theme_tokens(spec.theme)) {}

  Chart run() {
    chart_.width = spec_.width;
    chart_.height = spec_.height;
    chart_.background = tokens_.bg1;
    smooth_lines();
    const double legend_bottom = add_head();
    place_plot(legend_bottom);
    add_grid();
    add_marks();
    add_lines();
    add_foot();
    return std::move(chart_);
  }

 private:
  void text(ChartPoint at,
            std::string words,
            double size,
            Color color,
            int anchor = 1,
            bool is_strong = false) {
    ChartShape shape;
    shape.kind = ChartShape::Kind::kText;
    shape.points = {at};
    shape.color = color;
    shape.text = std::move(words);
    shape.size = size;
    shape.anchor = anchor;
    shape.is_strong = is_strong;
    chart_.shapes.push_back(std::move(shape));
  }

  ChartShape& line(std::vector<ChartPoint> points, Color color, double width) {
    ChartShape shape;
    shape.points = std::move(points);
    shape.color = color;
    shape.width = width;
    chart_.shapes.push_back(std::move(shape));
    return chart_.shapes.back();
  }

  double place_x(double x) const {
    double t = (x - spec_.x_min) / (spec_.x_max - spec_.x_min);
    if (spec_.is_log_x && spec_.x_min > 0.0)
      t = std::log(std::max(x, 1e-300) / spec_.x_min) / std::log(spec_.x_max / spec_.x_min);
    return chart_.plot_min.x + t * (chart_.plot_max.x - chart_.plot_min.x);
  }

  double place_y(double y) const {
    const double place = std::clamp(scale_.place(y), -50.0, 50.0);
    return chart_.plot_max.y - place * (chart_.plot_max.y - chart_.plot_min.y);
  }

  void smooth_lines() {
    for (const ChartLine& line : spec_.lines) {
      LineData data{Smoother(spec_.smoothing, spec_.smoothing_unit), {}, {}};
      data.smoother.update(x_column(*line.data, spec_.axis), line.data->values());
      data_.push_back(std::move(data));
    }
  }

  bool leads_group(std::size_t i) const {
    const int group = spec_.lines[i].seed_group;
    for (std::size_t k = 0; group >= 0 && k < i; ++k) {
      if (spec_.lines[k].seed_group == group) return false;
    }
    return true;
  }

  std::string legend_name(std::size_t i) const {
    const int group = spec_.lines[i].seed_group;
    if (group < 0) return spec_.lines[i].name;
    const auto count = std::count_if(spec_.lines.begin(), spec_.lines.end(), [&](const auto& l) {
      return l.seed_group == group;
    });
    return spec_.lines[i].name + " and " + std::to_string(count - 1) +
           " more, mean \xC2\xB1 \xCF\x83";
  }

  double last_of(std::size_t i) const {
    const Values& values = data_[i].smoother.values();
    for (std::size_t k = values.size(); k-- > 0;) {
      if (std::isfinite(values[k])) return values[k];
    }
    return kNaN;
  }

  /// Title, caption and the legend with last values; returns where they end.
  double add_head() {
    double y = kPad + kTitleSize;
    text({kPad, y}, spec_.title, kTitleSize, tokens_.text1, 1, true);
    const double after = kPad + measure_(spec_.title, kTitleSize, true) + 10.0;
    std::string words = spec_.caption;
    if (!spec_.unit.empty()) words += (words.empty() ? "" : ", ") + spec_.unit;
    text({after, y}, words, kTextSize, tokens_.text3);
    y += 24.0;
    double x = kPad;
    for (std::size_t i = 0; i < spec_.lines.size(); ++i) {
      if (!leads_group(i)) continue;
      const std::string name = legend_name(i), value = plain_number(last_of(i));
      const double width =
          22.0 + measure_(name, kTextSize, false) + 8.0 + measure_(value, kTextSize, true) + 22.0;
      if (x > kPad && x + width > spec_.width - kPad) x = kPad, y += 19.0;
      const Color color = tokens_.run(spec_.lines[i].color);
      line({{x, y - 4.0}, {x + 15.0, y - 4.0}}, color, 2.5).is_dashed = spec_.lines[i].is_dashed;
      text({x + 22.0, y}, name, kTextSize, tokens_.text2);
      text({x + 30.0 + measure_(name, kTextSize, false), y},
           value,
           kTextSize,
           tokens_.text1,
           1,
           true);
      x += width;
    }
    return y + 14.0;
  }

  /// Finds the plot area and the y axis, then reduces the lines to its pixels.
  void place_plot(double top) {
    chart_.plot_min = {kPad + 60.0, top};
    chart_.plot_max = {spec_.width - kPad, spec_.height - kPad - 52.0};
    reduce();
    scale_ = fit_y_scale(extent(), spec_.y);
    ticks_ = scale_.ticks(7);
    double widest = 0.0;
    for (const Tick& tick : ticks_)
      widest = std::max(widest, measure_(tick.label, kSmallSize, false));
    chart_.plot_min.x = kPad + widest + 10.0;
    reduce();
  }

  ViewRange view() const {
    const int columns = std::max(1, static_cast<int>(chart_.plot_max.x - chart_.plot_min.x));
    return {spec_.x_min, spec_.x_max, columns, spec_.is_log_x, 0.0};
  }

  void reduce() {
    for (std::size_t i = 0; i < data_.size(); ++i) {
      ViewRange range = view();
      range.x_shift = spec_.lines[i].x_shift;
      const Column x = x_column(*spec_.lines[i].data, spec_.axis);
      decimate(x, data_[i].smoother.values(), range, data_[i].smooth);
      decimate(x, spec_.lines[i].data->values(), range, data_[i].raw);
    }
  }

  bool shows_raw(std::size_t i) const {
    return spec_.has_raw && spec_.smoothing > 0.0 && spec_.lines[i].is_own &&
           spec_.lines[i].seed_group < 0;
  }

  Extent extent() const {
    Extent all;
    if (!spec_.is_clipped) {
      for (std::size_t i = 0; i < data_.size(); ++i) {
        all.merge(data_[i].smooth.visible);
        if (shows_raw(i)) all.merge(data_[i].raw.visible);
      }
      return all;
    }
    std::vector<double> values;
    for (std::size_t i = 0; i < data_.size(); ++i) {
      const Column x = x_column(*spec_.lines[i].data, spec_.axis);
      const double shift = spec_.lines[i].x_shift;
      const std::size_t first = lower_index(x, spec_.x_min - shift);
      const std::size_t last = std::min(lower_index(x, spec_.x_max - shift) + 1, x.size());
      const std::size_t count = last > first ? last - first : 0;
      const std::size_t stride = std::max<std::size_t>(1, count / kClipSamples);
      for (std::size_t k = first; k < last; k += stride) {
        values.push_back(data_[i].smoother.values()[k]);
        if (shows_raw(i)) values.push_back(spec_.lines[i].data->value(k));
      }
    }
    return clipped_extent(values, kClipLow, kClipHigh);
  }

  void add_grid() {
    const ChartPoint low = chart_.plot_min, high = chart_.plot_max;
    const Color grid = with_alpha(tokens_.text3, 0.22F);
    for (const Tick& tick : ticks_) {
      const double y = place_y(tick.value);
      line({{low.x, y}, {high.x, y}}, grid, 1.0);
      text({low.x - 8.0, y + 4.0}, tick.label, kSmallSize, tokens_.text2, -1);
    }
    PlotGroup axis;
    axis.axis = spec_.axis;
    axis.is_log_x = spec_.is_log_x && spec_.x_min > 0.0;
    axis.x_min = spec_.x_min;
    axis.x_max = spec_.x_max;
    double free_from = -1e9;
    for (const Tick& tick : axis.ticks(8)) {
      const double x = place_x(tick.value), half = measure_(tick.label, kSmallSize, false) * 0.5;
      line({{x, low.y}, {x, high.y}}, grid, 1.0);
      if (x - half < free_from || x + half > spec_.width) continue;
      text({x, high.y + 18.0}, tick.label, kSmallSize, tokens_.text2, 0);
      free_from = x + half + 8.0;
    }
    text({(low.x + high.x) * 0.5, high.y + 38.0},
         axis_title(spec_.axis),
         kTextSize,
         tokens_.text2,
         0);
  }

  void add_marks() {
    const ChartPoint low = chart_.plot_min, high = chart_.plot_max;
    std::vector<double> row_ends;
    for (const ChartMark& mark : spec_.marks) {
      if (mark.x < spec_.x_min || mark.x > spec_.x_max) continue;
      const double x = place_x(mark.x);
      const bool is_checkpoint = mark.label.empty();
      const Color color = is_checkpoint   ? tokens_.text3
                          : mark.is_alert ? tokens_.attention
                                          : tokens_.accent;
      line({{x, low.y}, {x, high.y}}, with_alpha(color, 0.6F), 1.0).is_dashed = true;
      if (is_checkpoint) {
        ChartShape triangle;
        triangle.kind = ChartShape::Kind::kArea;
        triangle.points = {{x, high.y - 7.0}, {x + 5.0, high.y}, {x - 5.0, high.y}};
        triangle.color = tokens_.text3;
        chart_.shapes.push_back(std::move(triangle));
        continue;
      }
      const double width = measure_(mark.label, kSmallSize, false) + 10.0;
      const double left = std::min(x, high.x - width);
      std::size_t row = 0;
      while (row < row_ends.size() && left < row_ends[row]) ++row;
      if (row == row_ends.size()) row_ends.push_back(0.0);
      row_ends[row] = left + width + 3.0;
      const double top = low.y + 3.0 + static_cast<double>(row) * 18.0;
      ChartShape flag;
      flag.kind = ChartShape::Kind::kRect;
      flag.points = {{left, top}, {left + width, top + 16.0}};
      flag.color = color;
      chart_.shapes.push_back(std::move(flag));
      text({left + 5.0, top + 12.0}, mark.label, kSmallSize, readable_on(color));
    }
  }

  /// One polyline per piece between gaps.
  void add_pieces(const Decimated& points, Color color, double width, bool is_dashed) {
    std::vector<ChartPoint> piece;
    const auto flush = [&] {
      if (piece.size() > 1) {
        ChartShape& shape = line(std::move(piece), color, width);
        shape.is_dashed = is_dashed;
        shape.is_clipped = true;
      }
      piece.clear();
    };
    for (std::size_t i = 0; i < points.x.size(); ++i) {
      if (std::isnan(points.y[i])) {
        flush();
      } else {
        piece.push_back({place_x(points.x[i]), place_y(points.y[i])});
      }
    }
    flush();
  }

  void add_band(std::size_t leader) {
    std::vector<SeedMember> members;
    for (std::size_t i = 0; i < data_.size(); ++i) {
      if (spec_.lines[i].seed_group == spec_.lines[leader].seed_group)
        members.push_back({x_column(*spec_.lines[i].data, spec_.axis),
                           &data_[i].smoother.values(),
                           spec_.lines[i].x_shift});
    }
    const SeedBand band = seed_band(members);
    const BandArea area = decimate_band(band, view());
    const Color color = tokens_.run(spec_.lines[leader].color);
    for (std::size_t first = 0; first < area.x.size();) {
      std::size_t last = first;
      while (last < area.x.size() && !std::isnan(area.low[last])) ++last;
      ChartShape shape;
      shape.kind = ChartShape::Kind::kArea;
      shape.color = with_alpha(color, 0.16F);
      shape.is_clipped = true;
      for (std::size_t i = first; i < last; ++i)
        shape.points.push_back({place_x(area.x[i]), place_y(area.low[i])});
      for (std::size_t i = last; i-- > first;)
        shape.points.push_back({place_x(area.x[i]), place_y(area.high[i])});
      if (shape.points.size() > 3) chart_.shapes.push_back(std::move(shape));
      first = last + 1;
    }
    Decimated mean;
    decimate(Column(band.x), band.mean, view(), mean);
    add_pieces(mean, color, 2.0, spec_.lines[leader].is_dashed);
  }

  void add_lines() {
    for (std::size_t i = data_.size(); i-- > 0;) {
      if (shows_raw(i))
        add_pieces(data_[i].raw, with_alpha(tokens_.run(spec_.lines[i].color), 0.28F), 1.0, false);
    }
    for (std::size_t i = data_.size(); i-- > 0;) {
      if (spec_.lines[i].seed_group < 0) {
        add_pieces(data_[i].smooth,
                   tokens_.run(spec_.lines[i].color),
                   spec_.lines[i].is_own ? 2.0 : 1.5,
                   spec_.lines[i].is_dashed);
      } else if (leads_group(i)) {
        add_band(i);
      }
    }
  }

  void add_foot() {
    std::string words;
    if (spec_.smoothing > 0.0) {
      words = "Debiased mean, weight " + plain_number(spec_.smoothing, 2) + " per " +
              (spec_.axis == XAxis::kSteps ? short_number(spec_.smoothing_unit, 3)
                                           : short_number(spec_.smoothing_unit, 2)) +
              " " + axis_title(spec_.axis);
      if (spec_.has_raw) words += "; samples behind";
    }
    if (spec_.is_clipped) words += std::string(words.empty() ? "" : "; ") + "y axis from 1 to 99 %";
    text({spec_.width - kPad, spec_.height - kPad + 4.0}, words, kSmallSize, tokens_.text3, -1);
  }

  const ChartSpec& spec_;
  const MeasureText& measure_;
  const ThemeTokens& tokens_;
  Chart chart_;
  YScale scale_;
  std::vector<Tick> ticks_;
  std::vector<LineData> data_;
};

}  // namespace

double estimated_text_width(std::string_view text, double size, bool is_strong) {
  double em = 0.0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) == 0x80U) continue;  // the rest of a code point
    const bool is_narrow = std::string_view(" .,:;'|!ijl-()[]").find(c) != std::string_view::npos;
    em += is_narrow ? 0.3 : (byte >= 'A' && byte <= 'Z' ? 0.68 : 0.58);
  }
  return em * size * (is_strong ? 1.05 : 1.0);
}

std::string axis_title(XAxis axis) {
  switch (axis) {
    case XAxis::kTokens:
      return "tokens";
    case XAxis::kSeconds:
      return "seconds of training";
    case XAxis::kFlops:
      return "FLOPs";
    case XAxis::kSteps:
      break;
  }
  return "steps";
}

Chart lay_out_chart(const ChartSpec& spec, const MeasureText& measure) {
  return Layout(spec, measure).run();
}

}  // namespace switchyard::ui
