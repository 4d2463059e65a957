#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/base/formats/tokenizer.h"

namespace switchyard::train {

class Transformer;

/// One token with the evidence behind it. Probabilities are those of the model itself: the softmax
/// of its logits, before all sampling filters.
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
  std::string text;         ///< whole characters only; "" while a character is incomplete
  bool is_context = false;  ///< given, not predicted: no prob, log_prob, entropy, rank, top
  double prob = 0.0;
  double log_prob = 0.0;         ///< ln prob, also where prob is too small for a number
  double entropy_nats = 0.0;     ///< of the distribution that the token came from
  std::int64_t rank = 0;         ///< 0: the most probable token
  std::vector<Alternative> top;  ///< the five most probable tokens
  std::vector<Route> route;      ///< one entry per routed layer, of this token as it is read
};

/// `{"id","text","prob","entropy","rank","top":[{"id","text","prob"}…],"route":[{"layer","experts",
/// "weights"}…]}`; of a token that is context: `{"id","text","is_context":true,"route"}`.
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

/// Something that gives tokens one after another until it is done.
class TokenSource {
 public:
  virtual ~TokenSource() = default;
  [[nodiscard]] virtual bool is_done() const = 0;
  /// Errors: kOutOfMemory, kInternal for what LibTorch throws.
  virtual Result<SampledToken> next() = 0;
  /// What there is to say at the end, or at the moment when it is broken off.
  virtual Json result() = 0;
};

/// Reads tokens with a key-value cache and tells what the model expects next.
///
/// Limits: the context holds seq_len positions; when it is full, the oldest quarter is dropped and
///         the rest is read again (one pass per seq_len / 4 tokens).
/// Errors: kOutOfMemory, kInternal for what LibTorch throws.
/// Threads: the thread that trains; weights must not change inside a call, and may between calls
///         (then earlier keys and values stay those of the older weights).
class ContextReader {
 public:
  explicit ContextReader(Transformer& model);
  ~ContextReader();
  ContextReader(const ContextReader&) = delete;
  ContextReader& operator=(const ContextReader&) = delete;

  /// Forgets everything and reads `ids` (at least one), the last of them where there are more than
  /// fit. `route`, if given, receives the route of the last one.
  Status begin(std::vector<std::int32_t> ids, std::vector<SampledToken::Route>* route = nullptr);
  /// Reads one more.
  Status append(std::int32_t id, std::vector<SampledToken::Route>* route = nullptr);

  /// What the model expects after everything that was read, one logit per token.
  [[nodiscard]] const std::vector<double>& logits() const { return logits_; }

  /// Everything that was read, also what no longer fits the context.
  [[nodiscard]] const std::vector<std::int32_t>& history() const { return history_; }

  /// How many of a text's last tokens are read at its begin, and again when the context is full.
  static std::size_t most_at_begin(std::int64_t seq_len);
  static std::size_t most_when_full(std::int64_t seq_len);

 private:
  struct Device;
  void read(const std::vector<std::int32_t>& ids, std::vector<SampledToken::Route>* route);

  Transformer& model_;
  std::unique_ptr<Device> device_;
  std::vector<std::int32_t> history_;
  std::vector<double> logits_;
};

/// A ContextReader with the evidence behind a token.
class Decoder : public ContextReader {
 public:
  Decoder(Transformer& model, const formats::Tokenizer& tokenizer);

  /// `id` as the next token, with the model's own view of it; text and route are left empty.
  [[nodiscard]] SampledToken describe(std::int32_t id) const;

 private:
  const formats::Tokenizer& tokenizer_;
};

}  // namespace switchyard::train
