#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/base/formats/tokenizer.h"
#include "engine/train/loop/sampling.h"

namespace switchyard::train {

class Transformer;

/// What to write on from, and how.
struct SampleRequest {
  std::string prompt;
  std::int64_t max_tokens = 200;
  SamplingSettings settings;
  std::uint64_t seed = 1337;
};

/// Reads a request from a message or checks one from the command line. Absent members keep their
/// defaults. Errors: kUsage naming the member, what was expected and what was found.
Result<SampleRequest> sample_request_from_json(const Json& message);
Status check_request(const SampleRequest& request);

/// One generated token with the evidence behind it.
struct SampledToken {
  struct Alternative {
    std::int32_t id = 0;
    std::string text;
    double prob = 0.0;
  };

  struct Route {
    int layer = 0;
    std::vector<std::int64_t> experts;  ///< descending weight
    std::vector<double> weights;
  };

  std::int32_t id = 0;
  std::string text;              ///< whole characters only; "" while a character is incomplete
  double prob = 0.0;             ///< of the model itself: softmax of the logits, before all filters
  std::vector<Alternative> top;  ///< the five most probable tokens, likewise
  std::vector<Route> route;      ///< one entry per routed layer, of this token as it is read
};

/// `{"id","text","prob","top":[{"id","text","prob"}…],"route":[{"layer","experts","weights"}…]}`
Json json_from(const SampledToken& token);

/// Joins the bytes of tokens into whole UTF-8 characters; bytes that cannot become one are shown as
/// U+FFFD.
class TextStream {
 public:
  /// Adds bytes; returns what is complete now.
  std::string push(std::string_view bytes);
  /// What is left at the end.
  std::string finish();

 private:
  std::string pending_;
};

/// Generates tokens one at a time with a key-value cache.
///
/// Math:   sampling_distribution() of the logits of the last position; random number i of the
///         request's seed decides token i, so a request always gives the same text from the same
///         weights, whoever else samples.
/// Limits: the context holds seq_len positions; when it is full, the oldest quarter is dropped and
///         the rest is read again (one pass per seq_len / 4 tokens).
/// Errors: start(): kInputFile when the prompt has characters outside the vocabulary, kUsage for
///         settings out of range; next(): kOutOfMemory, kInternal for what LibTorch throws.
/// Threads: the thread that trains; weights must not change inside a call, and may between calls
///         (then earlier keys and values stay those of the older weights).
class Sampler {
 public:
  Sampler(Transformer& model, const formats::Tokenizer& tokenizer);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  Status start(const SampleRequest& request);

  [[nodiscard]] bool is_done() const;

  Result<SampledToken> next();

  /// Everything generated so far, complete characters only; finish() adds what is incomplete.
  [[nodiscard]] const std::string& text() const { return text_; }

  void finish();

 private:
  struct Device;
  SampledToken take(std::int32_t id, const std::vector<double>& plain);
  void read(const std::vector<std::int32_t>& ids, std::vector<SampledToken::Route>* route);

  Transformer& model_;
  const formats::Tokenizer& tokenizer_;
  std::unique_ptr<Device> device_;
  SampleRequest request_;
  std::vector<std::int32_t> history_;  ///< prompt and generated ids
  std::vector<double> logits_;
  TextStream stream_;
  std::string text_;
  std::int64_t num_generated_ = 0;
};

}  // namespace switchyard::train
