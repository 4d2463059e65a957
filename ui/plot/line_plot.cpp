#include "ui/plot/line_plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <imgui.h>
#include <implot.h>

#include "ui/plot/plot_frame.h"
#include "ui/shell/theme.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr double kStaleAfterSeconds = 30.0;
constexpr std::size_t kMaxMarkers = 60;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// What a decimated line was made from.
struct ViewKey {
  double x_min = 0.0, x_max = 0.0;
  int columns = 0;
  XAxis axis = XAxis::kSteps;
  bool is_log = false;
  std::size_t size = 0;

  bool operator==(const ViewKey&) const = default;
};

double last_finite(const Values& values) {
  for (std::size_t i = values.size(); i-- > 0;) {
    if (std::isfinite(values[i])) return values[i];
  }
  return kNaN;
}

}  // namespace

struct LinePlot::Cache {
  std::shared_ptr<const Series> data;
  Smoother smoother;
  Decimated raw_line, smooth_line;
  ViewKey raw_key, smooth_key;
  bool is_used = false;
  bool is_raw_shown = false;  ///< only the run in focus shows its samples

  [[nodiscard]] const Values& shown() const { return smoother.values(); }

  /// Whether `next` continues the samples taken in so far.
  [[nodiscard]] bool is_continued_by(const Series& next) const {
    if (!data || data->size() > next.size() || data->empty()) return false;
    const std::size_t last = data->size() - 1;
    const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    return data->step(0) == next.step(0) && data->step(last) == next.step(last) &&
           same(data->value(last), next.value(last));
  }
};

/// Draws one plot; gathers what the steps of LinePlot::draw share.
struct LinePlotPainter {
  LinePlot& plot;
  PlotGroup& group;
  std::span<const PlotLine> lines;
  const LinePlotOptions& options;
  PlotFrame frame;

  void fit_y(std::span<LinePlot::Cache* const> caches);
  void draw_line(const PlotLine& line, LinePlot::Cache& cache, bool is_raw) const;
  void collapse_flat_columns(std::vector<double>& xs, std::vector<double>& ys) const;
  void draw_dashed(const Decimated& points, Color color, float weight) const;
  void draw_bad_ticks(const LinePlot::Cache& cache) const;
  void draw_limit() const;
  int draw_marks(std::span<const PlotMark> marks, bool is_behind) const;
  void draw_readings(std::span<LinePlot::Cache* const> caches) const;
  void draw_line_ends(std::span<LinePlot::Cache* const> caches) const;
  [[nodiscard]] float y_pixel(double y) const;
  [[nodiscard]] std::size_t index_at_cursor(const PlotLine& line) const;
};

LinePlot::Cache& LinePlot::cache_for(const PlotLine& line, const LinePlotOptions& options) {
  std::shared_ptr<Cache>& cache = caches_[line.name];
  if (!cache) cache = std::make_shared<Cache>();
  cache->is_used = true;
  cache->is_raw_shown = line.is_own;
  if (cache->data == line.data && cache->smoother.weight() == options.smoothing) return *cache;
  const bool can_continue =
      cache->smoother.weight() == options.smoothing && cache->is_continued_by(*line.data);
  if (!can_continue) {
    cache->smoother = Smoother(options.smoothing);
    cache->smooth_key = {};
  }
  cache->raw_key = {};
  cache->data = line.data;
  cache->smoother.update(x_column(*line.data, XAxis::kSteps), line.data->values());
  return *cache;
}

void LinePlot::refresh(
    Cache& cache, const PlotLine& line, const PlotGroup& group, int columns, bool raw) {
  const ViewKey key = {
      group.x_min, group.x_max, columns, group.axis, group.is_log_x, line.data->size()};
  const ViewRange view = {group.x_min, group.x_max, columns, group.is_log_x};
  const Column x = x_column(*line.data, group.axis);
  if (cache.smooth_key != key) {
    decimate(x, cache.smoother.values(), view, cache.smooth_line);
    cache.smooth_key = key;
  }
  if (raw && cache.raw_key != key) {
    decimate(x, line.data->values(), view, cache.raw_line);
    cache.raw_key = key;
  }
}

void LinePlotPainter::fit_y(std::span<LinePlot::Cache* const> caches) {
  Extent extent;
  for (const LinePlot::Cache* cache : caches) {
    extent.merge(cache->smooth_line.visible);
    if (options.show_raw && cache->is_raw_shown) extent.merge(cache->raw_line.visible);
  }
  if (extent.empty()) {
    plot.y_min_ = options.is_log_y ? 0.1 : 0.0;
    plot.y_max_ = 1.0;
    return;
  }
  double low = extent.min, high = extent.max;
  if (options.limit > 0.0) high = std::max(high, options.limit);
  if (options.is_log_y) {
    high = high > 0.0 ? high : 1.0;
    low = low > 0.0 ? low : high * 1e-6;
    const double air = std::pow(std::max(1.02, high / low), 0.08);
    plot.y_min_ = low / air;
    plot.y_max_ = high * air;
    return;
  }
  if (options.is_zero_based) low = std::min(0.0, low);
  double span = high - low;
  if (!(span > 0.0)) span = std::max(std::abs(high) * 0.1, 1e-6);
  plot.y_min_ = options.is_zero_based && low == 0.0 ? 0.0 : low - span * 0.08;
  plot.y_max_ = high + span * 0.08;
}

float LinePlotPainter::y_pixel(double y) const {
  double t = (y - plot.y_min_) / (plot.y_max_ - plot.y_min_);
  if (options.is_log_y) t = std::log(y / plot.y_min_) / std::log(plot.y_max_ / plot.y_min_);
  return frame.max.y - static_cast<float>(t) * (frame.max.y - frame.min.y);
}

void LinePlotPainter::draw_dashed(const Decimated& points, Color color, float weight) const {
  ImDrawList* list = ImPlot::GetPlotDrawList();
  const float on = px(6), off = px(3);
  float phase = 0.0F;
  for (std::size_t i = 1; i < points.x.size(); ++i) {
    if (std::isnan(points.y[i]) || std::isnan(points.y[i - 1])) continue;
    const ImVec2 a = {x_pixel(group, frame, points.x[i - 1]), y_pixel(points.y[i - 1])};
    const ImVec2 b = {x_pixel(group, frame, points.x[i]), y_pixel(points.y[i])};
    const float length = std::hypot(b.x - a.x, b.y - a.y);
    float at = 0.0F;
    while (at < length) {
      const bool is_on = phase < on;
      const float step = std::min(length - at, (is_on ? on : on + off) - phase);
      const float u = at / length, v = (at + step) / length;
      if (is_on) {
        list->AddLine({a.x + (b.x - a.x) * u, a.y + (b.y - a.y) * u},
                      {a.x + (b.x - a.x) * v, a.y + (b.y - a.y) * v},
                      color,
                      weight);
      }
      at += std::max(step, 0.01F);
      phase = std::fmod(phase + step, on + off);
    }
  }
}

/// Minimum and maximum of one pixel column that lie within a pixel become their mean: the same
/// picture without steps on smooth slopes.
void LinePlotPainter::collapse_flat_columns(std::vector<double>& xs,
                                            std::vector<double>& ys) const {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < xs.size(); ++i, ++kept) {
    xs[kept] = xs[i];
    ys[kept] = ys[i];
    if (i + 1 < xs.size() && xs[i] == xs[i + 1] &&
        std::abs(y_pixel(ys[i]) - y_pixel(ys[i + 1])) < 1.5F) {
      ys[kept] = 0.5 * (ys[i] + ys[i + 1]);
      ++i;
    }
  }
  xs.resize(kept);
  ys.resize(kept);
}

void LinePlotPainter::draw_line(const PlotLine& line, LinePlot::Cache& cache, bool is_raw) const {
  const Decimated& points = is_raw ? cache.raw_line : cache.smooth_line;
  if (points.x.empty()) return;
  const float strength = (line.is_muted ? 0.35F : 1.0F) * (is_raw ? 0.28F : 1.0F);
  const Color color = faded(line.color, strength);
  const float weight = is_raw ? px(1) : ui_scale() * (line.is_own ? 2.0F : 1.5F);
  std::vector<double> xs = points.x, ys = points.y;
  if (!is_raw) collapse_flat_columns(xs, ys);
  const int count = static_cast<int>(xs.size());
  if (line.is_dashed && !is_raw) {
    draw_dashed(points, color, weight);
    return;
  }
  ImPlotSpec spec;
  spec.LineColor = vec(color);
  spec.LineWeight = weight;
  spec.Flags = ImPlotItemFlags_NoLegend | ImPlotItemFlags_NoFit;
  const std::string id = (is_raw ? "##raw." : "##line.") + line.name;
  if (options.is_filled && !is_raw) {
    ImPlotSpec fill = spec;
    fill.FillColor = vec(faded(line.color, 0.08F));
    ImPlot::PlotShaded(
        ("##fill." + line.name).c_str(), xs.data(), ys.data(), count, plot.y_min_, fill);
  }
  if (options.use_points && line.data->size() <= kMaxMarkers) {
    spec.Marker = ImPlotMarker_Circle;
    spec.MarkerSize = ui_scale() * 2.5F;
    spec.MarkerFillColor = spec.MarkerLineColor = vec(color);
  }
  ImPlot::PlotLine(id.c_str(), xs.data(), ys.data(), count, spec);
}

void LinePlotPainter::draw_bad_ticks(const LinePlot::Cache& cache) const {
  const Decimated& points = options.show_raw ? cache.raw_line : cache.smooth_line;
  ImDrawList* list = ImPlot::GetPlotDrawList();
  for (std::size_t i = 0; i < points.bad.size();) {  // neighbours share one tick
    const float first = x_pixel(group, frame, points.bad[i].x);
    float last = first;
    long long count = 0;
    for (; i < points.bad.size() && x_pixel(group, frame, points.bad[i].x) - last < px(4); ++i) {
      last = x_pixel(group, frame, points.bad[i].x);
      count += points.bad[i].count;
    }
    const float x = std::round((first + last) * 0.5F);
    list->AddRectFilled({first, frame.min.y}, {last + px(1), frame.min.y + px(2)}, theme().failure);
    list->AddRectFilled(
        {x - px(1), frame.min.y}, {x + px(1), frame.min.y + em(0.7F)}, theme().failure);
    draw_text(list,
              Type::kDigitsCaption,
              {x + px(4), frame.min.y + px(2)},
              theme().failure,
              grouped_number(count) + " NaN");
  }
}

void LinePlotPainter::draw_limit() const {
  if (!(options.limit > 0.0)) return;
  const float y = std::round(y_pixel(options.limit));
  draw_dashed_line(ImPlot::GetPlotDrawList(),
                   {frame.min.x, y},
                   {frame.max.x, y},
                   theme().attention,
                   px(4),
                   px(3));
}

int LinePlotPainter::draw_marks(std::span<const PlotMark> marks, bool is_behind) const {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImPlot::GetPlotDrawList();
  int clicked = -1;
  std::vector<float> row_ends;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const PlotMark& mark = marks[i];
    if (mark.x < group.x_min || mark.x > group.x_max) continue;
    const float x = std::round(x_pixel(group, frame, mark.x)) + 0.5F;
    const bool is_checkpoint = mark.kind == MarkKind::kCheckpoint;
    const Color color =
        is_checkpoint ? t.text3 : (mark.kind == MarkKind::kChange ? t.accent : t.attention);
    if (is_behind) {
      const Color faint = with_alpha(color, is_checkpoint ? 0.55F : 0.85F);
      draw_dashed_line(list, {x, frame.min.y}, {x, frame.max.y}, faint, px(2), px(2));
      continue;
    }
    ImVec2 low = {x - em(0.4F), frame.max.y - em(0.55F)}, high = {x + em(0.4F), frame.max.y};
    if (is_checkpoint) {
      list->AddTriangleFilled({x, low.y}, {high.x, high.y}, {low.x, high.y}, t.text3);
    } else {
      const float width = text_size(Type::kCaption, mark.label).x + em(0.7F);
      const float left = std::min(x, frame.max.x - width);
      std::size_t row = 0;
      while (row < row_ends.size() && left < row_ends[row]) ++row;
      if (row == row_ends.size()) row_ends.push_back(0.0F);
      row_ends[row] = left + width + px(2);
      low = {left, frame.min.y + em(0.2F) + static_cast<float>(row) * em(1.3F)};
      high = {left + width, low.y + em(1.2F)};
      list->AddRectFilled(low, high, color, em(0.2F));
      draw_text_centred(list,
                        Type::kCaption,
                        low,
                        high,
                        t.kind == ThemeKind::kLight ? rgb(0xFFFFFF) : rgb(0x0B0D10),
                        mark.label);
    }
    if (frame.is_hovered && ImGui::IsMouseHoveringRect(low, high)) {
      if (!mark.detail.empty()) ImGui::SetTooltip("%s", mark.detail.c_str());
      if (ImGui::IsMouseClicked(ImGuiMouseButton_Left)) clicked = static_cast<int>(i);
    }
  }
  return clicked;
}

std::size_t LinePlotPainter::index_at_cursor(const PlotLine& line) const {
  const Column x = x_column(*line.data, group.axis);
  const std::size_t n = x.size();
  if (n == 0 || !group.has_cursor() || group.cursor < x[0]) return n;
  const std::size_t right = lower_index(x, group.cursor);
  if (right >= n) return n - 1;
  return right > 0 && group.cursor - x[right - 1] < x[right] - group.cursor ? right - 1 : right;
}

void LinePlotPainter::draw_readings(std::span<LinePlot::Cache* const> caches) const {
  if (!group.has_cursor()) return;
  ImDrawList* list = ImPlot::GetPlotDrawList();
  std::vector<ReadoutLine> rows;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t at = index_at_cursor(lines[i]);
    const Values& smooth = caches[i]->shown();
    if (at >= smooth.size()) continue;
    const double x = x_column(*lines[i].data, group.axis)[at];
    const double raw = lines[i].data->value(at);
    if (std::isfinite(smooth[at])) {
      const ImVec2 centre = {x_pixel(group, frame, x), y_pixel(smooth[at])};
      list->AddCircleFilled(centre, ui_scale() * 4.0F, theme().bg1);
      list->AddCircleFilled(centre, ui_scale() * 3.0F, lines[i].color);
    }
    const bool has_raw = options.show_raw && options.smoothing > 0.0;
    rows.push_back({lines[i].name,
                    plain_number(smooth[at]),
                    has_raw ? plain_number(raw, 3) : "",
                    lines[i].color});
  }
  if (!frame.is_hovered || rows.empty() || ImGui::IsMouseDragging(ImGuiMouseButton_Left)) return;
  std::string title = group.label_of(group.cursor);
  if (group.axis != XAxis::kSteps && !lines.empty()) {
    const std::size_t at = index_at_cursor(lines[0]);
    if (at < lines[0].data->size()) title += " · step " + grouped_number(lines[0].data->step(at));
  }
  draw_readout(ImGui::GetIO().MousePos, title, rows);
}

void LinePlotPainter::draw_line_ends(std::span<LinePlot::Cache* const> caches) const {
  if (!options.show_line_ends) return;

  struct End {
    float y;
    std::size_t line;
  };

  std::vector<End> ends;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const double last = last_finite(caches[i]->shown());
    if (std::isfinite(last)) ends.push_back({y_pixel(last), i});
  }
  std::sort(ends.begin(), ends.end(), [](const End& a, const End& b) { return a.y < b.y; });
  ImDrawList* list = ImPlot::GetPlotDrawList();
  const float distance = em(1.45F);
  float y = frame.min.y;
  for (std::size_t k = 0; k < ends.size(); ++k) {
    const auto below = static_cast<float>(ends.size() - 1 - k);
    y = std::clamp(ends[k].y - em(0.5F), y, std::max(y, frame.max.y - distance * (below + 1.0F)));
    const PlotLine& line = lines[ends[k].line];
    draw_text_right(list, Type::kBody, {frame.max.x - em(0.4F), y}, line.color, line.name);
    y += distance;
  }
}

double LinePlot::last_value(const std::string& line) const {
  const auto found = caches_.find(line);
  return found == caches_.end() ? kNaN : last_finite(found->second->shown());
}

PlotResult LinePlot::draw(PlotGroup& group,
                          std::span<const PlotLine> lines,
                          std::span<const PlotMark> marks,
                          const LinePlotOptions& options) {
  for (auto& [name, cache] : caches_) cache->is_used = false;
  std::vector<PlotLine> usable;
  std::vector<Cache*> caches;
  for (const PlotLine& line : lines) {
    if (!line.data || line.data->empty()) continue;
    usable.push_back(line);
    caches.push_back(&cache_for(line, options));
  }
  std::erase_if(caches_, [](const auto& entry) { return !entry.second->is_used; });
  std::string value(options.value);
  if (value.empty() && !caches.empty()) value = short_number(last_finite(caches[0]->shown()), 4);
  CardOptions card;
  card.size = {options.width, options.height};
  card.caption = options.caption;
  card.value = value;
  card.unit = options.unit;
  card.has_menu = true;
  if (options.stale_seconds > kStaleAfterSeconds) card.value_color = theme().attention;
  PlotResult result;
  result.is_menu_clicked = begin_card(("###" + id_).c_str(), options.title, card);
  LinePlotPainter painter{*this, group, usable, options, {}};
  for (std::size_t i = 0; i < usable.size(); ++i)
    refresh(*caches[i], usable[i], group, columns_, options.show_raw);
  painter.fit_y(caches);
  const float plot_height = ImGui::GetContentRegionAvail().y;
  const int max_ticks = std::clamp(static_cast<int>(plot_height / em(2.8F)), 2, 6);
  const std::vector<Tick> y_ticks = options.is_log_y ? log_ticks(y_min_, y_max_, max_ticks)
                                                     : linear_ticks(y_min_, y_max_, max_ticks);
  painter.frame = place_plot(group, y_ticks);
  columns_ = std::max(1, painter.frame.columns());
  for (std::size_t i = 0; i < usable.size(); ++i)
    refresh(*caches[i], usable[i], group, columns_, options.show_raw);
  PlotFrameOptions axes;
  axes.y_min = y_min_;
  axes.y_max = y_max_;
  axes.is_log_y = options.is_log_y;
  axes.y_ticks = y_ticks;
  if (begin_plot_frame("##plot", group, painter.frame, axes)) {
    ImPlot::PushPlotClipRect();
    painter.draw_limit();
    painter.draw_marks(marks, true);
    ImPlot::PopPlotClipRect();
    for (std::size_t i = usable.size(); options.show_raw && options.smoothing > 0.0 && i-- > 0;) {
      if (usable[i].is_own) painter.draw_line(usable[i], *caches[i], true);
    }
    ImPlot::PushPlotClipRect();
    for (std::size_t i = usable.size(); i-- > 0;) painter.draw_line(usable[i], *caches[i], false);
    for (const Cache* cache : caches) painter.draw_bad_ticks(*cache);
    result.clicked_mark = painter.draw_marks(marks, false);
    painter.draw_line_ends(caches);
    painter.draw_readings(caches);
    ImPlot::PopPlotClipRect();
    result.is_hovered = painter.frame.is_hovered;
    end_plot_frame(group, painter.frame, axes);
  }
  end_card();
  return result;
}

void sparkline(
    std::span<const double> values, float width, float height, Color color, bool is_filled) {
  const ImVec2 min = ImGui::GetCursorScreenPos();
  ImGui::Dummy({width, height});
  Extent extent;
  for (const double v : values) extent.add(v);
  const std::size_t columns = std::max<std::size_t>(2, static_cast<std::size_t>(width));
  if (extent.empty() || values.size() < 2) return;
  const double span = extent.max > extent.min ? extent.max - extent.min : 1.0;
  std::vector<ImVec2> points;
  const auto add = [&](std::size_t column, double value) {
    const float u = (static_cast<float>(column) + 0.5F) / static_cast<float>(columns);
    const float v =
        extent.max > extent.min ? static_cast<float>((value - extent.min) / span) : 0.5F;
    points.push_back({min.x + u * width, min.y + px(1) + (1.0F - v) * (height - px(2))});
  };
  std::size_t first = 0;
  for (std::size_t column = 0; column < columns; ++column) {  // both extremes of every pixel
    const std::size_t last = values.size() * (column + 1) / columns;
    Extent part;
    for (; first < last; ++first) part.add(values[first]);
    if (part.empty()) continue;
    add(column, part.min);
    if (part.max > part.min) add(column, part.max);
  }
  if (points.size() < 2) return;
  ImDrawList* list = ImGui::GetWindowDrawList();
  if (is_filled) {
    for (std::size_t i = 1; i < points.size(); ++i) {
      list->AddQuadFilled(points[i - 1],
                          points[i],
                          {points[i].x, min.y + height},
                          {points[i - 1].x, min.y + height},
                          faded(color, 0.16F));
    }
  }
  list->AddPolyline(points.data(), static_cast<int>(points.size()), color, ui_scale() * 1.2F);
}

}  // namespace switchyard::ui
