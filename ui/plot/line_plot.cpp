#include "ui/plot/line_plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <imgui.h>
#include <implot.h>

#include "ui/plot/line_painter.h"
#include "ui/shell/frame_loop.h"
#include "ui/shell/theme.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr double kStaleAfterSeconds = 30.0;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr float kBadgeFromEm = 24.0F;  ///< narrower cards have no room for it

const std::string& key_of(const PlotLine& line) {
  return line.key.empty() ? line.name : line.key;
}

bool is_same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

CardOptions card_of(const LinePlotOptions& options) {
  CardOptions card;
  card.size = {options.width, options.height};
  card.caption = options.caption;
  if (options.unit != kBytes) card.unit = options.unit;
  card.has_menu = true;
  card.handle = options.handle;
  if (options.stale_seconds > kStaleAfterSeconds) card.value_color = theme().attention;
  return card;
}

/// Shift + wheel over the plot: the y axis around the mouse.
std::optional<std::pair<double, double>> wheeled_y(const PlotFrame& frame, const YScale& y) {
  const ImGuiIO& io = ImGui::GetIO();
  const float wheel = io.MouseWheelH != 0.0F ? io.MouseWheelH : io.MouseWheel;
  if (!frame.is_hovered || !io.KeyShift || wheel == 0.0F) return std::nullopt;
  const double factor = std::pow(0.85, wheel);
  const double at = (frame.max.y - io.MousePos.y) / std::max(1.0F, frame.max.y - frame.min.y);
  return std::pair{y.value_at(at - at * factor), y.value_at(at + (1.0 - at) * factor)};
}

}  // namespace

double last_finite(const Values& values) {
  for (std::size_t i = values.size(); i-- > 0;) {
    if (std::isfinite(values[i])) return values[i];
  }
  return kNaN;
}

std::string samples_per_pixel_text(double samples) {
  if (samples < 1.5) return {};
  return grouped_number(std::llround(samples)) + " samples per pixel";
}

bool LinePlot::Cache::is_continued_by(const Series& later) const {
  if (!data || data->size() > later.size() || data->empty()) return false;
  const std::size_t last = data->size() - 1;
  return data->step(0) == later.step(0) && data->step(last) == later.step(last) &&
         is_same(data->value(last), later.value(last));
}

bool LinePlot::Cache::smooth(const PlotLine& line, double weight, PlotGroup& group) {
  const Smoother& newest = next.has_value() ? *next : smoother;
  const bool has_same_settings =
      newest.weight() == weight && newest.unit() == group.smoothing_unit && axis == group.axis;
  const bool is_continued = data == line.data || is_continued_by(*line.data);
  if (!is_continued || (!has_same_settings && smoother.values().empty())) {
    smoother = Smoother(weight, group.smoothing_unit);
    next.reset();
  } else if (!has_same_settings) {
    next = Smoother(weight, group.smoothing_unit);
  }
  if (data != line.data) raw_key = edges_key = {};
  data = line.data;
  axis = group.axis;
  Smoother& target = next.has_value() ? *next : smoother;
  const std::size_t taken =
      target.update(x_column(*data, axis), data->values(), group.smoothing_budget);
  group.smoothing_budget -= taken;
  if (taken > 0 || !is_continued) smooth_key = {};
  const bool is_complete = target.values().size() >= data->size();
  if (next.has_value() && is_complete) {
    smoother = *std::move(next);
    next.reset();
    smooth_key = {};
  }
  return is_complete;
}

LinePlot::Cache& LinePlot::cache_for(const PlotLine& line,
                                     PlotGroup& group,
                                     const LinePlotOptions& options) {
  std::shared_ptr<Cache>& cache = caches_[key_of(line)];
  if (!cache) cache = std::make_shared<Cache>();
  cache->is_used = true;
  cache->is_raw_shown = line.is_own && options.show_raw && options.smoothing > 0.0;
  if (!cache->smooth(line, options.smoothing, group)) {
    if (FrameLoop* loop = FrameLoop::current()) loop->request_frames(1);  // the rest comes then
  }
  return *cache;
}

void LinePlot::refresh(Cache& cache, const PlotLine& line, PlotGroup& group, int columns) {
  const ViewKey key = {group.x_min,
                       group.x_max,
                       columns,
                       group.axis,
                       group.is_log_x,
                       line.x_shift,
                       line.data->size()};
  const ViewRange view = {group.x_min, group.x_max, columns, group.is_log_x, line.x_shift};
  const Column x = x_column(*line.data, group.axis);
  if (cache.edges_key != key) {
    const int num_lines = cache.is_raw_shown ? 2 : 1;
    if (key.is_moved_from(cache.edges_key) &&
        !group.may_reduce(cache.reduced_frame, num_lines * columns)) {
      if (FrameLoop* loop = FrameLoop::current()) loop->request_frames(1);
      return;
    }
    find_edges(x, view, cache.edges);
    cache.edges_key = key;
    cache.reduced_frame = group.frame;
  }
  if (cache.smooth_key != key) {
    decimate(x, cache.smoother.values(), cache.edges, cache.smooth_line);
    cache.smooth_key = key;
  }
  if (cache.is_raw_shown && cache.raw_key != key) {
    decimate(x, line.data->values(), cache.edges, cache.raw_line);
    cache.raw_key = key;
  }
}

void LinePlot::refresh_bands(std::span<const PlotLine> lines,
                             std::span<Cache* const> caches,
                             const PlotGroup& group) {
  for (auto& [index, band] : bands_) band->is_used = false;
  std::map<int, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].seed_group >= 0) groups[lines[i].seed_group].push_back(i);
  }
  for (const auto& [index, members] : groups) {
    Band next;
    std::vector<SeedMember> inputs;
    for (const std::size_t i : members) {
      next.sizes.push_back(caches[i]->shown().size());
      next.keys.push_back(key_of(lines[i]));
      next.shifts.push_back(lines[i].x_shift);
      inputs.push_back(
          {x_column(*lines[i].data, group.axis), &caches[i]->shown(), lines[i].x_shift});
    }
    next.weight = caches[members[0]]->smoother.weight();
    next.unit = caches[members[0]]->smoother.unit();
    next.axis = group.axis;
    std::shared_ptr<Band>& band = bands_[index];
    const bool is_known = band && band->sizes == next.sizes && band->keys == next.keys &&
                          band->shifts == next.shifts && band->weight == next.weight &&
                          band->unit == next.unit && band->axis == next.axis;
    if (!is_known) {
      next.band = seed_band(inputs);
      band = std::make_shared<Band>(std::move(next));
    }
    band->is_used = true;
    const ViewKey key = {
        group.x_min, group.x_max, columns_, group.axis, group.is_log_x, 0.0, band->band.x.size()};
    if (band->key == key) continue;
    band->key = key;
    const ViewRange view = {group.x_min, group.x_max, columns_, group.is_log_x};
    decimate(Column(band->band.x), band->band.mean, view, band->mean_line);
    band->area = decimate_band(band->band, view);
  }
  std::erase_if(bands_, [](const auto& entry) { return !entry.second->is_used; });
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
    caches.push_back(&cache_for(line, group, options));
  }
  std::erase_if(caches_, [](const auto& entry) { return !entry.second->is_used; });
  std::string value(options.value);
  const bool is_bytes = options.unit == kBytes;
  if (value.empty() && !caches.empty()) {
    const double last = last_finite(caches[0]->shown());
    value = is_bytes ? bytes_text(last) : short_number(last, 4);
  }
  CardOptions card = card_of(options);
  card.value = value;
  const std::string badge = options.width >= em(kBadgeFromEm)
                                ? samples_per_pixel_text(samples_per_pixel_)
                                : std::string();
  PlotResult result;
  result.is_menu_clicked = begin_card(("###" + id_).c_str(), options.title, card);
  LinePlotPainter painter{*this, group, usable, caches, options, {}, {}};
  const auto refresh_all = [&] {
    for (std::size_t i = 0; i < usable.size(); ++i) refresh(*caches[i], usable[i], group, columns_);
    refresh_bands(usable, caches, group);
  };
  refresh_all();
  painter.fit_y();
  result.y = painter.y;
  const float plot_height = ImGui::GetContentRegionAvail().y;
  const int max_ticks = std::clamp(static_cast<int>(plot_height / em(2.8F)), 2, 6);
  std::vector<Tick> y_ticks = painter.y.ticks(max_ticks);
  for (Tick& tick : y_ticks) {
    if (is_bytes) tick.label = bytes_text(tick.value);
  }
  painter.frame = place_plot(group, y_ticks);
  columns_ = std::max(1, painter.frame.columns());
  refresh_all();
  samples_per_pixel_ = caches.empty() ? 0.0 : caches[0]->smooth_line.samples_per_column;
  PlotFrameOptions axes;
  axes.y = painter.y;
  axes.y_ticks = y_ticks;
  at_cursor_ = {kNaN, kNaN};
  hovered_line_.clear();
  if (begin_plot_frame("##plot", group, painter.frame, axes)) {
    ImPlot::PushPlotClipRect();
    painter.draw_limit();
    painter.draw_marks(marks, true);
    ImPlot::PopPlotClipRect();
    for (std::size_t i = usable.size(); i-- > 0;) {
      if (caches[i]->is_raw_shown) painter.draw_raw(usable[i], *caches[i]);
    }
    painter.draw_bands();
    ImPlot::PushPlotClipRect();
    for (std::size_t i = usable.size(); i-- > 0;) painter.draw_line(usable[i], *caches[i]);
    painter.draw_bad_ticks();
    result.clicked_mark = painter.draw_marks(marks, false);
    painter.draw_line_ends();
    painter.draw_badge(badge);
    painter.draw_readings();
    ImPlot::PopPlotClipRect();
    result.is_hovered = painter.frame.is_hovered;
    result.hovered_line = hovered_line_;
    result.y_limits = wheeled_y(painter.frame, painter.y);
    const ImVec2 drag = ImGui::GetMouseDragDelta(ImGuiMouseButton_Right, 0.0F);
    result.is_context_clicked = painter.frame.is_hovered &&
                                ImGui::IsMouseReleased(ImGuiMouseButton_Right) &&
                                std::abs(drag.x) + std::abs(drag.y) < px(4);
    end_plot_frame(group, painter.frame, axes);
  }
  end_card();
  return result;
}

}  // namespace switchyard::ui
