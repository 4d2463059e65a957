#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "engine/base/core/text.h"
#include "ui/model/config_draft.h"

namespace switchyard::ui {
namespace {

using config::Field;
using config::Schema;

std::optional<std::size_t> index_of(const std::string& word) {
  std::size_t index = 0;
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), index);
  if (problem != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return index;
}

/// Digits without what people put between them.
std::string without_separators(std::string_view text) {
  std::string clean;
  for (const char c : text) {
    if (c != ',' && c != ' ' && c != '_') clean.push_back(c);
  }
  return clean;
}

template <typename Number>
std::optional<Number> number_of(const std::string& text) {
  Number number{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::vector<std::string> pointer_parts(std::string_view pointer) {
  std::vector<std::string> parts;
  for (std::size_t start = 1; start <= pointer.size() && !pointer.empty();) {
    const std::size_t slash = std::min(pointer.find('/', start), pointer.size());
    std::string part;
    for (std::size_t i = start; i < slash; ++i) {
      if (pointer[i] == '~' && i + 1 < slash && pointer[i + 1] == '1') {
        part.push_back('/');
        ++i;
      } else if (pointer[i] == '~' && i + 1 < slash && pointer[i + 1] == '0') {
        part.push_back('~');
        ++i;
      } else {
        part.push_back(pointer[i]);
      }
    }
    parts.push_back(std::move(part));
    start = slash + 1;
  }
  return parts;
}

std::string dotted_path(std::string_view pointer) {
  return join(pointer_parts(pointer), ".");
}

const Json* value_at(const Json& root, std::string_view pointer) {
  const Json* at = &root;
  for (const std::string& part : pointer_parts(pointer)) {
    if (at->is_array()) {
      const auto index = index_of(part);
      if (!index.has_value() || *index >= at->size()) return nullptr;
      at = &at->items()[*index];
    } else {
      at = at->find(part);
      if (at == nullptr) return nullptr;
    }
  }
  return at;
}

const Field::Alternative* alternative_of(const Field& field, const Json& value) {
  if (field.alternatives.empty()) return nullptr;
  const Json* type = value.find("type");
  if (type == nullptr) return &field.alternatives.front();
  for (const Field::Alternative& alternative : field.alternatives) {
    if (alternative.type == type->as_string()) return &alternative;
  }
  return nullptr;
}

const Field* field_at(const Schema& schema, const Json& config, std::string_view pointer) {
  const Schema* inside = &schema;
  const Json* value = &config;
  static const Json nothing;
  const Field* field = nullptr;
  for (const std::string& part : pointer_parts(pointer)) {
    if (field != nullptr && field->type == Field::Type::kList && index_of(part).has_value()) {
      inside = field->object.get();
      value = &(*value)[*index_of(part)];
      field = nullptr;
      continue;
    }
    if (inside == nullptr) return nullptr;
    field = inside->find(part);
    if (field == nullptr) return nullptr;
    const Json* member = value->find(part);
    value = member != nullptr ? member : &nothing;
    inside = nullptr;
    if (field->type == Field::Type::kObject) inside = field->object.get();
    if (field->type == Field::Type::kVariant) {
      const Field::Alternative* chosen = alternative_of(*field, *value);
      if (chosen != nullptr) inside = chosen->schema.get();
    }
  }
  return field;
}

Json value_from_text(const Field& field, std::string_view text) {
  if (field.type != Field::Type::kInteger && field.type != Field::Type::kNumber)
    return Json(std::string(text));
  const std::string clean = without_separators(text);
  if (field.type == Field::Type::kInteger) {
    if (const auto whole = number_of<std::int64_t>(clean); whole.has_value()) return Json(*whole);
  }
  const auto number = number_of<double>(clean);
  if (!number.has_value() || !std::isfinite(*number)) return Json(std::string(text));
  constexpr double kMostExact = 9.0e15;
  if (field.type == Field::Type::kInteger && *number == std::floor(*number) &&
      std::abs(*number) < kMostExact)
    return Json(static_cast<std::int64_t>(*number));
  return Json(*number);
}

std::string text_from_value(const Json& value) {
  if (value.is_string()) return value.as_string();
  if (value.is_integer()) return std::to_string(value.as_integer());
  if (value.is_number()) return ::switchyard::short_number(value.as_number());
  return value.is_null() ? std::string() : value.dump();
}

std::string shell_quoted(std::string_view word) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_./:=,+@%-").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + "'";
}

// ---- assignments between two configurations ----

namespace {

/// The text after '=' that reads back as `value`.
std::string assigned_text(const Json& value) {
  if (value.is_integer()) return std::to_string(value.as_integer());
  if (value.is_number()) return ::switchyard::short_number(value.as_number());
  if (!value.is_string()) return value.dump();
  // Plain words need no quotes; a text that reads as JSON would change its type.
  const std::string& text = value.as_string();
  return text.empty() || parse_json(text, "").ok() ? value.dump() : text;
}

class Assigner {
 public:
  std::vector<std::string> settings;

  void object(const Schema& schema,
              const Json& first,
              const Json& left,
              const Json& right,
              const std::string& path) {
    for (const auto& [key, wanted] : right.members()) {
      const Field* field = schema.find(key);
      if (field == nullptr || left[key] == wanted) continue;
      const std::string here = path.empty() ? key : path + "." + key;
      one(*field, first[key], left[key], wanted, here);
    }
  }

 private:
  void whole(const std::string& path, const Json& wanted) {
    settings.push_back(path + "=" + assigned_text(wanted));
  }

  void one(const Field& field,
           const Json& first,
           const Json& left,
           const Json& right,
           const std::string& path) {
    if (field.type == Field::Type::kObject) {
      object(*field.object, first, left, right, path);
    } else if (field.type == Field::Type::kVariant) {
      const Field::Alternative* chosen = alternative_of(field, right);
      const bool is_same = left["type"] == right["type"];
      if (chosen == nullptr || !is_same) return whole(path, right);
      object(*chosen->schema, first, left, right, path);
    } else if (field.type == Field::Type::kList && first.size() == right.size() &&
               left.size() == right.size()) {
      for (std::size_t i = 0; i < right.size(); ++i)
        object(*field.object, first[i], left[i], right[i], path + "." + std::to_string(i));
    } else {
      whole(path, right);
    }
  }
};

}  // namespace

std::vector<std::string> settings_between(const Schema& schema,
                                          const Json& first,
                                          const Json& wanted) {
  Assigner assigner;
  assigner.object(schema, first, config::resolve(schema, first, "").config, wanted, "");
  return std::move(assigner.settings);
}

}  // namespace switchyard::ui
