#pragma once

#include <string>
#include <string_view>

#include <imgui.h>

#include "ui/shell/fonts.h"
#include "ui/shell/theme.h"

namespace switchyard::ui {

/// Writes a text as an item; nothing is cut.
void text(Type type, Color color, std::string_view value);

/// Writes at most `max_width` pixels (0: what is left of the line); a longer text ends in "…" and
/// shows itself whole in a tooltip.
void text_ellipsis(Type type, Color color, std::string_view value, float max_width = 0.0F);

/// Wraps at `max_width` pixels (0: what is left).
void text_wrapped(Type type, Color color, std::string_view value, float max_width = 0.0F);

/// Height of a paragraph wrapped at `max_width` pixels, lines 1.4 sizes apart.
float wrapped_height(Type type, std::string_view value, float max_width);

/// Draws a paragraph without an item; returns its height.
float draw_paragraph(ImDrawList* list,
                     Type type,
                     ImVec2 pos,
                     Color color,
                     std::string_view value,
                     float max_width,
                     bool is_centred = false);

/// A value with its unit in caption size behind it, on one base line.
void value_with_unit(Type type, Color color, std::string_view value, std::string_view unit);

/// Draws without an item: `pos` is the left end of the line's top. Returns the width drawn. With
/// `max_width` > 0 the text is shortened with "…" and shows itself whole when the mouse rests on
/// it; < 0: there is no room, nothing is drawn.
float draw_text(ImDrawList* list,
                Type type,
                ImVec2 pos,
                Color color,
                std::string_view value,
                float max_width = 0.0F);

/// Same, ending at `pos.x`.
void draw_text_right(ImDrawList* list,
                     Type type,
                     ImVec2 pos,
                     Color color,
                     std::string_view value,
                     float max_width = 0.0F);

/// Shows the shortened text under the mouse whole. Once, at the end of a frame.
void show_cut_text();

/// Same, centred in the box.
void draw_text_centred(
    ImDrawList* list, Type type, ImVec2 min, ImVec2 max, Color color, std::string_view value);

/// Height of a line in pixels.
float line_height(Type type);

/// The text that fits into `max_width` pixels, shortened with "…" if needed.
std::string fitted(Type type, std::string_view value, float max_width);

/// The part of an ImGui label that people see: everything before "##".
std::string_view visible_label(const char* label);

}  // namespace switchyard::ui
