#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ui/model/studio.h"
#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {

/// One run of the comparison below the table.
struct ComparedRun {
  std::string root;
  std::string name;
  Color color = 0;
  std::shared_ptr<const RunView> view;  ///< null while it is being read
};

/// The ticked runs in the order in which they were ticked; the open one when none is.
std::vector<ComparedRun> compared_runs(const Studio& studio);

}  // namespace switchyard::ui
