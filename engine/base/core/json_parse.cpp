#include <iterator>
#include <unordered_set>

#include <nlohmann/json.hpp>

#include "engine/base/core/json.h"
#include "engine/base/core/text.h"

namespace switchyard {
namespace {

/// A character iterator that leaves word of how far the parser has read, so that errors found in
/// callbacks have a place too.
class TrackingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  TrackingIterator(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}

  reference operator*() const { return *at_; }

  TrackingIterator& operator++() {
    *furthest_ = ++at_;
    return *this;
  }

  TrackingIterator operator++(int) {
    TrackingIterator before = *this;
    ++*this;
    return before;
  }

  friend bool operator==(const TrackingIterator& a, const TrackingIterator& b) {
    return a.at_ == b.at_;
  }

  friend bool operator!=(const TrackingIterator& a, const TrackingIterator& b) {
    return a.at_ != b.at_;
  }

 private:
  const char* at_;
  const char** furthest_;
};

/// Builds a Json tree from parser events and applies the limits while they arrive.
class TreeBuilder {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit TreeBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool null() { return put(Json()); }

  bool boolean(bool value) { return put(Json(value)); }

  bool number_integer(number_integer_t value) { return put(Json(std::int64_t{value})); }

  bool number_unsigned(number_unsigned_t value) {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max()))
      return refuse_integer(std::to_string(value));
    return put(Json(static_cast<std::int64_t>(value)));
  }

  bool number_float(number_float_t value, const string_t& digits) {
    // The library turns integers beyond 64 bits into floating-point numbers: refuse instead.
    if (digits.find_first_of(".eE") == string_t::npos) return refuse_integer(digits);
    return put(Json(value));
  }

  bool string(string_t& value) { return put(Json(std::move(value))); }

  bool binary(binary_t&) { return fail("expected JSON text, found binary data."); }

  bool start_object(std::size_t) {
    if (!open(Json::object())) return false;
    keys_.emplace_back();
    return true;
  }

  bool key(string_t& name) {
    if (!keys_.back().insert(name).second) return fail("the key \"" + name + "\" occurs twice.");
    pending_keys_.push_back(std::move(name));
    return true;
  }

  bool end_object() {
    keys_.pop_back();
    return close();
  }

  bool start_array(std::size_t) { return open(Json::array()); }

  bool end_array() { return close(); }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& problem) {
    // "[json.exception…] parse error at line 1, column 2: syntax error while …; expected …"
    std::string text = problem.what();
    const std::size_t column = text.find("column ");
    const std::size_t colon = column == std::string::npos ? column : text.find(": ", column);
    if (colon != std::string::npos) {
      text.erase(0, colon + 2);
    } else if (const std::size_t bracket = text.find("] "); bracket != std::string::npos) {
      text.erase(0, bracket + 2);
    }
    return fail("expected valid JSON, found a " + valid_utf8(text) + ".");
  }

  Json root;
  std::string failure;

 private:
  bool fail(std::string reason) {
    failure = std::move(reason);
    return false;
  }

  bool refuse_integer(const std::string& digits) {
    return fail("expected an integer of at most 64 bits, found " + digits.substr(0, 40) + ".");
  }

  bool count() {
    if (++num_values_ <= limits_.max_values) return true;
    return fail("expected at most " + grouped(static_cast<std::int64_t>(limits_.max_values)) +
                " values, found more.");
  }

  /// Stores a value below the innermost open container; returns where it lies.
  Json* place(Json value) {
    if (open_.empty()) {
      root = std::move(value);
      return &root;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.mutable_items().back();
    }
    Json::Object& members = parent.mutable_members();
    members.emplace_back(std::move(pending_keys_.back()), std::move(value));
    pending_keys_.pop_back();
    return &members.back().second;
  }

  bool put(Json value) {
    if (!count()) return false;
    place(std::move(value));
    return true;
  }

  bool open(Json container) {
    if (static_cast<int>(open_.size()) >= limits_.max_depth)
      return fail("expected a nesting depth of at most " + std::to_string(limits_.max_depth) +
                  ", found more.");
    if (!count()) return false;
    open_.push_back(place(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  JsonLimits limits_;
  std::size_t num_values_ = 0;
  // Pointers stay valid: a container's siblings are only added after it has been closed.
  std::vector<Json*> open_;
  std::vector<std::string> pending_keys_;
  std::vector<std::unordered_set<std::string>> keys_;
};

/// Line and column of the last of the first `offset` characters: the one at which parsing stopped.
std::string place_name(std::string_view source, std::string_view text, std::size_t offset) {
  std::size_t line = 1;
  std::size_t line_start = 0;
  for (std::size_t i = 0; i + 1 < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++line;
      line_start = i + 1;
    }
  }
  const std::size_t column = std::max<std::size_t>(offset, line_start + 1) - line_start;
  return std::string(source) + ":" + std::to_string(line) + ":" + std::to_string(column);
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view source, const JsonLimits& limits) {
  const auto failure = [&](std::size_t offset, std::string message, std::string hint) {
    return Error{ErrorCode::kInputFile,
                 place_name(source, text, offset),
                 std::move(message),
                 std::move(hint),
                 {}};
  };
  if (text.size() > limits.max_bytes)
    return failure(0,
                   "expected at most " + grouped(static_cast<std::int64_t>(limits.max_bytes)) +
                       " bytes of JSON, found " + grouped(static_cast<std::int64_t>(text.size())) +
                       ".",
                   "");
  if (text.substr(0, 3) == "\xEF\xBB\xBF")
    return failure(0,
                   "expected JSON, found a byte order mark.",
                   "Save the file as UTF-8 without a byte order mark.");
  if (const std::size_t bad = find_invalid_utf8(text); bad != std::string_view::npos)
    return failure(
        bad + 1, "expected UTF-8 text, found an invalid byte.", "Save the file as UTF-8.");
  // The library takes a NUL for the end of the text and would not look at what follows.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
    return failure(nul + 1, "expected JSON text, found a NUL byte.", "");
  TreeBuilder builder(limits);
  const char* furthest = text.data();
  const bool parsed =
      nlohmann::json::sax_parse(TrackingIterator(text.data(), &furthest),
                                TrackingIterator(text.data() + text.size(), &furthest),
                                &builder);
  if (!parsed)
    return failure(
        static_cast<std::size_t>(furthest - text.data()), std::move(builder.failure), "");
  return std::move(builder.root);
}

}  // namespace switchyard
