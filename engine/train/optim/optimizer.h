#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "engine/base/config/node.h"
#include "engine/train/model/parameter_store.h"

namespace switchyard::train {

/// Updates a ParameterStore from its flat gradient. State lives in the store's moments, so a
/// checkpoint holds all of it together with `step_count`.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// One update: gradients are scaled by min(1, grad_clip_norm / (grad_norm + 1e-6)) (0 = no
  /// clipping), then applied. `grad_norm` is the 0-d tensor of ParameterStore::gradient_norm; no
  /// host synchronisation.
  virtual void step(ParameterStore& parameters,
                    double learning_rate,
                    const at::Tensor& grad_norm) = 0;
  std::int64_t step_count = 0;
};

struct OptimizerEntry {
  std::string_view name;
  std::string_view summary;
  std::string_view source;
  std::unique_ptr<Optimizer> (*create)(const config::Node& options) = nullptr;
};

std::span<const OptimizerEntry> all_optimizers();

/// The learning rate of optimizer step `step` (0-based) for a resolved "schedule" section.
/// Types and formulas: schedule.cpp, one function each.
double learning_rate(const config::Node& schedule, double peak, std::int64_t step);

}  // namespace switchyard::train
