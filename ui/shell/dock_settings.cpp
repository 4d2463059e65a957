// What the shell remembers between starts: theme, zoom, arrangements, named layouts.
#include <algorithm>
#include <array>
#include <utility>

#include <imgui.h>

#include "engine/base/core/json.h"
#include "ui/shell/dock_shell.h"

namespace switchyard::ui {
namespace {

constexpr const char* kSettingsFile = "layout.json";
constexpr int kSettingsVersion = 2;
constexpr std::array kWorkspaceKeys = {"train", "routing", "prompt", "runs"};
constexpr std::array kRoomKeys = {"wide", "medium", "narrow"};
constexpr std::size_t kMaxLayouts = 50;

}  // namespace

void DockShell::load_settings() {
  if (writer_ == nullptr) return;
  const std::optional<std::string> content = writer_->read(kSettingsFile);
  if (!content) return;
  JsonLimits limits;
  limits.max_bytes = std::size_t{8} << 20;
  const Result<Json> parsed = parse_json(*content, kSettingsFile, limits);
  if (!parsed.ok() || (*parsed)["version"].as_integer() != kSettingsVersion) {
    writer_->set_aside(kSettingsFile);
    return;
  }
  const Json& settings = *parsed;
  theme_kind_ = theme_from_name(settings["theme"].as_string());
  zoom_ = std::clamp(static_cast<float>(settings["zoom"].as_number(1.0)), 0.75F, 2.5F);
  for (std::size_t i = 0; i < kWorkspaceKeys.size(); ++i) {
    if (settings["workspace"].as_string() == kWorkspaceKeys[i])
      workspace_ = static_cast<Workspace>(i);
  }
  for (std::size_t i = 0; i < kRoomKeys.size(); ++i) {
    arrangements_[i] = arrangement_from(settings["arrangements"][kRoomKeys[i]]);
    if (settings["room"].as_string() == kRoomKeys[i]) room_ = static_cast<RoomClass>(i);
  }
  for (const auto& [name, layout] : settings["layouts"].members()) {
    NamedLayout named;
    named.arrangement = arrangement_from(layout);
    for (std::size_t i = 0; i < kRoomKeys.size(); ++i) {
      if (layout["room"].as_string() == kRoomKeys[i]) named.room = static_cast<RoomClass>(i);
    }
    if (!named.arrangement.is_empty()) layouts_[name] = std::move(named);
  }
  for (const Json& id : settings["closed"].items()) set_panel_open(id.as_string(), false);
  use_arrangement(arrangements_[static_cast<std::size_t>(room_)]);
}

void DockShell::save_settings() {
  is_dirty_ = false;
  if (writer_ == nullptr) return;
  arrangements_[static_cast<std::size_t>(room_)] = arrangement();
  Json settings = Json::object();
  settings.set("version", kSettingsVersion);
  settings.set("theme", std::string(theme_name(theme_kind_)));
  settings.set("zoom", static_cast<double>(zoom_));
  settings.set("workspace", kWorkspaceKeys[static_cast<std::size_t>(workspace_)]);
  settings.set("room", kRoomKeys[static_cast<std::size_t>(room_)]);
  Json closed = Json::array(), arrangements = Json::object(), layouts = Json::object();
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (!states_[i].is_open) closed.push_back(std::string(entries_[i].id));
  }
  for (std::size_t i = 0; i < kRoomKeys.size(); ++i) {
    if (!arrangements_[i].is_empty()) arrangements.set(kRoomKeys[i], json_from(arrangements_[i]));
  }
  for (const auto& [name, layout] : layouts_) {
    Json json = json_from(layout.arrangement);
    json.set("room", kRoomKeys[static_cast<std::size_t>(layout.room)]);
    layouts.set(name, std::move(json));
  }
  settings.set("closed", std::move(closed));
  settings.set("arrangements", std::move(arrangements));
  settings.set("layouts", std::move(layouts));
  writer_->put(kSettingsFile, settings.dump(2) + "\n");
}

Arrangement DockShell::arrangement() const {
  Arrangement result;
  result.ini = ImGui::SaveIniSettingsToMemory();
  result.scale = applied_scale_;
  std::copy(std::begin(is_built_), std::end(is_built_), result.is_built.begin());
  result.slot_nodes = slot_nodes_;
  return result;
}

/// Takes effect before the next frame; an empty one builds the default.
void DockShell::use_arrangement(const Arrangement& arrangement) {
  std::copy(arrangement.is_built.begin(), arrangement.is_built.end(), std::begin(is_built_));
  slot_nodes_ = arrangement.slot_nodes;
  pending_ini_ = arrangement.ini;
  pending_scale_ = arrangement.scale;
}

void DockShell::save_layout(const std::string& name) {
  if (name.empty() || (layouts_.size() >= kMaxLayouts && !layouts_.contains(name))) return;
  layouts_[name] = {room_, arrangement()};
  is_dirty_ = true;
}

void DockShell::load_layout(const std::string& name) {
  const auto found = layouts_.find(name);
  if (found == layouts_.end()) return;
  const NamedLayout& layout = found->second;
  arrangements_[static_cast<std::size_t>(layout.room)] = layout.arrangement;
  if (layout.room == room_) use_arrangement(layout.arrangement);
  is_dirty_ = true;
}

void DockShell::delete_layout(const std::string& name) {
  is_dirty_ = layouts_.erase(name) > 0 || is_dirty_;
}

std::vector<std::string> DockShell::layout_names() const {
  std::vector<std::string> names;
  for (const auto& [name, layout] : layouts_) names.push_back(name);
  return names;
}

}  // namespace switchyard::ui
