#include <algorithm>

#include "ui/model/run_state.h"
#include "ui/model/shortcuts.h"
#include "ui/model/words.h"
#include "ui/panels/fork_popover.h"
#include "ui/panels/palette.h"

namespace switchyard::ui {
namespace {

using Entries = std::vector<PaletteEntry>;

std::string keys_of(Shortcut id) {
  return shortcut_line(id).text();
}

void add_orders(const RunView& run, Entries& entries) {
  const RunButtons b = run_buttons(run);
  using Kind = EngineOrder::Kind;
  const auto order =
      [&](const ButtonState& state, Icon icon, const char* title, Kind kind, std::string keys) {
        if (state.is_enabled)
          entries.push_back({icon, title, "action", std::move(keys), [kind](Studio& s, DockShell&) {
                               s.send(EngineOrder{kind});
                             }});
      };
  const std::string pause = keys_of(Shortcut::kPauseResume);
  order(b.pause, Icon::kPause, "Pause training", Kind::kPause, pause);
  order(b.resume, Icon::kStart, "Resume training", Kind::kResume, pause);
  order(b.save, Icon::kSave, "Save a checkpoint now", Kind::kSave, keys_of(Shortcut::kSave));
  order(b.evaluate, Icon::kProbe, "Evaluate on the held-out text", Kind::kEvaluate, "");
  order(b.stop, Icon::kStop, "Stop and save", Kind::kStopAndSave, "");
  order(b.stop,
        Icon::kTrash,
        "Stop and discard since the last checkpoint",
        Kind::kStopAndDiscard,
        "");
  if (b.fork.is_enabled)
    entries.push_back({Icon::kFork,
                       "Fork " + run.name + " from a checkpoint",
                       "action",
                       "",
                       [root = run.root](Studio& s, DockShell&) { ask_to_fork(s, root); }});
  if (b.restart.is_enabled)
    entries.push_back({Icon::kStart,
                       "Resume " + run.name + " from its last checkpoint",
                       "action",
                       "",
                       [root = run.root](Studio& s, DockShell&) { s.send(ResumeRun{root}); }});
}

void add_places(Entries& entries) {
  const auto go = [&](Icon icon, const char* title, Workspace workspace, Shortcut key) {
    entries.push_back({icon, title, "view", keys_of(key), [workspace](Studio&, DockShell& shell) {
                         shell.set_workspace(workspace);
                       }});
  };
  entries.push_back({Icon::kPlus,
                     "New run: pick a preset",
                     "action",
                     keys_of(Shortcut::kNewRun),
                     [](Studio& s, DockShell&) { s.gallery.is_open = true; }});
  entries.push_back({Icon::kFolder, "Open run folder…", "action", "", [](Studio& s, DockShell&) {
                       s.wants_run_folder = true;
                     }});
  go(Icon::kTrain, "Go to Train", Workspace::kTrain, Shortcut::kTrain);
  go(Icon::kRouting, "Go to Routing", Workspace::kRouting, Shortcut::kRouting);
  go(Icon::kPrompt, "Go to Prompt", Workspace::kPrompt, Shortcut::kPrompt);
  go(Icon::kRuns, "Go to Runs", Workspace::kRuns, Shortcut::kRuns);
  const auto drawer = [&](Icon icon, const char* title, DrawerTab tab, const char* keys) {
    entries.push_back(
        {icon, title, "view", keys, [tab](Studio& s, DockShell&) { s.drawer.show(tab); }});
  };
  drawer(Icon::kLog, "Show the log", DrawerTab::kLog, "Ctrl+`");
  drawer(Icon::kFlag, "Show all events", DrawerTab::kEvents, "");
  drawer(Icon::kHardware, "Show the hardware", DrawerTab::kHardware, "");
  drawer(Icon::kHelp, "Show the glossary", DrawerTab::kGlossary, "");
}

void add_view(const DockShell& shell, Entries& entries) {
  const auto theme_entry = [&](Icon icon, const char* title, ThemeKind kind) {
    entries.push_back({icon, title, "view", "", [kind](Studio& s, DockShell& target) {
                         s.settings.follows_system_theme = false;
                         target.set_theme(kind);
                       }});
  };
  theme_entry(Icon::kThemeDark, "Theme: dark", ThemeKind::kDark);
  theme_entry(Icon::kThemeLight, "Theme: light", ThemeKind::kLight);
  theme_entry(Icon::kThemeContrast, "Theme: high contrast", ThemeKind::kContrast);
  entries.push_back({Icon::kGrid,
                     "Reset the layout of this workspace",
                     "view",
                     "",
                     [](Studio&, DockShell& target) { target.reset_layout(); }});
  for (const std::string& name : shell.layout_names())
    entries.push_back({Icon::kGrid, "Layout: " + name, "view", "", [name](Studio&, DockShell& s) {
                         s.load_layout(name);
                       }});
  entries.push_back({Icon::kSettings,
                     "Settings",
                     "view",
                     keys_of(Shortcut::kSettings),
                     [](Studio& s, DockShell&) { s.wants_settings = true; }});
  entries.push_back({Icon::kHelp, "Start the tour", "help", "", [](Studio& s, DockShell&) {
                       s.gallery.is_open = true;
                       s.tour.start();
                     }});
}

/// Words by which people look for a panel that is called otherwise.
const char* also_called(const std::string& id) {
  if (id == "prompt.over_training") return " (pinned prompts)";
  if (id == "prompt.score") return " (loss, perplexity, bits per byte of a text)";
  return "";
}

void add_panels(const DockShell& shell, Entries& entries) {
  for (const PanelEntry& panel : shell.panels()) {
    const std::string id(panel.id);
    entries.push_back({Icon::kGrid,
                       std::string(workspace_name(panel.workspace)) + ": " +
                           std::string(panel.title) + also_called(id),
                       "panel",
                       "",
                       [id](Studio& s, DockShell& target) {
                         s.gallery.is_open = false;
                         target.focus_panel(id);
                       }});
  }
}

void add_runs_and_presets(const Studio& studio, Entries& entries) {
  for (const SizedPreset& preset : studio.presets->presets) {
    if (!preset.has_data || !preset.problem.empty()) continue;
    entries.push_back(
        {Icon::kLayers,
         "Train " + preset.card.name,
         "preset",
         "",
         [name = preset.card.name](Studio& s, DockShell&) { s.send(TrainPreset{name}); }});
  }
  for (const SizedPreset& preset : studio.presets->presets) {
    if (!preset.problem.empty()) continue;
    entries.push_back(
        {Icon::kSliders,
         "Customise " + preset.card.name,
         "preset",
         "",
         [name = preset.card.name](Studio& s, DockShell&) { customise_preset(s, name); }});
  }
  for (const store::RunSummary& run : studio.runs->runs)
    entries.push_back(
        {Icon::kRuns, "Open " + run.name, "run", "", [root = run.root](Studio& s, DockShell&) {
           s.send(OpenRun{root});
         }});
}

/// Every setting of the configuration that is shown.
void add_settings(const ConfigState& config, Entries& entries) {
  for (const FormSection& section : config.sections) {
    for (const FormRow& row : section.rows) {
      entries.push_back({Icon::kSliders,
                         section.title + ": " + row.label,
                         "setting",
                         "",
                         [pointer = row.pointer](Studio& s, DockShell& shell) {
                           s.config.wanted_setting = pointer;
                           s.gallery.is_open = false;
                           shell.focus_panel("train.config");
                         }});
    }
  }
}

/// The series that the open run records.
void add_series(const RunView& run, Entries& entries) {
  for (const auto& [metric, series] : run.series)
    entries.push_back(
        {Icon::kTrain, metric, "plot", "", [name = metric](Studio& s, DockShell& shell) {
           s.gallery.is_open = false;
           s.selection.series = name;
           shell.focus_panel("train.inspector");
         }});
}

}  // namespace

std::vector<PaletteEntry> palette_entries(const Studio& studio, const DockShell& shell) {
  Entries entries;
  add_orders(*studio.run, entries);
  add_places(entries);
  add_view(shell, entries);
  add_panels(shell, entries);
  add_runs_and_presets(studio, entries);
  add_settings(studio.config, entries);
  add_series(*studio.run, entries);
  return entries;
}

std::vector<std::size_t> palette_matches(const std::vector<PaletteEntry>& entries,
                                         const std::string& filter,
                                         const std::vector<std::string>& recent) {
  std::vector<std::pair<int, std::size_t>> ranked;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const PaletteEntry& entry = entries[i];
    const auto score = fuzzy_score(filter, entry.title + " " + entry.group);
    if (!score) continue;
    const auto used = std::find(recent.begin(), recent.end(), entry.title);
    const int age = static_cast<int>(used - recent.begin());
    const int bonus = used == recent.end() ? 0 : (filter.empty() ? 1000 - age : 6);
    ranked.emplace_back(*score + bonus, i);
  }
  std::stable_sort(
      ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::size_t> matches;
  matches.reserve(ranked.size());
  for (const auto& [score, index] : ranked) matches.push_back(index);
  return matches;
}

}  // namespace switchyard::ui
