// Experts without products, dense blocks beside experts, and what both cost.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/base/config/model_flops.h"
#include "engine/base/config/model_size.h"
#include "engine/train/experts/routed_experts.h"
#include "tests/support/gradient_check.h"
#include "tests/support/model_config.h"
#include "tests/support/routing_options.h"

namespace switchyard::train {
namespace {

constexpr const char* kBlock = "model.layers.0.feed_forward.";

Json with(const std::vector<std::string>& settings) {
  std::vector<std::string> all;
  for (const std::string& setting : settings) all.push_back(kBlock + setting);
  return test::small_config(test::routed(std::move(all)));
}

/// A layer of 2 experts and some without products; every token uses all that are there.
struct Pool {
  Json config;
  RoutedExperts layer;
  ParameterStore parameters;
  at::Tensor x = test::normal({5, 16}, 8);

  explicit Pool(const std::vector<std::string>& settings)
      : config(with(settings)),
        layer(config::Node(config).child("model"),
              config::Node(config).child("model").children("layers")[0].child("feed_forward"),
              "layer",
              11) {
    layer.declare(parameters);
    parameters.allocate(at::kDouble, at::kDouble, at::kCPU);
    std::uint64_t seed = 20;
    for (const auto& declaration : parameters.declarations()) {
      parameters.master(declaration.name).copy_(test::normal(declaration.shape, seed++));
    }
    layer.bind(parameters);
  }

  /// Of logits that make every token choose experts a and b with equal weight.
  [[nodiscard]] RoutedExperts::Output choose(std::int64_t a, std::int64_t b) const {
    const at::Tensor logits = at::full({5, layer.num_experts()}, -50.0, at::kDouble);
    logits.select(1, a).fill_(50.0);
    logits.select(1, b).fill_(50.0);
    TokenView tokens;
    tokens.x = x;
    return layer.forward_logits(logits, tokens);
  }
};

void expect_near(const at::Tensor& got, const at::Tensor& want) {
  EXPECT_LE((got - want).abs().max().item<double>(), 1e-12);
}

TEST(FreeExperts, AreZeroTheInputOrAMixtureWithALearnedVector) {
  const Pool pool(
      {"num_experts=2", "num_zero_experts=1", "num_copy_experts=2", "num_constant_experts=2"});
  ASSERT_EQ(pool.layer.num_experts(), 7);
  const at::Tensor& x = pool.x;
  expect_near(pool.choose(3, 4).y, x);        // both copies
  expect_near(pool.choose(2, 3).y, x * 0.5);  // zero and copy
  const at::Tensor value = pool.parameters.master("layer.constant_experts.value.weight");
  const at::Tensor mixture = pool.parameters.master("layer.constant_experts.mixture.weight");
  const auto constant = [&](std::int64_t j) {
    const at::Tensor share = at::softmax(at::matmul(x, mixture.narrow(0, 2 * j, 2).t()), 1);
    return share.narrow(1, 0, 1) * x + share.narrow(1, 1, 1) * value[j];
  };
  expect_near(pool.choose(5, 6).y, (constant(0) + constant(1)) * 0.5);
  expect_near(pool.choose(6, 2).y, constant(1) * 0.5);
  // Beside an expert with products.
  const at::Tensor alone = pool.choose(0, 2).y;
  expect_near(pool.choose(0, 3).y, alone + x * 0.5);
  EXPECT_GT(alone.abs().max().item<double>(), 1e-3);
  const at::Tensor load = pool.choose(0, 3).tokens_per_expert;
  EXPECT_TRUE(at::equal(load, at::tensor({5, 0, 0, 5, 0, 0, 0}, at::kLong))) << load;
}

TEST(FreeExperts, TakeAnyNumberOfTokens) {
  Pool pool({"num_experts=2",
             "num_copy_experts=1",
             "allow_lookahead=true",
             R"(capacity={"type": "choice_major", "factor_eval": 0.01, "min_capacity": 1})"});
  const RoutedExperts::Output output = pool.choose(0, 2);
  const at::Tensor load = output.tokens_per_expert;
  EXPECT_TRUE(at::equal(load, at::tensor({1, 0, 5}, at::kLong))) << load;
}

TEST(FreeExperts, CostNothingInTheCounts) {
  const Json without = with({"num_experts=4"});
  const Json zero = with({"num_experts=4", "num_zero_experts=2", "num_copy_experts=2"});
  const double D = 16.0, F = 16.0, L = 2.0;
  const auto experts_of = [](const Json& config) {
    return config::flops_by_part(config, 11)["forward"]["experts"].as_number();
  };
  EXPECT_DOUBLE_EQ(experts_of(without), L * 2.0 * 2.0 * 3.0 * D * F);
  EXPECT_DOUBLE_EQ(experts_of(zero), L * 2.0 * 1.0 * 3.0 * D * F);  // half of all choices
  const config::ModelSize a = config::model_size(without, 11), b = config::model_size(zero, 11);
  EXPECT_EQ(b.params_total - a.params_total, 2 * 4 * 16);  // rows of two routers
  EXPECT_EQ(b.params_active - a.params_active, 2 * (4 * 16 - 3 * 16 * 16));
}

TEST(SideBlocks, AndSharedExpertsCountTheirProducts) {
  const Json plain = with({"num_experts=4"});
  const Json more =
      with({"num_experts=4", "ff_before_d_ff=8", "ff_after_d_ff=24", "shared_d_ff=16"});
  const config::ModelSize a = config::model_size(plain, 11), b = config::model_size(more, 11);
  EXPECT_DOUBLE_EQ(b.flops_per_token_forward - a.flops_per_token_forward,
                   2.0 * 2.0 * 3.0 * 16.0 * (8.0 + 24.0 + 16.0));
  EXPECT_EQ(b.params_active - a.params_active, 2 * (3 * 16 * (8 + 24 + 16) + 2 * 16));
}

TEST(SoftMoe, CountsItsSlots) {
  const Json config = with({"num_experts=4",
                            "allow_lookahead=true",
                            R"(router={"type": "soft_moe", "slots_per_expert": 3})"});
  const Json parts = config::flops_by_part(config, 11);
  EXPECT_DOUBLE_EQ(parts["forward"]["experts"].as_number(), 2.0 * 2.0 * 3.0 * 16.0 * 16.0);
  EXPECT_DOUBLE_EQ(parts["forward"]["router"].as_number(), 2.0 * 2.0 * 16.0 * 12.0 * 3.0);
}

TEST(SoftMoe, RefusesExpertsWithoutProducts) {
  Json options =
      Json::object({{"num_experts", 4}, {"num_copy_experts", 1}, {"allow_lookahead", true}});
  options.set("router", Json::object({{"type", "soft_moe"}}));
  const config::Resolved resolved = config::resolve(test::routed_experts_schema(), options, "run");
  ASSERT_EQ(resolved.errors.size(), 1U);
  EXPECT_NE(resolved.errors[0].text().find("/num_copy_experts"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::train
