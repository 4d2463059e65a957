#include "ui/panels/palette.h"

#include <algorithm>
#include <cmath>

#include "ui/model/run_state.h"
#include "ui/panels/common.h"
#include "ui/panels/fork_popover.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kMostRows = 9;

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

void add_orders(const RunView& run, std::vector<PaletteEntry>& entries) {
  const RunButtons b = run_buttons(run);
  using Kind = EngineOrder::Kind;
  const auto order = [&](const ButtonState& state, Icon icon, const char* title, Kind kind) {
    if (state.is_enabled)
      entries.push_back(
          {icon, title, "action", [kind](Studio& s, DockShell&) { s.send(EngineOrder{kind}); }});
  };
  order(b.pause, Icon::kPause, "Pause training", Kind::kPause);
  order(b.resume, Icon::kStart, "Resume training", Kind::kResume);
  order(b.save, Icon::kSave, "Save a checkpoint now", Kind::kSave);
  order(b.evaluate, Icon::kProbe, "Evaluate on the held-out text", Kind::kEvaluate);
  order(b.stop, Icon::kStop, "Stop and save", Kind::kStopAndSave);
  order(b.stop, Icon::kTrash, "Stop and discard since the last checkpoint", Kind::kStopAndDiscard);
  if (b.fork.is_enabled)
    entries.push_back({Icon::kFork,
                       "Fork " + run.name + " from a checkpoint",
                       "action",
                       [root = run.root](Studio& s, DockShell&) { ask_to_fork(s, root); }});
  if (b.restart.is_enabled)
    entries.push_back({Icon::kStart,
                       "Resume " + run.name + " from its last checkpoint",
                       "action",
                       [root = run.root](Studio& s, DockShell&) { s.send(ResumeRun{root}); }});
}

void add_shell(std::vector<PaletteEntry>& entries) {
  const auto go = [&](Icon icon, const char* title, Workspace workspace) {
    entries.push_back({icon, title, "view", [workspace](Studio&, DockShell& shell) {
                         shell.set_workspace(workspace);
                       }});
  };
  entries.push_back({Icon::kPlus, "New run: pick a preset", "action", [](Studio& s, DockShell&) {
                       s.gallery.is_open = true;
                     }});
  go(Icon::kTrain, "Go to Train", Workspace::kTrain);
  go(Icon::kRouting, "Go to Routing", Workspace::kRouting);
  go(Icon::kPrompt, "Go to Prompt", Workspace::kPrompt);
  go(Icon::kRuns, "Go to Runs", Workspace::kRuns);
  const auto panel = [&](Icon icon, const char* title, const char* id) {
    entries.push_back(
        {icon, title, "view", [id](Studio&, DockShell& shell) { shell.focus_panel(id); }});
  };
  panel(Icon::kPin, "Pinned prompts over training", "prompt.over_training");
  panel(Icon::kProbe, "Score a text: loss, perplexity, bits per byte", "prompt.score");
  const auto theme_entry = [&](Icon icon, const char* title, ThemeKind kind) {
    entries.push_back(
        {icon, title, "view", [kind](Studio&, DockShell& shell) { shell.set_theme(kind); }});
  };
  theme_entry(Icon::kThemeDark, "Theme: dark", ThemeKind::kDark);
  theme_entry(Icon::kThemeLight, "Theme: light", ThemeKind::kLight);
  theme_entry(Icon::kThemeContrast, "Theme: high contrast", ThemeKind::kContrast);
  entries.push_back(
      {Icon::kGrid, "Reset the layout of this workspace", "view", [](Studio&, DockShell& shell) {
         shell.reset_layout();
       }});
}

/// Every setting of the configuration that is shown.
void add_settings(const ConfigState& config, std::vector<PaletteEntry>& entries) {
  for (const FormSection& section : config.sections) {
    for (const FormRow& row : section.rows) {
      entries.push_back({Icon::kSliders,
                         section.title + ": " + row.label,
                         "setting",
                         [pointer = row.pointer](Studio& s, DockShell& shell) {
                           s.config.wanted_setting = pointer;
                           s.gallery.is_open = false;
                           shell.set_workspace(Workspace::kTrain);
                         }});
    }
  }
}

}  // namespace

std::vector<PaletteEntry> palette_entries(const Studio& studio) {
  std::vector<PaletteEntry> entries;
  add_orders(*studio.run, entries);
  add_shell(entries);
  for (const SizedPreset& preset : studio.presets->presets) {
    if (!preset.has_data || !preset.problem.empty()) continue;
    entries.push_back(
        {Icon::kLayers,
         "Train " + preset.card.name,
         "preset",
         [name = preset.card.name](Studio& s, DockShell&) { s.send(TrainPreset{name}); }});
  }
  for (const SizedPreset& preset : studio.presets->presets) {
    if (!preset.problem.empty()) continue;
    entries.push_back(
        {Icon::kSliders,
         "Customise " + preset.card.name,
         "preset",
         [name = preset.card.name](Studio& s, DockShell&) { customise_preset(s, name); }});
  }
  add_settings(studio.config, entries);
  for (const store::RunSummary& run : studio.runs->runs)
    entries.push_back(
        {Icon::kRuns, "Open " + run.name, "run", [root = run.root](Studio& s, DockShell&) {
           s.send(OpenRun{root});
         }});
  return entries;
}

std::vector<std::size_t> palette_matches(const std::vector<PaletteEntry>& entries,
                                         const std::string& filter) {
  std::vector<std::string> words(1);
  for (const char c : lower(filter)) {
    if (c != ' ')
      words.back() += c;
    else if (!words.back().empty())
      words.emplace_back();
  }
  std::vector<std::pair<std::size_t, std::size_t>> ranked;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string title = lower(entries[i].title + " " + entries[i].group);
    std::size_t rank = 0;
    bool has_all = true;
    for (const std::string& word : words) {
      const std::size_t at = title.find(word);
      has_all = has_all && at != std::string::npos;
      rank += at;
    }
    if (has_all) ranked.emplace_back(rank, i);
  }
  if (!filter.empty())
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
      return a.first < b.first;
    });
  std::vector<std::size_t> matches;
  for (const auto& [rank, index] : ranked) matches.push_back(index);
  return matches;
}

void Palette::open() {
  is_open_ = wants_focus_ = true;
  filter_.clear();
  selected_ = 0;
}

void Palette::draw_list(Studio& studio, DockShell& shell) {
  const ThemeTokens& t = theme();
  const std::vector<PaletteEntry> entries = palette_entries(studio);
  const std::vector<std::size_t> matches = palette_matches(entries, filter_);
  const int count = static_cast<int>(std::min(matches.size(), kMostRows));
  if (ImGui::IsKeyPressed(ImGuiKey_DownArrow)) ++selected_;
  if (ImGui::IsKeyPressed(ImGuiKey_UpArrow)) --selected_;
  selected_ = count == 0 ? 0 : std::clamp(selected_, 0, count - 1);
  int chosen = -1;
  if (count > 0 && (ImGui::IsKeyPressed(ImGuiKey_Enter, false) ||
                    ImGui::IsKeyPressed(ImGuiKey_KeypadEnter, false)))
    chosen = selected_;
  const float width = ImGui::GetContentRegionAvail().x, height = em(2.2F);
  for (int row = 0; row < count; ++row) {
    const PaletteEntry& entry = entries[matches[static_cast<std::size_t>(row)]];
    const ImVec2 min = ImGui::GetCursorScreenPos();
    if (hit_area(("###palette.row." + std::to_string(row)).c_str(), {width, height})) chosen = row;
    const ImVec2 max = {min.x + width, min.y + height};
    ImDrawList* list = ImGui::GetWindowDrawList();
    if (row == selected_ || ImGui::IsItemHovered())
      list->AddRectFilled(min, max, row == selected_ ? t.selection : t.hover, em(0.38F));
    const float y = std::round(min.y + (height - line_height(Type::kBody)) * 0.5F);
    draw_text(list, Type::kBody, {min.x + em(0.7F), y}, t.text3, icon(entry.icon));
    draw_text_right(list, Type::kCaption, {max.x - em(0.7F), y}, t.text3, entry.group);
    draw_text(list, Type::kBody, {min.x + em(2.4F), y}, t.text1, entry.title, width - em(7));
  }
  if (count == 0) note("Nothing here by that name.");
  if (chosen < 0) return;
  const PaletteEntry entry = entries[matches[static_cast<std::size_t>(chosen)]];
  is_open_ = false;
  entry.act(studio, shell);
}

void Palette::draw(Studio& studio, DockShell& shell) {
  if (!is_open_) return;
  const ImGuiViewport* view = ImGui::GetMainViewport();
  const float width = std::min(em(40), view->Size.x - em(4));
  ImGui::SetNextWindowPos(
      {view->Pos.x + view->Size.x * 0.5F, view->Pos.y + em(5)}, ImGuiCond_Always, {0.5F, 0.0F});
  ImGui::SetNextWindowSize({width, 0.0F});
  if (wants_focus_) ImGui::SetNextWindowFocus();
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(em(0.7F), em(0.7F)));
  ImGui::PushStyleColor(ImGuiCol_WindowBg, theme().popup);
  ImGui::Begin("Palette###palette",
               nullptr,
               ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove |
                   ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoDocking |
                   ImGuiWindowFlags_NoNav);
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  draw_popup_box(ImGui::GetWindowDrawList(), min, {min.x + size.x, min.y + size.y});
  if (wants_focus_) ImGui::SetKeyboardFocusHere();
  const bool was_appearing = wants_focus_;
  wants_focus_ = false;
  search_field("###palette.filter", &filter_, "What do you want to do?", nullptr, width - em(1.4F));
  gap(0.2F);
  draw_list(studio, shell);
  const bool is_outside = ImGui::IsMouseClicked(ImGuiMouseButton_Left) && !was_appearing &&
                          !ImGui::IsWindowHovered(ImGuiHoveredFlags_RootAndChildWindows);
  if (is_outside || ImGui::IsKeyPressed(ImGuiKey_Escape, false)) is_open_ = false;
  ImGui::End();
  ImGui::PopStyleColor();
  ImGui::PopStyleVar();
}

}  // namespace switchyard::ui
