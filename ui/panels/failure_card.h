#pragma once

#include "ui/model/studio.h"

namespace switchyard::ui {

/// Why the open run ended, what was saved and what to do, in a card over the lower edge of the
/// plots; nothing while there is no failure or its card was dismissed. Call inside the panel, after
/// its content.
void draw_failure_card(Studio& studio);

}  // namespace switchyard::ui
