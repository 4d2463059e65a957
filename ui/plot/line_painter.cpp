#include "ui/plot/line_painter.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include <imgui.h>
#include <implot.h>

#include "ui/shell/theme.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kMaxMarkers = 60;
constexpr std::size_t kClipSamples = 4096;  ///< values looked at for percentiles, evenly spread

/// Evenly spread samples of what is visible of a series.
void add_visible(const Column& x,
                 const Values& values,
                 const PlotGroup& group,
                 double shift,
                 std::vector<double>& to) {
  const std::size_t first = lower_index(x, group.x_min - shift);
  const std::size_t last = std::min(lower_index(x, group.x_max - shift) + 1, values.size());
  if (first >= last) return;
  const std::size_t stride = std::max<std::size_t>(1, (last - first) / kClipSamples);
  for (std::size_t i = first; i < last; i += stride) to.push_back(values[i]);
}

Color mark_color(const ThemeTokens& t, MarkKind kind) {
  switch (kind) {
    case MarkKind::kChange:
      return t.accent;
    case MarkKind::kAlert:
      return t.attention;
    case MarkKind::kFailure:
      return t.failure;
    case MarkKind::kCheckpoint:
    case MarkKind::kNote:
      break;
  }
  return t.text3;
}

}  // namespace

Extent LinePlotPainter::visible_extent() const {
  Extent extent;
  for (std::size_t i = 0; i < caches.size(); ++i) {
    extent.merge(caches[i]->smooth_line.visible);
    if (caches[i]->is_raw_shown) extent.merge(caches[i]->raw_line.visible);
  }
  return extent;
}

Extent LinePlotPainter::clipped_visible_extent() const {
  LinePlot::Clip next;
  next.has_raw = options.show_raw;
  for (const LinePlot::Cache* cache : caches) {
    next.keys.push_back(cache->smooth_key);
    next.weight = cache->smoother.weight();
    next.unit = cache->smoother.unit();
  }
  const std::shared_ptr<LinePlot::Clip>& known = plot.clip_;
  if (known && known->keys == next.keys && known->weight == next.weight &&
      known->unit == next.unit && known->has_raw == next.has_raw)
    return known->extent;
  std::vector<double> values;
  for (std::size_t i = 0; i < caches.size(); ++i) {
    const Column x = x_column(*lines[i].data, group.axis);
    add_visible(x, caches[i]->shown(), group, lines[i].x_shift, values);
    if (caches[i]->is_raw_shown)
      add_visible(x, lines[i].data->values(), group, lines[i].x_shift, values);
  }
  next.extent = clipped_extent(values, kClipLowPercent, kClipHighPercent);
  plot.clip_ = std::make_shared<LinePlot::Clip>(std::move(next));
  return plot.clip_->extent;
}

void LinePlotPainter::fit_y() {
  y = fit_y_scale(options.is_clipped ? clipped_visible_extent() : visible_extent(), options.y);
}

void LinePlotPainter::draw_dashed(const Decimated& points, Color color, float weight) const {
  ImDrawList* list = ImPlot::GetPlotDrawList();
  const float on = px(6), off = px(3);
  float phase = 0.0F;
  for (std::size_t i = 1; i < points.x.size(); ++i) {
    if (std::isnan(points.y[i]) || std::isnan(points.y[i - 1])) continue;
    const ImVec2 a = {x_of(points.x[i - 1]), y_of(points.y[i - 1])};
    const ImVec2 b = {x_of(points.x[i]), y_of(points.y[i])};
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
    if (i + 1 < xs.size() && xs[i] == xs[i + 1] && std::abs(y_of(ys[i]) - y_of(ys[i + 1])) < 1.5F) {
      ys[kept] = 0.5 * (ys[i] + ys[i + 1]);
      ++i;
    }
  }
  xs.resize(kept);
  ys.resize(kept);
}

void LinePlotPainter::stroke(const std::string& id,
                             const Decimated& points,
                             const Stroke& how) const {
  if (points.x.empty()) return;
  if (how.is_dashed) {
    ImPlot::PushPlotClipRect();
    draw_dashed(points, how.color, how.weight);
    ImPlot::PopPlotClipRect();
    return;
  }
  std::vector<double> xs = points.x, ys = points.y;
  if (!how.is_exact) collapse_flat_columns(xs, ys);
  const int count = static_cast<int>(xs.size());
  ImPlotSpec spec;
  spec.LineColor = vec(how.color);
  spec.LineWeight = how.weight;
  spec.Flags = ImPlotItemFlags_NoLegend | ImPlotItemFlags_NoFit;
  if (how.is_filled) {
    ImPlotSpec fill = spec;
    fill.FillColor = vec(faded(how.color, 0.08F));
    ImPlot::PlotShaded(("##fill." + id).c_str(), xs.data(), ys.data(), count, y.min, fill);
  }
  if (how.has_points) {
    spec.Marker = ImPlotMarker_Circle;
    spec.MarkerSize = ui_scale() * 2.5F;
    spec.MarkerFillColor = spec.MarkerLineColor = vec(how.color);
  }
  ImPlot::PlotLine(("##line." + id).c_str(), xs.data(), ys.data(), count, spec);
}

void LinePlotPainter::draw_raw(const PlotLine& line, const LinePlot::Cache& cache) const {
  Stroke how;
  how.color = faded(line.color, (line.is_muted ? 0.35F : 1.0F) * 0.28F);
  how.weight = px(1);
  how.is_exact = true;
  stroke("raw." + line.key + line.name, cache.raw_line, how);
}

void LinePlotPainter::draw_line(const PlotLine& line, const LinePlot::Cache& cache) const {
  if (is_in_band(line)) return;
  Stroke how;
  how.color = faded(line.color, line.is_muted ? 0.35F : 1.0F);
  how.weight = ui_scale() * ((line.is_own ? 2.0F : 1.5F) + (line.is_hovered ? 0.75F : 0.0F));
  how.is_dashed = line.is_dashed;
  how.is_filled = options.is_filled && line.is_own;
  how.has_points = options.use_points && line.data->size() <= kMaxMarkers;
  stroke(line.key + line.name, cache.smooth_line, how);
}

const PlotLine* LinePlotPainter::first_of_group(int seed_group) const {
  for (const PlotLine& line : lines) {
    if (line.seed_group == seed_group) return &line;
  }
  return nullptr;
}

void LinePlotPainter::draw_bands() const {
  for (const auto& [index, band] : plot.bands_) {
    const PlotLine* line = first_of_group(index);
    if (line == nullptr) continue;
    const BandArea& area = band->area;
    ImPlotSpec fill;
    fill.FillColor = vec(faded(line->color, 0.16F));
    fill.LineColor = ImVec4(0, 0, 0, 0);
    fill.Flags = ImPlotItemFlags_NoLegend | ImPlotItemFlags_NoFit;
    const std::string id = "##band." + std::to_string(index);
    for (std::size_t first = 0; first < area.x.size();) {  // pieces between gaps
      std::size_t last = first;
      while (last < area.x.size() && !std::isnan(area.low[last])) ++last;
      const int count = static_cast<int>(last - first);
      if (count > 1)
        ImPlot::PlotShaded((id + "." + std::to_string(first)).c_str(),
                           area.x.data() + first,
                           area.low.data() + first,
                           area.high.data() + first,
                           count,
                           fill);
      first = last + 1;
    }
    Stroke how;
    how.color = line->color;
    how.weight = ui_scale() * 2.0F;
    stroke("mean." + std::to_string(index), band->mean_line, how);
  }
}

void LinePlotPainter::draw_bad_ticks() const {
  ImDrawList* list = ImPlot::GetPlotDrawList();
  for (const LinePlot::Cache* cache : caches) {
    const Decimated& points = cache->smooth_line;      // not finite where the samples are not
    for (std::size_t i = 0; i < points.bad.size();) {  // neighbours share one tick
      const float first = x_of(points.bad[i].x);
      float last = first;
      long long count = 0;
      for (; i < points.bad.size() && x_of(points.bad[i].x) - last < px(4); ++i) {
        last = x_of(points.bad[i].x);
        count += points.bad[i].count;
      }
      const float x = std::round((first + last) * 0.5F);
      list->AddRectFilled(
          {first, frame.min.y}, {last + px(1), frame.min.y + px(2)}, theme().failure);
      list->AddRectFilled(
          {x - px(1), frame.min.y}, {x + px(1), frame.min.y + em(0.7F)}, theme().failure);
      draw_text(list,
                Type::kDigitsCaption,
                {x + px(4), frame.min.y + px(2)},
                theme().failure,
                grouped_number(count) + " NaN");
    }
  }
}

void LinePlotPainter::draw_limit() const {
  if (!(options.y.limit > 0.0)) return;
  const float at = std::round(y_of(options.y.limit));
  draw_dashed_line(ImPlot::GetPlotDrawList(),
                   {frame.min.x, at},
                   {frame.max.x, at},
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
    const float x = std::round(x_of(mark.x)) + 0.5F;
    const bool is_checkpoint = mark.kind == MarkKind::kCheckpoint;
    const Color color = mark_color(t, mark.kind);
    if (is_behind) {
      const Color faint = with_alpha(color, is_checkpoint && !mark.is_selected ? 0.55F : 0.85F);
      if (mark.is_selected)
        list->AddRectFilled(
            {x - px(1), frame.min.y}, {x + px(1), frame.max.y}, with_alpha(color, 0.5F));
      draw_dashed_line(list, {x, frame.min.y}, {x, frame.max.y}, faint, px(2), px(2));
      continue;
    }
    ImVec2 low = {x - em(0.4F), frame.max.y - em(0.55F)}, high = {x + em(0.4F), frame.max.y};
    if (is_checkpoint) {
      const Color fill = mark.is_selected ? t.accent : t.text3;
      list->AddTriangleFilled({x, low.y}, {high.x, high.y}, {low.x, high.y}, fill);
    } else {
      const std::string label = fitted(Type::kCaption, mark.label, em(9));
      const float width = text_size(Type::kCaption, label).x + em(0.7F);
      const float left = std::min(x, frame.max.x - width);
      std::size_t row = 0;
      while (row < row_ends.size() && left < row_ends[row]) ++row;
      if (row == row_ends.size()) row_ends.push_back(0.0F);
      row_ends[row] = left + width + px(2);
      low = {left, frame.min.y + em(0.2F) + static_cast<float>(row) * em(1.3F)};
      high = {left + width, low.y + em(1.2F)};
      if (high.y > frame.max.y) continue;  // more than fit: their lines stay
      list->AddRectFilled(low, high, color, em(0.2F));
      if (mark.is_selected) list->AddRect(low, high, t.text1, em(0.2F), px(1), 0);
      draw_text_centred(list, Type::kCaption, low, high, readable_on(color), label);
    }
    if (frame.is_hovered && ImGui::IsMouseHoveringRect(low, high)) {
      if (!mark.detail.empty()) ImGui::SetTooltip("%s", mark.detail.c_str());
      ImGui::SetMouseCursor(ImGuiMouseCursor_Hand);
      if (ImGui::IsMouseClicked(ImGuiMouseButton_Left)) clicked = static_cast<int>(i);
    }
  }
  return clicked;
}

std::size_t LinePlotPainter::index_at_cursor(const PlotLine& line) const {
  const Column x = x_column(*line.data, group.axis);
  const std::size_t n = x.size();
  const double cursor = group.cursor - line.x_shift;
  if (n == 0 || !group.has_cursor() || cursor < x[0]) return n;
  const std::size_t right = lower_index(x, cursor);
  if (right >= n) return n - 1;
  return right > 0 && cursor - x[right - 1] < x[right] - cursor ? right - 1 : right;
}

void LinePlotPainter::draw_readings() const {
  if (!group.has_cursor()) return;
  ImDrawList* list = ImPlot::GetPlotDrawList();
  std::vector<ReadoutLine> rows;
  float nearest = px(7);  // farther away no line is meant
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t at = index_at_cursor(lines[i]);
    const Values& smooth = caches[i]->shown();
    if (at >= smooth.size()) continue;
    const double x = x_column(*lines[i].data, group.axis)[at] + lines[i].x_shift;
    const double raw = lines[i].data->value(at);
    if (rows.empty()) plot.at_cursor_ = {smooth[at], raw};
    if (std::isfinite(smooth[at])) {
      const ImVec2 centre = {x_of(x), y_of(smooth[at])};
      list->AddCircleFilled(centre, ui_scale() * 4.0F, theme().bg1);
      list->AddCircleFilled(centre, ui_scale() * 3.0F, lines[i].color);
      const ImVec2 mouse = ImGui::GetIO().MousePos;
      const float distance = std::hypot(centre.x - mouse.x, centre.y - mouse.y);
      if (frame.is_hovered && lines.size() > 1 && distance < nearest) {
        nearest = distance;
        plot.hovered_line_ = lines[i].key;
      }
    }
    const auto words = [&](double value, int digits) {
      return options.unit == kBytes ? bytes_text(value) : plain_number(value, digits);
    };
    rows.push_back({lines[i].name,
                    words(smooth[at], 4),
                    options.smoothing > 0.0 ? words(raw, 3) : "",
                    lines[i].color});
  }
  const bool is_shown = frame.is_hovered || options.is_focused;
  if (!is_shown || rows.empty() || ImGui::IsMouseDragging(ImGuiMouseButton_Left)) return;
  std::string title = group.label_of(group.cursor);
  if (group.axis != XAxis::kSteps && !lines.empty()) {
    const std::size_t at = index_at_cursor(lines[0]);
    if (at < lines[0].data->size()) title += " · step " + grouped_number(lines[0].data->step(at));
  }
  const ImVec2 anchor = frame.is_hovered
                            ? ImGui::GetIO().MousePos
                            : ImVec2(x_of(group.cursor), (frame.min.y + frame.max.y) * 0.4F);
  draw_readout(anchor, title, rows);
}

/// A name right of its line's end where there is room, else above the end at the plot's edge; names
/// stay apart and in the order of their lines.
void LinePlotPainter::draw_line_ends() const {
  if (!options.show_line_ends) return;

  struct End {
    float x, y;
    std::size_t line;
  };

  std::vector<End> ends;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (is_in_band(lines[i]) && first_of_group(lines[i].seed_group) != &lines[i]) continue;
    const Decimated& points = caches[i]->smooth_line;
    for (std::size_t k = points.x.size(); k-- > 0;) {
      if (std::isnan(points.y[k]) || points.x[k] > group.x_max) continue;
      ends.push_back({x_of(points.x[k]), y_of(points.y[k]), i});
      break;
    }
  }
  std::sort(ends.begin(), ends.end(), [](const End& a, const End& b) { return a.y < b.y; });
  ImDrawList* list = ImPlot::GetPlotDrawList();
  const float distance = em(1.45F), tall = line_height(Type::kBody);
  float least = frame.min.y;
  for (std::size_t k = 0; k < ends.size(); ++k) {
    const PlotLine& line = lines[ends[k].line];
    const std::string name = fitted(Type::kBody, line.name, (frame.max.x - frame.min.x) * 0.5F);
    const float width = text_size(Type::kBody, name).x;
    const bool has_room = ends[k].x + width + em(1) < frame.max.x;
    const float x = has_room ? ends[k].x + em(0.6F) : frame.max.x - em(0.4F) - width;
    float wanted = ends[k].y - (has_room ? tall * 0.5F : tall + em(0.3F));
    if (!has_room && wanted < least) wanted = ends[k].y + em(0.3F);  // below its line instead
    const auto below = static_cast<float>(ends.size() - 1 - k);
    const float most = std::max(least, frame.max.y - distance * (below + 1.0F));
    const float y_text = std::clamp(wanted, least, most);
    list->AddRectFilled({x - em(0.25F), y_text},
                        {x + width + em(0.25F), y_text + tall},
                        with_alpha(theme().bg1, 0.85F),
                        em(0.2F));
    draw_text(list, Type::kBody, {x, y_text}, line.color, name);
    list->AddCircleFilled({ends[k].x, ends[k].y}, ui_scale() * 3.0F, line.color);
    least = y_text + distance;
  }
}

void LinePlotPainter::draw_badge(std::string_view words) const {
  if (words.empty()) return;
  ImDrawList* list = ImPlot::GetPlotDrawList();
  const ImVec2 size = text_size(Type::kCaption, words);
  const ImVec2 low = {frame.min.x + em(0.5F), frame.max.y - size.y - em(0.9F)};
  const ImVec2 high = {low.x + size.x + em(0.8F), low.y + size.y + em(0.3F)};
  if (high.x > frame.max.x || low.y < frame.min.y + em(2)) return;
  list->AddRectFilled(low, high, with_alpha(theme().chip, 0.85F), em(0.3F));
  draw_text(list, Type::kCaption, {low.x + em(0.4F), low.y + em(0.15F)}, theme().text2, words);
}

}  // namespace switchyard::ui
