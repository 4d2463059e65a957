#include <algorithm>
#include <cmath>

#include "engine/base/config/rules.h"
#include "engine/base/config/schema.h"
#include "engine/base/core/check.h"
#include "engine/base/core/limits.h"
#include "engine/base/core/text.h"

namespace switchyard::config {
namespace {

/// What a value is, in words for "found …".
std::string found(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_string() && value.as_string().size() > 60)
    return "a text of " + grouped(static_cast<std::int64_t>(value.as_string().size())) + " bytes";
  if (value.is_string()) return "the text " + value.dump();
  if (value.is_bool()) return "the boolean " + value.dump();
  if (value.is_integer()) return value.dump();
  if (value.is_number()) return "the number " + value.dump();
  return value.dump();
}

std::string limit_text(const Field& field, double limit) {
  return field.type == Field::Type::kInteger ? std::to_string(static_cast<std::int64_t>(limit))
                                             : short_number(limit);
}

std::string bounds(const Field& field) {
  return (field.is_minimum_exclusive ? "(" : "[") + limit_text(field, field.minimum) + ", " +
         limit_text(field, field.maximum) + "]";
}

std::string expected_number(const Field& field, std::string_view kind) {
  std::string text = "expected " + std::string(kind);
  if (field.has_range) text += " in " + bounds(field);
  if (!field.unit.empty()) text += " (" + field.unit + ")";
  return text;
}

bool is_below(const Field& field, double value) {
  return field.is_minimum_exclusive ? value <= field.minimum : value < field.minimum;
}

class Resolver {
 public:
  std::vector<Error> errors;

  Json resolve_object(const Schema& schema, const Json& input, const std::string& path) {
    const std::size_t errors_before = errors.size();
    Json output = Json::object();
    refuse_unknown_keys(schema, input, path, /*is_variant=*/false);
    resolve_fields(schema, input, path, output);
    run_rules(schema, output, path, errors_before);
    return output;
  }

 private:
  void refuse(const std::string& where, std::string message, std::string hint) {
    errors.push_back({ErrorCode::kConfig, where, std::move(message), std::move(hint), {}});
  }

  void refuse_unknown_keys(const Schema& schema,
                           const Json& input,
                           const std::string& path,
                           bool is_variant) {
    std::vector<std::string> known;
    for (const Field& field : schema.fields()) known.push_back(field.key);
    if (is_variant) known.emplace_back("type");
    for (const auto& [key, value] : input.members()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string nearest = suggest(key, known);
      refuse(pointer_to(path, key),
             "expected a known key, found \"" + valid_utf8(key.substr(0, 80)) + "\".",
             nearest.empty() ? "Known keys here: " + join(known, ", ") + "."
                             : "Did you mean \"" + nearest + "\"?");
    }
  }

  void resolve_fields(const Schema& schema,
                      const Json& input,
                      const std::string& path,
                      Json& output) {
    for (const Field& field : schema.fields()) {
      const std::string here = pointer_to(path, field.key);
      const Json* given = input.find(field.key);
      if (given == nullptr && field.is_required) {
        refuse(here, "expected the key \"" + field.key + "\", found none.", "Add it.");
        continue;
      }
      output.set(field.key, resolve_field(field, given, here));
    }
  }

  void run_rules(const Schema& schema,
                 const Json& output,
                 const std::string& path,
                 std::size_t errors_before) {
    if (errors.size() != errors_before) return;  // rules may rely on valid fields
    for (const std::string& name : schema.rules()) {
      const Schema::Rule rule = rule_by_name(name);
      SY_CHECK(rule != nullptr, "no rule named " + name);
      rule(output, path, errors);
    }
  }

  Json resolve_field(const Field& field, const Json* given, const std::string& path) {
    static const Json empty = Json::object();
    switch (field.type) {
      case Field::Type::kObject:
        if (given != nullptr && !given->is_object()) return wrong_type("an object", *given, path);
        return resolve_object(*field.object, given == nullptr ? empty : *given, path);
      case Field::Type::kVariant:
        if (given != nullptr && !given->is_object()) return wrong_type("an object", *given, path);
        return resolve_variant(field, given == nullptr ? empty : *given, path);
      case Field::Type::kList:
        return resolve_list(field, given == nullptr ? field.default_value : *given, path);
      case Field::Type::kInteger:
        return given == nullptr ? field.default_value : check_integer(field, *given, path);
      case Field::Type::kNumber:
        return given == nullptr ? field.default_value : check_number(field, *given, path);
      case Field::Type::kBoolean:
        if (given != nullptr && !given->is_bool()) return wrong_type("true or false", *given, path);
        return given == nullptr ? field.default_value : *given;
      case Field::Type::kText:
        return given == nullptr ? field.default_value : check_text(field, *given, path);
      case Field::Type::kChoice:
        return given == nullptr ? field.default_value : check_choice(field, *given, path);
    }
    return {};
  }

  Json wrong_type(const std::string& expected, const Json& value, const std::string& path) {
    refuse(path, "expected " + expected + ", found " + found(value) + ".", "");
    return {};
  }

  Json check_integer(const Field& field, const Json& value, const std::string& path) {
    const std::string expected = expected_number(field, "an integer");
    if (!value.is_integer()) {
      const double number = value.as_number(0.5);
      const bool is_whole =
          value.is_number() && number == std::floor(number) && std::abs(number) < 9.0e15;
      refuse(path,
             expected + ", found " + found(value) + ".",
             is_whole ? "Write " + std::to_string(static_cast<std::int64_t>(number)) + "." : "");
      return {};
    }
    check_range(field, static_cast<double>(value.as_integer()), expected, value, path);
    return value;
  }

  Json check_number(const Field& field, const Json& value, const std::string& path) {
    const std::string expected = expected_number(field, "a number");
    if (!value.is_number()) {
      refuse(path, expected + ", found " + found(value) + ".", "");
      return {};
    }
    check_range(field, value.as_number(), expected, value, path);
    return Json(value.as_number());
  }

  void check_range(const Field& field,
                   double value,
                   const std::string& expected,
                   const Json& written,
                   const std::string& path) {
    if (!field.has_range) return;
    const bool below = is_below(field, value);
    if (!below && value <= field.maximum) return;
    const std::string way_out =
        below ? (field.is_minimum_exclusive ? "Raise it above " : "Raise it to at least ") +
                    limit_text(field, field.minimum)
              : "Lower it to at most " + limit_text(field, field.maximum);
    refuse(path, expected + ", found " + written.dump() + ".", way_out + ".");
  }

  Json check_text(const Field& field, const Json& value, const std::string& path) {
    if (!value.is_string()) return wrong_type("a text", value, path);
    const std::string& text = value.as_string();
    if (field.has_range && static_cast<double>(text.size()) > field.maximum)
      refuse(path,
             "expected a text of at most " + short_number(field.maximum) + " bytes, found " +
                 grouped(static_cast<std::int64_t>(text.size())) + ".",
             "Shorten it.");
    if (text.find('\0') != std::string::npos)
      refuse(path, "expected a text, found a NUL character inside.", "Remove it.");
    return value;
  }

  Json check_choice(const Field& field, const Json& value, const std::string& path) {
    const bool is_known = value.is_string() && std::find(field.choices.begin(),
                                                         field.choices.end(),
                                                         value.as_string()) != field.choices.end();
    if (is_known) return value;
    refuse_word(field.choices, value, path);
    return {};
  }

  void refuse_word(const std::vector<std::string>& words,
                   const Json& value,
                   const std::string& path) {
    const std::string nearest = value.is_string() ? suggest(value.as_string(), words) : "";
    const std::string list = "\"" + join(words, "\", \"") + "\"";
    refuse(path,
           "expected " + std::string(words.size() > 1 ? "one of " : "") + list + ", found " +
               found(value) + ".",
           nearest.empty() ? "" : "Did you mean \"" + nearest + "\"?");
  }

  Json resolve_variant(const Field& field, const Json& input, const std::string& path) {
    SY_CHECK(!field.alternatives.empty(), "the variant " + field.key + " has no alternatives");
    const Json* type = input.find("type");
    std::vector<std::string> words;
    const Field::Alternative* chosen = type == nullptr ? &field.alternatives.front() : nullptr;
    for (const Field::Alternative& alternative : field.alternatives) {
      words.push_back(alternative.type);
      if (type != nullptr && type->is_string() && type->as_string() == alternative.type)
        chosen = &alternative;
    }
    if (chosen == nullptr) {
      refuse_word(words, *type, pointer_to(path, "type"));
      return {};
    }
    const std::size_t errors_before = errors.size();
    Json output = Json::object();
    output.set("type", chosen->type);
    refuse_unknown_keys(*chosen->schema, input, path, /*is_variant=*/true);
    resolve_fields(*chosen->schema, input, path, output);
    run_rules(*chosen->schema, output, path, errors_before);
    return output;
  }

  Json resolve_list(const Field& field, const Json& input, const std::string& path) {
    if (!input.is_array()) return wrong_type("a list", input, path);
    const auto count = static_cast<double>(input.size());
    if (field.has_range && (count < field.minimum || count > field.maximum)) {
      refuse(path,
             "expected a list of " + short_number(field.minimum) + " to " +
                 short_number(field.maximum) + " items, found " + std::to_string(input.size()) +
                 ".",
             "");
      return {};
    }
    Json output = Json::array();
    for (std::size_t i = 0; i < input.size(); ++i) {
      const std::string here = pointer_to(path, std::to_string(i));
      if (!input[i].is_object()) {
        wrong_type("an object", input[i], here);
        continue;
      }
      output.push_back(resolve_object(*field.object, input[i], here));
    }
    return output;
  }
};

}  // namespace

Resolved resolve(const Schema& schema, const Json& input, std::string_view source) {
  const std::string root = source.empty() ? "" : std::string(source) + " ";
  Resolver resolver;
  Resolved result;
  if (!input.is_object()) {
    result.errors.push_back(
        {ErrorCode::kConfig,
         root + "/",
         "expected a configuration (a JSON object), found " + found(input) + ".",
         "",
         {}});
    return result;
  }
  result.config = resolver.resolve_object(schema, input, root);
  result.errors = std::move(resolver.errors);
  if (result.errors.size() > limits::kConfigErrors) {
    const std::size_t more = result.errors.size() - limits::kConfigErrors + 1;
    result.errors.resize(limits::kConfigErrors - 1);
    result.errors.push_back({ErrorCode::kConfig,
                             root + "/",
                             std::to_string(more) + " more errors are not listed.",
                             "Correct the ones above first.",
                             {}});
  }
  return result;
}

}  // namespace switchyard::config
