#include "ui/panels/preset_glyph.h"

#include <algorithm>
#include <cmath>

#include "ui/shell/theme.h"

namespace switchyard::ui {
namespace {

void draw_dense(ImDrawList* list, ImVec2 centre, std::int64_t num_layers) {
  const ThemeTokens& t = theme();
  const int count = static_cast<int>(std::clamp<std::int64_t>(num_layers, 3, 8));
  const float width = em(0.92F), height = em(3.1F), gap = em(0.62F);
  const float total = static_cast<float>(count) * (width + gap) - gap;
  const float left = std::round(centre.x - total * 0.5F);
  const float rail = px(1.5F);
  list->AddRectFilled({left - em(2.2F), centre.y - rail * 0.5F},
                      {left + total + em(2.2F), centre.y + rail * 0.5F},
                      t.line2);
  for (int i = 0; i < count; ++i) {
    const float x = std::round(left + static_cast<float>(i) * (width + gap));
    const float part = 0.35F + 0.65F * static_cast<float>(i) / static_cast<float>(count - 1);
    const Color color = over(with_alpha(t.runs[2], part), t.bg0);
    list->AddRectFilled(
        {x, centre.y - height * 0.5F}, {x + width, centre.y + height * 0.5F}, color, em(0.22F));
  }
}

void draw_moe(ImDrawList* list, ImVec2 centre, const ModelFacts& facts) {
  const ThemeTokens& t = theme();
  const int experts = static_cast<int>(std::clamp<std::int64_t>(facts.num_experts, 4, 8));
  const int active = static_cast<int>(std::clamp<std::int64_t>(facts.top_k, 1, experts));
  const float width = em(2.5F), height = em(0.44F), gap = em(0.24F), reach = em(5.0F);
  const float total = static_cast<float>(experts) * (height + gap) - gap;
  const ImVec2 left = {centre.x - reach, centre.y}, right = {centre.x + reach, centre.y};
  const Color lit = t.runs[0], dark = mix(t.line2, t.text3, 0.25F);
  const auto is_active = [&](int i) {
    // Spread evenly, never at the very edge.
    for (int k = 0; k < active; ++k) {
      if (i == (2 * k + 1) * experts / (2 * active)) return true;
    }
    return false;
  };
  list->AddLine({left.x - em(1.4F), left.y}, left, t.line2, px(1.5F));
  list->AddLine(right, {right.x + em(1.4F), right.y}, t.line2, px(1.5F));
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = 0; i < experts; ++i) {
      const bool is_lit = is_active(i);
      if (is_lit != (pass == 1)) continue;
      const float y = centre.y - total * 0.5F + static_cast<float>(i) * (height + gap);
      const float mid = y + height * 0.5F, near = centre.x - width * 0.5F,
                  far = centre.x + width * 0.5F;
      const Color line = is_lit ? lit : with_alpha(dark, 0.55F);
      const float weight = is_lit ? px(2) : px(1);
      list->AddBezierCubic(
          left, {left.x + em(1.6F), left.y}, {near - em(1.6F), mid}, {near, mid}, line, weight);
      list->AddBezierCubic(
          {far, mid}, {far + em(1.6F), mid}, {right.x - em(1.6F), right.y}, right, line, weight);
      list->AddRectFilled(
          {near, std::round(y)}, {far, std::round(y) + height}, is_lit ? lit : dark, em(0.16F));
    }
  }
  list->AddCircleFilled(left, em(0.32F), t.text1);
  list->AddCircleFilled(right, em(0.32F), t.text1);
}

}  // namespace

void draw_preset_glyph(
    ImDrawList* list, ImVec2 min, ImVec2 max, std::string_view glyph, const ModelFacts& facts) {
  const ImVec2 centre = {std::round((min.x + max.x) * 0.5F), std::round((min.y + max.y) * 0.5F)};
  if (glyph == "moe") {
    draw_moe(list, centre, facts);
  } else {
    draw_dense(list, centre, facts.num_layers);
  }
}

}  // namespace switchyard::ui
