#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/model/routing_view.h"
#include "ui/panels/common.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/plot/map_columns.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

/// The selected layer in numbers, its experts as bars, the selected expert over time.
class ExpertPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const std::vector<LayerHealth> layers = layer_health(*studio.run, playback_step(studio));
    if (layers.empty()) {
      empty_state(Icon::kRouting, "No expert selected", "Click a cell or a row of a map.");
      return;
    }
    auto layer = std::find_if(layers.begin(), layers.end(), [&](const LayerHealth& one) {
      return one.layer == studio.selection.layer;
    });
    if (layer == layers.end()) layer = layers.begin();
    const MapView* map = studio.run->map("tokens_per_expert", layer->layer);
    const std::vector<double> load = load_at(*map->columns, playback_step(studio));
    const PanelBody body("###expert.body", {0.0F, 0.0F}, 1.1F, 1.1F);
    draw_layer(*layer, layers);
    const MapView* weights = studio.run->map("importance", layer->layer);
    const std::vector<double> importance = weights == nullptr
                                               ? std::vector<double>()
                                               : load_at(*weights->columns, playback_step(studio));
    draw_bars(studio, load);
    draw_expert(studio, *map->columns, load, importance);
  }

 private:
  static void draw_layer(const LayerHealth& layer, const std::vector<LayerHealth>& layers) {
    const ThemeTokens& t = theme();
    text(Type::kHeading, t.text1, "Layer " + std::to_string(layer.layer));
    gap(0.5F);
    for (const LayerMetric& metric : layer_metrics()) {
      const double value = layer.*metric.value;
      const int worst = worst_layer(layers, metric);
      const bool is_worst =
          worst >= 0 && layers[static_cast<std::size_t>(worst)].layer == layer.layer;
      const bool is_dead = metric.value == &LayerHealth::dead;
      const std::string unit =
          is_dead ? "of " + std::to_string(layer.num_experts) : (is_worst ? "worst" : "");
      property_row(metric.title,
                   layer_value_text(metric, value),
                   unit,
                   !is_alarming(metric, value) ? 0 : (is_dead ? t.dead : t.attention));
    }
    property_row("Load entropy", plain_number(layer.load_entropy, 3), "of 1");
    property_row("Overloaded experts",
                 std::to_string(layer.num_overloaded),
                 "above 2×",
                 layer.num_overloaded > 0 ? t.attention : 0);
    gap(0.9F);
    hairline();
    gap(0.9F);
  }

  static void draw_bars(Studio& studio, const std::vector<double>& load) {
    const ThemeTokens& t = theme();
    panel_title("Load of its experts", "÷ fair share");
    double most = 1.5;
    for (const double value : load) most = std::max(most, value);
    const float width = ImGui::GetContentRegionAvail().x;
    const float left = em(2.4F), right = em(3.6F), track = width - left - right;
    for (std::size_t e = 0; e < load.size(); ++e) {
      const ImVec2 min = ImGui::GetCursorScreenPos();
      const int expert = static_cast<int>(e);
      const bool is_selected = studio.selection.expert == expert;
      if (hit_area(("###expert.bar." + std::to_string(e)).c_str(), {width, em(1.55F)}))
        studio.selection.expert = is_selected ? -1 : expert;
      ImDrawList* list = ImGui::GetWindowDrawList();
      if (is_selected || ImGui::IsItemHovered())
        list->AddRectFilled(
            min, {min.x + width, min.y + em(1.55F)}, is_selected ? t.selection : t.hover, em(0.3F));
      const float y = std::round(min.y + (em(1.55F) - line_height(Type::kDigits)) * 0.5F);
      draw_text(list, Type::kDigits, {min.x + em(0.3F), y}, t.text2, expert_name(expert));
      const Color color =
          load.size() <= kNumExpertColors ? t.expert(expert) : (is_selected ? t.accent : t.text3);
      const float bar_y = min.y + em(0.5F), x = min.x + left;
      const float length = static_cast<float>(load[e] / most) * track;
      list->AddRectFilled({x, bar_y}, {x + track, bar_y + em(0.55F)}, t.bg0, em(0.16F));
      list->AddRectFilled({x, bar_y},
                          {x + std::max(length, px(1)), bar_y + em(0.55F)},
                          load[e] > 0.0 ? color : t.dead,
                          em(0.16F));
      const float fair = std::round(x + static_cast<float>(1.0 / most) * track);
      list->AddRectFilled(
          {fair, bar_y - px(2)}, {fair + px(1), bar_y + em(0.55F) + px(2)}, t.text3);
      draw_text_right(list,
                      Type::kDigits,
                      {min.x + width - em(0.3F), y},
                      load[e] > 0.0 ? t.text1 : t.dead,
                      load_text(load[e]));
    }
  }

  static void draw_expert(const Studio& studio,
                          const MapColumns& columns,
                          const std::vector<double>& load,
                          const std::vector<double>& importance) {
    const int expert = studio.selection.expert;
    gap(0.9F);
    hairline();
    gap(0.9F);
    if (expert < 0 || expert >= static_cast<int>(load.size())) {
      note("Click an expert to follow it through the maps and the prompt.");
      return;
    }
    panel_title("Expert " + expert_name(expert), "load over time");
    std::vector<double> history;
    for (std::size_t c = 0; c < columns.num_columns(); ++c)
      history.push_back(
          load_ratio(columns.mean_of(c)[static_cast<std::size_t>(expert)], columns.mean_of(c)));
    const Color color = load.size() <= kNumExpertColors ? theme().expert(expert) : theme().accent;
    sparkline(history, ImGui::GetContentRegionAvail().x, em(4.5F), color, true);
    gap(0.6F);
    const double share = load[static_cast<std::size_t>(expert)] / static_cast<double>(load.size());
    property_row("Load", load_text(load[static_cast<std::size_t>(expert)]));
    property_row("Used by", plain_number(100.0 * share, 3), "% of assignments");
    property_row("Even share", plain_number(100.0 / static_cast<double>(load.size()), 3), "%, 1/E");
    if (expert < static_cast<int>(importance.size()))
      property_row("Importance", load_text(importance[static_cast<std::size_t>(expert)]));
  }
};

}  // namespace

std::unique_ptr<Panel> make_expert_panel() {
  return std::make_unique<ExpertPanel>();
}

}  // namespace switchyard::ui
