#include "engine/base/formats/tokenizer.h"

#include <algorithm>
#include <unordered_map>

#include "engine/base/core/limits.h"
#include "engine/base/core/text.h"

namespace switchyard::formats {
namespace {

Error bad_text(std::string_view source, std::string message, std::string hint) {
  return {ErrorCode::kInputFile, std::string(source), std::move(message), std::move(hint), {}};
}

Error not_utf8(std::string_view source, std::size_t offset) {
  return bad_text(source,
                  "expected UTF-8 text, found an invalid byte at offset " +
                      grouped(static_cast<std::int64_t>(offset)) + ".",
                  "Save the text as UTF-8, or use the tokenizer \"byte\".");
}

/// id = rank of the code point among the vocabulary's, ascending.
class CharTokenizer : public Tokenizer {
 public:
  explicit CharTokenizer(std::vector<char32_t> characters) : characters_(std::move(characters)) {
    for (std::size_t i = 0; i < characters_.size(); ++i)
      ids_[characters_[i]] = static_cast<std::int32_t>(i);
  }

  [[nodiscard]] std::string_view name() const override { return "char"; }

  [[nodiscard]] std::int64_t vocab_size() const override {
    return static_cast<std::int64_t>(characters_.size());
  }

  Result<std::vector<std::int32_t>> encode(std::string_view text) const override {
    std::vector<std::int32_t> ids;
    ids.reserve(text.size());
    std::size_t at = 0;
    while (at < text.size()) {
      const CodePoint point = code_point_at(text, at);
      if (point.length == 0) return not_utf8("text", at);
      const auto entry = ids_.find(point.value);
      if (entry == ids_.end())
        return bad_text("text",
                        "the vocabulary of " + std::to_string(characters_.size()) +
                            " characters lacks " + describe_code_point(point.value) +
                            " (character " + grouped(static_cast<std::int64_t>(ids.size()) + 1) +
                            " of the text).",
                        "Use only characters of the training text.");
      ids.push_back(entry->second);
      at += point.length;
    }
    return ids;
  }

  [[nodiscard]] std::string decode(std::int32_t id) const override {
    std::string text;
    if (id >= 0 && static_cast<std::size_t>(id) < characters_.size())
      append_utf8(text, characters_[static_cast<std::size_t>(id)]);
    return text;
  }

  [[nodiscard]] Json to_json() const override {
    Json characters = Json::array();
    for (const char32_t c : characters_) characters.push_back(static_cast<std::int64_t>(c));
    return Json::object({{"type", "char"}, {"characters", std::move(characters)}});
  }

 private:
  std::vector<char32_t> characters_;
  std::unordered_map<char32_t, std::int32_t> ids_;
};

/// id = value of the byte.
class ByteTokenizer : public Tokenizer {
 public:
  [[nodiscard]] std::string_view name() const override { return "byte"; }

  [[nodiscard]] std::int64_t vocab_size() const override { return 256; }

  Result<std::vector<std::int32_t>> encode(std::string_view text) const override {
    std::vector<std::int32_t> ids;
    ids.reserve(text.size());
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }

  [[nodiscard]] std::string decode(std::int32_t id) const override {
    if (id < 0 || id > 255) return "";
    return std::string(1, static_cast<char>(id));
  }

  [[nodiscard]] Json to_json() const override { return Json::object({{"type", "byte"}}); }
};

Result<std::unique_ptr<Tokenizer>> char_tokenizer_from_json(const Json& document,
                                                            std::string_view source) {
  const Json& listed = document["characters"];
  if (!listed.is_array() || listed.size() == 0 || listed.size() > limits::kTokenizerEntries)
    return bad_text(source, "expected a list of 1 to 1,000,000 characters.", "");
  std::vector<char32_t> characters;
  std::int64_t before = -1;
  for (const Json& item : listed.items()) {
    const std::int64_t value = item.as_integer(-1);
    const bool is_code_point =
        value >= 0 && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
    if (!item.is_integer() || !is_code_point || value <= before)
      return bad_text(source,
                      "expected Unicode code points in ascending order, found " + item.dump() +
                          " at position " + std::to_string(characters.size()) + ".",
                      "");
    before = value;
    characters.push_back(static_cast<char32_t>(value));
  }
  return std::unique_ptr<Tokenizer>(std::make_unique<CharTokenizer>(std::move(characters)));
}

}  // namespace

std::string Tokenizer::decode(const std::vector<std::int32_t>& ids) const {
  std::string text;
  for (const std::int32_t id : ids) text += decode(id);
  return text;
}

Result<std::unique_ptr<Tokenizer>> char_tokenizer_from_text(std::string_view text,
                                                            std::string_view source) {
  constexpr std::size_t kCodePoints = 0x110000;
  std::vector<bool> is_present(kCodePoints);
  std::size_t at = 0;
  while (at < text.size()) {
    const CodePoint point = code_point_at(text, at);
    if (point.length == 0) return not_utf8(source, at);
    is_present[static_cast<std::size_t>(point.value)] = true;
    at += point.length;
  }
  std::vector<char32_t> characters;
  for (std::size_t c = 0; c < kCodePoints; ++c)
    if (is_present[c]) characters.push_back(static_cast<char32_t>(c));
  if (characters.empty())
    return bad_text(source, "expected text, found none.", "Choose a file with text in it.");
  return std::unique_ptr<Tokenizer>(std::make_unique<CharTokenizer>(std::move(characters)));
}

std::unique_ptr<Tokenizer> byte_tokenizer() {
  return std::make_unique<ByteTokenizer>();
}

Result<std::unique_ptr<Tokenizer>> tokenizer_from_json(const Json& document,
                                                       std::string_view source) {
  const Json& type = document["type"];
  for (const auto& [key, value] : document.members())
    if (key != "type" && (key != "characters" || type.as_string() != "char"))
      return bad_text(source, "expected a tokenizer, found the key \"" + key + "\".", "");
  if (type.as_string() == "char") return char_tokenizer_from_json(document, source);
  if (type.as_string() == "byte") return byte_tokenizer();
  return bad_text(
      source,
      "expected a tokenizer of the type \"char\" or \"byte\", found " + type.dump() + ".",
      "");
}

std::vector<TokenizerInfo> all_tokenizers() {
  return {{"char", "one token per character (Unicode code point) of the training text"},
          {"byte", "one token per byte: 256 tokens, any text"}};
}

}  // namespace switchyard::formats
