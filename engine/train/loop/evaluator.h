#pragma once

#include <cstdint>
#include <functional>

#include "engine/base/core/result.h"
#include "engine/base/formats/token_shard.h"

namespace switchyard::train {

class Transformer;

struct Evaluation {
  double loss = 0.0;  ///< nats/token, cross-entropy only
  std::int64_t tokens = 0;
  std::int64_t windows = 0;
};

/// The mean cross-entropy of a model over windows of a split.
///
/// Math:   window i has inputs [i T, i T + T) and targets shifted by one, for i = 0 … floor((n - 1)
///         / T) - 1; the mean runs over all positions of all windows. `max_windows` > 0 takes that
///         many of them, evenly spaced.
/// Determinism: exact for a device, build and thread count: fixed batches, sums in double in window
///         order, no dropout, no random numbers.
/// Errors: kInputFile when the split holds no whole window; kStopped when `keep_going` (called
///         between batches) returns false; what the model throws passes through (Trainer's seam).
Result<Evaluation> evaluate(Transformer& model,
                            const formats::TokenShard& shard,
                            std::int64_t max_windows,
                            const std::function<bool()>& keep_going = {});

}  // namespace switchyard::train
