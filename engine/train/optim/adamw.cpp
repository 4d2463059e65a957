#include "engine/train/optim/fused_adam.h"
#include "engine/train/optim/registry.h"

namespace switchyard::train {
namespace {

/// Adam with decoupled weight decay, one fused update per group of the flat buffers.
///
/// Math:   m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
///         w = w (1 - lr decay) - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
/// Source: Loshchilov & Hutter 2017, arXiv 1711.05101, algorithm 2.
std::unique_ptr<Optimizer> create(const config::Node& options) {
  return make_adam(adam_settings(options), options);
}

}  // namespace

OptimizerEntry adamw_entry() {
  return {"adamw",
          "Adam with decoupled weight decay",
          "Loshchilov & Hutter 2017, arXiv 1711.05101, algorithm 2",
          &create};
}

}  // namespace switchyard::train
