#pragma once

#include <span>

#include <imgui.h>

#include "ui/shell/fonts.h"
#include "ui/widgets/focus.h"

namespace switchyard::ui {

enum class ButtonKind {
  kSecondary,
  kPrimary,  ///< one per view: the next step
  kGhost,
  kDanger,
};

/// kLive reacts; the others are frozen for pictures of the kit.
enum class Look { kLive, kRest, kHover, kPressed, kFocus };

struct ButtonOptions {
  ButtonKind kind = ButtonKind::kSecondary;
  Icon icon = Icon::kCount;  ///< kCount: none
  float width = 0.0F;        ///< pixels; 0: as wide as the label, negative: up to the right edge
  bool is_small = false;
  bool is_hero = false;
  bool is_selected = false;               ///< shown as chosen (tabs, filters)
  const char* disabled_reason = nullptr;  ///< set: cannot be pressed, and says why
  const char* tooltip = nullptr;
  Look look = Look::kLive;
};

/// All labels follow ImGui: the id stands after "###", e.g. "Pause###run.pause", and never changes.
bool button(const char* label, const ButtonOptions& options = {});

/// A square button with an icon only; `label` is its id and, before the ###, its name for tests.
bool icon_button(const char* label, Icon name, const char* help, const ButtonOptions& options = {});

/// Words to click, in link colour.
bool link(const char* label);

/// One of a few choices side by side. Items have stable ids: id + "." + index. True when changed.
bool segmented(const char* id, std::span<const char* const> items, int* selected);

bool checkbox(const char* label, bool* value, const char* disabled_reason = nullptr);

/// A switch for a setting that takes effect at once.
bool toggle(const char* label, bool* value);

bool radio(const char* label, bool is_selected);

/// A control whose looks the caller draws: mouse, keyboard and focus as with every other control.
/// True when pressed.
bool hit_area(const char* label, ImVec2 size);

float button_height(bool is_small = false, bool is_hero = false);
float button_width(const char* label, const ButtonOptions& options = {});

}  // namespace switchyard::ui
