#pragma once

#include <imgui.h>

#include "ui/model/studio.h"

namespace switchyard::ui {

/// Left column of the start screen: groups of presets, recent runs, this machine.
void draw_start_sidebar(Studio& studio, ImVec2 size);

}  // namespace switchyard::ui
