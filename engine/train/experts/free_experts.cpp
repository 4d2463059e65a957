#include "engine/train/experts/free_experts.h"

#include <vector>

#include <ATen/ATen.h>

#include "engine/train/model/linear_function.h"

namespace switchyard::train {

FreeExperts::FreeExperts(const config::Node& options, std::int64_t d_model, const std::string& name)
    : name_(name),
      num_zero_(options.integer("num_zero_experts")),
      num_copy_(options.integer("num_copy_experts")),
      num_constant_(options.integer("num_constant_experts")),
      d_model_(d_model) {}

void FreeExperts::declare(ParameterStore& parameters) const {
  if (num_constant_ == 0) return;
  parameters.declare({name_ + ".value.weight", {num_constant_, d_model_}, true, false});
  parameters.declare({name_ + ".mixture.weight", {2 * num_constant_, d_model_}, true, true});
}

void FreeExperts::bind(ParameterStore& parameters) {
  if (num_constant_ == 0) return;
  value_ = parameters.compute(name_ + ".value.weight");
  mixture_ = parameters.compute(name_ + ".mixture.weight");
}

at::Tensor FreeExperts::forward(const at::Tensor& x,
                                const at::Tensor& expert_index,
                                const at::Tensor& combine_weight,
                                std::int64_t first) const {
  const auto weight_of = [&](const at::Tensor& is_chosen) {  // [N, 1]
    return (combine_weight * is_chosen.to(combine_weight.scalar_type())).sum(1, true);
  };
  const std::int64_t copy = first + num_zero_, constant = copy + num_copy_;
  at::Tensor of_x = weight_of((expert_index >= copy).logical_and(expert_index < constant));
  if (num_constant_ == 0) return x * of_x.to(x.scalar_type());
  const at::Tensor share = at::softmax(
      accumulating_linear(x.to(mixture_.scalar_type()), mixture_, {}).view({-1, num_constant_, 2}),
      2);
  std::vector<at::Tensor> of_value;
  for (std::int64_t j = 0; j < num_constant_; ++j) {
    const at::Tensor weight = weight_of(expert_index == constant + j);
    of_x = of_x + weight * share.select(1, j).narrow(1, 0, 1);
    of_value.push_back(weight * share.select(1, j).narrow(1, 1, 1));
  }
  return x * of_x.to(x.scalar_type()) +
         at::matmul(at::cat(of_value, 1).to(value_.scalar_type()), value_);
}

}  // namespace switchyard::train
