#include "ui/model/config_rows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "engine/base/core/text.h"

namespace switchyard::ui {
namespace {

using config::Field;
using config::Schema;

/// "learning_rate" → "Learning rate".
std::string label_from_key(std::string_view key) {
  std::string label(key);
  std::replace(label.begin(), label.end(), '_', ' ');
  if (!label.empty() && label[0] >= 'a' && label[0] <= 'z')
    label[0] = static_cast<char>(label[0] - 'a' + 'A');
  return label;
}

bool is_about_the_file(std::string_view key) {
  return key == "note" || key == "schema" || key == "version" || key == "name";
}

class RowMaker {
 public:
  std::vector<ConfigRow> take() { return std::move(rows_); }

  void object(const Schema* schema,
              const Json& value,
              const Json& preset,
              const std::string& pointer,
              const std::string& section) {
    for (const auto& [key, member] : value.members()) {
      if (is_about_the_file(key)) continue;
      const Field* field = schema == nullptr ? nullptr : schema->find(key);
      const std::string here = pointer + "/" + key;
      const std::string title = pointer.empty() ? section_title(field, key) : section;
      if (member.is_object()) {
        object(schema_of(field, member), member, preset[key], here, title);
      } else if (member.is_array()) {
        layers(field, member, preset[key], here);
      } else {
        row(field,
            key,
            member,
            preset.is_object() ? preset.find(key) : nullptr,
            here,
            section,
            preset.is_object());
      }
    }
  }

 private:
  static std::string section_title(const Field* field, std::string_view key) {
    return field != nullptr && !field->label.empty() ? field->label : label_from_key(key);
  }

  static const Schema* schema_of(const Field* field, const Json& value) {
    if (field == nullptr) return nullptr;
    if (field->type != Field::Type::kVariant) return field->object.get();
    const std::string& type = value["type"].as_string();
    for (const Field::Alternative& alternative : field->alternatives) {
      if (alternative.type == type) return alternative.schema.get();
    }
    return nullptr;
  }

  void layers(const Field* field,
              const Json& list,
              const Json& preset,
              const std::string& pointer) {
    std::int64_t first = 1;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::int64_t count = std::max<std::int64_t>(1, list[i]["repeat"].as_integer(1));
      const std::int64_t last = first + count - 1;
      const std::string title =
          count == 1 ? "Layer " + std::to_string(first)
                     : "Layers " + std::to_string(first) + " to " + std::to_string(last);
      object(field == nullptr ? nullptr : field->object.get(),
             list[i],
             preset[i],
             pointer + "/" + std::to_string(i),
             title);
      first = last + 1;
    }
  }

  void row(const Field* field,
           const std::string& key,
           const Json& value,
           const Json* preset,
           const std::string& pointer,
           const std::string& section,
           bool has_preset) {
    ConfigRow row;
    row.section = section;
    row.pointer = pointer;
    row.label = field != nullptr && !field->label.empty() ? field->label : label_from_key(key);
    row.value = config_value_text(value);
    if (field != nullptr) {
      if (!value.is_string()) row.unit = field->unit;  // of a text it is the limit's unit
      row.help = field->help;
      row.level = field->level;
    }
    if (key == "type") row.level = config::Level::kEssential;
    if (has_preset && (preset == nullptr || !(*preset == value))) {
      row.is_changed = true;
      row.preset_value = preset == nullptr ? "–" : config_value_text(*preset);
    }
    rows_.push_back(std::move(row));
  }

  std::vector<ConfigRow> rows_;
};

std::string number_text(double value) {
  if (value != 0.0 && (std::abs(value) < 1e-2 || std::abs(value) >= 1e7)) {
    std::string text = short_number(value);
    // 0.001 reads better as 1e-3.
    std::array<char, 32> buffer{};
    const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-12));
    const double mantissa = value / std::pow(10.0, exponent);
    std::snprintf(buffer.data(), buffer.size(), "%.6ge%d", mantissa, exponent);
    return std::string(buffer.data()).size() <= text.size() + 1 ? std::string(buffer.data()) : text;
  }
  return short_number(value);
}

}  // namespace

std::string config_value_text(const Json& value) {
  if (value.is_bool()) return value.as_bool() ? "on" : "off";
  if (value.is_integer()) return grouped(value.as_integer());
  if (value.is_number()) return number_text(value.as_number());
  if (value.is_string()) return value.as_string().empty() ? "–" : value.as_string();
  return value.is_null() ? "–" : value.dump();
}

std::vector<ConfigRow> config_rows(const Schema& schema, const Json& config, const Json& preset) {
  RowMaker maker;
  maker.object(&schema, config, preset, "", "");
  return maker.take();
}

}  // namespace switchyard::ui
