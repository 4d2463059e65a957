#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/panels/common.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/playback_bar.h"
#include "ui/panels/registry.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"

namespace switchyard::ui {
namespace {

constexpr float kGapEm = 0.46F;
constexpr float kLeastMapEm = 10.0F;

/// Expert × time of a layer and layer × time of a metric, with the play-back of both.
class RoutingTimePanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    if (draw_without_routing(*studio.run)) return;
    draw_toolbar(studio);
    include_data(studio);
    // The bar, its hairline, and the space that Dear ImGui puts between the three items.
    const float below = em(kPlaybackBarEm) + px(1) + 2.0F * ImGui::GetStyle().ItemSpacing.y;
    const float room = ImGui::GetContentRegionAvail().y - below;
    {
      const PanelBody body("###routing.time_body", {0.0F, std::max(em(5), room)}, kGapEm, kGapEm);
      draw_maps(studio);
    }
    hairline();
    draw_playback_bar(studio);
  }

 private:
  void draw_toolbar(Studio& studio) {
    Toolbar bar("routing.time_toolbar");
    bar.label("x axis");
    bar.next(em(1.85F));
    static constexpr const char* kAxes[] = {"Steps", "Tokens", "Time"};
    int axis = std::min(static_cast<int>(studio.plots.group.axis), 2);
    if (segmented("routing.x_axis", kAxes, &axis)) {
      studio.plots.group.axis = static_cast<XAxis>(axis);
      studio.plots.group.fit();
    }
    bar.label("Layer");
    bar.next(em(1.7F));
    layer_combo(studio, "###routing.layer", em(4.6F));
    bar.label("All layers");
    bar.next(em(1.7F));
    draw_metric_combo(studio);
    draw_range(bar, studio);
  }

  static void draw_metric_combo(Studio& studio) {
    std::vector<const LayerMetric*> metrics;
    std::vector<const char*> items;
    int selected = 0;
    for (const LayerMetric& metric : layer_metrics()) {
      if (metric.metric.empty()) continue;
      if (metric.metric == studio.routing.layer_metric) selected = static_cast<int>(items.size());
      metrics.push_back(&metric);
      items.push_back(metric.title.data());
    }
    FieldOptions options;
    options.width = em(13.4F);
    if (combo("###routing.layer_metric", items, &selected, options))
      studio.routing.layer_metric = metrics[static_cast<std::size_t>(selected)]->metric;
  }

  /// A fixed range for the metric in use: what it is now, then what the person types.
  void draw_range(Toolbar& bar, Studio& studio) {
    RoutingState& state = studio.routing;
    const LayerMetric& metric = layer_metric(state.layer_metric);
    const std::string name(metric.metric);
    bool is_fixed = state.fixed_ranges.contains(name);
    bar.next(em(1.1F));
    if (checkbox("Fix range###routing.fix_range", &is_fixed)) {
      if (is_fixed) {
        const MapView* view = studio.run->map(name, -1);
        const std::array<float, 2> ends =
            view == nullptr ? std::array<float, 2>{} : layers_.extent(view->columns, false);
        const MapScale scale = layer_scale(
            state, metric, {static_cast<double>(ends[0]), static_cast<double>(ends[1])});
        state.fixed_ranges[name] = {scale.low, scale.high};
      } else {
        state.fixed_ranges.erase(name);
      }
    }
    tooltip("The colours keep these ends whatever is recorded");
    const auto range = state.fixed_ranges.find(name);
    if (range == state.fixed_ranges.end()) return;
    FieldOptions options;
    options.width = em(4.8F);
    LoadColors::Range& ends = range->second;
    bar.next(em(1.7F), 0.5F);
    double low = ends.low, high = ends.high;
    if (real_field("###routing.range_low", &low, -1e6, 1e6, options, 3) && low < high)
      ends.low = low;
    bar.next(em(1.7F), 0.5F);
    if (real_field("###routing.range_high", &high, -1e6, 1e6, options, 3) && high > ends.low)
      ends.high = high;
  }

  void draw_maps(Studio& studio) {
    const ImVec2 start = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
    const float gap_px = em(kGapEm);
    const LayerMetric& metric = layer_metric(studio.routing.layer_metric);
    if (avail.x > em(48)) {
      const float half = std::round((avail.x - gap_px) * 0.5F);
      const float height = std::max(em(kLeastMapEm), avail.y);
      draw_utilisation_map(studio, experts_, half, height, nullptr, true);
      ImGui::SetCursorScreenPos({start.x + half + gap_px, start.y});
      draw_layer_map(studio, layers_, metric, avail.x - half - gap_px, height, nullptr, true);
      return;
    }
    const float height = std::max(em(kLeastMapEm), std::round((avail.y - gap_px) * 0.5F));
    draw_utilisation_map(studio, experts_, avail.x, height, nullptr, true);
    ImGui::SetCursorScreenPos({start.x, start.y + height + gap_px});
    draw_layer_map(studio, layers_, metric, avail.x, height, nullptr, true);
  }

  static void include_data(Studio& studio) {
    PlotGroup& group = studio.plots.group;
    group.begin_frame();
    group.is_growing = studio.run->state == RunState::kRunning;
    if (const Series* loss = studio.run->scalar("train_loss"); loss != nullptr && !loss->empty()) {
      const Column x = x_column(*loss, group.axis);
      group.include(x[0], x[x.size() - 1]);
    }
    group.update_range();
  }

  TimeMap experts_{"routing.utilisation"};
  TimeMap layers_{"routing.layers"};
};

}  // namespace

std::unique_ptr<Panel> make_routing_time_panel() {
  return std::make_unique<RoutingTimePanel>();
}

}  // namespace switchyard::ui
