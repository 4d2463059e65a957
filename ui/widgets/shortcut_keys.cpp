#include "ui/widgets/shortcut_keys.h"

#include <array>
#include <cstring>
#include <string_view>

#include <imgui.h>

namespace switchyard::ui {
namespace {

/// The keys of Dear ImGui that stand for one name; a name may have several (main block, key pad).
struct KeyName {
  std::string_view name;
  std::array<int, 3> chords;
};

constexpr int with_shift(int key) {
  return static_cast<int>(ImGuiMod_Shift) | key;
}

constexpr std::array kNames = {
    KeyName{"`", {ImGuiKey_GraveAccent, 0, 0}},
    KeyName{",", {ImGuiKey_Comma, 0, 0}},
    KeyName{"+", {ImGuiKey_Equal, with_shift(ImGuiKey_Equal), ImGuiKey_KeypadAdd}},
    KeyName{"-", {ImGuiKey_Minus, ImGuiKey_KeypadSubtract, 0}},
    KeyName{"?", {with_shift(ImGuiKey_Slash), 0, 0}},
    KeyName{"Enter", {ImGuiKey_Enter, ImGuiKey_KeypadEnter, 0}},
    KeyName{"Esc", {ImGuiKey_Escape, 0, 0}},
    KeyName{"Space", {ImGuiKey_Space, 0, 0}},
    KeyName{"F1", {ImGuiKey_F1, 0, 0}},
    KeyName{"F6", {ImGuiKey_F6, with_shift(ImGuiKey_F6), 0}},
};

std::array<int, 3> chords_of(std::string_view name) {
  for (const KeyName& key : kNames) {
    if (key.name == name) return key.chords;
  }
  if (name.size() == 1 && name[0] >= 'A' && name[0] <= 'Z')
    return {static_cast<int>(ImGuiKey_A) + (name[0] - 'A'), 0, 0};
  if (name.size() == 1 && name[0] >= '0' && name[0] <= '9')
    return {static_cast<int>(ImGuiKey_0) + (name[0] - '0'), 0, 0};
  return {};
}

/// Keys that also type or activate something act only while nothing takes them.
bool is_taken(Shortcut id) {
  const ImGuiIO& io = ImGui::GetIO();
  if (id == Shortcut::kPauseResume)
    return io.WantTextInput || io.NavVisible || ImGui::IsAnyItemActive();
  return id == Shortcut::kShortcuts && io.WantTextInput;
}

/// Keys of the prompt: they come before what the field being typed in would do with them.
bool goes_before_typing(Shortcut id) {
  return id == Shortcut::kGenerate || id == Shortcut::kStopGenerating;
}

}  // namespace

bool is_pressed(Shortcut id, bool is_repeating) {
  const ShortcutLine& line = shortcut_line(id);
  const std::size_t count = line.num_keys();
  if (count == 0 || is_taken(id)) return false;
  int modifiers = 0;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    if (std::strcmp(line.keys[i], "Ctrl") == 0) modifiers |= static_cast<int>(ImGuiMod_Ctrl);
  }
  ImGuiInputFlags flags = ImGuiInputFlags_RouteGlobal | (is_repeating ? ImGuiInputFlags_Repeat : 0);
  if (goes_before_typing(id))
    flags |= ImGuiInputFlags_RouteOverFocused | ImGuiInputFlags_RouteOverActive;
  bool is_down = false;
  for (const int chord : chords_of(line.keys[count - 1]))
    is_down = (chord != 0 && ImGui::Shortcut(modifiers | chord, flags)) || is_down;
  return is_down;
}

}  // namespace switchyard::ui
