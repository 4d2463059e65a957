#pragma once

#include <imgui.h>

#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {

/// The tokens of the theme in use.
const ThemeTokens& theme();

/// Applies colours and sizes to Dear ImGui and ImPlot. Sizes are scaled from a pristine copy, so
/// calling it again never scales twice. Call between frames. Units: scale 1 = 96 dpi, no zoom.
void apply_theme(ThemeKind kind, float scale);

float ui_scale();

/// `n` em in whole pixels; 1 em = 13 px at scale 1. All sizes of panels are given in em.
float em(float n);

/// `n` pixels at scale 1, scaled; at least one.
float px(float n);

inline ImVec4 vec(Color c) {
  return ImGui::ColorConvertU32ToFloat4(c);
}

/// Pushes a text colour until the end of the scope.
class TextColor {
 public:
  explicit TextColor(Color c) { ImGui::PushStyleColor(ImGuiCol_Text, c); }

  ~TextColor() { ImGui::PopStyleColor(); }

  TextColor(const TextColor&) = delete;
  TextColor& operator=(const TextColor&) = delete;
};

}  // namespace switchyard::ui
