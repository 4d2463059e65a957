#include <cmath>
#include <numbers>
#include <utility>

#include <ATen/ATen.h>

#include "engine/train/model/linear_function.h"
#include "engine/train/routing/losses.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Normal noise whose strength every token decides for every expert.
///
/// Math:   sigma = softplus(x W_noise^T) + floor; noisy = logits + n sigma, n standard normal, in
///         training alone. loss = load_coef cv^2(load), load_e = sum over tokens of Phi((logits -
///         threshold) / sigma), threshold = the (K+1)-th largest noisy logit of the token for a
///         chosen expert, the K-th largest for another. The gradient passes through Phi, threshold
///         and sigma.
/// Shapes: logits [N, E]; W_noise [E, D]; recorded numbers: n [N, E].
/// Limits: with K = E every expert is always chosen and the loss is 0.
/// Determinism: a function of the generator's state.
/// Source: Shazeer et al. 2017, arXiv 1701.06538, eq. 4 and 8-11.
class LearnedNormalNoise final : public Noise {
 public:
  LearnedNormalNoise(RoutingShape shape, double floor, double load_coef)
      : shape_(std::move(shape)), floor_(floor), load_coef_(load_coef) {}

  void declare(ParameterStore& parameters) const override {
    parameters.declare(
        {shape_.name + ".noise.weight", {shape_.num_experts, shape_.d_model}, true, true});
  }

  void bind(ParameterStore& parameters) override {
    weight_ = parameters.compute(shape_.name + ".noise.weight");
  }

  at::Tensor apply(const at::Tensor& logits, const TokenView& tokens) override {
    if (!tokens.is_training) return logits;
    sigma_ = at::softplus(accumulating_linear(tokens.x.to(weight_.scalar_type()), weight_, {})) +
             floor_;
    const at::Tensor noise = tokens.random.defined() ? tokens.random : at::randn_like(logits);
    return logits + noise * sigma_;
  }

  at::Tensor loss(const Scores& scores, const Choice& choice) override {
    const at::Tensor sigma = std::exchange(sigma_, at::Tensor());
    const std::int64_t E = scores.num_experts(), K = choice.expert_index.size(1);
    if (!sigma.defined() || load_coef_ == 0.0 || K >= E) return {};
    const at::Tensor by_size = std::get<0>(at::sort(scores.logits, true, 1, true));
    const at::Tensor is_chosen =
        at::zeros({scores.num_tokens(), E + 1}, choice.expert_index.options().dtype(at::kBool))
            .scatter(1, choice.expert_index, true)
            .narrow(1, 0, E);
    const at::Tensor threshold =
        at::where(is_chosen, by_size.narrow(1, K, 1), by_size.narrow(1, K - 1, 1));
    const at::Tensor distance = (scores.clean_logits - threshold) / sigma;
    const at::Tensor probability = (at::erf(distance / std::numbers::sqrt2) + 1.0) * 0.5;
    return squared_variation(probability.sum(0)) * load_coef_;
  }

  [[nodiscard]] bool draws() const override { return true; }

 private:
  RoutingShape shape_;
  double floor_, load_coef_;
  at::Tensor weight_;
  at::Tensor sigma_;  ///< of the pass under way, from apply() to loss()
};

void describe(config::Schema& s) {
  s.number("floor", 0.01)
      .above(0.0, 10.0)
      .says("smallest standard deviation; typically 0.01")
      .at_level(config::Level::kAll);
  s.number("load_coef", 0.01)
      .range(0.0, 10.0)
      .in("nats per unit")
      .says("weight of the squared variation of expected loads (Shazeer et al.: 0.1); 0: off");
}

std::unique_ptr<Noise> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<LearnedNormalNoise>(
      shape, options.number("floor"), options.number("load_coef"));
}

}  // namespace

NoiseEntry learned_normal_noise_entry() {
  return {{"learned_normal",
           "normal noise of learned strength, and the loss on expected loads: noisy top-k",
           "Shazeer et al. 2017, arXiv 1701.06538, eq. 4 and 8"},
          &describe,
          &create};
}

}  // namespace switchyard::train
