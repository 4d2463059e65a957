#pragma once

#include <span>

#include "ui/shell/fonts.h"

namespace switchyard::ui {

struct TabLine {
  const char* label;
  Icon icon = Icon::kCount;  ///< kCount: none
};

/// Tabs inside a panel: words with an accent line below the chosen one. Items have stable ids:
/// id + "." + index. With `is_compact` the others show their icon only. True when changed.
bool tabs(const char* id, std::span<const TabLine> items, int* selected, bool is_compact = false);

}  // namespace switchyard::ui
