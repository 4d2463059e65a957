#pragma once

#include "ui/model/prompt.h"

namespace switchyard::ui {

struct Studio;

/// What could have stood here: alternatives as bars, the chosen one on selection colour. A click
/// sets `picked` (index into Token::top). Fills the width; ids begin with `id`.
void draw_alternatives(const Token& token, const char* id, float width, int* picked);

/// The experts of one layer as two bars, widths by weight. `is_focused` marks the selected layer.
void draw_route_row(
    const Studio& studio, const RouteStep& step, int index, bool is_focused, float width);

/// "52 %", "0.3 %", "< 0.01 %".
std::string percent_text(double probability);

/// "rank 2, 0.94 bits".
std::string token_summary(const Token& token);

}  // namespace switchyard::ui
