#include "ui/model/config_form.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/core/text.h"
#include "ui/model/config_text.h"

namespace switchyard::ui {
namespace {

using config::Field;
using config::Schema;

bool is_about_the_file(std::string_view key) {
  return key == "note" || key == "schema" || key == "version";
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

/// How a changed row says what it was.
std::string base_text_of(const Json* before, bool is_variant) {
  if (before == nullptr) return "–";
  return is_variant ? word_label((*before)["type"].as_string()) : config_value_text(*before);
}

class FormMaker {
 public:
  explicit FormMaker(const ConfigDraft& draft) : draft_(draft) {}

  std::vector<FormSection> make() {
    section("run", "Run");
    for (const Field& field : draft_.schema().fields()) {
      const bool has_section =
          field.type == Field::Type::kObject || field.type == Field::Type::kVariant;
      if (!has_section && !is_about_the_file(field.key)) row(field, "/" + field.key, false);
    }
    for (const Field& field : draft_.schema().fields()) {
      if (field.type == Field::Type::kObject) {
        section(field.key, field.label);
        fields(*field.object, "/" + field.key);
      } else if (field.type == Field::Type::kVariant) {
        section(field.key, field.label);
        variant(field, "/" + field.key);
      }
    }
    place_problems();
    count();
    return std::move(sections_);
  }

 private:
  void section(std::string id, std::string title, int layer_group = -1) {
    FormSection made;
    made.id = std::move(id);
    made.title = std::move(title);
    made.layer_group = layer_group;
    sections_.push_back(std::move(made));
  }

  void fields(const Schema& schema, const std::string& pointer) {
    for (const Field& field : schema.fields()) {
      const std::string here = pointer + "/" + field.key;
      if (is_about_the_file(field.key)) continue;
      if (field.type == Field::Type::kObject) {
        fields(*field.object, here);
      } else if (field.type == Field::Type::kVariant) {
        variant(field, here);
      } else if (field.type == Field::Type::kList) {
        lists_.emplace_back(&field, here);
      } else {
        row(field, here, false);
      }
    }
    for (const auto& [field, here] : std::exchange(lists_, {})) groups(*field, here);
  }

  void variant(const Field& field, const std::string& pointer) {
    row(field, pointer, true);
    const Field::Alternative* chosen = alternative_of(field, draft_.value(pointer));
    if (chosen != nullptr) fields(*chosen->schema, pointer);
  }

  void groups(const Field& field, const std::string& pointer) {
    const Json& layers = draft_.value(pointer);
    std::int64_t first = 1;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const std::string here = pointer + "/" + std::to_string(i);
      const std::int64_t count =
          std::clamp<std::int64_t>(draft_.value(here + "/repeat").as_integer(1), 1, 1'000'000);
      const std::int64_t last = first + count - 1;
      std::string title = "Layer " + std::to_string(first);
      if (count > 1) title = "Layers " + std::to_string(first) + " to " + std::to_string(last);
      section("layers." + std::to_string(i), std::move(title), static_cast<int>(i));
      fields(*field.object, here);
      first = last + 1;
    }
  }

  void row(const Field& field, const std::string& pointer, bool is_variant) {
    FormRow made;
    made.pointer = pointer;
    made.label = field.label;
    made.field = &field;
    made.is_variant = is_variant;
    made.level = field.level;
    if (is_variant && sections_.back().rows.empty()) {
      // The section is named after the variant already.
      made.level = config::Level::kEssential;
      if (made.label == sections_.back().title) made.label = "Kind";
    }
    made.value = draft_.value(pointer);
    const Json* before = value_at(draft_.base(), pointer);
    if (is_variant) {
      made.is_changed = before == nullptr || !((*before)["type"] == made.value["type"]);
    } else {
      made.is_changed = draft_.is_changed(pointer);
    }
    if (made.is_changed) made.base_text = base_text_of(before, is_variant);
    if (is_variant) {
      made.default_text = word_label(field.alternatives.front().type);
    } else if (!field.is_required) {
      made.default_text = config_value_text(field.default_value);
    }
    sections_.back().rows.push_back(std::move(made));
  }

  FormRow* row_at(std::string_view pointer) {
    for (FormSection& section : sections_) {
      for (FormRow& candidate : section.rows) {
        const bool is_type = candidate.is_variant && pointer == candidate.pointer + "/type";
        if (candidate.pointer == pointer || is_type) return &candidate;
      }
    }
    return nullptr;
  }

  FormSection& section_for(const std::string& pointer) {
    const std::vector<std::string> parts = pointer_parts(pointer);
    std::string id = parts.empty() ? "run" : parts[0];
    if (parts.size() > 2 && parts[0] == "model" && parts[1] == "layers") id = "layers." + parts[2];
    for (FormSection& candidate : sections_) {
      if (candidate.id == id) return candidate;
    }
    return sections_.front();
  }

  void place_problems() {
    for (const Error& error : draft_.errors()) {
      const std::string pointer = error_pointer(error);
      if (FormRow* found = row_at(pointer); found != nullptr) {
        found->problems.push_back(error);
        if (!found->fix.has_value()) found->fix = suggested_fix(draft_, error);
      } else {
        FormSection& owner = section_for(pointer);
        owner.problems.push_back(error);
        if (!owner.fix.has_value()) owner.fix = suggested_fix(draft_, error);
      }
    }
  }

  void count() {
    for (FormSection& section : sections_) {
      section.num_problems = static_cast<int>(section.problems.size());
      for (const FormRow& candidate : section.rows) {
        section.num_changed += candidate.is_changed ? 1 : 0;
        section.num_problems += static_cast<int>(candidate.problems.size());
      }
    }
  }

  const ConfigDraft& draft_;
  std::vector<FormSection> sections_;
  std::vector<std::pair<const Field*, std::string>> lists_;
};

struct WordLabel {
  std::string_view word;
  std::string_view label;
};

/// Names that are not just their key with spaces.
constexpr std::array kWordLabels{
    WordLabel{"adamw", "AdamW"},
    WordLabel{"amsgrad", "AMSGrad"},
    WordLabel{"bfloat16", "bfloat16"},
    WordLabel{"bias_proportional", "Bias, proportional"},
    WordLabel{"bias_sign", "Bias, sign"},
    WordLabel{"bias_tanh_momentum", "Bias, tanh with momentum"},
    WordLabel{"byte", "Bytes"},
    WordLabel{"char", "Characters"},
    WordLabel{"float32", "float32"},
    WordLabel{"geglu", "GEGLU"},
    WordLabel{"gelu_erf", "GELU"},
    WordLabel{"gelu_tanh", "GELU, tanh form"},
    WordLabel{"match_rms_adamw", "As AdamW"},
    WordLabel{"one_minus_sqrt", "1 − sqrt"},
    WordLabel{"inverse_sqrt", "Inverse sqrt"},
    WordLabel{"relu", "ReLU"},
    WordLabel{"rms_norm", "RMS norm"},
    WordLabel{"rope", "RoPE"},
    WordLabel{"sgd", "SGD"},
    WordLabel{"swiglu", "SwiGLU"},
    WordLabel{"tanh_mlp", "Tanh MLP"},
    WordLabel{"top_k", "Top-k"},
    WordLabel{"top_p", "Top-p"},
    WordLabel{"wsd", "WSD"},
    WordLabel{"wsd_fraction", "WSD by fraction"},
};

}  // namespace

std::string word_label(std::string_view word) {
  for (const WordLabel& known : kWordLabels) {
    if (known.word == word) return std::string(known.label);
  }
  std::string label(word);
  std::replace(label.begin(), label.end(), '_', ' ');
  if (!label.empty() && label[0] >= 'a' && label[0] <= 'z')
    label[0] = static_cast<char>(label[0] - 'a' + 'A');
  return label;
}

std::vector<FormSection> form_sections(const ConfigDraft& draft) {
  return FormMaker(draft).make();
}

bool matches(const FormRow& row, std::string_view search) {
  const std::string wanted = lower(search);
  const auto has = [&](std::string_view text) {
    return lower(text).find(wanted) != std::string::npos;
  };
  return has(row.label) || has(dotted_path(row.pointer)) || has(row.field->help);
}

std::string section_of(const std::vector<FormSection>& sections, std::string_view pointer) {
  for (const FormSection& section : sections) {
    for (const FormRow& row : section.rows) {
      if (row.pointer == pointer) return section.id;
    }
  }
  return "";
}

std::string range_text(const Field& field) {
  const auto bound = [](double value) {
    return value == static_cast<double>(static_cast<std::int64_t>(value))
               ? grouped(static_cast<std::int64_t>(value))
               : config_value_text(Json(value));
  };
  std::vector<std::string> words;
  switch (field.type) {
    case Field::Type::kInteger:
    case Field::Type::kNumber:
      if (!field.has_range)
        return field.type == Field::Type::kInteger ? "a whole number" : "a number";
      return std::string(field.is_minimum_exclusive ? "above " : "") + bound(field.minimum) +
             (field.is_minimum_exclusive ? " to " : " – ") + bound(field.maximum);
    case Field::Type::kChoice:
      return join(field.choices, ", ");
    case Field::Type::kVariant:
      for (const Field::Alternative& alternative : field.alternatives)
        words.push_back(alternative.type);
      return join(words, ", ");
    case Field::Type::kBoolean:
      return "on or off";
    default:
      return "a text";
  }
}

}  // namespace switchyard::ui
