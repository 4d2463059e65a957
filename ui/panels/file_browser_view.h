#pragma once

#include <string>

#include "ui/model/studio.h"

namespace switchyard::ui {

/// Width that browse_button takes beside a field, with the space before it, in pixels.
float browse_width();

/// The small button behind the path field that was drawn last: opens the file browser for it. `id`:
/// the stable id of the field. True when a path was chosen, which then stands in *path.
bool browse_button(Studio& studio, const std::string& id, FileKind kind, std::string* path);

/// The file browser that belongs to no field but opens the run that is chosen; opened with
/// Studio::wants_run_folder. Once, at the end of a frame: closes what is not drawn any more.
void draw_run_folder_browser(Studio& studio);

}  // namespace switchyard::ui
