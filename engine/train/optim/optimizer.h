#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "engine/base/config/node.h"
#include "engine/base/core/result.h"
#include "engine/train/model/parameter_store.h"

namespace switchyard::train {

/// The numbers of one update that change from step to step: 0-d tensors on the device of the
/// parameters, double on a CPU or for f64 masters, else float. A captured update reads them anew at each
/// replay.
struct UpdateInput {
  at::Tensor learning_rate;
  at::Tensor grad_norm;  ///< of ParameterStore::gradient_norm
  at::Tensor step;       ///< 1 for the first update
  at::Tensor state = {};  ///< bytes of a kernels::StepState with the same numbers; with f32 masters on a GPU
};

/// Host numbers as the tensors that an update reads. `grad_norm` may have any floating type.
UpdateInput update_input(const ParameterStore& parameters,
                         double learning_rate,
                         const at::Tensor& grad_norm,
                         std::int64_t step);

/// Updates a ParameterStore from its flat gradient. State lives in the store's moments, so a
/// checkpoint holds all of it together with `step_count`.
///
/// Math:   gradients are scaled by min(1, grad_clip_norm / (grad_norm + 1e-6)) (0 = no clipping),
///         then applied; a norm that is not finite leaves weights and moments as they are, bit for
///         bit. Decay acts on tensors declared as decayed.
/// Limits: update() waits for nothing on the host and takes no host number that changes from step
///         to step, so that it can be captured in a CUDA graph. It spoils the flat gradient.
/// Determinism: exact.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual void update(ParameterStore& parameters, const UpdateInput& input) = 0;

  /// Moment buffers that the update writes: 2, or 3 for flat_moment3 too.
  [[nodiscard]] virtual int num_moments() const { return 2; }

  /// One update from host numbers; counts it.
  void step(ParameterStore& parameters, double learning_rate, const at::Tensor& grad_norm) {
    ++step_count;
    update(parameters, update_input(parameters, learning_rate, grad_norm, step_count));
  }

  std::int64_t step_count = 0;  ///< updates done; whoever calls update() counts
};

struct OptimizerEntry {
  std::string_view name;
  std::string_view summary;
  std::string_view source;
  std::unique_ptr<Optimizer> (*create)(const config::Node& options) = nullptr;
};

std::span<const OptimizerEntry> all_optimizers();

/// The optimizer of a resolved "optimizer" section; `parameters` get the moments it needs.
/// Errors: kConfig for a type that no entry has.
Result<std::unique_ptr<Optimizer>> create_optimizer(const config::Node& options,
                                                    ParameterStore& parameters);

/// The learning rate of optimizer step `step` (0-based) for a resolved "schedule" section.
/// Types and formulas: schedule.cpp, one function each.
double learning_rate(const config::Node& schedule, double peak, std::int64_t step);

}  // namespace switchyard::train
