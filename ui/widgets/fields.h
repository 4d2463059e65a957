#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "ui/widgets/buttons.h"

namespace switchyard::ui {

struct FieldOptions {
  float width = 0.0F;          ///< pixels; 0: what is left of the line
  const char* unit = nullptr;  ///< small, inside, at the right
  const char* hint = nullptr;  ///< shown while empty
  bool has_error = false;      ///< failure border; say why with field_error
  bool is_mono = false;
  bool is_read_only = false;  ///< can be selected and copied, not edited
  float footer = 0.0F;        ///< of a text area: height kept free inside its frame, in pixels
  const std::string* completion = nullptr;  ///< one line: Tab puts it in place of the text
  const char* disabled_reason = nullptr;
  Look look = Look::kLive;
};

/// One line of text. True on every edit.
bool text_field(const char* label, std::string* value, const FieldOptions& options = {});

/// Several lines; `height` in pixels. Ctrl+Enter is left to the caller.
bool text_area(const char* label,
               std::string* value,
               float height,
               const FieldOptions& options = {});

/// With magnifying glass, hint, and keys shown while empty (may be null).
bool search_field(const char* label,
                  std::string* value,
                  const char* hint,
                  const char* keys = nullptr,
                  float width = 0.0F);

/// Whole numbers; committed on Enter or when the field loses focus. A text that is no number or out
/// of [min, max] leaves the value and turns the border to failure until corrected. True on commit.
bool integer_field(const char* label,
                   std::int64_t* value,
                   std::int64_t min,
                   std::int64_t max,
                   const FieldOptions& options = {});

/// Real numbers, same rules. `digits` significant digits are shown, all are kept.
bool real_field(const char* label,
                double* value,
                double min,
                double max,
                const FieldOptions& options = {},
                int digits = 6);

enum class FieldEvent { kNone, kTyping, kCommitted };

/// A value as text, drawn like a number field (at the right, unit inside) but open to any text: the
/// caller judges it while it is typed. `shown` stands there at rest, `*edited` is what editing
/// begins with, and what was typed when the event says so.
FieldEvent value_field(const char* label,
                       const std::string& shown,
                       std::string* edited,
                       const FieldOptions& options = {});

bool combo(const char* label,
           std::span<const char* const> items,
           int* selected,
           const FieldOptions& options = {});

/// Track with a round grip and, when `field_width` > 0, a number field behind it. The value can be
/// dragged, clicked, and moved with the arrow keys. `is_log`: equal distances are equal factors.
bool slider(const char* label,
            double* value,
            double min,
            double max,
            float width,
            float field_width = 0.0F,
            int decimals = 2,
            bool is_log = false);

/// Reason below a field, with an optional one-click fix; true when the fix was clicked.
bool field_error(const char* reason, const char* fix_label = nullptr);

/// Label at the left, field at the right, as in the configuration panel. Draws the label and places
/// the cursor for the field; `field_width` in pixels is returned. A changed setting has an accent
/// bar at the panel's edge and a revert icon; true in *is_reverted when that was clicked.
float form_row(const char* id,
               const char* label,
               bool is_changed = false,
               bool* is_reverted = nullptr,
               float field_width_em = 8.75F);

}  // namespace switchyard::ui
