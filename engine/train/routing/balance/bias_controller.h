#pragma once

#include <string>

#include "engine/train/routing/router.h"

namespace switchyard::train {

/// What controllers share that move a bias after every step by how many tokens each expert had.
///
/// Buffers in master precision: NAME.selection_bias [E]; NAME.bias_counts [E], assignments of the
/// step so far, before dropping; NAME.bias_steps [1], updates so far.
/// Shapes: as the buffers.
/// Limits: 2^24 assignments per expert and step in fp32.
/// Determinism: exact.
/// Source: Wang et al. 2024, arXiv 2408.15664, algorithm 1; each rule names its own.
class CountingController : public BalanceController {
 public:
  CountingController(const config::Node& options, const RoutingShape& shape);

  void declare(ParameterStore& parameters) const override;
  void bind(ParameterStore& parameters) override;

  at::Tensor bias() override { return bias_; }

  void observe(const Scores& scores, const Choice& choice) override;
  void begin_step() override;
  void end_step() override;

  /// Declares freeze_after_steps.
  static void describe_freezing(config::Schema& schema);

 protected:
  /// What the bias changes by, [E], from counts [E] with their mean [1].
  virtual at::Tensor change(const at::Tensor& counts, const at::Tensor& mean) = 0;

  [[nodiscard]] const RoutingShape& shape() const { return shape_; }

 private:
  RoutingShape shape_;
  std::int64_t freeze_after_steps_;
  at::Tensor bias_, counts_, num_steps_;
};

}  // namespace switchyard::train
