#pragma once

#include <string>

#include "ui/model/prompt_state.h"

namespace switchyard::ui {

/// Temperature to stop texts. `stop_problem` keeps why the last stop text was not taken.
void draw_sampling(PromptState& prompt, std::string* stop_problem);

}  // namespace switchyard::ui
