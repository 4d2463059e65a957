#pragma once

#include <span>
#include <string_view>

#include "ui/shell/fonts.h"

namespace switchyard::ui {

/// Nothing to show: icon, one sentence on why, one button on what to do (label may be null).
/// Centred in what is left. True when the button was clicked.
bool empty_state(Icon name,
                 std::string_view title,
                 std::string_view sentence,
                 const char* button_label = nullptr,
                 Icon button_icon = Icon::kCount);

/// A plot that is being read: grid and grey placeholders, per cent in the title row. Never a
/// spinner. `fraction` of 1, negative when unknown. Fills `height` pixels (0: what is left).
void loading_state(std::string_view title, float fraction, float height = 0.0F);

enum class Answered { kNothing, kYes, kNo };

/// A question in place of a dialog: words, then the two answers; the dangerous one in red. Labels
/// follow ImGui.
Answered confirm_row(std::string_view question, const char* yes_label, const char* no_label);

struct Remedy {
  const char* label;  ///< with a stable id
  const char* cost;   ///< "16.2 GB", "22 % slower"
};

/// A failure: red bar, what, where, what was saved, ranked remedies. Returns the index of the
/// remedy whose button was pressed, -2 when "Copy details" was, else -1. `selected` is the chosen
/// remedy.
int error_card(const char* id,
               std::string_view title,
               std::string_view where,
               std::string_view message,
               std::span<const Remedy> remedies,
               const char* button_label,
               int* selected);

}  // namespace switchyard::ui
