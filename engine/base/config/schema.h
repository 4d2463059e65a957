#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::config {

/// How prominent a setting is in the form: three levels of disclosure.
enum class Level { kEssential, kCommon, kAll };

/// The declaration of one key: the only place where it is described. Parsing, validation, defaults,
/// JSON Schema, form, difference view and documentation are all derived from it.
struct Field {
  enum class Type { kInteger, kNumber, kBoolean, kText, kChoice, kObject, kList, kVariant };
  std::string key;
  Type type = Type::kInteger;
  Json default_value;
  double minimum = 0.0;  ///< of a number, a text's bytes or a list's items, if has_range
  double maximum = 0.0;
  bool has_range = false;
  bool is_minimum_exclusive = false;
  std::string unit;   ///< "steps", "tokens", "nats", … ; empty for a pure number
  std::string help;   ///< one line
  std::string label;  ///< what the form shows; sentence case
  Level level = Level::kCommon;
  int since_version = 1;
  bool is_resumable = false;  ///< may it change when a run is resumed?
  bool is_required = false;   ///< no default: must be given
  /// What fits depends on the alternative (a learning rate on its optimizer): choosing another one
  /// with another default does not take the value over.
  bool has_own_default = false;
  std::vector<std::string> choices;  ///< kChoice: allowed words
  struct Alternative;                ///< kVariant: one object schema per value of "type"
  std::vector<Alternative> alternatives;
  std::shared_ptr<class Schema> object;  ///< kObject, and the item of a kList

  // Chained setters, so that a declaration reads like a table row.
  Field& range(double low, double high);
  Field& above(double low, double high);  ///< low excluded
  Field& in(std::string_view unit_name);
  Field& says(std::string_view help_text);
  Field& named(std::string_view label_text);
  Field& at_level(Level new_level);
  Field& resumable(bool value = true);
  Field& required();
  Field& own_default();
  Field& since(int version);
};

/// The declaration of one object: its fields in order, and the named rules between them.
class Schema {
 public:
  /// A rule between fields. Looks at the object (resolved), appends errors with both pointers.
  using Rule = void (*)(const Json& object, const std::string& path, std::vector<Error>& errors);

  Field& integer(std::string_view key, std::int64_t default_value);
  Field& number(std::string_view key, double default_value);
  Field& boolean(std::string_view key, bool default_value);
  Field& text(std::string_view key, std::string_view default_value);
  Field& choice(std::string_view key,
                std::string_view default_value,
                std::vector<std::string> words);
  Schema& object(std::string_view key, std::string_view help = "");
  /// A list of objects of one schema. `default_value` is the JSON array used when the key is
  /// absent.
  Schema& list(std::string_view key, Json default_value, std::string_view help = "");
  /// An object whose "type" member selects one of several schemas; the first one is the default.
  Field& variant(std::string_view key);
  /// Adds an alternative to the variant `key` and returns its schema to be filled.
  Schema& alternative(std::string_view key,
                      std::string_view type,
                      std::string_view help = "",
                      std::string_view source = "");
  /// `name` must be known to rule_by_name (rules.cpp), so that a schema read back from its file has
  /// its rules again.
  void rule(std::string_view name);

  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }

  [[nodiscard]] const Field* find(std::string_view key) const;
  Field* find(std::string_view key);

  [[nodiscard]] const std::vector<std::string>& rules() const { return rules_; }

 private:
  Field& add(std::string_view key, Field::Type type);
  std::vector<Field> fields_;
  std::vector<std::string> rules_;
};

struct Field::Alternative {
  std::string type;
  std::string help;
  std::string source;  ///< paper and equation
  std::shared_ptr<Schema> schema;
};

/// A strategy of routing as the run schema needs it: the choice that it belongs to ("router",
/// "score", "capacity", …), name, texts, and the function that declares its options.
struct RoutingDeclaration {
  std::string stage;
  std::string name;
  std::string summary;
  std::string source;
  void (*describe)(Schema& schema) = nullptr;
};

/// The schema of a whole run ("switchyard.run", version kRunVersion). Strategies of routing come
/// from the caller, because their registry lives with the training code.
inline constexpr int kRunVersion = 2;
Schema run_schema(const std::vector<RoutingDeclaration>& routing);

/// JSON Schema text of a schema, and back: the window knows the schema from the file in
/// configs/schema only. `schema_from_json_schema(json_schema(s))` equals `s`, rules included (keys
/// "x-unit", "x-level", "x-rules", …).
Json json_schema(const Schema& schema);
Result<Schema> schema_from_json_schema(const Json& document);

/// Validates `input` and fills defaults in. On failure: all errors (at most 50), each with pointer,
/// expectation, finding and way out; an unknown key names the nearest known one.
/// `source` is put before the pointers ("configs/x.json /model/d_model").
struct Resolved {
  Json config;
  std::vector<Error> errors;  ///< empty when the configuration is valid

  [[nodiscard]] bool ok() const { return errors.empty(); }
};

Resolved resolve(const Schema& schema, const Json& input, std::string_view source);

/// Applies `path.to.key=value` (as after --set) to an unresolved configuration. List items by
/// index: `model.layers.0.feed_forward.router.top_k=2`. The value is JSON if it parses as such,
/// else text. Errors: kConfig when the text has no '=' or the path runs through a plain value or
/// past the end of a list.
Status apply_setting(Json& config, std::string_view assignment);

/// Brings an older document to kRunVersion (one function per step); refuses newer ones with both
/// numbers.
Result<Json> migrate(Json document, std::string_view source);

/// The nearest of `known` within edit distance max(2, length/3), or "".
std::string suggest(std::string_view word, const std::vector<std::string>& known);

/// Keys that differ between two resolved configurations: pointer, left, right; with the schema's
/// resumable flag.
struct Difference {
  std::string pointer;
  Json left;
  Json right;
  bool is_resumable = false;
};

std::vector<Difference> differences(const Schema& schema, const Json& left, const Json& right);

}  // namespace switchyard::config
