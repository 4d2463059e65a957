#include "ui/panels/maps.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "ui/panels/common.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"

namespace switchyard::ui {
namespace {

bool empty_card(const char* id,
                std::string_view title,
                std::string_view words,
                float width,
                float height,
                const CardHandle* handle) {
  CardOptions options;
  options.size = {width, height};
  options.handle = handle;
  options.has_menu = handle != nullptr;
  const bool is_menu = begin_card(id, title, options);
  empty_state(Icon::kRouting, title, words);
  end_card();
  return is_menu;
}

std::string waiting_words(const RunView& run) {
  return has_routing(run) || model_facts(run.config).num_experts > 0
             ? "Fills with the first routing sample."
             : "This model is dense: every token takes the same way.";
}

/// The head on the time axis; negative while the newest sample is followed.
double play_head_x(const Studio& studio) {
  const std::vector<int> layers = routed_layers(*studio.run);
  if (studio.playback.is_live || layers.empty()) return -1.0;
  const MapColumns& columns = *studio.run->map("tokens_per_expert", layers.front())->columns;
  return x_of(columns.first[column_at(columns, playback_step(studio))], studio.plots.group.axis);
}

/// A number field of a toolbar, small.
bool range_field(Toolbar& bar, const std::string& id, double* value, double min) {
  bar.next(em(1.7F), 0.5F);
  FieldOptions options;
  options.width = em(4.6F);
  options.unit = "×";
  return real_field(("###" + id).c_str(), value, min, 1e6, options, 3);
}

}  // namespace

std::int64_t playback_step(const Studio& studio) {
  return studio.playback.head(routing_steps(*studio.run));
}

std::string playback_words(const Studio& studio) {
  return studio.playback.is_live ? "now" : "step " + grouped_number(playback_step(studio));
}

bool has_routing(const RunView& run) {
  return !routed_layers(run).empty();
}

bool draw_without_routing(const RunView& run) {
  if (has_routing(run)) return false;
  empty_state(Icon::kRouting,
              "No routing to show",
              model_facts(run.config).num_experts > 0 || run.root.empty()
                  ? "Fills with the first routing sample of a run with experts."
                  : "This model is dense: every token takes the same way.");
  return true;
}

int shown_layer(Studio& studio) {
  const std::vector<int> layers = routed_layers(*studio.run);
  if (layers.empty()) return -1;
  if (std::find(layers.begin(), layers.end(), studio.selection.layer) == layers.end())
    studio.selection.layer = layers.front();
  return studio.selection.layer;
}

void layer_combo(Studio& studio, const char* label, float width) {
  const std::vector<int> layers = routed_layers(*studio.run);
  if (layers.empty()) return;
  shown_layer(studio);
  std::vector<std::string> names;
  std::vector<const char*> items;
  int selected = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    names.push_back(layer_name(layers[i]));
    if (layers[i] == studio.selection.layer) selected = static_cast<int>(i);
  }
  for (const std::string& name : names) items.push_back(name.c_str());
  FieldOptions options;
  options.width = width;
  if (combo(label, items, &selected, options)) {
    studio.selection.layer = layers[static_cast<std::size_t>(selected)];
    studio.selection.expert = -1;
  }
}

void draw_color_controls(Toolbar& bar, RoutingState& state, std::string_view id) {
  using Kind = LoadColors::Kind;
  const std::string prefix(id);
  LoadColors& colors = state.colors;
  bar.label("Colours");
  bar.next(em(1.7F));
  static constexpr const char* kKinds[] = {"÷ fair share", "linear", "log"};
  int kind = static_cast<int>(colors.kind);
  FieldOptions options;
  options.width = em(8.2F);
  if (combo(("###" + prefix + ".colors").c_str(), kKinds, &kind, options))
    colors.kind = static_cast<Kind>(kind);
  tooltip("Relative to an even spread, or the load itself on a linear or logarithmic scale");
  if (colors.kind != Kind::kRelative) {
    static constexpr std::array kPalettes = {Palette::kViridis, Palette::kCividis, Palette::kMagma};
    static constexpr const char* kNames[] = {"viridis", "cividis", "magma"};
    const auto at = std::find(kPalettes.begin(), kPalettes.end(), colors.palette);
    int palette = at == kPalettes.end() ? 0 : static_cast<int>(at - kPalettes.begin());
    bar.next(em(1.7F), 0.5F);
    options.width = em(6.4F);
    if (combo(("###" + prefix + ".palette").c_str(), kNames, &palette, options))
      colors.palette = kPalettes[static_cast<std::size_t>(palette)];
  }
  bar.next(em(1.1F));
  checkbox(("Fix scale###" + prefix + ".fix_scale").c_str(), &colors.is_fixed);
  tooltip("The same colours at all times, in all layers and runs");
  if (!colors.is_fixed) return;
  double low = colors.range().low, high = colors.range().high;
  if (colors.kind != Kind::kRelative) {
    if (range_field(bar, prefix + ".low", &low, 0.0)) colors.set_low(low);
    tooltip("Lower end of the colours, in fair shares");
  }
  if (range_field(bar, prefix + ".high", &high, 1e-3)) colors.set_high(high);
  tooltip(colors.kind == Kind::kRelative ? "Colours reach from this part to this multiple of fair"
                                         : "Upper end of the colours, in fair shares");
}

MapScale layer_scale(const RoutingState& state,
                     const LayerMetric& metric,
                     const LoadColors::Range& values) {
  MapScale scale;
  const auto fixed = state.fixed_ranges.find(std::string(metric.metric));
  if (fixed != state.fixed_ranges.end()) {
    scale.low = fixed->second.low;
    scale.high = fixed->second.high;
  } else if (metric.value == &LayerHealth::entropy) {
    // The lower end follows the data, so that small differences between layers are seen.
    scale.low = std::clamp(std::floor(values.low * 10.0) / 10.0, 0.0, 0.9);
    scale.high = 1.0;
  } else {
    scale.low = metric.value == &LayerHealth::imbalance ? 1.0 : 0.0;
    scale.high = std::max(values.high, scale.low + (metric.is_percent ? 0.01 : 0.1));
  }
  scale.palette = metric.is_low_bad ? Palette::kEntropy : Palette::kDeviation;
  scale.low_label = layer_value_text(metric, scale.low);
  scale.high_label = layer_value_text(metric, scale.high);
  return scale;
}

bool draw_utilisation_map(Studio& studio,
                          TimeMap& map,
                          float width,
                          float height,
                          const CardHandle* handle,
                          bool has_play_head) {
  const int layer = shown_layer(studio);
  const RoutingQuantity quantity = studio.routing.quantity;
  const MapView* view = layer < 0 ? nullptr : studio.run->map(recorded_metric(quantity), layer);
  if (view == nullptr) {
    return empty_card("###map.utilisation_empty",
                      "Expert utilisation",
                      waiting_words(*studio.run),
                      width,
                      height,
                      handle);
  }
  const bool is_load = quantity == RoutingQuantity::kLoad;
  const std::string caption = "layer " + std::to_string(layer) +
                              (is_load ? ", load ÷ fair share" : ", importance ÷ fair share");
  TimeMapOptions options;
  options.title = is_load ? "Expert utilisation" : "Expert importance";
  options.handle = handle;
  options.caption = caption;
  options.width = width;
  options.height = height;
  options.is_relative = true;
  const std::array<float, 2> ends = map.extent(view->columns, true);
  options.scale = load_scale(studio.routing.colors, ends);
  options.row_name = expert_name;
  options.format = load_text;
  options.selected_row = studio.selection.expert;
  if (has_play_head) options.play_head = play_head_x(studio);
  const MapResult result = map.draw(studio.plots.group, view->columns, options);
  if (result.clicked_row >= 0)
    studio.selection.expert =
        result.clicked_row == studio.selection.expert ? -1 : result.clicked_row;
  return result.is_menu_clicked;
}

bool draw_layer_map(Studio& studio,
                    TimeMap& map,
                    const LayerMetric& metric,
                    float width,
                    float height,
                    const CardHandle* handle,
                    bool has_play_head) {
  const bool is_entropy = metric.value == &LayerHealth::entropy;
  const std::string_view title = is_entropy ? "Routing entropy" : metric.title;
  const MapView* view = studio.run->map(std::string(metric.metric), -1);
  if (view == nullptr)
    return empty_card(
        "###map.entropy_empty", title, waiting_words(*studio.run), width, height, handle);
  const std::vector<int> layers = routed_layers(*studio.run);
  TimeMapOptions options;
  options.title = title;
  options.handle = handle;
  options.caption = metric.caption;
  options.width = width;
  options.height = height;
  options.use_max = metric.use_max;
  const std::array<float, 2> ends = map.extent(view->columns, false);
  options.scale = layer_scale(
      studio.routing, metric, {static_cast<double>(ends[0]), static_cast<double>(ends[1])});
  options.row_name = [&layers](int row) {
    return row < static_cast<int>(layers.size()) ? layer_name(layers[static_cast<std::size_t>(row)])
                                                 : layer_name(row);
  };
  options.format = [&metric](double value) { return layer_value_text(metric, value); };
  const auto at = std::find(layers.begin(), layers.end(), studio.selection.layer);
  options.selected_row = at == layers.end() ? -1 : static_cast<int>(at - layers.begin());
  if (has_play_head) options.play_head = play_head_x(studio);
  const MapResult result = map.draw(studio.plots.group, view->columns, options);
  if (result.clicked_row >= 0 && result.clicked_row < static_cast<int>(layers.size())) {
    studio.selection.layer = layers[static_cast<std::size_t>(result.clicked_row)];
    studio.selection.expert = -1;
  }
  return result.is_menu_clicked;
}

}  // namespace switchyard::ui
