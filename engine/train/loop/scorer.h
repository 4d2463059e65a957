#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/train/loop/decoder.h"

namespace switchyard::train {

/// Reads a given text token by token and tells how well the model expected each.
///
/// Math:   loss = -mean over tokens 1 … n-1 of ln p(token i | the tokens before it, as far as the
///         context reaches); perplexity = e^loss; bits_per_byte = loss x (n - 1) / ln 2 / bytes of
///         those tokens.
/// Limits: those of Decoder; the first token is context and counts nowhere.
/// Errors: start(): kInputFile when the text has characters outside the vocabulary, kUsage when it
///         is shorter than two tokens or longer than 1 MiB; next(): as TokenSource.
/// Determinism: the loss of given weights is exact for a device, build and thread count.
/// Threads: as Decoder.
class Scorer final : public TokenSource {
 public:
  Scorer(Transformer& model, const formats::Tokenizer& tokenizer);

  Status start(const std::string& text);

  [[nodiscard]] bool is_done() const override { return next_ >= ids_.size(); }

  Result<SampledToken> next() override;

  struct Score {
    double loss = 0.0;  ///< nats/token
    double perplexity = 0.0;
    double bits_per_byte = 0.0;
    std::int64_t tokens = 0;  ///< that were predicted
  };

  /// Of what was read so far; zero tokens at first.
  [[nodiscard]] Score score() const;
  /// The members of score(); nothing before the second token.
  Json result() override;

 private:
  const formats::Tokenizer& tokenizer_;
  Decoder decoder_;
  std::vector<std::int32_t> ids_;
  std::size_t next_ = 0;
  TextStream stream_;
  double nats_ = 0.0;
  std::int64_t num_tokens_ = 0, num_bytes_ = 0;
};

}  // namespace switchyard::train
