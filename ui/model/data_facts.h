#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"

namespace switchyard::ui {

/// One token of a preview and the piece of text it stands for.
struct PreviewToken {
  std::int32_t id = 0;
  std::string text;
};

/// How often a token occurs.
struct TokenCount {
  std::string text;  ///< as shown_text writes it
  std::int64_t count = 0;
};

/// What the data section of a configuration means on this machine.
struct DataFacts {
  std::string key;      ///< data_key of the section it belongs to
  std::string title;    ///< data set or file name
  std::string path;     ///< of the text
  std::string problem;  ///< the text cannot be used, and why; everything below is empty then
  std::string hint;
  std::string preview;  ///< the first characters
  std::vector<PreviewToken> tokens;
  std::int64_t num_bytes = 0;
  std::int64_t num_chars = 0;
  std::int64_t num_tokens = 0;        ///< of the whole text
  std::int64_t num_train_tokens = 0;  ///< of the first train_frac of it
  std::int64_t num_distinct = 0;      ///< tokens that occur
  std::int64_t vocab_size = 0;
  std::vector<TokenCount> most_frequent;   ///< falling, at most 24
  std::vector<std::int64_t> line_lengths;  ///< lines by length: 0–9, 10–19, …, last: longer
};

/// What facts depend on: data set, file, tokenizer, training part.
std::string data_key(const Json& data);

/// Counts a text. `tokenizer` is "char" or "byte"; the preview ends at `max_preview` bytes, never
/// inside a character.
///
/// Errors: a text that is empty, binary or not UTF-8 is a problem in the result.
/// Units: num_train_tokens = tokens of the first floor(train_frac x characters) characters.
DataFacts count_text(std::string_view text,
                     std::string_view source,
                     std::string_view tokenizer,
                     double train_frac,
                     std::size_t max_preview = 1200);

}  // namespace switchyard::ui
