#include "engine/train/routing/balance/bias_controller.h"

#include <ATen/ATen.h>

namespace switchyard::train {

CountingController::CountingController(const config::Node& options, const RoutingShape& shape)
    : shape_(shape), freeze_after_steps_(options.integer("freeze_after_steps")) {}

void CountingController::declare(ParameterStore& parameters) const {
  parameters.declare_buffer(shape_.name + ".selection_bias", {shape_.num_experts});
  parameters.declare_buffer(shape_.name + ".bias_counts", {shape_.num_experts});
  parameters.declare_buffer(shape_.name + ".bias_steps", {1});
}

void CountingController::bind(ParameterStore& parameters) {
  bias_ = parameters.buffer(shape_.name + ".selection_bias");
  counts_ = parameters.buffer(shape_.name + ".bias_counts");
  num_steps_ = parameters.buffer(shape_.name + ".bias_steps");
}

void CountingController::observe(const Scores& /*scores*/, const Choice& choice) {
  counts_.add_(count_assignments(choice.expert_index, shape_.num_experts));
}

void CountingController::begin_step() {
  counts_.zero_();
}

void CountingController::end_step() {
  const at::Tensor by = change(counts_, counts_.mean(0, true));
  if (freeze_after_steps_ > 0) {
    bias_.add_(by * (num_steps_ < freeze_after_steps_).to(by.scalar_type()));
  } else {
    bias_.add_(by);
  }
  num_steps_.add_(1.0);
}

void CountingController::describe_freezing(config::Schema& schema) {
  schema.integer("freeze_after_steps", 0)
      .range(0, 1e9)
      .in("steps")
      .says("the bias stays as it is after so many steps; 0: never")
      .at_level(config::Level::kAll);
}

}  // namespace switchyard::train
