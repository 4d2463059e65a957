#include "engine/train/optim/fused_adam.h"
#include "engine/train/optim/registry.h"

namespace switchyard::train {
namespace {

/// Adam as first published; weight decay is part of the gradient (L2).
///
/// Math:   g = g + decay w; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
///         w = w - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
/// Source: Kingma & Ba 2014, arXiv 1412.6980, algorithm 1.
std::unique_ptr<Optimizer> create(const config::Node& options) {
  AdamSettings settings = adam_settings(options);
  settings.is_decoupled = false;
  return make_adam(settings, options);
}

}  // namespace

OptimizerEntry adam_entry() {
  return {"adam",
          "Adam with weight decay in the gradient",
          "Kingma & Ba 2014, arXiv 1412.6980, algorithm 1",
          &create};
}

}  // namespace switchyard::train
