#include "ui/model/config_draft.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/base/core/limits.h"

namespace switchyard::ui {
namespace {

using config::Field;

constexpr std::string_view kLayers = "/model/layers";

/// The members of `input` that mean the same in `schema` as in `before`: same key, same type, and a
/// value that fits.
void keep_what_fits(const config::Schema& schema,
                    const config::Schema* before,
                    const Json& input,
                    Json& output) {
  for (const Field& field : schema.fields()) {
    const Json* value = input.find(field.key);
    if (value == nullptr) continue;
    const Field* old = before != nullptr ? before->find(field.key) : nullptr;
    if (field.has_own_default && old != nullptr && !(old->default_value == field.default_value))
      continue;
    Json trial = output;
    trial.set(field.key, *value);
    if (config::resolve(schema, trial, "").ok()) output = std::move(trial);
  }
}

JsonLimits config_limits() {
  JsonLimits limits;
  limits.max_bytes = limits::kConfigBytes;
  limits.max_depth = limits::kConfigDepth;
  limits.max_values = limits::kConfigValues;
  return limits;
}

void drop_card(Json& document) {
  if (!document.is_object()) return;
  std::erase_if(document.mutable_members(),
                [](const Json::Member& member) { return member.first == "preset"; });
}

}  // namespace

ConfigDraft::ConfigDraft(SchemaPtr schema, Json document, DraftOrigin origin, Json base)
    : schema_(std::move(schema)),
      origin_(std::move(origin)),
      first_(document),
      base_(std::move(base)),
      document_(std::move(document)) {
  if (!base_.is_object()) base_ = config::resolve(*schema_, first_, "").config;
  refresh();
}

void ConfigDraft::refresh() {
  config::Resolved resolved = config::resolve(*schema_, document_, "");
  resolved_ = std::move(resolved.config);
  errors_ = std::move(resolved.errors);
  ++revision_;
}

const Json& ConfigDraft::value(std::string_view pointer) const {
  static const Json nothing;
  const Json* found = value_at(resolved_, pointer);
  if (found == nullptr || found->is_null()) {
    if (const Json* given = value_at(document_, pointer); given != nullptr) return *given;
  }
  return found != nullptr ? *found : nothing;
}

bool ConfigDraft::is_changed(std::string_view pointer) const {
  const Json* before = value_at(base_, pointer);
  return before == nullptr || !(*before == value(pointer));
}

std::vector<config::Difference> ConfigDraft::changes() const {
  return config::differences(*schema_, base_, resolved_);
}

void ConfigDraft::apply(Json next) {
  commit();
  if (next == document_) return;
  undo_.push_back(std::exchange(document_, std::move(next)));
  redo_.clear();
  ++committed_;
  refresh();
}

/// The place of a pointer in an unresolved document; what stands on the way is made, lists from the
/// resolved configuration.
Json* ConfigDraft::materialise(Json& document, std::string_view pointer) const {
  Json* at = &document;
  std::string walked;
  for (const std::string& part : pointer_parts(pointer)) {
    walked += "/" + part;
    if (at->is_array()) {
      std::size_t index = 0;
      std::from_chars(part.data(), part.data() + part.size(), index);
      if (index >= at->size()) return nullptr;
      at = &at->mutable_items()[index];
      continue;
    }
    if (!at->is_object() && !at->is_null()) return nullptr;
    if (Json* member = at->find(part); member != nullptr) {
      at = member;
      continue;
    }
    const Json* known = value_at(resolved_, walked);
    at = &at->set(part, known != nullptr && known->is_array() ? *known : Json());
  }
  return at;
}

void ConfigDraft::set(std::string_view pointer, Json value) {
  Json next = document_;
  Json* place = materialise(next, pointer);
  if (place == nullptr) return;
  *place = std::move(value);
  apply(std::move(next));
}

void ConfigDraft::type(std::string_view pointer, Json value) {
  if (typing_ != pointer) {
    commit();
    if (value == this->value(pointer)) return;
    undo_.push_back(document_);
    typing_ = pointer;
  }
  Json* place = materialise(document_, pointer);
  if (place == nullptr || *place == value) return;
  *place = std::move(value);
  refresh();
}

void ConfigDraft::commit() {
  if (typing_.empty()) return;
  typing_.clear();
  // Typed back to what it was: nothing to undo.
  if (undo_.back() == document_) {
    undo_.pop_back();
    return;
  }
  redo_.clear();
  ++committed_;
}

void ConfigDraft::set_variant(std::string_view pointer, std::string_view type) {
  const Field* field = field_at(*schema_, document_, pointer);
  if (field == nullptr || field->type != Field::Type::kVariant) return;
  Json chosen = Json::object({{"type", Json(type)}});
  const Field::Alternative* alternative = alternative_of(*field, chosen);
  if (alternative == nullptr) return;
  Json kept = Json::object();
  const Field::Alternative* before = alternative_of(*field, value(pointer));
  keep_what_fits(*alternative->schema,
                 before != nullptr ? before->schema.get() : nullptr,
                 value(pointer),
                 kept);
  for (const auto& [key, member] : kept.members()) chosen.set(key, member);
  set(pointer, std::move(chosen));
}

void ConfigDraft::remove(std::string_view pointer) {
  const std::size_t slash = pointer.rfind('/');
  if (slash == std::string_view::npos) return;
  const std::vector<std::string> parts = pointer_parts(pointer);
  Json next = document_;
  if (value_at(next, pointer) == nullptr) return;
  Json* parent = materialise(next, pointer.substr(0, slash));
  if (parent == nullptr || !parent->is_object()) return;
  std::erase_if(parent->mutable_members(),
                [&](const Json::Member& member) { return member.first == parts.back(); });
  apply(std::move(next));
}

void ConfigDraft::revert(std::string_view pointer) {
  const Json* before = value_at(base_, pointer);
  if (before == nullptr) {
    remove(pointer);
  } else {
    set(pointer, *before);
  }
}

void ConfigDraft::revert_all() {
  // The beginning itself when that is the base, so that a saved file stays as short as it was.
  const Json first = config::resolve(*schema_, first_, "").config;
  apply(first == base_ ? first_ : base_);
}

Json ConfigDraft::layer_groups() const {
  const Json& layers = value(kLayers);
  const Json* given = value_at(document_, kLayers);
  return given != nullptr && given->is_array() ? *given : layers;
}

std::size_t ConfigDraft::num_layer_groups() const {
  return value(kLayers).size();
}

void ConfigDraft::add_layer_group() {
  Json layers = layer_groups();
  Json feed_forward = Json::object({{"type", "dense"}});
  layers.push_back(Json::object({{"repeat", 1}, {"feed_forward", std::move(feed_forward)}}));
  set(kLayers, std::move(layers));
}

void ConfigDraft::duplicate_layer_group(std::size_t index) {
  Json layers = layer_groups();
  if (index >= layers.size()) return;
  Json copy = layers[index];
  Json::Array& items = layers.mutable_items();
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(copy));
  set(kLayers, std::move(layers));
}

void ConfigDraft::remove_layer_group(std::size_t index) {
  Json layers = layer_groups();
  if (index >= layers.size() || layers.size() < 2) return;
  Json::Array& items = layers.mutable_items();
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(index));
  set(kLayers, std::move(layers));
}

void ConfigDraft::move_layer_group(std::size_t from, std::size_t to) {
  Json layers = layer_groups();
  if (from >= layers.size() || to >= layers.size() || from == to) return;
  Json::Array& items = layers.mutable_items();
  Json moved = std::move(items[from]);
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(from));
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(to), std::move(moved));
  set(kLayers, std::move(layers));
}

void ConfigDraft::undo() {
  commit();
  if (undo_.empty()) return;
  redo_.push_back(std::exchange(document_, std::move(undo_.back())));
  undo_.pop_back();
  ++committed_;
  refresh();
}

void ConfigDraft::redo() {
  commit();
  if (redo_.empty()) return;
  undo_.push_back(std::exchange(document_, std::move(redo_.back())));
  redo_.pop_back();
  ++committed_;
  refresh();
}

std::string ConfigDraft::command_line() const {
  std::string command = "switchyard-engine train ";
  switch (origin_.kind) {
    case DraftOrigin::Kind::kPreset:
      command += "--preset " + shell_quoted(origin_.name);
      break;
    case DraftOrigin::Kind::kRun:
      command += "--config " + shell_quoted(origin_.name + "/config.json");
      break;
    case DraftOrigin::Kind::kFile:
      command += "--config " + shell_quoted(origin_.name);
      break;
  }
  for (const std::string& setting : settings_between(*schema_, first_, resolved_))
    command += " --set " + shell_quoted(setting);
  return command;
}

std::string ConfigDraft::saved_text() const {
  const auto kind = static_cast<int>(origin_.kind);
  return Json::object({{"schema", "switchyard.draft"},
                       {"version", 1},
                       {"origin", Json::object({{"kind", kind}, {"name", origin_.name}})},
                       {"first", first_},
                       {"base", base_},
                       {"config", document_}})
             .dump(2) +
         "\n";
}

void ConfigDraft::restore(Json document) {
  document_ = std::move(document);
  refresh();
}

Result<Json> config_document(std::string_view text, std::string_view source) {
  SY_ASSIGN_OR_RETURN(Json document, parse_json(text, source, config_limits()));
  if (!document.is_object())
    return Error{ErrorCode::kConfig,
                 std::string(source),
                 std::string("expected a configuration (a JSON object), found ") +
                     document.type_name() + ".",
                 "",
                 {}};
  drop_card(document);
  return config::migrate(std::move(document), source);
}

std::string config_file_text(const Json& document) {
  return document.dump(2) + "\n";
}

}  // namespace switchyard::ui
