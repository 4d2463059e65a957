#include "engine/base/config/schema.h"

#include <algorithm>
#include <utility>

#include "engine/base/core/check.h"

namespace switchyard::config {
namespace {

/// "grad_clip_norm" -> "Grad clip norm": the label of a field that names none.
std::string label_from_key(std::string_view key) {
  std::string label(key);
  std::replace(label.begin(), label.end(), '_', ' ');
  if (!label.empty() && label[0] >= 'a' && label[0] <= 'z')
    label[0] = static_cast<char>(label[0] - 'a' + 'A');
  return label;
}

}  // namespace

Field& Field::range(double low, double high) {
  minimum = low;
  maximum = high;
  has_range = true;
  is_minimum_exclusive = false;
  return *this;
}

Field& Field::above(double low, double high) {
  range(low, high);
  is_minimum_exclusive = true;
  return *this;
}

Field& Field::in(std::string_view unit_name) {
  unit = unit_name;
  return *this;
}

Field& Field::says(std::string_view help_text) {
  help = help_text;
  return *this;
}

Field& Field::named(std::string_view label_text) {
  label = label_text;
  return *this;
}

Field& Field::at_level(Level new_level) {
  level = new_level;
  return *this;
}

Field& Field::resumable(bool value) {
  is_resumable = value;
  return *this;
}

Field& Field::required() {
  is_required = true;
  return *this;
}

Field& Field::own_default() {
  has_own_default = true;
  return *this;
}

Field& Field::since(int version) {
  since_version = version;
  return *this;
}

Field& Schema::add(std::string_view key, Field::Type type) {
  SY_CHECK(find(key) == nullptr, "the key " + std::string(key) + " is declared twice");
  Field& field = fields_.emplace_back();
  field.key = key;
  field.type = type;
  field.label = label_from_key(key);
  return field;
}

Field& Schema::integer(std::string_view key, std::int64_t default_value) {
  Field& field = add(key, Field::Type::kInteger);
  field.default_value = default_value;
  return field;
}

Field& Schema::number(std::string_view key, double default_value) {
  Field& field = add(key, Field::Type::kNumber);
  field.default_value = default_value;
  return field;
}

Field& Schema::boolean(std::string_view key, bool default_value) {
  Field& field = add(key, Field::Type::kBoolean);
  field.default_value = default_value;
  return field;
}

Field& Schema::text(std::string_view key, std::string_view default_value) {
  Field& field = add(key, Field::Type::kText);
  field.default_value = default_value;
  return field.range(0, 4096).in("bytes");
}

Field& Schema::choice(std::string_view key,
                      std::string_view default_value,
                      std::vector<std::string> words) {
  SY_CHECK(std::find(words.begin(), words.end(), default_value) != words.end(),
           "the default of " + std::string(key) + " is not among its choices");
  Field& field = add(key, Field::Type::kChoice);
  field.default_value = default_value;
  field.choices = std::move(words);
  return field;
}

Schema& Schema::object(std::string_view key, std::string_view help) {
  Field& field = add(key, Field::Type::kObject);
  field.help = help;
  field.object = std::make_shared<Schema>();
  return *field.object;
}

Schema& Schema::list(std::string_view key, Json default_value, std::string_view help) {
  Field& field = add(key, Field::Type::kList);
  field.default_value = std::move(default_value);
  field.help = help;
  field.object = std::make_shared<Schema>();
  field.range(1, 256).in("items");
  return *field.object;
}

Field& Schema::variant(std::string_view key) {
  return add(key, Field::Type::kVariant);
}

Schema& Schema::alternative(std::string_view key,
                            std::string_view type,
                            std::string_view help,
                            std::string_view source) {
  const auto field =
      std::find_if(fields_.begin(), fields_.end(), [key](const Field& f) { return f.key == key; });
  SY_CHECK(field != fields_.end() && field->type == Field::Type::kVariant,
           "no variant named " + std::string(key));
  Field::Alternative alternative;
  alternative.type = type;
  alternative.help = help;
  alternative.source = source;
  alternative.schema = std::make_shared<Schema>();
  field->alternatives.push_back(std::move(alternative));
  return *field->alternatives.back().schema;
}

void Schema::rule(std::string_view name) {
  rules_.emplace_back(name);
}

Field* Schema::find(std::string_view key) {
  return const_cast<Field*>(std::as_const(*this).find(key));
}

const Field* Schema::find(std::string_view key) const {
  const auto field =
      std::find_if(fields_.begin(), fields_.end(), [key](const Field& f) { return f.key == key; });
  return field == fields_.end() ? nullptr : &*field;
}

}  // namespace switchyard::config
