#pragma once

#include <initializer_list>
#include <string_view>

#include "ui/shell/fonts.h"
#include "ui/shell/theme_tokens.h"
#include "ui/widgets/overlays.h"

namespace switchyard::ui {

/// A state in words on a soft background, with an icon: "Running", "L7: 3 dead".
void badge(std::string_view label, Tone tone, Icon name = Icon::kCount);

/// A neutral label: tag, token, key. Mono on demand.
void chip(std::string_view label, bool is_mono = false);

/// A tag with a cross: the label follows ImGui. True when the cross was pressed.
bool tag_chip(const char* label);

/// A chip with a coloured dot (expert, run).
void color_chip(std::string_view label, Color color);

/// A short line in a run's colour and the run's name, for toolbars.
void run_chip(std::string_view name, Color color, bool is_dashed, bool is_strong);

/// A filled circle with a faint ring, as wide as an icon.
void status_dot(Color color);

/// Keys in small boxes: {"Ctrl", "K"}.
void kbd(std::initializer_list<const char*> keys);
float kbd_width(std::initializer_list<const char*> keys);

/// Draws the boxes without an item, left end at `pos`.
void draw_kbd(ImDrawList* list, ImVec2 pos, std::initializer_list<const char*> keys);

/// `fraction` of 1; `width` 0: what is left. A negative fraction shows an unknown amount: a third
/// of the bar at a place that moves with `phase` only, never by itself.
void progress_bar(float fraction, float width = 0.0F, Color color = 0, float phase = 0.0F);

}  // namespace switchyard::ui
