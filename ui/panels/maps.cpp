#include "ui/panels/maps.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ui/model/routing_view.h"
#include "ui/panels/common.h"
#include "ui/shell/theme.h"
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

/// The selected layer if the run has it, else its first routed layer.
int shown_layer(Studio& studio) {
  const std::vector<int> layers = routed_layers(*studio.run);
  if (layers.empty()) return -1;
  if (std::find(layers.begin(), layers.end(), studio.selection.layer) == layers.end())
    studio.selection.layer = layers.front();
  return studio.selection.layer;
}

/// The head on the time axis; negative while the newest sample is followed.
double play_head_x(const Studio& studio) {
  const std::vector<int> layers = routed_layers(*studio.run);
  if (studio.playback.is_live || layers.empty()) return -1.0;
  const MapColumns& columns = *studio.run->map("tokens_per_expert", layers.front())->columns;
  return x_of(columns.first[column_at(columns, playback_step(studio))], studio.plots.group.axis);
}

}  // namespace

std::int64_t playback_step(const Studio& studio) {
  return studio.playback.head(routing_steps(*studio.run));
}

MapScale load_scale(bool is_fixed, std::span<const float> loads) {
  MapScale scale = fair_share_scale();
  scale.is_zero_dead = true;
  if (is_fixed) return scale;
  double reach = 0.1;  // a factor of 1.07: an even layer shows as even
  for (const float load : loads) {
    if (load > 0.0F) reach = std::max(reach, std::abs(std::log2(static_cast<double>(load))));
  }
  scale.low = -reach;
  scale.high = reach;
  scale.low_label = "least";
  scale.high_label = "most";
  return scale;
}

bool has_routing(const RunView& run) {
  return !routed_layers(run).empty();
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

bool draw_utilisation_map(Studio& studio,
                          TimeMap& map,
                          float width,
                          float height,
                          const CardHandle* handle,
                          bool has_play_head) {
  const int layer = shown_layer(studio);
  if (layer < 0) {
    return empty_card("###map.utilisation_empty",
                      "Expert utilisation",
                      waiting_words(*studio.run),
                      width,
                      height,
                      handle);
  }
  const MapView* view = studio.run->map("tokens_per_expert", layer);
  const std::string caption = "layer " + std::to_string(layer) + ", load ÷ fair share";
  TimeMapOptions options;
  options.title = "Expert utilisation";
  options.handle = handle;
  options.caption = caption;
  options.width = width;
  options.height = height;
  options.scale = fair_share_scale();
  options.scale.is_zero_dead = true;
  options.row_name = expert_name;
  options.value_of = [](float cell, std::span<const float> column) {
    return load_ratio(cell, column);
  };
  options.format = load_text;
  options.selected_row = studio.selection.expert;
  if (has_play_head) options.play_head = play_head_x(studio);
  const MapResult result = map.draw(studio.plots.group, view->columns, options);
  if (result.clicked_row >= 0)
    studio.selection.expert =
        result.clicked_row == studio.selection.expert ? -1 : result.clicked_row;
  return result.is_menu_clicked;
}

bool draw_entropy_map(Studio& studio,
                      TimeMap& map,
                      float width,
                      float height,
                      const CardHandle* handle,
                      bool has_play_head) {
  const MapView* view = studio.run->map("router_entropy_normalized", -1);
  if (view == nullptr) {
    return empty_card("###map.entropy_empty",
                      "Routing entropy",
                      waiting_words(*studio.run),
                      width,
                      height,
                      handle);
  }
  const std::vector<int> layers = routed_layers(*studio.run);
  TimeMapOptions options;
  options.title = "Routing entropy";
  options.handle = handle;
  options.caption = "1 = even";
  options.width = width;
  options.height = height;
  // The lower end follows the data, so that small differences between layers are seen.
  float lowest = 1.0F;
  for (const float value : view->columns->mean) {
    if (std::isfinite(value)) lowest = std::min(lowest, value);
  }
  const double low = std::clamp(std::floor(static_cast<double>(lowest) * 10.0) / 10.0, 0.0, 0.9);
  options.scale = entropy_scale(low);
  const std::string low_label = plain_number(low, 1);
  options.scale.low_label = low_label;
  options.row_name = [&layers](int row) {
    return row < static_cast<int>(layers.size()) ? layer_name(layers[static_cast<std::size_t>(row)])
                                                 : layer_name(row);
  };
  options.format = [](double value) { return plain_number(value, 3); };
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
