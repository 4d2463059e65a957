#pragma once

#include <span>

namespace switchyard::ui {

/// A segmented control, or a combo where less than its width is left. True when changed.
bool choice(const char* id, std::span<const char* const> items, int* selected, float max_width);

/// Width that `choice` takes when `max_width` pixels are there.
float choice_width(std::span<const char* const> items, float max_width);

}  // namespace switchyard::ui
