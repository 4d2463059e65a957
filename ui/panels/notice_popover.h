#pragma once

#include "ui/model/studio.h"

namespace switchyard::ui {

/// The bell with its dot, and the list of past notices that it opens.
void draw_bell(Studio& studio);

}  // namespace switchyard::ui
