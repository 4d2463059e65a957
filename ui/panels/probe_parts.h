#pragma once

#include <string>

#include "engine/base/store/run_store.h"

namespace switchyard::ui {

/// The centred words of a panel that needs a probe, in a run without one.
void draw_without_probe();

/// "probe of step 1,200, 4,096 tokens".
std::string probe_words(const store::ProbeSample& sample);

}  // namespace switchyard::ui
