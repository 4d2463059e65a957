#include <algorithm>
#include <charconv>

#include "engine/base/config/schema.h"

namespace switchyard::config {
namespace {

Error bad_setting(std::string_view assignment, std::string message, std::string hint) {
  return {ErrorCode::kConfig,
          "--set " + std::string(assignment.substr(0, 200)),
          std::move(message),
          std::move(hint),
          {}};
}

/// The item of a list that `word` names, or nullptr.
Json* item_at(Json& list, const std::string& word) {
  std::size_t index = 0;
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), index);
  const bool is_index = problem == std::errc() && end == word.data() + word.size();
  if (!is_index || index >= list.size()) return nullptr;
  return &list.mutable_items()[index];
}

const Field* field_at(const Schema* schema, const std::string& key) {
  return schema == nullptr ? nullptr : schema->find(key);
}

/// The schema below a field for a given value: the object's, the item's or the chosen
/// alternative's.
const Schema* schema_below(const Field* field, const Json& value) {
  if (field == nullptr) return nullptr;
  if (field->type != Field::Type::kVariant) return field->object.get();
  for (const Field::Alternative& alternative : field->alternatives)
    if (alternative.type == value["type"].as_string()) return alternative.schema.get();
  return nullptr;
}

void compare(const Schema* schema,
             const Json& left,
             const Json& right,
             const std::string& pointer,
             bool is_resumable,
             std::vector<Difference>& out);

void compare_objects(const Schema* schema,
                     const Json& left,
                     const Json& right,
                     const std::string& pointer,
                     std::vector<Difference>& out) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : left.members()) keys.push_back(key);
  for (const auto& [key, value] : right.members())
    if (left.find(key) == nullptr) keys.push_back(key);
  for (const std::string& key : keys) {
    const Field* field = field_at(schema, key);
    compare(schema_below(field, left[key]),
            left[key],
            right[key],
            pointer + "/" + key,
            field != nullptr && field->is_resumable,
            out);
  }
}

void compare(const Schema* schema,
             const Json& left,
             const Json& right,
             const std::string& pointer,
             bool is_resumable,
             std::vector<Difference>& out) {
  if (left == right) return;
  if (left.is_object() && right.is_object()) {
    compare_objects(schema, left, right, pointer, out);
  } else if (left.is_array() && right.is_array() && left.size() == right.size()) {
    for (std::size_t i = 0; i < left.size(); ++i)
      compare(schema, left[i], right[i], pointer + "/" + std::to_string(i), is_resumable, out);
  } else {
    out.push_back({pointer, left, right, is_resumable});
  }
}

}  // namespace

Status apply_setting(Json& config, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return bad_setting(assignment,
                       "expected path=value, found no \"=\" after a path.",
                       "Write for example --set train.max_steps=500.");
  std::string path(assignment.substr(0, equals));
  const std::string_view text = assignment.substr(equals + 1);
  Json changed = config;  // a refused setting changes nothing
  Json* at = &changed;
  std::string walked;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t dot = std::min(path.find('.', start), path.size());
    const std::string key = path.substr(start, dot - start);
    start = dot + 1;
    if (key.empty()) return bad_setting(assignment, "expected keys joined by single dots.", "");
    if (at->is_array()) {
      Json* item = item_at(*at, key);
      if (item == nullptr)
        return bad_setting(assignment,
                           "expected an index below " + std::to_string(at->size()) + " after " +
                               walked + ", found \"" + key + "\".",
                           "");
      at = item;
    } else if (at->is_object() || at->is_null()) {
      Json* member = at->find(key);
      at = member != nullptr ? member : &at->set(key, Json());
    } else {
      return bad_setting(
          assignment, "expected an object or a list at " + walked + ", found a plain value.", "");
    }
    walked += (walked.empty() ? "" : ".") + key;
  }
  auto value = parse_json(text, "--set");
  *at = value.ok() ? std::move(value).value() : Json(text);
  config = std::move(changed);
  return {};
}

std::vector<Difference> differences(const Schema& schema, const Json& left, const Json& right) {
  std::vector<Difference> found;
  compare(&schema, left, right, "", false, found);
  return found;
}

}  // namespace switchyard::config
