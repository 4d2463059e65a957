#include "ui/model/data_facts.h"

#include <algorithm>
#include <array>
#include <map>

#include "engine/base/core/text.h"
#include "engine/base/formats/tokenizer.h"
#include "ui/model/prompt.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kMostFrequent = 24;
constexpr std::size_t kLineBins = 9;  ///< of ten characters, and one for longer lines

/// The longest start of `text` of at most `max_bytes` that ends with a whole character.
std::string_view whole_start(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

struct Counts {
  std::map<char32_t, std::int64_t> chars;
  std::array<std::int64_t, 256> bytes{};
  std::vector<std::int64_t> line_lengths = std::vector<std::int64_t>(kLineBins + 1, 0);
  std::int64_t num_chars = 0;
};

Counts count(std::string_view text) {
  Counts counts;
  std::size_t line = 0;
  const auto end_line = [&] {
    ++counts.line_lengths[std::min(line / 10, kLineBins)];
    line = 0;
  };
  std::array<std::int64_t, 128> ascii{};
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    char32_t value = byte;
    std::size_t length = 1;
    if (byte < 0x80U) {
      ++ascii[byte];
    } else {
      const CodePoint point = code_point_at(text, at);
      value = point.value;
      length = point.length;
      ++counts.chars[value];
    }
    for (std::size_t i = 0; i < length; ++i)
      ++counts.bytes[static_cast<unsigned char>(text[at + i])];
    ++counts.num_chars;
    if (value == U'\n') {
      end_line();
    } else {
      ++line;
    }
    at += length;
  }
  if (line > 0) end_line();
  for (std::size_t i = 0; i < ascii.size(); ++i) {
    if (ascii[i] > 0) counts.chars[static_cast<char32_t>(i)] = ascii[i];
  }
  return counts;
}

/// Bytes of the first `num_chars` characters.
std::int64_t bytes_of_first(std::string_view text, std::int64_t num_chars) {
  std::size_t at = 0;
  for (std::int64_t i = 0; i < num_chars && at < text.size(); ++i) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) ++at;
  }
  return static_cast<std::int64_t>(at);
}

void set_frequent(DataFacts& facts, std::vector<TokenCount> all) {
  std::stable_sort(all.begin(), all.end(), [](const TokenCount& a, const TokenCount& b) {
    return a.count > b.count;
  });
  facts.num_distinct = static_cast<std::int64_t>(all.size());
  if (all.size() > kMostFrequent) all.resize(kMostFrequent);
  facts.most_frequent = std::move(all);
}

void set_char_counts(DataFacts& facts, const Counts& counts) {
  std::vector<TokenCount> all;
  for (const auto& [value, number] : counts.chars) {
    std::string text;
    append_utf8(text, value);
    all.push_back({shown_text(text), number});
  }
  facts.vocab_size = static_cast<std::int64_t>(all.size());
  facts.num_tokens = counts.num_chars;
  set_frequent(facts, std::move(all));
}

void set_byte_counts(DataFacts& facts, const Counts& counts) {
  std::vector<TokenCount> all;
  for (std::size_t i = 0; i < counts.bytes.size(); ++i) {
    const auto byte = static_cast<char>(i);
    if (counts.bytes[i] > 0) all.push_back({shown_text(std::string(1, byte)), counts.bytes[i]});
  }
  facts.vocab_size = formats::byte_tokenizer()->vocab_size();
  facts.num_tokens = facts.num_bytes;
  set_frequent(facts, std::move(all));
}

void set_preview(DataFacts& facts, std::string_view text, bool is_byte, std::size_t max_preview) {
  facts.preview = std::string(whole_start(text, max_preview));
  const auto made = is_byte ? Result<std::unique_ptr<formats::Tokenizer>>(formats::byte_tokenizer())
                            : formats::char_tokenizer_from_text(text, facts.title);
  if (!made.ok()) return;
  const auto ids = made.value()->encode(facts.preview);
  if (!ids.ok()) return;
  for (const std::int32_t id : ids.value()) facts.tokens.push_back({id, made.value()->decode(id)});
}

}  // namespace

std::string data_key(const Json& data) {
  return Json::array({data["dataset"], data["text_file"], data["tokenizer"], data["train_frac"]})
      .dump();
}

DataFacts count_text(std::string_view text,
                     std::string_view source,
                     std::string_view tokenizer,
                     double train_frac,
                     std::size_t max_preview) {
  DataFacts facts;
  facts.title = std::string(source);
  if (text.empty()) {
    facts.problem = "This file is empty.";
    facts.hint = "Choose a text with at least a few thousand characters.";
    return facts;
  }
  const std::size_t bad = std::min(find_invalid_utf8(text), text.find('\0'));
  if (bad != std::string_view::npos) {
    facts.problem = "This is no UTF-8 text: byte " + grouped(static_cast<std::int64_t>(bad)) +
                    " does not belong to a character.";
    facts.hint = "Convert it to UTF-8, or choose another file.";
    return facts;
  }
  facts.num_bytes = static_cast<std::int64_t>(text.size());
  const Counts counts = count(text);
  facts.num_chars = counts.num_chars;
  facts.line_lengths = counts.line_lengths;
  const bool is_byte = tokenizer == "byte";
  if (is_byte) {
    set_byte_counts(facts, counts);
  } else {
    set_char_counts(facts, counts);
  }
  const auto train_chars =
      static_cast<std::int64_t>(train_frac * static_cast<double>(facts.num_chars));
  facts.num_train_tokens = is_byte ? bytes_of_first(text, train_chars) : train_chars;
  set_preview(facts, text, is_byte, max_preview);
  return facts;
}

}  // namespace switchyard::ui
