#pragma once

#include <array>
#include <span>
#include <string>

namespace switchyard::ui {

/// Everything that a key does in the whole window.
enum class Shortcut {
  kTrain,
  kRouting,
  kPrompt,
  kRuns,
  kPalette,
  kNewRun,
  kPauseResume,
  kSave,
  kFind,
  kGenerate,
  kStopGenerating,
  kDrawer,
  kSettings,
  kZoomIn,
  kZoomOut,
  kZoomNormal,
  kNextPanel,
  kHelp,
  kShortcuts,
  kNone,  ///< a line of the overlay about the mouse or about plain navigation
};

/// One line of the table. The same keys are asked of the keyboard and shown in the overlay.
struct ShortcutLine {
  Shortcut id = Shortcut::kNone;
  const char* group = "";
  const char* what = "";
  std::array<const char*, 3> keys{};  ///< modifiers first; unused ones are null

  [[nodiscard]] std::size_t num_keys() const;
  /// "Ctrl+K".
  [[nodiscard]] std::string text() const;
};

/// The only table of shortcuts, in the order of the overlay.
std::span<const ShortcutLine> shortcut_lines();

const ShortcutLine& shortcut_line(Shortcut id);

}  // namespace switchyard::ui
