#pragma once

#include <string_view>

#include <imgui.h>

#include "ui/model/preset_list.h"

namespace switchyard::ui {

/// Draws what a preset's model does with a token, centred in the box: "dense" (blocks in a row) or
/// "moe" (experts between two nodes, the active ones lit). Another name draws blocks.
void draw_preset_glyph(
    ImDrawList* list, ImVec2 min, ImVec2 max, std::string_view glyph, const ModelFacts& facts);

}  // namespace switchyard::ui
