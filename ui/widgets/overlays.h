#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <imgui.h>

#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {

/// Shows `value` after a short rest of the mouse on the last item, also when it is disabled.
void tooltip(std::string_view value);

/// A tooltip at the mouse that belongs to no item; nothing when the frame already has one.
void plain_tooltip(std::string_view value);

/// Tooltip with a title, an explanation and, in mono, a formula (may be empty).
void help_tooltip(std::string_view title, std::string_view body, std::string_view formula = {});

/// Soft shadow under a popup: seven stacked rounded rectangles. Only popups have one.
void draw_shadow(ImDrawList* list, ImVec2 min, ImVec2 max, float rounding);

/// A card on the foreground list: shadow, popup colour, border. For read-outs.
void draw_popup_box(ImDrawList* list, ImVec2 min, ImVec2 max);

/// Same, with title and formula.
void plain_help(std::string_view title, std::string_view body, std::string_view formula);

/// Opens a popover below the last item, moved aside where the window ends. (ImGui::OpenPopup opens
/// it at the mouse: for context menus.)
void open_popover(const char* id);

/// A popup: begin, draw, end when true; never wider than the window. It appears within 80 ms, at
/// once with reduced motion.
bool begin_popover(const char* id, float width_em = 0.0F);

/// Whether anything may move by itself.
void set_motion(bool has_motion);
void end_popover();

/// One line of a menu: label, shortcut at the right. Closes the popup when chosen.
bool menu_item(const char* label, const char* shortcut = nullptr, bool is_enabled = true);

enum class Tone { kNeutral, kAccent, kOk, kAttention, kFailure };
Color tone_color(Tone tone);

/// Short messages at the lower right that go away by themselves; failures stay until closed.
class Toasts {
 public:
  void add(Tone tone, std::string title, std::string detail = {}, std::string action = {});

  /// Draws above `bottom` (screen pixels), newest lowest. Returns the action that was clicked, as
  /// given to add, or an empty text.
  std::string draw(float bottom);

  void clear() { items_.clear(); }

  [[nodiscard]] std::size_t size() const { return items_.size(); }

 private:
  struct Item {
    Tone tone;
    std::string title, detail, action;
    double until;  ///< ImGui time; negative: until closed
    int id;
  };

  bool draw_one(const Item& item, float right, float* bottom, std::string* clicked);

  std::vector<Item> items_;
  int next_id_ = 0;
};

}  // namespace switchyard::ui
