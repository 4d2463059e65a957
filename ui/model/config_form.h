#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ui/model/config_draft.h"
#include "ui/model/config_fix.h"

namespace switchyard::ui {

/// One line of the form: a field, or the choice of a variant (its "type").
struct FormRow {
  std::string pointer;
  std::string label;
  const config::Field* field = nullptr;  ///< of the draft's schema
  bool is_variant = false;
  config::Level level = config::Level::kCommon;
  Json value;
  bool is_changed = false;
  std::string base_text;        ///< what it was; set when changed
  std::string default_text;     ///< empty for required fields
  std::vector<Error> problems;  ///< of this field
  std::optional<ConfigFix> fix;
};

/// Rows under one heading: a section of the file, or one group of layers.
struct FormSection {
  std::string id;     ///< "model", "layers.0", "optimizer": stable
  std::string title;  ///< "Layers 1 to 4"
  int layer_group = -1;
  std::vector<FormRow> rows;
  std::vector<Error> problems;  ///< that belong to no row: unknown keys, lengths of lists
  std::optional<ConfigFix> fix;
  int num_changed = 0;
  int num_problems = 0;
};

/// The whole form of a draft, in the schema's order. Notes and keys that describe the file are left
/// out.
std::vector<FormSection> form_sections(const ConfigDraft& draft);

/// Does the row answer a search? Label, key and help are looked at, case aside.
bool matches(const FormRow& row, std::string_view search);

/// The section that shows a pointer, or "".
std::string section_of(const std::vector<FormSection>& sections, std::string_view pointer);

/// "an integer in 1 – 4,096", "one of char, byte": for tooltips.
std::string range_text(const config::Field& field);

/// A word of the configuration as the form shows it: "routed_experts" -> "Routed experts".
std::string word_label(std::string_view word);

}  // namespace switchyard::ui
