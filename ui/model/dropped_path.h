#pragma once

#include <string>

namespace switchyard::ui {

struct Studio;

enum class DroppedKind { kRunFolder, kConfig, kText, kOther };

/// Something that was dropped onto the window, after a look at the disk.
struct DroppedPath {
  std::string path;
  DroppedKind kind = DroppedKind::kOther;
};

/// Opens a run folder, loads a configuration into the form, reads a text for scoring where texts
/// are read, else makes it the data of the draft (one of the default preset when there is none).
/// Anything else: a notice that says what can be dropped.
void use_dropped(Studio& studio, const DroppedPath& dropped);

}  // namespace switchyard::ui
