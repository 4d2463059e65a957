#include "engine/train/optim/fused_adam.h"
#include "engine/train/optim/registry.h"

namespace switchyard::train {
namespace {

/// AdamW that divides by the largest second moment so far, so that steps never grow again.
///
/// Math:   m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; u = max(u, v);
///         w = w (1 - lr decay) - lr (m / (1 - b1^t)) / (sqrt(u / (1 - b2^t)) + eps)
/// Source: Reddi, Kale & Kumar 2018, arXiv 1904.09237, algorithm 2.
///         Differs: bias correction and decoupled decay as in AdamW.
std::unique_ptr<Optimizer> create(const config::Node& options) {
  AdamSettings settings = adam_settings(options);
  settings.use_amsgrad = true;
  return make_adam(settings, options);
}

}  // namespace

OptimizerEntry amsgrad_entry() {
  return {"amsgrad",
          "AdamW that keeps the largest second moment",
          "Reddi, Kale & Kumar 2018, arXiv 1904.09237, algorithm 2",
          &create};
}

}  // namespace switchyard::train
