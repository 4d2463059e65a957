#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/core/result.h"
#include "engine/train/loop/sampling.h"

namespace switchyard::train {

class Transformer;

/// Writes on from many prompts at once, without evidence per token.
///
/// Math:   what Sampler draws: random number i of a row's seed decides its token i, so a row does
/// not
///         depend on the others; when a row's context is full it goes on as ContextReader does.
/// Limits: on a GPU, dense models step up to 32 rows at a time on kernels recorded as graphs
///         (DecodeStep), and the tokens come back in blocks; a row's text can differ from Sampler's
///         where two tokens are within rounding of each other. Other models, repetition penalties
///         and the CPU take one row after another through ContextReader.
/// Errors: kUsage for a setting or a prompt; kOutOfMemory, kInternal for what LibTorch throws.
/// Determinism: exact.
/// Threads: as ContextReader; graphs need a stream that is not the default one. Weights may change
///         between calls, not in one.
class BatchSampler {
 public:
  struct Options {
    bool use_graph = true;
    bool use_kernels_on_cpu = false;  ///< their references: to check them, not for speed
  };

  struct Prompt {
    std::vector<std::int32_t> ids;  ///< at least one
    std::uint64_t seed = 0;
  };

  using Tokens = std::vector<std::int32_t>;
  /// Takes the next tokens of a row; false: no more of it.
  using Listener = std::function<bool(std::size_t row, std::span<const std::int32_t> tokens)>;

  explicit BatchSampler(Transformer& model);
  BatchSampler(Transformer& model, Options options);
  ~BatchSampler();

  /// The new tokens of every prompt: `max_tokens`, or some of those after the listener had enough.
  Result<std::vector<Tokens>> sample(std::span<const Prompt> prompts,
                                     const SamplingSettings& settings,
                                     std::int64_t max_tokens,
                                     const Listener& listener = {});

  /// Why rows do not step together, or steps are not recorded; empty while they are.
  [[nodiscard]] const std::string& why_slow() const { return why_slow_; }

 private:
  class Group;
  Status sample_alone(const Prompt& prompt,
                      std::size_t row,
                      const SamplingSettings& settings,
                      std::int64_t max_tokens,
                      const Listener& listener,
                      Tokens* tokens);

  Transformer& model_;
  Options options_;
  std::unique_ptr<Group> group_;
  std::string why_slow_;
};

}  // namespace switchyard::train
