#pragma once

#include <string_view>

#include "ui/shell/fonts.h"

namespace switchyard::ui {

/// Small words above the rows of a sidebar.
void sidebar_caption(std::string_view words);

struct SidebarRow {
  const char* label;           ///< with its id after "###"
  Icon sign = Icon::kCount;    ///< before the words; kCount: none
  std::string_view note = {};  ///< at the right end
  bool is_selected = false;
};

/// A rounded row over the whole width; true when clicked.
bool sidebar_row(const SidebarRow& row);

}  // namespace switchyard::ui
