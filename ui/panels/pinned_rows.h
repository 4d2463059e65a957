#pragma once

#include <string>
#include <vector>

#include "ui/model/studio.h"

namespace switchyard::ui {

/// What is known about a prompt over training: pinned answers and replays with this seed, ascending
/// step.
std::vector<AnswerAt> rows_over_training(Studio& studio,
                                         const std::string& prompt,
                                         std::int64_t seed);

/// Rows "step · validation loss · text", newest first, at most `limit` (0: all). `selected_step`
/// (may be null) is set by a click. Ids begin with `id`.
void draw_pinned_rows(const std::vector<AnswerAt>& rows,
                      const char* id,
                      std::size_t limit,
                      std::int64_t* selected_step);

}  // namespace switchyard::ui
