#pragma once

#include <string>

#include <imgui.h>

namespace switchyard::ui {

/// Where a control stands on the screen, for texts that point at it.
struct Anchor {
  ImVec2 min, max;
  bool is_there = false;
};

/// Asks for the place of the control whose stable id stands after "###"; empty: of none. Controls
/// of the kit report themselves while they are drawn.
void want_anchor(const std::string& id);

/// Its place in this frame or, before it was drawn, in the last one.
Anchor wanted_anchor();

/// Called by the kit for each control.
void report_anchor(const char* label, ImVec2 min, ImVec2 max);

}  // namespace switchyard::ui
