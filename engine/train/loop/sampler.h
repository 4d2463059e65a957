#pragma once

#include <cstdint>
#include <string>

#include "engine/train/loop/decoder.h"
#include "engine/train/loop/sample_request.h"

namespace switchyard::train {

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
  [[nodiscard]] const std::string& text() const { return text_; }

  /// The stop text that ended the answer; empty otherwise.
  [[nodiscard]] const std::string& stopped_by() const { return stopped_by_; }

  void finish();

  /// `{"text"}` and, where a stop text ended it, `"stopped_by"`.
  Json result() override;

 private:
  const formats::Tokenizer& tokenizer_;
  Decoder decoder_;
  SampleRequest request_;
  TextStream stream_;
  std::string text_, stopped_by_;
  std::int64_t num_generated_ = 0;
};

}  // namespace switchyard::train
