#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ui/model/config_text.h"
#include "ui/panels/common.h"
#include "ui/panels/config_view.h"
#include "ui/panels/file_browser_view.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

using config::Field;

constexpr float kRowEm = 2.0F;
constexpr float kFieldEm = 8.75F;
constexpr float kTextFieldEm = 11.5F;
constexpr const char* kTextFile = "/data/text_file";

std::string id_of(const FormRow& row) {
  return "config." + dotted_path(row.pointer);
}

std::string field_id(const FormRow& row) {
  return "###" + id_of(row);
}

/// Help, range, default and what it was; the key below.
void explain(const FormRow& row, const char* reason = nullptr) {
  std::string body = row.field->help;
  const auto line = [&body](const std::string& words) {
    body += (body.empty() ? "" : "\n") + words;
  };
  if (row.is_variant) {
    const Field::Alternative* chosen = alternative_of(*row.field, row.value);
    if (chosen != nullptr && !chosen->help.empty())
      line(word_label(chosen->type) + ": " + chosen->help);
    if (chosen != nullptr && !chosen->source.empty()) line(chosen->source);
  }
  const std::string unit =
      row.field->unit.empty() || row.value.is_string() ? "" : " " + row.field->unit;
  line("Range: " + range_text(*row.field) + unit);
  if (!row.default_text.empty()) line("Default: " + row.default_text);
  if (row.is_changed) line("Before: " + row.base_text);
  if (reason != nullptr) line(std::string("Here it is ") + reason + ".");
  help_tooltip(row.label, body, dotted_path(row.pointer));
}

/// Edits a number; typed values reach the draft with every key.
void edit_number(ConfigDraft& draft, const FormRow& row, FieldOptions options) {
  options.unit = row.field->unit.c_str();
  std::string typed = text_from_value(row.value);
  const FieldEvent event =
      value_field(field_id(row).c_str(), config_value_text(row.value), &typed, options);
  if (event == FieldEvent::kNone) return;
  draft.type(row.pointer, value_from_text(*row.field, typed));
  if (event == FieldEvent::kCommitted) draft.commit();
}

void edit_text(ConfigDraft& draft, const FormRow& row, FieldOptions options) {
  std::string typed = row.value.as_string();
  options.hint = row.pointer == kTextFile ? "none" : nullptr;
  const bool is_edited = text_field(field_id(row).c_str(), &typed, options);
  if (is_edited) draft.type(row.pointer, Json(typed));
  if (ImGui::IsItemDeactivated()) draft.commit();
}

void browse_for_text(Studio& studio, ConfigDraft& draft, const FormRow& row) {
  std::string path = row.value.as_string();
  if (browse_button(studio, id_of(row), FileKind::kText, &path)) draft.set(row.pointer, Json(path));
}

/// The catalogue's data sets, and the one that is set when it is none of them.
void edit_dataset(const Studio& studio,
                  ConfigDraft& draft,
                  const FormRow& row,
                  FieldOptions options) {
  std::vector<std::string> labels, names;
  const std::string& now = row.value.as_string();
  int selected = -1;
  for (const formats::DatasetInfo& set : studio.presets->datasets) {
    if (set.name == now) selected = static_cast<int>(names.size());
    names.push_back(set.name);
    labels.push_back(set.is_present ? set.name : set.name + " (not here yet)");
  }
  if (selected < 0) {
    selected = static_cast<int>(names.size());
    names.push_back(now);
    labels.push_back(now.empty() ? "none" : now);
  }
  std::vector<const char*> items;
  items.reserve(labels.size());
  for (const std::string& label : labels) items.push_back(label.c_str());
  if (combo(field_id(row).c_str(), items, &selected, options))
    draft.set(row.pointer, Json(names[static_cast<std::size_t>(selected)]));
}

void edit_choice(ConfigDraft& draft, const FormRow& row, const FieldOptions& options) {
  std::vector<std::string> words, labels;
  if (row.is_variant) {
    for (const Field::Alternative& alternative : row.field->alternatives)
      words.push_back(alternative.type);
  } else {
    words = row.field->choices;
  }
  std::string now = row.value.as_string();
  if (row.is_variant) {
    const Field::Alternative* chosen = alternative_of(*row.field, row.value);
    now = chosen != nullptr ? chosen->type : row.value["type"].as_string();
  }
  int selected = -1;
  for (std::size_t i = 0; i < words.size(); ++i) {
    labels.push_back(word_label(words[i]));
    if (words[i] == now) selected = static_cast<int>(i);
  }
  std::vector<const char*> items;
  for (const std::string& label : labels) items.push_back(label.c_str());
  if (!combo(field_id(row).c_str(), items, &selected, options)) return;
  const std::string& word = words[static_cast<std::size_t>(selected)];
  if (row.is_variant) {
    draft.set_variant(row.pointer, word);
  } else {
    draft.set(row.pointer, Json(word));
  }
}

void edit_switch(ConfigDraft& draft, const FormRow& row, float width) {
  bool value = row.value.as_bool();
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const std::string words = value ? "On" : "Off";
  const float used = em(1.95F) + em(0.6F) + text_size(Type::kBody, "Off").x;
  ImGui::SetCursorScreenPos({pos.x + width - used, pos.y + em(0.31F)});
  if (toggle((words + field_id(row)).c_str(), &value)) draft.set(row.pointer, Json(value));
}

/// What was found where the data should be.
void draw_data_check(const Studio& studio, const ConfigDraft& draft) {
  const ThemeTokens& t = theme();
  const DataFacts* facts = studio.config.data.get();
  const bool is_current = facts != nullptr && facts->key == data_key(draft.resolved()["data"]);
  if (!is_current) {
    text_ellipsis(Type::kCaption, t.text3, "Looking …");
  } else if (facts->problem.empty()) {
    text(Type::kCaption, t.ok, icon(Icon::kOk));
    ImGui::SameLine(0.0F, em(0.4F));
    text_ellipsis(Type::kCaption,
                  t.text3,
                  "Here: " + grouped_number(facts->num_chars) + " characters, " +
                      grouped_number(facts->num_distinct) + " different tokens");
  } else {
    text(Type::kCaption, t.attention, icon(Icon::kAttention));
    ImGui::SameLine(0.0F, em(0.4F));
    text_wrapped(Type::kCaption, t.attention, facts->problem + " " + facts->hint);
  }
  gap(0.5F);
}

}  // namespace

void draw_problems(ConfigDraft& draft,
                   const std::string& id,
                   const std::vector<Error>& problems,
                   const std::optional<ConfigFix>& fix) {
  if (problems.empty()) return;
  const ThemeTokens& t = theme();
  for (const Error& problem : problems) {
    text(Type::kBody, t.failure, icon(Icon::kFailure));
    ImGui::SameLine(0.0F, em(0.5F));
    text_wrapped(Type::kBody, t.failure, error_sentence(problem));
  }
  if (fix.has_value()) {
    ImGui::SetCursorPosX(ImGui::GetCursorPosX() + em(1.4F));
    if (link((fix->label + "###config.fix." + id).c_str())) apply_fix(draft, *fix);
  } else if (!problems.front().hint.empty()) {
    ImGui::Indent(em(1.4F));
    text_wrapped(Type::kCaption, t.text3, problems.front().hint);
    ImGui::Unindent(em(1.4F));
  }
  gap(0.55F);
}

void draw_setting(Studio& studio, ConfigDraft& draft, const FormRow& row) {
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x;
  const bool is_text = row.field->type == Field::Type::kText;
  const bool is_narrow = width < em(18.0F);
  float wanted = is_text ? kTextFieldEm : kFieldEm;
  if (is_narrow) wanted = std::max(5.0F, wanted * 0.8F);
  bool is_reverted = false;
  const std::string id = id_of(row);
  FieldOptions options;
  options.width = form_row(id.c_str(), row.label.c_str(), row.is_changed, &is_reverted, wanted);
  if (row.pointer == kTextFile) options.width -= browse_width();
  options.has_error = !row.problems.empty();
  // The label explains itself too; it is no item of its own.
  const ImVec2 field = ImGui::GetCursorScreenPos();
  ImGui::SetCursorScreenPos(pos);
  ImGui::Dummy({std::max(1.0F, field.x - em(2.2F) - pos.x), em(1.7F)});
  explain(row);
  ImGui::SetCursorScreenPos(field);
  switch (row.field->type) {
    case Field::Type::kInteger:
    case Field::Type::kNumber:
      edit_number(draft, row, options);
      break;
    case Field::Type::kBoolean:
      edit_switch(draft, row, options.width);
      break;
    case Field::Type::kChoice:
    case Field::Type::kVariant:
      edit_choice(draft, row, options);
      break;
    default:
      if (row.pointer == "/data/dataset") {
        edit_dataset(studio, draft, row, options);
      } else {
        edit_text(draft, row, options);
      }
      break;
  }
  if (!ImGui::IsItemActive()) explain(row);
  if (row.pointer == kTextFile) browse_for_text(studio, draft, row);
  ImGui::SetCursorScreenPos({pos.x, pos.y + em(kRowEm)});
  ImGui::Dummy({1.0F, 0.0F});
  draw_problems(draft, dotted_path(row.pointer), row.problems, row.fix);
  const std::string& file = draft.value(kTextFile).as_string();
  const bool names_data = row.pointer == (file.empty() ? "/data/dataset" : kTextFile);
  if (names_data && row.problems.empty()) draw_data_check(studio, draft);
  if (is_reverted) draft.revert(row.pointer);
}

void draw_fixed_setting(const FormRow& row, const char* reason) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x, height = em(1.8F);
  hit_area(field_id(row).c_str(), {std::max(1.0F, width), height});
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImVec2 max = {min.x + width, min.y + height};
  if (ImGui::IsItemHovered()) list->AddRectFilled(min, max, t.hover, em(0.3F));
  draw_focus_ring(min, max, em(0.3F), ImGui::GetItemID());
  explain(row, reason);
  if (row.is_changed) {
    const float edge = ImGui::GetWindowPos().x;
    list->AddRectFilled({edge, min.y}, {edge + px(2), max.y}, t.accent);
  }
  const float y = std::round(min.y + (height - line_height(Type::kBody)) * 0.5F);
  float right = max.x - em(0.2F);
  const bool is_word = row.value.is_string() || row.is_variant;
  if (!row.field->unit.empty() && !is_word) {
    draw_text_right(list, Type::kCaption, {right, y + px(1)}, t.text3, row.field->unit);
    right -= text_size(Type::kCaption, row.field->unit).x + em(0.4F);
  }
  std::string value = config_value_text(row.value);
  if (row.is_variant) value = word_label(row.value["type"].as_string());
  if (row.field->type == Field::Type::kChoice) value = word_label(row.value.as_string());
  const float label_width = draw_text(
      list, Type::kBody, {min.x, y}, row.is_changed ? t.text1 : t.text2, row.label, width * 0.55F);
  const float room = right - (min.x + em(0.7F) + label_width);
  draw_text_right(list, Type::kDigits, {right, y}, t.text1, fitted(Type::kDigits, value, room));
}

void draw_layer_tools(ConfigDraft& draft, int group) {
  const auto index = static_cast<std::size_t>(group);
  const std::size_t count = draft.num_layer_groups();
  const std::string id = "###config.layers." + std::to_string(group);
  ButtonOptions small;
  small.is_small = true;
  small.kind = ButtonKind::kGhost;
  gap(0.15F);
  const auto tool = [&](const char* label, const char* name, const char* help, const char* off) {
    ButtonOptions options = small;
    options.tooltip = help;
    options.disabled_reason = off;
    const bool is_pressed = button((std::string(label) + id + name).c_str(), options);
    ImGui::SameLine(0.0F, em(0.15F));
    return is_pressed;
  };
  if (tool("Duplicate", ".duplicate", "Adds the same layers behind these", nullptr))
    draft.duplicate_layer_group(index);
  if (tool("↑",
           ".up",
           "Moves these layers before the ones above",
           group == 0 ? "these are the first" : nullptr))
    draft.move_layer_group(index, index - 1);
  if (tool("↓",
           ".down",
           "Moves these layers behind the ones below",
           index + 1 >= count ? "these are the last" : nullptr))
    draft.move_layer_group(index, index + 1);
  if (tool("Remove",
           ".remove",
           "Removes these layers",
           count < 2 ? "a model needs a layer" : nullptr))
    draft.remove_layer_group(index);
  ImGui::NewLine();
  gap(0.35F);
}

}  // namespace switchyard::ui
