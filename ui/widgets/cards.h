#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <imgui.h>

#include "ui/shell/fonts.h"
#include "ui/shell/theme_tokens.h"
#include "ui/widgets/overlays.h"

namespace switchyard::ui {

/// Makes the title row of a card an item of its own: reached with Tab, clicked, dragged.
struct CardHandle {
  std::string id;                 ///< stable: "plots.card.train_loss"; the menu is id + ".menu"
  std::function<void()> on_item;  ///< called when the title is ImGui's last item
};

struct CardOptions {
  ImVec2 size = {0.0F, 0.0F};  ///< pixels; 0: what is left
  std::string_view caption;    ///< small, behind the title
  std::string_view value;      ///< current value, at the right
  std::string_view unit;
  Color value_color = 0;      ///< 0: text1
  bool has_menu = false;      ///< three dots; *is_menu_clicked of begin_card
  Tone bar = Tone::kNeutral;  ///< coloured bar at the left edge (findings, errors)
  Color background = 0;       ///< 0: bg1
  const CardHandle* handle = nullptr;
  float reserved_right = 0.0F;  ///< pixels kept free in the title row, e.g. for a legend
};

/// A card with a title row of 2.15 em. Always call end_card. True when its menu was clicked.
bool begin_card(const char* id, std::string_view title, const CardOptions& options = {});
void end_card();

/// The title row drawn by begin_card: for content that goes into it (legend, badge).
ImVec2 card_title_min();
ImVec2 card_title_max();

/// Label at the left, value and unit at the right; 1.65 em high. The value is copied by a click;
/// true then.
bool property_row(std::string_view label,
                  std::string_view value,
                  std::string_view unit = {},
                  Color value_color = 0);

/// Section with a chevron; `trailing` stands at the right in link colour. Returns whether it is
/// open.
bool section_header(const char* label, bool* is_open, std::string_view trailing = {});

/// A title inside a panel, with an optional caption at the right.
void panel_title(std::string_view title, std::string_view caption = {});

/// A selectable row: 2 px accent at the left and selection colour when selected. Call before the
/// row's content; the cursor then stands at the row's start. Height in em. True when clicked.
bool list_row(const char* label, bool is_selected, float height_em = 2.3F);

/// Label small above, number, unit small behind; width of the figure in pixels is returned. A click
/// copies the number; labels of the glossary explain themselves.
float key_figure(std::string_view label,
                 std::string_view value,
                 std::string_view unit = {},
                 Color value_color = 0,
                 Type value_type = Type::kDigitsBar);

/// Hairline across what is left of the line's width, or across the whole window.
void hairline(bool is_full_width = true);

}  // namespace switchyard::ui
