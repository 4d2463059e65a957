#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/panels/common.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/plot/line_plot.h"
#include "ui/plot/map_columns.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kRowEm = 2.9F;
constexpr std::size_t kMostSamples = 400;  ///< of the small curve

/// All routed layers with their health in words and the entropy as a small curve.
class LayersPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const std::vector<LayerHealth> layers = layer_health(*studio.run, playback_step(studio));
    if (layers.empty()) {
      empty_state(
          Icon::kRouting, "No routed layers", "A model with experts shows its layers here.");
      return;
    }
    shown_layer(studio);
    const float foot = button_height() + em(1.2F);
    {
      const float room = ImGui::GetContentRegionAvail().y - foot;
      const PanelBody body("###layers.body", {0.0F, std::max(em(8), room)}, 0.0F, 0.6F);
      draw_head();
      for (std::size_t i = 0; i < layers.size(); ++i) draw_layer(studio, layers[i], i);
    }
    const PanelBody body("###layers.foot", {0.0F, 0.0F}, 0.9F, 0.5F, false);
    ButtonOptions options;
    options.icon = Icon::kGrid;
    options.width = -1.0F;
    options.tooltip = "All numbers of all layers in a table";
    if (button("Compare layers###layers.compare", options)) studio.wants_panel = "routing.balance";
  }

 private:
  static void draw_head() {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x;
    ImDrawList* list = ImGui::GetWindowDrawList();
    draw_text(list, Type::kCaption, {min.x + em(1.0F), min.y}, t.text3, "Layer");
    draw_text(list, Type::kCaption, {min.x + em(4.6F), min.y}, t.text3, "Entropy");
    draw_text_right(list, Type::kCaption, {min.x + width - em(1.0F), min.y}, t.text3, "Max load");
    ImGui::Dummy({width, em(1.6F)});
  }

  static void draw_layer(Studio& studio, const LayerHealth& layer, std::size_t index) {
    const ThemeTokens& t = theme();
    const std::string name = layer_name(layer.layer);
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x, height = em(kRowEm);
    if (list_row((name + "###layers." + std::to_string(layer.layer)).c_str(),
                 studio.selection.layer == layer.layer,
                 kRowEm)) {
      studio.selection.layer = layer.layer;
      studio.selection.expert = -1;
    }
    ImDrawList* list = ImGui::GetWindowDrawList();
    const Color value = layer.needs_attention ? t.attention : t.text1;
    const float y = std::round(min.y + em(0.45F));
    draw_text(list,
              Type::kBody,
              {min.x + em(0.95F), y},
              layer.needs_attention ? t.attention : t.ok,
              icon(layer.needs_attention ? Icon::kAttention : Icon::kOk));
    draw_text(list, Type::kBodyStrong, {min.x + em(2.4F), y}, t.text1, name);
    const std::string entropy = plain_number(layer.entropy, 2);
    const float entropy_right = min.x + em(13.0F);
    draw_text_right(list, Type::kDigits, {entropy_right, y}, value, entropy);
    const std::string load =
        std::isfinite(layer.imbalance) ? plain_number(layer.imbalance, 2) + "×" : "–";
    draw_text_right(list, Type::kDigits, {min.x + width - em(1.0F), y}, value, load);
    const std::string words = layer.num_dead > 0         ? std::to_string(layer.num_dead) + " dead"
                              : layer.needs_attention    ? "uneven"
                              : layer.num_overloaded > 0 ? "busy e" + std::to_string(layer.busiest)
                                                         : "healthy";
    draw_text_right(list,
                    Type::kCaption,
                    {min.x + width - em(1.0F), min.y + em(1.6F)},
                    layer.num_dead > 0 ? t.dead : (layer.needs_attention ? t.attention : t.text3),
                    words);
    draw_curve(studio, index, {min.x + em(4.6F), min.y + em(0.55F)}, layer.needs_attention);
    ImGui::SetCursorScreenPos(min);
    ImGui::Dummy({width, height});
  }

  /// The layer's entropy over the newest samples.
  static void draw_curve(const Studio& studio, std::size_t index, ImVec2 at, bool is_alarm) {
    const MapView* view = studio.run->map("router_entropy_normalized", -1);
    if (view == nullptr || index >= static_cast<std::size_t>(view->columns->num_rows)) return;
    const MapColumns& columns = *view->columns;
    std::vector<double> values;
    const std::size_t count = columns.num_columns();
    for (std::size_t i = count - std::min(count, kMostSamples); i < count; ++i)
      values.push_back(static_cast<double>(columns.mean_of(i)[index]));
    ImGui::SetCursorScreenPos(at);
    sparkline(values, em(5.4F), em(1.6F), is_alarm ? theme().attention : theme().text2);
  }
};

}  // namespace

std::unique_ptr<Panel> make_layers_panel() {
  return std::make_unique<LayersPanel>();
}

}  // namespace switchyard::ui
