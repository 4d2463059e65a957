#pragma once

#include "ui/model/studio.h"

namespace switchyard::ui {

/// Shade, rows, layer, and what an answer can be copied as. `answer` may be null. Ids begin with
/// `id`.
void draw_flow_toolbar(Studio& studio, const char* id, const Answer* answer);

/// What the colours of a flow mean, in words, with the selected expert as a chip.
void draw_flow_legend(const Studio& studio, const Answer& answer, bool has_routes);

}  // namespace switchyard::ui
