#include "ui/shell/dock_shell.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <imgui.h>
#include <imgui_internal.h>

#include "ui/shell/fonts.h"
#include "ui/shell/frame_loop.h"
#include "ui/shell/theme.h"
#include "ui/widgets/shortcut_keys.h"

namespace switchyard::ui {
namespace {

constexpr float kTopBarEm = 3.1F;
constexpr float kRunBarEm = 4.15F;
constexpr float kStatusEm = 2.0F;
constexpr std::array kWorkspaceKeys = {"train", "routing", "prompt", "runs"};

constexpr ImGuiWindowFlags kBarFlags =
    ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings |
    ImGuiWindowFlags_NoDocking | ImGuiWindowFlags_NoBringToFrontOnFocus |
    ImGuiWindowFlags_NoFocusOnAppearing;

/// Side panels keep their size in em when zoom or monitor change; the centre takes what is left.
void scale_docks(float ratio) {
  if (ratio == 1.0F) return;
  for (ImGuiStoragePair& pair : ImGui::GetCurrentContext()->DockContext.Nodes.Data) {
    auto* node = static_cast<ImGuiDockNode*>(pair.val_p);
    if (node == nullptr || node->IsCentralNode()) continue;
    node->SizeRef = {node->SizeRef.x * ratio, node->SizeRef.y * ratio};
  }
}

float left_em(Workspace workspace) {
  switch (workspace) {
    case Workspace::kRouting:
      return 18.9F;
    case Workspace::kPrompt:
      return 26.8F;
    case Workspace::kTrain:
    case Workspace::kRuns:
      break;
  }
  return 22.5F;
}

/// Begins a fixed strip across the window; call ImGui::End after.
void begin_strip(const char* name, float y, float height) {
  const ImGuiViewport* view = ImGui::GetMainViewport();
  ImGui::SetNextWindowPos({view->Pos.x, y});
  ImGui::SetNextWindowSize({view->Size.x, height});
  ImGui::Begin(name, nullptr, kBarFlags);
}

void line_below(float y) {
  const ImGuiViewport* view = ImGui::GetMainViewport();
  ImGui::GetWindowDrawList()->AddRectFilled(
      {view->Pos.x, y - px(1)}, {view->Pos.x + view->Size.x, y}, theme().line);
}

int slot_key(Workspace workspace, Slot slot) {
  return static_cast<int>(workspace) * 4 + static_cast<int>(slot);
}

}  // namespace

DockShell::DockShell(std::span<const PanelEntry> panels, StateWriter* writer)
    : entries_(panels), writer_(writer), states_(panels.size()) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    states_[i].panel = entries_[i].create();
    states_[i].window_name = std::string(entries_[i].title) + "###" + std::string(entries_[i].id);
  }
  ImGui::GetIO().IniSavingRate = 0.2F;
  load_settings();
}

DockShell::~DockShell() {
  if (ImGui::GetCurrentContext() != nullptr && ImGui::GetFrameCount() > 0) save_settings();
}

unsigned DockShell::dock_id(Workspace workspace) const {
  const std::string name =
      std::string("dock.") + kWorkspaceKeys[static_cast<std::size_t>(workspace)];
  return ImHashStr(name.c_str());
}

/// Changes the class of room, and with it the arrangement, when the window or the zoom did.
void DockShell::follow_room(float width, float height) {
  const RoomClass room = room_class(width / em(1), height / em(1));
  if (room == room_ || !pending_ini_.empty()) return;
  arrangements_[static_cast<std::size_t>(room_)] = arrangement();
  room_ = room;
  use_arrangement(arrangements_[static_cast<std::size_t>(room)]);
  is_dirty_ = true;
  if (FrameLoop* loop = FrameLoop::current()) loop->request_frames();
}

void DockShell::set_workspace(Workspace workspace) {
  ++workspace_requests_;
  if (workspace_ == workspace) return;
  workspace_ = workspace;
  is_dirty_ = true;
}

void DockShell::set_theme(ThemeKind kind) {
  is_dirty_ = is_dirty_ || theme_kind_ != kind;
  theme_kind_ = kind;
}

void DockShell::set_zoom(float zoom) {
  const float clamped = std::clamp(std::round(zoom * 20.0F) / 20.0F, 0.75F, 2.5F);
  is_dirty_ = is_dirty_ || zoom_ != clamped;
  zoom_ = clamped;
}

void DockShell::reset_layout() {
  wants_reset_[static_cast<std::size_t>(workspace_)] = true;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (entries_[i].workspace == workspace_) states_[i].is_open = true;
  }
  is_dirty_ = true;
}

void DockShell::focus_panel(std::string_view id) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (entries_[i].id != id) continue;
    set_workspace(entries_[i].workspace);
    states_[i].is_open = true;
    states_[i].wants_focus = true;
    is_dirty_ = true;
  }
}

void DockShell::set_panel_open(std::string_view id, bool is_open) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (entries_[i].id == id) states_[i].is_open = is_open, is_dirty_ = true;
  }
}

bool DockShell::is_panel_open(std::string_view id) const {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (entries_[i].id == id) return states_[i].is_open;
  }
  return false;
}

void DockShell::before_frame(float content_scale) {
  const float scale = content_scale * zoom_;
  if (scale != applied_scale_ || theme_kind_ != applied_theme_) {
    apply_theme(theme_kind_, scale);
    if (applied_scale_ > 0.0F && pending_ini_.empty()) scale_docks(scale / applied_scale_);
    is_dirty_ = is_dirty_ || scale != applied_scale_;
    applied_scale_ = scale;
    applied_theme_ = theme_kind_;
  }
  if (!pending_ini_.empty()) {
    ImGui::LoadIniSettingsFromMemory(pending_ini_.data(), pending_ini_.size());
    pending_ini_.clear();
    if (pending_scale_ > 0.0F) scale_docks(applied_scale_ / pending_scale_);
  }
}

/// Where each slot goes in the room that there is.
void DockShell::fit_slots(Workspace workspace, float height, std::array<Slot, 4>& place) const {
  place = {Slot::kLeft, Slot::kCentre, Slot::kRight, Slot::kBottom};
  const auto move = [&](Slot from, Slot to) { place[static_cast<std::size_t>(from)] = to; };
  if (room_ == RoomClass::kNarrow) move(Slot::kLeft, Slot::kCentre);
  if (room_ != RoomClass::kWide && workspace != Workspace::kRuns)
    move(Slot::kRight, room_ == RoomClass::kNarrow ? Slot::kCentre : Slot::kLeft);
  if (room_ == RoomClass::kNarrow || height < em(30)) {
    move(Slot::kBottom, Slot::kCentre);
    if (workspace == Workspace::kRuns) move(Slot::kRight, Slot::kCentre);
  }
}

void DockShell::build_default_layout(Workspace workspace, float width, float height) {
  const unsigned root = dock_id(workspace);
  std::array<Slot, 4> place{};
  fit_slots(workspace, height, place);
  std::array<bool, 4> has{};
  for (const PanelEntry& entry : entries_) {
    if (entry.workspace == workspace)
      has[static_cast<std::size_t>(place[static_cast<std::size_t>(entry.slot)])] = true;
  }
  const auto has_slot = [&](Slot slot) { return has[static_cast<std::size_t>(slot)]; };
  ImGui::DockBuilderRemoveNode(root);
  ImGui::DockBuilderAddNode(root, ImGuiDockNodeFlags_DockSpace);
  ImGui::DockBuilderSetNodeSize(root, {width, height});
  unsigned centre = root, left = 0, right = 0, bottom = 0;
  const bool is_runs = workspace == Workspace::kRuns;
  float remaining = width;
  const auto split = [&](ImGuiDir side, float wanted, unsigned* from) {
    const float ratio = std::clamp(wanted / std::max(1.0F, remaining), 0.12F, 0.45F);
    return ImGui::DockBuilderSplitNode(*from, side, ratio, nullptr, from);
  };
  // Runs: the table above everything, plots and differences side by side below it.
  if (is_runs && has_slot(Slot::kBottom)) {
    bottom = ImGui::DockBuilderSplitNode(centre, ImGuiDir_Down, 0.46F, nullptr, &centre);
    if (has_slot(Slot::kRight)) {
      right = ImGui::DockBuilderSplitNode(bottom, ImGuiDir_Right, 0.42F, nullptr, &bottom);
    }
  }
  if (has_slot(Slot::kLeft)) {
    left = split(ImGuiDir_Left, em(left_em(workspace)), &centre);
    remaining -= em(left_em(workspace));
  }
  if (has_slot(Slot::kRight) && right == 0) right = split(ImGuiDir_Right, em(19.2F), &centre);
  if (has_slot(Slot::kBottom) && bottom == 0) {
    bottom = ImGui::DockBuilderSplitNode(centre, ImGuiDir_Down, 0.44F, nullptr, &centre);
  }
  const std::array nodes = {left, centre, right, bottom};
  for (std::size_t slot = 0; slot < nodes.size(); ++slot)
    slot_nodes_[slot_key(workspace, static_cast<Slot>(slot))] =
        nodes[static_cast<std::size_t>(place[slot])];
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].workspace != workspace) continue;
    ImGui::DockBuilderDockWindow(states_[i].window_name.c_str(),
                                 slot_nodes_[slot_key(workspace, entries_[i].slot)]);
  }
  ImGui::DockBuilderFinish(root);
  const auto index = static_cast<std::size_t>(workspace);
  is_built_[index] = true;
  wants_reset_[index] = false;
  front_frames_[index] = 3;
  is_dirty_ = true;
}

void DockShell::draw_dock_space(float top, float bottom) {
  const ImGuiViewport* view = ImGui::GetMainViewport();
  ImGui::PushStyleColor(ImGuiCol_WindowBg, theme().line);  // shows as the separators
  begin_strip("###shell.dock", top, bottom - top);
  ImGui::PopStyleColor();
  follow_room(view->Size.x, bottom - top);
  const auto index = static_cast<std::size_t>(workspace_);
  const unsigned root = dock_id(workspace_);
  const bool is_missing = ImGui::DockBuilderGetNode(root) == nullptr;
  const bool is_settled = pending_ini_.empty();  // else another layout comes with the next frame
  if (is_settled && (!is_built_[index] || wants_reset_[index] || is_missing)) {
    build_default_layout(workspace_, view->Size.x, bottom - top);
  }
  {
    const FontScope scope(Type::kBodyMedium);
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, ImVec2(px(11), px(8)));
    ImGui::PushStyleVar(ImGuiStyleVar_ChildRounding, 0.0F);
    ImGui::PushStyleVar(ImGuiStyleVar_ChildBorderSize, 0.0F);
    ImGui::PushStyleVar(ImGuiStyleVar_FrameBorderSize, 0.0F);
    for (int i = 0; i < 4; ++i) {
      const bool is_shown = i == static_cast<int>(workspace_);
      const unsigned id = dock_id(static_cast<Workspace>(i));
      if (!is_shown && ImGui::DockBuilderGetNode(id) == nullptr) continue;
      ImGui::DockSpace(id,
                       is_shown ? ImVec2(view->Size.x, bottom - top) : ImVec2(0, 0),
                       is_shown ? ImGuiDockNodeFlags_None : ImGuiDockNodeFlags_KeepAliveOnly);
    }
    ImGui::PopStyleVar(4);
  }
  ImGui::End();
}

namespace {

/// The window's name with the count of what it lists: "Runs 47". The id behind it stays.
std::string titled(const PanelEntry& entry, const std::string& name, const Studio& studio) {
  const std::size_t count = entry.count == nullptr ? 0 : entry.count(studio);
  if (count == 0) return name;
  return std::string(entry.title) + "  " + std::to_string(count) + name.substr(entry.title.size());
}

}  // namespace

void DockShell::draw_panel(std::size_t index, Studio& studio) {
  PanelState& state = states_[index];
  const PanelEntry& entry = entries_[index];
  const unsigned slot = slot_nodes_[slot_key(entry.workspace, entry.slot)];
  if (slot != 0) ImGui::SetNextWindowDockID(slot, ImGuiCond_FirstUseEver);
  ImGui::SetNextWindowSize({em(30), em(24)}, ImGuiCond_FirstUseEver);
  if (std::exchange(state.wants_focus, false)) ImGui::SetNextWindowFocus();
  bool is_visible = false;
  {
    const FontScope scope(Type::kBodyMedium);
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, ImVec2(px(11), px(8)));
    ImGui::PushStyleColor(ImGuiCol_Text, state.was_visible ? theme().text1 : theme().text3);
    ImGui::PushStyleColor(ImGuiCol_WindowBg, theme().bg1);
    is_visible = ImGui::Begin(titled(entry, state.window_name, studio).c_str(),
                              nullptr,
                              ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoFocusOnAppearing);
    ImGui::PopStyleColor(2);
    ImGui::PopStyleVar();
  }
  if (state.was_visible != is_visible) ImGui::GetIO().WantSaveIniSettings = true;
  state.was_visible = is_visible;
  if (is_visible) {
    state.panel->draw(studio);
    // A panel may end with a moved cursor; Dear ImGui wants an item there.
    if (ImGui::GetCurrentWindow()->DC.IsSetPos) ImGui::Dummy({0.0F, 0.0F});
  }
  ImGui::End();
}

void DockShell::draw_panels(Studio& studio) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (entries_[i].workspace != workspace_ || !states_[i].is_open) continue;
    draw_panel(i, studio);
    if (states_[i].was_visible) focus_areas_.push_back(states_[i].window_name);
  }
  int& front = front_frames_[static_cast<std::size_t>(workspace_)];
  if (front <= 0) return;
  --front;  // after the dock builder the first panel of each slot comes to the front
  if (FrameLoop* loop = FrameLoop::current()) loop->request_frames();
  ImGuiWindow* main_window = nullptr;
  for (std::size_t i = states_.size(); i-- > 0;) {
    if (entries_[i].workspace != workspace_) continue;
    ImGuiWindow* window = ImGui::FindWindowByName(states_[i].window_name.c_str());
    if (window == nullptr || window->DockNode == nullptr) continue;
    window->DockNode->SelectedTabId = window->TabId;
    if (window->DockNode->TabBar != nullptr)
      window->DockNode->TabBar->NextSelectedTabId = window->TabId;
    if (entries_[i].slot == Slot::kCentre) main_window = window;
  }
  if (main_window != nullptr) {  // in a narrow window it shares its place with all others
    main_window->DockNode->SelectedTabId = main_window->TabId;
    if (main_window->DockNode->TabBar != nullptr)
      main_window->DockNode->TabBar->NextSelectedTabId = main_window->TabId;
  }
  if (front == 0 && main_window != nullptr) ImGui::FocusWindow(main_window);
}

void DockShell::handle_keys(const ShellParts& parts) {
  constexpr std::array kGo = {
      Shortcut::kTrain, Shortcut::kRouting, Shortcut::kPrompt, Shortcut::kRuns};
  for (std::size_t i = 0; i < kGo.size(); ++i) {
    if (is_pressed(kGo[i])) set_workspace(static_cast<Workspace>(i));
  }
  if (is_pressed(Shortcut::kPalette) && parts.open_palette) parts.open_palette();
  if (is_pressed(Shortcut::kZoomIn, true)) set_zoom(zoom_ + 0.1F);
  if (is_pressed(Shortcut::kZoomOut, true)) set_zoom(zoom_ - 0.1F);
  if (is_pressed(Shortcut::kZoomNormal)) set_zoom(1.0F);
}

void DockShell::draw(Studio& studio, const ShellParts& parts) {
  const ImGuiViewport* view = ImGui::GetMainViewport();
  is_outside_workspaces_ = parts.is_outside_workspaces;
  focus_areas_ = {"###shell.top"};
  float y = view->Pos.y;
  begin_strip("###shell.top", y, em(kTopBarEm));
  draw_top_bar(parts);
  y += em(kTopBarEm);
  line_below(y);
  ImGui::End();
  if (parts.run_bar) {
    begin_strip("###shell.run_bar", y, em(kRunBarEm));
    parts.run_bar();
    y += em(kRunBarEm);
    line_below(y);
    ImGui::End();
    focus_areas_.emplace_back("###shell.run_bar");
  }
  float bottom = view->Pos.y + view->Size.y;
  if (parts.status_strip) {
    bottom -= em(kStatusEm);
    begin_strip("###shell.status", bottom, em(kStatusEm));
    line_below(bottom + px(1));
    parts.status_strip();
    ImGui::End();
  }
  const bool has_drawer = parts.drawer && parts.drawer_height > 0.0F;
  if (has_drawer) {
    bottom -= parts.drawer_height;
    begin_strip("###shell.drawer", bottom, parts.drawer_height);
    line_below(bottom + px(1));
    parts.drawer();
    ImGui::End();
  }
  if (parts.full_page) {
    begin_strip("###shell.page", y, bottom - y);
    parts.full_page();
    ImGui::End();
    focus_areas_.emplace_back("###shell.page");
  } else {
    draw_dock_space(y, bottom);
    draw_panels(studio);
  }
  if (has_drawer) focus_areas_.emplace_back("###shell.drawer");
  if (parts.status_strip) focus_areas_.emplace_back("###shell.status");
  handle_keys(parts);
  ImGuiIO& io = ImGui::GetIO();
  if (io.WantSaveIniSettings || is_dirty_) {
    io.WantSaveIniSettings = false;
    save_settings();
  } else if (ImGui::GetCurrentContext()->SettingsDirtyTimer > 0.0F) {
    if (FrameLoop* loop = FrameLoop::current()) loop->request_frame_after(0.25);
  }
}

}  // namespace switchyard::ui
