#pragma once

#include "ui/model/prompt.h"

namespace switchyard::ui {

/// What could have stood here: alternatives as bars, the chosen one on selection colour. Fills the
/// width.
void draw_alternatives(const Token& token, float width);

/// The experts of one layer as two bars, widths by weight. `is_focused` marks the selected layer.
void draw_route_row(const RouteStep& step, int index, bool is_focused, float width);

/// "52 %", "0.3 %", "< 0.01 %".
std::string percent_text(double probability);

}  // namespace switchyard::ui
