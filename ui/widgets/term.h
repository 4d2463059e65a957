#pragma once

#include <string>
#include <string_view>

#include <imgui.h>

namespace switchyard::ui {

/// Explains a metric or term of the glossary while the mouse rests on the box, in which the caller
/// has drawn its name; F1 then opens the glossary there. Nothing for a name without an entry.
void term_help(std::string_view name, ImVec2 min, ImVec2 max);

/// The key of the term under the mouse in this frame; empty: none.
const std::string& term_under_mouse();

}  // namespace switchyard::ui
