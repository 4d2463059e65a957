#include "ui/model/shortcuts.h"

#include <algorithm>

namespace switchyard::ui {
namespace {

constexpr std::array kLines = {
    ShortcutLine{Shortcut::kTrain, "Go to", "Train", {"Ctrl", "1"}},
    ShortcutLine{Shortcut::kRouting, "Go to", "Routing", {"Ctrl", "2"}},
    ShortcutLine{Shortcut::kPrompt, "Go to", "Prompt", {"Ctrl", "3"}},
    ShortcutLine{Shortcut::kRuns, "Go to", "Runs", {"Ctrl", "4"}},
    ShortcutLine{Shortcut::kPalette, "Go to", "Search everything", {"Ctrl", "K"}},
    ShortcutLine{Shortcut::kFind, "Go to", "Find in settings or log", {"Ctrl", "F"}},
    ShortcutLine{Shortcut::kDrawer, "Go to", "Log, events, hardware", {"Ctrl", "`"}},
    ShortcutLine{Shortcut::kSettings, "Go to", "Settings", {"Ctrl", ","}},
    ShortcutLine{Shortcut::kNewRun, "Run", "New run", {"Ctrl", "N"}},
    ShortcutLine{Shortcut::kPauseResume, "Run", "Pause, resume", {"Space"}},
    ShortcutLine{Shortcut::kSave, "Run", "Save a checkpoint", {"Ctrl", "S"}},
    ShortcutLine{Shortcut::kGenerate, "Run", "Generate an answer", {"Ctrl", "Enter"}},
    ShortcutLine{Shortcut::kStopGenerating, "Run", "Stop generating", {"Esc"}},
    ShortcutLine{Shortcut::kZoomIn, "View", "Larger text", {"Ctrl", "+"}},
    ShortcutLine{Shortcut::kZoomOut, "View", "Smaller text", {"Ctrl", "-"}},
    ShortcutLine{Shortcut::kZoomNormal, "View", "Normal text", {"Ctrl", "0"}},
    ShortcutLine{Shortcut::kNextPanel, "View", "Next panel", {"F6"}},
    ShortcutLine{Shortcut::kNone, "View", "Next, previous control", {"Tab", "Shift+Tab"}},
    ShortcutLine{Shortcut::kNone, "View", "Plots: zoom, pan, fit", {"wheel", "drag", "R"}},
    ShortcutLine{Shortcut::kHelp, "Help", "About what is under the mouse", {"F1"}},
    ShortcutLine{Shortcut::kShortcuts, "Help", "This list", {"?"}},
};

}  // namespace

std::size_t ShortcutLine::num_keys() const {
  return static_cast<std::size_t>(
      std::count_if(keys.begin(), keys.end(), [](const char* key) { return key != nullptr; }));
}

std::string ShortcutLine::text() const {
  std::string words;
  for (std::size_t i = 0; i < num_keys(); ++i) words += (i == 0 ? "" : "+") + std::string(keys[i]);
  return words;
}

std::span<const ShortcutLine> shortcut_lines() {
  return kLines;
}

const ShortcutLine& shortcut_line(Shortcut id) {
  return *std::find_if(
      kLines.begin(), kLines.end() - 1, [id](const ShortcutLine& line) { return line.id == id; });
}

}  // namespace switchyard::ui
