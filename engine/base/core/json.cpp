#include "engine/base/core/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "engine/base/core/text.h"

namespace switchyard {
namespace {

const Json& shared_null() {
  static const Json value;
  return value;
}

void dump_string(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t i = 0;
  while (i < text.size()) {
    const CodePoint point = code_point_at(text, i);
    if (point.length == 0) {  // bytes of a token that ends inside a character
      append_utf8(out, 0xFFFD);
      ++i;
      continue;
    }
    if (point.value == U'"' || point.value == U'\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(point.value));
    } else if (point.value == U'\n') {
      out += "\\n";
    } else if (point.value == U'\t') {
      out += "\\t";
    } else if (point.value < 0x20 || point.value == 0x7F) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(point.value));
      out += escaped.data();
    } else {
      out.append(text, i, point.length);
    }
    i += point.length;
  }
  out.push_back('"');
}

void dump_double(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "\"nan\"";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "\"inf\"" : "\"-inf\"";
    return;
  }
  const std::string digits = short_number(value);
  out += digits;
  if (digits.find_first_of(".e") == std::string::npos) out += ".0";
}

void new_line(std::string& out, int indent, int level) {
  if (indent < 0) return;
  out.push_back('\n');
  out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(level), ' ');
}

void dump_value(std::string& out, const Json& value, int indent, int level);

/// Lists of plain values stay on one line, also in indented text.
bool is_flat(const Json& value) {
  return value.is_array() && std::none_of(value.items().begin(),
                                          value.items().end(),
                                          [](const Json& item) { return item.size() > 0; });
}

void dump_array(std::string& out, const Json& value, int indent, int level) {
  const int inner = is_flat(value) ? -1 : indent;
  out.push_back('[');
  bool is_first = true;
  for (const Json& item : value.items()) {
    if (!is_first) out += (indent >= 0 && inner < 0) ? ", " : ",";
    is_first = false;
    new_line(out, inner, level + 1);
    dump_value(out, item, inner, level + 1);
  }
  if (!is_first) new_line(out, inner, level);
  out.push_back(']');
}

void dump_object(std::string& out, const Json& value, int indent, int level) {
  out.push_back('{');
  bool is_first = true;
  for (const auto& [key, member] : value.members()) {
    if (!is_first) out.push_back(',');
    is_first = false;
    new_line(out, indent, level + 1);
    dump_string(out, key);
    out += indent < 0 ? ":" : ": ";
    dump_value(out, member, indent, level + 1);
  }
  if (!is_first) new_line(out, indent, level);
  out.push_back('}');
}

void dump_value(std::string& out, const Json& value, int indent, int level) {
  if (value.is_object()) {
    dump_object(out, value, indent, level);
  } else if (value.is_array()) {
    dump_array(out, value, indent, level);
  } else if (value.is_string()) {
    dump_string(out, value.as_string());
  } else if (value.is_integer()) {
    out += std::to_string(value.as_integer());
  } else if (value.is_number()) {
    dump_double(out, value.as_number());
  } else if (value.is_bool()) {
    out += value.as_bool() ? "true" : "false";
  } else {
    out += "null";
  }
}

}  // namespace

const char* Json::type_name() const {
  static constexpr std::array kNames{
      "null", "boolean", "integer", "number", "string", "array", "object"};
  return kNames[data_.index()];
}

bool Json::as_bool(bool fallback) const {
  const bool* value = std::get_if<bool>(&data_);
  return value == nullptr ? fallback : *value;
}

std::int64_t Json::as_integer(std::int64_t fallback) const {
  const std::int64_t* value = std::get_if<std::int64_t>(&data_);
  return value == nullptr ? fallback : *value;
}

double Json::as_number(double fallback) const {
  if (const double* value = std::get_if<double>(&data_)) return *value;
  if (const std::int64_t* value = std::get_if<std::int64_t>(&data_))
    return static_cast<double>(*value);
  return fallback;
}

const std::string& Json::as_string() const {
  static const std::string empty;
  const std::string* value = std::get_if<std::string>(&data_);
  return value == nullptr ? empty : *value;
}

const Json::Array& Json::items() const {
  static const Array empty;
  const Array* value = std::get_if<Array>(&data_);
  return value == nullptr ? empty : *value;
}

const Json::Object& Json::members() const {
  static const Object empty;
  const Object* value = std::get_if<Object>(&data_);
  return value == nullptr ? empty : *value;
}

Json::Array& Json::mutable_items() {
  if (!is_array()) data_ = Array{};
  return std::get<Array>(data_);
}

Json::Object& Json::mutable_members() {
  if (!is_object()) data_ = Object{};
  return std::get<Object>(data_);
}

const Json* Json::find(std::string_view key) const {
  const Object* object = std::get_if<Object>(&data_);
  if (object == nullptr) return nullptr;
  for (const Member& member : *object)
    if (member.first == key) return &member.second;
  return nullptr;
}

Json* Json::find(std::string_view key) {
  return const_cast<Json*>(std::as_const(*this).find(key));
}

const Json& Json::operator[](std::string_view key) const {
  const Json* value = find(key);
  return value == nullptr ? shared_null() : *value;
}

const Json& Json::operator[](std::size_t index) const {
  const Array* array = std::get_if<Array>(&data_);
  return array == nullptr || index >= array->size() ? shared_null() : (*array)[index];
}

Json& Json::set(std::string_view key, Json value) {
  if (Json* existing = find(key)) {
    *existing = std::move(value);
    return *existing;
  }
  Object& members = mutable_members();
  members.emplace_back(std::string(key), std::move(value));
  return members.back().second;
}

std::size_t Json::size() const {
  if (is_array()) return items().size();
  return members().size();
}

std::string Json::dump(int indent) const {
  std::string out;
  dump_value(out, *this, indent, 0);
  return out;
}

}  // namespace switchyard
