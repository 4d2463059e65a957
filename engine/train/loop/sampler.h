#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/train/loop/decoder.h"
#include "engine/train/loop/sample_request.h"

namespace switchyard::train {

/// The text of an answer that grows token by token, up to a stop text.
class AnswerText {
 public:
  explicit AnswerText(std::vector<std::string> stop = {}) : stop_(std::move(stop)) {}

  /// Adds a token's bytes; returns what became readable. Of a token that completes a stop text,
  /// what comes before that; nothing after it.
  std::string push(std::string_view bytes);

  /// Adds what is incomplete.
  void finish() { text_ += stream_.finish(); }

  /// Complete characters only, without a stop text.
  [[nodiscard]] const std::string& text() const { return text_; }

  /// The stop text that ended the answer; empty otherwise.
  [[nodiscard]] const std::string& stopped_by() const { return stopped_by_; }

  /// `{"text"}` and, where a stop text ended it, `"stopped_by"`; finishes it.
  Json result();

 private:
  std::vector<std::string> stop_;
  TextStream stream_;
  std::string text_, stopped_by_;
};

/// The tokens of a prompt; a line break, or else the first token, for an empty one, since a model
/// needs something to continue. Errors: kInputFile for characters outside the vocabulary.
Result<std::vector<std::int32_t>> prompt_tokens(const formats::Tokenizer& tokenizer,
                                                const std::string& prompt);

/// Generates tokens one at a time with a key-value cache.
///
/// Math:   sampling_distribution() of the logits of the last position; random number i of the
///         request's seed decides token i, so a request always gives the same text from the same
///         weights, whoever else samples.
/// Limits: those of Decoder.
/// Errors: start(): kInputFile when the prompt has characters outside the vocabulary, kUsage for
///         settings out of range; next(): as TokenSource.
/// Threads: as Decoder.
class Sampler final : public TokenSource {
 public:
  Sampler(Transformer& model, const formats::Tokenizer& tokenizer);

  Status start(const SampleRequest& request);

  [[nodiscard]] bool is_done() const override;
  /// The text of the token that completes a stop text is cut before it.
  Result<SampledToken> next() override;

  /// Everything generated so far, complete characters only, without a stop text; finish() adds what
  /// is incomplete.
  [[nodiscard]] const std::string& text() const { return answer_.text(); }

  /// The stop text that ended the answer; empty otherwise.
  [[nodiscard]] const std::string& stopped_by() const { return answer_.stopped_by(); }

  void finish() { answer_.finish(); }

  /// As AnswerText.
  Json result() override { return answer_.result(); }

 private:
  const formats::Tokenizer& tokenizer_;
  Decoder decoder_;
  SampleRequest request_;
  AnswerText answer_;
  std::int64_t num_generated_ = 0;
};

}  // namespace switchyard::train
