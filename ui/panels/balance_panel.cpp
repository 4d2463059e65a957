#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/panels/common.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/panels/run_row.h"
#include "ui/shell/theme.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kNameEm = 4.2F;
constexpr float kColumnEm = 6.3F;
constexpr float kLeastBarsEm = 12.0F;
constexpr float kRowEm = 2.3F;

/// Every routed layer as a row of numbers, the worst of each column marked, its loads as bars.
class BalancePanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    if (draw_without_routing(*studio.run)) return;
    shown_layer(studio);
    const std::int64_t step = playback_step(studio);
    const std::vector<LayerHealth> layers = layer_health(*studio.run, step);
    const RoutingGrid grid = routing_grid(*studio.run, RoutingQuantity::kLoad, step);
    std::vector<int> worst;
    for (const LayerMetric& metric : layer_metrics()) worst.push_back(worst_layer(layers, metric));
    const WideBody wide("###balance.scroll");
    const float fixed =
        em(kNameEm + kColumnEm * static_cast<float>(layer_metrics().size() + 1) + 1.0F);
    const float width = std::max(ImGui::GetContentRegionAvail().x, fixed + em(kLeastBarsEm));
    draw_head(width, fixed);
    const PanelBody body("###balance.body", {width, 0.0F}, 0.0F, 0.0F);
    for (std::size_t i = 0; i < layers.size(); ++i)
      draw_row(studio, layers[i], grid.row(i), worst, static_cast<int>(i), width, fixed);
    gap(0.7F);
    ImGui::Dummy({em(0.9F), 1.0F});
    ImGui::SameLine(0.0F, 0.0F);
    note(
        "▾ marks the worst layer of a column, amber what is beyond its alarm; the line through the "
        "bars is the fair share, 1/E of the layer's assignments.");
  }

 private:
  static void draw_head(float width, float bars_left) {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float height = em(2.0F);
    ImDrawList* list = ImGui::GetWindowDrawList();
    list->AddRectFilled(min, {min.x + width, min.y + height}, t.bg2);
    const float y = std::round(min.y + (height - line_height(Type::kCaption)) * 0.5F);
    draw_text(list, Type::kCaption, {min.x + em(0.9F), y}, t.text3, "Layer");
    float right = min.x + em(kNameEm + kColumnEm);
    const auto head = [&](std::string_view title, std::string_view help, std::string_view caption) {
      draw_text_right(list, Type::kCaption, {right, y}, t.text3, title);
      if (ImGui::IsMouseHoveringRect({right - em(kColumnEm), min.y}, {right, min.y + height}))
        plain_help(help, caption, "");
      right += em(kColumnEm);
    };
    for (const LayerMetric& metric : layer_metrics())
      head(metric.column, metric.title, metric.caption);
    head("Overloaded", "Overloaded experts", "experts above twice their fair share");
    draw_text(list, Type::kCaption, {min.x + bars_left, y}, t.text3, "Load of its experts");
    list->AddRectFilled({min.x, min.y + height - px(1)}, {min.x + width, min.y + height}, t.line);
    ImGui::Dummy({width, height});
  }

  static void draw_row(Studio& studio,
                       const LayerHealth& layer,
                       std::span<const float> loads,
                       const std::vector<int>& worst,
                       int index,
                       float width,
                       float bars_left) {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float height = em(kRowEm);
    if (list_row((layer_name(layer.layer) + "###balance." + std::to_string(layer.layer)).c_str(),
                 studio.selection.layer == layer.layer,
                 kRowEm)) {
      studio.selection.layer = layer.layer;
      studio.selection.expert = -1;
    }
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float y = std::round(min.y + (height - line_height(Type::kDigits)) * 0.5F);
    draw_text(list,
              Type::kBodyStrong,
              {min.x + em(0.9F), y},
              layer.needs_attention ? t.attention : t.text1,
              layer_name(layer.layer));
    float right = min.x + em(kNameEm + kColumnEm);
    for (std::size_t i = 0; i < layer_metrics().size(); ++i, right += em(kColumnEm)) {
      const LayerMetric& metric = layer_metrics()[i];
      const double value = layer.*metric.value;
      const bool is_alarm = is_alarming(metric, value);
      const bool is_dead = is_alarm && metric.value == &LayerHealth::dead;
      const std::string shown = layer_value_text(metric, value);
      draw_text_right(list,
                      Type::kDigits,
                      {right, y},
                      is_dead ? t.dead : (is_alarm ? t.attention : t.text1),
                      shown);
      if (worst[i] != index) continue;
      const float x = right - text_size(Type::kDigits, shown).x - em(0.8F);
      const float middle = min.y + height * 0.5F;
      list->AddTriangleFilled({x, middle + em(0.2F)},
                              {x + em(0.28F), middle - em(0.18F)},
                              {x - em(0.28F), middle - em(0.18F)},
                              is_alarm ? t.attention : t.text3);
    }
    draw_text_right(list,
                    Type::kDigits,
                    {right, y},
                    layer.num_overloaded > 0 ? t.attention : t.text1,
                    std::to_string(layer.num_overloaded));
    draw_bars(list,
              {min.x + bars_left, min.y + em(0.3F)},
              {min.x + width - em(0.9F), min.y + height - em(0.3F)},
              loads);
    list->AddRectFilled(
        {min.x, min.y + height - px(1)}, {min.x + width, min.y + height}, with_alpha(t.line, 0.6F));
    ImGui::SetCursorScreenPos(min);
    ImGui::Dummy({width, height});
  }

  /// One bar for each expert, at least a pixel; where several share one the largest wins, and a
  /// dead one over all.
  static void draw_bars(ImDrawList* list, ImVec2 min, ImVec2 max, std::span<const float> loads) {
    const ThemeTokens& t = theme();
    std::size_t count = 0;
    float most = static_cast<float>(kOverloaded);
    for (const float load : loads) {
      if (!std::isfinite(load)) continue;
      ++count;
      most = std::max(most, load);
    }
    if (count == 0) return;
    const float width = std::max(px(1), (max.x - min.x) / static_cast<float>(count));
    for (std::size_t e = 0; e < count; ++e) {
      const float x = min.x + width * static_cast<float>(e);
      if (x >= max.x) break;
      const bool is_dead = loads[e] == 0.0F;
      const float height = is_dead ? em(0.35F) : (max.y - min.y) * loads[e] / most;
      const Color color = is_dead                                       ? t.dead
                          : static_cast<double>(loads[e]) > kOverloaded ? t.attention
                                                                        : t.text3;
      list->AddRectFilled({x, max.y - std::max(px(1), height)},
                          {std::max(x + px(1), x + width - px(1)), max.y},
                          color);
    }
    const float fair = std::round(max.y - (max.y - min.y) / most);
    list->AddLine({min.x, fair}, {max.x, fair}, with_alpha(t.text1, 0.5F), px(1));
  }
};

}  // namespace

std::unique_ptr<Panel> make_balance_panel() {
  return std::make_unique<BalancePanel>();
}

}  // namespace switchyard::ui
