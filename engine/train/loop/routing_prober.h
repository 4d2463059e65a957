#pragma once

#include <cstdint>
#include <utility>

#include "engine/base/core/result.h"
#include "engine/base/formats/token_shard.h"
#include "engine/base/routing/routing_probe.h"

namespace switchyard::train {

class Transformer;

/// Routes a fixed piece of validation text through a model and counts what its routers choose.
///
/// Math:   windows evenly spaced over the split, as in evaluate(); everything that is counted is
///         named in engine/base/routing/routing_probe.h.
/// Limits: as many whole windows as `num_tokens` allows, at least one.
/// Determinism: exact for a device, build and thread count; no dropout, no random numbers, no
///         recorded graph: the training that goes on sees nothing of it.
/// Errors: kInputFile when the split holds no whole window; what the model throws passes through
///         (Trainer's seam).
/// Threads: the training thread; one transfer from the device per probe.
class RoutingProber {
 public:
  static Result<RoutingProber> create(const formats::TokenShard& split,
                                      std::int64_t seq_len,
                                      std::int64_t num_tokens);

  [[nodiscard]] routing::RoutingProbe run(Transformer& model) const;

 private:
  explicit RoutingProber(routing::ProbeText text) : text_(std::move(text)) {}

  routing::ProbeText text_;
};

}  // namespace switchyard::train
