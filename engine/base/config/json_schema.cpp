#include <array>

#include "engine/base/config/rules.h"
#include "engine/base/config/schema.h"
#include "engine/base/core/limits.h"

namespace switchyard::config {
namespace {

constexpr std::string_view kDialect = "https://json-schema.org/draft/2020-12/schema";

struct LevelName {
  Level level;
  std::string_view name;
};

constexpr std::array kLevels{LevelName{Level::kEssential, "essential"},
                             LevelName{Level::kCommon, "common"},
                             LevelName{Level::kAll, "all"}};

struct TypeName {
  Field::Type type;
  std::string_view name;       ///< "x-type": tells apart what JSON Schema calls alike
  std::string_view json_type;  ///< "type"
};

constexpr std::array kTypes{TypeName{Field::Type::kInteger, "integer", "integer"},
                            TypeName{Field::Type::kNumber, "number", "number"},
                            TypeName{Field::Type::kBoolean, "boolean", "boolean"},
                            TypeName{Field::Type::kText, "text", "string"},
                            TypeName{Field::Type::kChoice, "choice", "string"},
                            TypeName{Field::Type::kObject, "object", "object"},
                            TypeName{Field::Type::kList, "list", "array"},
                            TypeName{Field::Type::kVariant, "variant", "object"}};

// ---- schema -> JSON Schema ----

void write_object(const Schema& schema, Json& out, std::string_view type_word);

Json bound(const Field& field, double value) {
  if (field.type == Field::Type::kNumber) return Json(value);
  return Json(static_cast<std::int64_t>(value));
}

void write_range(const Field& field, Json& out) {
  if (!field.has_range) return;
  if (field.type == Field::Type::kText) {
    out.set("minLength", bound(field, field.minimum));
    out.set("maxLength", bound(field, field.maximum));
  } else if (field.type == Field::Type::kList) {
    out.set("minItems", bound(field, field.minimum));
    out.set("maxItems", bound(field, field.maximum));
  } else {
    out.set(field.is_minimum_exclusive ? "exclusiveMinimum" : "minimum",
            bound(field, field.minimum));
    out.set("maximum", bound(field, field.maximum));
  }
}

void write_texts(const Field& field, Json& out) {
  out.set("title", field.label);
  if (!field.help.empty()) out.set("description", field.help);
  if (!field.unit.empty()) out.set("x-unit", field.unit);
  for (const LevelName& entry : kLevels)
    if (entry.level == field.level) out.set("x-level", entry.name);
  if (field.since_version != 1) out.set("x-since", field.since_version);
  if (field.is_resumable) out.set("x-resumable", true);
  if (field.has_own_default) out.set("x-own-default", true);
}

void write_alternatives(const Field& field, Json& out) {
  Json alternatives = Json::array();
  for (const Field::Alternative& alternative : field.alternatives) {
    Json object = Json::object();
    if (!alternative.help.empty()) object.set("description", alternative.help);
    if (!alternative.source.empty()) object.set("x-source", alternative.source);
    write_object(*alternative.schema, object, alternative.type);
    // Only the first alternative may leave "type" out.
    if (alternatives.size() > 0) {
      Json required = Json::array({"type"});
      for (const Json& key : object["required"].items()) required.push_back(key);
      object.set("required", std::move(required));
    }
    alternatives.push_back(std::move(object));
  }
  out.set("oneOf", std::move(alternatives));
}

Json field_json(const Field& field) {
  Json out = Json::object();
  for (const TypeName& entry : kTypes) {
    if (entry.type != field.type) continue;
    out.set("type", entry.json_type);
    out.set("x-type", entry.name);
  }
  write_texts(field, out);
  if (!field.default_value.is_null()) out.set("default", field.default_value);
  write_range(field, out);
  if (field.type == Field::Type::kChoice) {
    Json words = Json::array();
    for (const std::string& word : field.choices) words.push_back(word);
    out.set("enum", std::move(words));
  } else if (field.type == Field::Type::kObject) {
    write_object(*field.object, out, "");
  } else if (field.type == Field::Type::kList) {
    Json item = Json::object({{"type", "object"}});
    write_object(*field.object, item, "");
    out.set("items", std::move(item));
  } else if (field.type == Field::Type::kVariant) {
    write_alternatives(field, out);
  }
  return out;
}

void write_object(const Schema& schema, Json& out, std::string_view type_word) {
  out.set("additionalProperties", false);
  Json properties = Json::object();
  Json required = Json::array();
  if (!type_word.empty()) properties.set("type", Json::object({{"const", Json(type_word)}}));
  for (const Field& field : schema.fields()) {
    properties.set(field.key, field_json(field));
    if (field.is_required) required.push_back(field.key);
  }
  out.set("properties", std::move(properties));
  if (required.size() > 0) out.set("required", std::move(required));
  Json rules = Json::array();
  for (const std::string& rule : schema.rules()) rules.push_back(rule);
  if (rules.size() > 0) out.set("x-rules", std::move(rules));
}

// ---- JSON Schema -> schema ----

Error bad_schema(const std::string& pointer, std::string message) {
  return {ErrorCode::kInputFile,
          pointer.empty() ? "/" : pointer,
          std::move(message),
          "Write the file anew with: switchyard-engine schema.",
          {}};
}

Status read_object(const Json& node, Schema& schema, const std::string& pointer);

void read_range(const Json& node, Field& field) {
  static constexpr std::array kLow{"minimum", "exclusiveMinimum", "minLength", "minItems"};
  static constexpr std::array kHigh{"maximum", "maxLength", "maxItems"};
  field.has_range = false;
  field.minimum = 0.0;
  field.maximum = 0.0;
  for (const char* key : kHigh) {
    if (const Json* high = node.find(key)) {
      field.has_range = true;
      field.maximum = high->as_number();
    }
  }
  for (const char* key : kLow)
    if (const Json* low = node.find(key)) field.minimum = low->as_number();
  field.is_minimum_exclusive = node.find("exclusiveMinimum") != nullptr;
}

void read_texts(const Json& node, Field& field) {
  field.label = node["title"].as_string();
  field.help = node["description"].as_string();
  field.unit = node["x-unit"].as_string();
  for (const LevelName& entry : kLevels)
    if (node["x-level"].as_string() == entry.name) field.level = entry.level;
  field.since_version = static_cast<int>(node["x-since"].as_integer(1));
  field.is_resumable = node["x-resumable"].as_bool();
  field.has_own_default = node["x-own-default"].as_bool();
}

bool default_fits(const Json& value, Field::Type type) {
  switch (type) {
    case Field::Type::kInteger:
      return value.is_integer();
    case Field::Type::kNumber:
      return value.is_number();
    case Field::Type::kBoolean:
      return value.is_bool();
    case Field::Type::kText:
    case Field::Type::kChoice:
      return value.is_string();
    case Field::Type::kList:
      return value.is_array();
    case Field::Type::kObject:
    case Field::Type::kVariant:
      return value.is_null();
  }
  return false;
}

Status read_alternatives(Schema& schema,
                         const std::string& key,
                         const Json& node,
                         const std::string& pointer) {
  const Json& alternatives = node["oneOf"];
  if (alternatives.size() == 0)
    return bad_schema(pointer, "expected alternatives in \"oneOf\", found none.");
  for (std::size_t i = 0; i < alternatives.size(); ++i) {
    const Json& entry = alternatives[i];
    const std::string& word = entry["properties"]["type"]["const"].as_string();
    const std::string here = pointer + "/oneOf/" + std::to_string(i);
    if (word.empty()) return bad_schema(here, "expected properties/type/const, found none.");
    Schema& inner = schema.alternative(
        key, word, entry["description"].as_string(), entry["x-source"].as_string());
    SY_RETURN_IF_ERROR(read_object(entry, inner, here));
  }
  return {};
}

/// Declares a field of the type that `node` names; its texts and range are filled in by the caller.
Status declare(Schema& schema, const std::string& key, const Json& node, Field::Type type) {
  const Json& value = node["default"];
  switch (type) {
    case Field::Type::kInteger:
      schema.integer(key, value.as_integer());
      break;
    case Field::Type::kNumber:
      schema.number(key, value.as_number());
      break;
    case Field::Type::kBoolean:
      schema.boolean(key, value.as_bool());
      break;
    case Field::Type::kText:
      schema.text(key, value.as_string());
      break;
    case Field::Type::kChoice: {
      std::vector<std::string> words;
      bool has_default = false;
      for (const Json& word : node["enum"].items()) {
        words.push_back(word.as_string());
        has_default = has_default || word == value;
      }
      if (!has_default) return bad_schema(key, "expected the default among the words of enum.");
      schema.choice(key, value.as_string(), std::move(words));
      break;
    }
    case Field::Type::kObject:
      schema.object(key);
      break;
    case Field::Type::kList:
      schema.list(key, value);
      break;
    case Field::Type::kVariant:
      schema.variant(key);
      break;
  }
  return {};
}

Status read_field(const std::string& key,
                  const Json& node,
                  Schema& schema,
                  const std::string& pointer) {
  const TypeName* found = nullptr;
  for (const TypeName& entry : kTypes)
    if (node["x-type"].as_string() == entry.name) found = &entry;
  if (found == nullptr)
    return bad_schema(pointer, "expected a known x-type, found " + node["x-type"].dump() + ".");
  if (!default_fits(node["default"], found->type))
    return bad_schema(pointer, "expected a default of the type " + std::string(found->name) + ".");
  if (schema.find(key) != nullptr) return bad_schema(pointer, "the key is declared twice.");
  SY_RETURN_IF_ERROR(declare(schema, key, node, found->type));
  Field& field = *schema.find(key);
  read_texts(node, field);
  read_range(node, field);
  if (found->type == Field::Type::kObject) return read_object(node, *field.object, pointer);
  if (found->type == Field::Type::kList)
    return read_object(node["items"], *field.object, pointer + "/items");
  if (found->type == Field::Type::kVariant) return read_alternatives(schema, key, node, pointer);
  return {};
}

Status read_object(const Json& node, Schema& schema, const std::string& pointer) {
  if (!node["properties"].is_object())
    return bad_schema(pointer, "expected \"properties\", found none.");
  const bool is_alternative = node["properties"]["type"].find("const") != nullptr;
  for (const auto& [key, value] : node["properties"].members()) {
    if (is_alternative && key == "type") continue;
    SY_RETURN_IF_ERROR(read_field(key, value, schema, pointer + "/properties/" + key));
  }
  for (const Json& key : node["required"].items()) {
    if (is_alternative && key.as_string() == "type") continue;
    if (Field* field = schema.find(key.as_string())) field->is_required = true;
  }
  for (const Json& rule : node["x-rules"].items()) {
    if (rule_by_name(rule.as_string()) == nullptr)
      return bad_schema(pointer, "expected a known rule, found " + rule.dump() + ".");
    schema.rule(rule.as_string());
  }
  return {};
}

}  // namespace

Json json_schema(const Schema& schema) {
  Json out = Json::object();
  out.set("$schema", Json(kDialect));
  out.set("title", "switchyard.run");
  out.set("type", "object");
  write_object(schema, out, "");
  return out;
}

Result<Schema> schema_from_json_schema(const Json& document) {
  Schema schema;
  SY_RETURN_IF_ERROR(read_object(document, schema, ""));
  return schema;
}

}  // namespace switchyard::config
