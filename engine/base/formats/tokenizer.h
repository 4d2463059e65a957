#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::formats {

/// Text to ids and back.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;  ///< "char", "byte"
  [[nodiscard]] virtual std::int64_t vocab_size() const = 0;
  /// Ids of `text`. Errors: kInputFile naming the first character that the vocabulary lacks, with
  /// its position.
  virtual Result<std::vector<std::int32_t>> encode(std::string_view text) const = 0;
  /// Text of one id; bytes that are not valid UTF-8 are returned as they are.
  [[nodiscard]] virtual std::string decode(std::int32_t id) const = 0;
  /// What a run folder or data folder stores: {"type":"char","characters":[10,32,…]}.
  [[nodiscard]] virtual Json to_json() const = 0;
  [[nodiscard]] std::string decode(const std::vector<std::int32_t>& ids) const;
};

/// The character tokenizer: id = rank of the code point among the distinct ones of `text`,
/// ascending.
Result<std::unique_ptr<Tokenizer>> char_tokenizer_from_text(std::string_view text,
                                                            std::string_view source);
std::unique_ptr<Tokenizer> byte_tokenizer();
/// From to_json(). Errors: kInputFile.
Result<std::unique_ptr<Tokenizer>> tokenizer_from_json(const Json& document,
                                                       std::string_view source);

struct TokenizerInfo {
  std::string_view name;
  std::string_view summary;
};

std::vector<TokenizerInfo> all_tokenizers();

}  // namespace switchyard::formats
