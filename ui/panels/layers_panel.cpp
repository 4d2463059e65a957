#include <cmath>
#include <memory>
#include <string>

#include "ui/model/routing_view.h"
#include "ui/panels/common.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/shell/theme.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

/// All routed layers with their health in words.
class LayersPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const std::vector<LayerHealth> layers = layer_health(*studio.run, playback_step(studio));
    if (layers.empty()) {
      empty_state(
          Icon::kRouting, "No routed layers", "A model with experts shows its layers here.");
      return;
    }
    const PanelBody body("###layers.body", {0.0F, 0.0F}, 0.0F, 0.6F);
    draw_head();
    for (const LayerHealth& layer : layers) draw_layer(studio, layer);
  }

 private:
  static void draw_head() {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x;
    ImDrawList* list = ImGui::GetWindowDrawList();
    draw_text(list, Type::kCaption, {min.x + em(1.1F), min.y}, t.text3, "Layer");
    draw_text(list, Type::kCaption, {min.x + em(4.2F), min.y}, t.text3, "Entropy");
    draw_text_right(list, Type::kCaption, {min.x + width - em(1.1F), min.y}, t.text3, "Busiest");
    ImGui::Dummy({width, em(1.6F)});
  }

  static void draw_layer(Studio& studio, const LayerHealth& layer) {
    const ThemeTokens& t = theme();
    const std::string name = layer_name(layer.layer);
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x, height = em(3.1F);
    if (list_row((name + "###layers." + std::to_string(layer.layer)).c_str(),
                 studio.selection.layer == layer.layer,
                 3.1F)) {
      studio.selection.layer = layer.layer;
      studio.selection.expert = -1;
    }
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float y = min.y + em(0.5F);
    draw_text(list, Type::kBodyStrong, {min.x + em(1.1F), y}, t.text1, name);
    draw_text(list, Type::kDigits, {min.x + em(4.2F), y}, t.text1, plain_number(layer.entropy, 3));
    draw_text_right(list,
                    Type::kDigits,
                    {min.x + width - em(1.1F), y},
                    t.text1,
                    "e" + std::to_string(layer.busiest) + " " + load_text(layer.imbalance));
    const float track = em(4.2F), bar_y = min.y + em(2.1F);
    const float left = min.x + em(4.2F),
                part = std::isfinite(layer.entropy) ? static_cast<float>(layer.entropy) : 0.0F;
    list->AddRectFilled({left, bar_y}, {left + track, bar_y + em(0.3F)}, t.active, em(0.15F));
    list->AddRectFilled({left, bar_y},
                        {left + track * part, bar_y + em(0.3F)},
                        layer.needs_attention ? t.attention : t.accent,
                        em(0.15F));
    const std::string words = layer.num_dead > 0 ? std::to_string(layer.num_dead) + " dead"
                                                 : (layer.needs_attention ? "uneven" : "healthy");
    draw_text_right(list,
                    Type::kCaption,
                    {min.x + width - em(1.1F), min.y + em(1.85F)},
                    layer.num_dead > 0 ? t.dead : (layer.needs_attention ? t.attention : t.text3),
                    words);
    ImGui::SetCursorScreenPos(min);
    ImGui::Dummy({width, height});
  }
};

}  // namespace

std::unique_ptr<Panel> make_layers_panel() {
  return std::make_unique<LayersPanel>();
}

}  // namespace switchyard::ui
