#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/core/result.h"

namespace switchyard {

/// A JSON value: configs, messages, manifests and state files are trees of these.
///
/// Objects keep their order of insertion, so files and messages are written as people declared
/// them. Integers and real numbers are kept apart: 3 and 3.0 differ, as the configuration rules
/// demand. Limits: parsing refuses more than the given bytes and depth, duplicate keys, invalid
/// UTF-8, trailing text and numbers outside int64 or double. Threads: a value, no sharing.
class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() : data_(nullptr) {}

  Json(std::nullptr_t)
      : data_(nullptr) {}  // NOLINT(google-explicit-constructor) literals read as JSON

  Json(bool value) : data_(value) {}  // NOLINT(google-explicit-constructor)

  Json(int value)
      : data_(static_cast<std::int64_t>(value)) {}  // NOLINT(google-explicit-constructor)

  Json(std::int64_t value) : data_(value) {}  // NOLINT(google-explicit-constructor)

  Json(double value) : data_(value) {}  // NOLINT(google-explicit-constructor)

  Json(const char* value) : data_(std::string(value)) {}  // NOLINT(google-explicit-constructor)

  Json(std::string value) : data_(std::move(value)) {}  // NOLINT(google-explicit-constructor)

  Json(std::string_view value)
      : data_(std::string(value)) {}  // NOLINT(google-explicit-constructor)

  Json(Array value) : data_(std::move(value)) {}  // NOLINT(google-explicit-constructor)

  static Json object(Object members = {}) {
    Json j;
    j.data_ = std::move(members);
    return j;
  }

  static Json array(Array items = {}) {
    Json j;
    j.data_ = std::move(items);
    return j;
  }

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }

  [[nodiscard]] bool is_bool() const { return std::holds_alternative<bool>(data_); }

  [[nodiscard]] bool is_integer() const { return std::holds_alternative<std::int64_t>(data_); }

  [[nodiscard]] bool is_number() const {
    return is_integer() || std::holds_alternative<double>(data_);
  }

  [[nodiscard]] bool is_string() const { return std::holds_alternative<std::string>(data_); }

  [[nodiscard]] bool is_array() const { return std::holds_alternative<Array>(data_); }

  [[nodiscard]] bool is_object() const { return std::holds_alternative<Object>(data_); }

  [[nodiscard]] const char* type_name()
      const;  ///< "null", "boolean", "integer", "number", "string", "array", "object"

  // Checked access with a fallback: never throws, never converts between kinds except integer to
  // number.
  [[nodiscard]] bool as_bool(bool fallback = false) const;
  [[nodiscard]] std::int64_t as_integer(std::int64_t fallback = 0) const;
  [[nodiscard]] double as_number(double fallback = 0.0) const;
  [[nodiscard]] const std::string& as_string() const;  ///< empty string when not a string
  [[nodiscard]] const Array& items() const;            ///< empty when not an array
  [[nodiscard]] const Object& members() const;         ///< empty when not an object
  Array& mutable_items();     ///< turns the value into an array if it is not one
  Object& mutable_members();  ///< turns the value into an object if it is not one

  [[nodiscard]] const Json* find(std::string_view key) const;  ///< nullptr when absent
  Json* find(std::string_view key);
  [[nodiscard]] const Json& operator[](std::string_view key) const;  ///< a shared null when absent
  [[nodiscard]] const Json& operator[](
      std::size_t index) const;  ///< a shared null when out of range

  [[nodiscard]] const Json& operator[](int index) const {
    return (*this)[static_cast<std::size_t>(index)];
  }

  Json& set(std::string_view key, Json value);  ///< inserts or replaces; returns the stored value

  void push_back(Json value) { mutable_items().push_back(std::move(value)); }

  [[nodiscard]] std::size_t size() const;  ///< members or items; 0 otherwise

  friend bool operator==(const Json& a, const Json& b) { return a.data_ == b.data_; }

  /// Text of the value. `indent` < 0: one line. Non-finite numbers are written as the strings
  /// "nan", "inf", "-inf". Doubles round-trip exactly and always show a point or an exponent.
  [[nodiscard]] std::string dump(int indent = -1) const;

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> data_;
};

struct JsonLimits {
  std::size_t max_bytes = std::size_t{1} << 20;
  int max_depth = 32;
  std::size_t max_values = 200'000;  ///< members and items together
};

/// Parses JSON text. Errors: kInputFile with `where` = "<source>:line:column" and the reason.
Result<Json> parse_json(std::string_view text,
                        std::string_view source,
                        const JsonLimits& limits = {});

}  // namespace switchyard
