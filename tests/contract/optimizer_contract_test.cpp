// What every optimizer promises, checked for each entry of all_optimizers().
#include <cmath>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/base/config/schema.h"
#include "engine/train/optim/optimizer.h"
#include "tests/support/gradient_check.h"

namespace switchyard::train {
namespace {

Json options_with(const std::string& type, const Json& changes) {
  Json document = Json::object({{"schema", "switchyard.run"}, {"version", config::kRunVersion}});
  Json& optimizer = document.set("optimizer", Json::object({{"type", type}}));
  for (const auto& [key, value] : changes.members()) optimizer.set(key, value);
  config::Resolved resolved = config::resolve(config::run_schema({}), document, "test");
  EXPECT_TRUE(resolved.ok());
  return resolved.config["optimizer"];
}

/// Two decayed tensors and an undecayed one, with given weights.
ParameterStore make_store(at::ScalarType type, std::uint64_t seed) {
  ParameterStore store;
  store.declare({"a.weight", {3, 5}, true, false});
  store.declare({"norm.weight", {7}, false, true});
  store.declare({"b.weight", {2, 2, 4}, true, false});
  store.allocate(type, type, at::kCPU);
  std::uint64_t next = seed;
  for (const auto& declaration : store.declarations()) {
    store.master(declaration.name).copy_(test::normal(declaration.shape, next++));
  }
  return store;
}

void fill_gradient(ParameterStore& store, std::uint64_t seed) {
  for (const auto& declaration : store.declarations()) {
    store.gradient(declaration.name).copy_(test::normal(declaration.shape, seed++));
  }
}

class EveryOptimizer : public ::testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static const OptimizerEntry& entry() { return all_optimizers()[GetParam()]; }

  [[nodiscard]] static std::unique_ptr<Optimizer> make(const Json& changes) {
    const Json options = options_with(std::string(entry().name), changes);
    return entry().create(config::Node(options));
  }
};

TEST_P(EveryOptimizer, ExplainsItselfAndIsKnownToTheSchema) {
  EXPECT_FALSE(entry().summary.empty());
  EXPECT_FALSE(entry().source.empty());
  const Json options = options_with(std::string(entry().name), Json::object());
  EXPECT_EQ(options["type"].as_string(), entry().name);
}

TEST_P(EveryOptimizer, LeavesWeightsAloneWithoutGradientAndDecay) {
  ParameterStore store = make_store(at::kDouble, 1);
  const at::Tensor before = store.flat_master.clone();
  const auto optimizer = make(Json::object({{"weight_decay", 0.0}}));
  for (int i = 0; i < 3; ++i) optimizer->step(store, 1e-2, store.gradient_norm());
  EXPECT_TRUE(at::equal(store.flat_master, before));
}

TEST_P(EveryOptimizer, DecaysOnlyWhatIsDecayed) {
  ParameterStore store = make_store(at::kDouble, 2);
  const at::Tensor before = store.flat_master.clone();
  make(Json::object({{"weight_decay", 0.5}}))->step(store, 1e-2, store.gradient_norm());
  EXPECT_TRUE(at::allclose(
      store.master("a.weight"), store.view(before, "a.weight") * (1.0 - 0.5e-2), 0.0, 1e-14));
  EXPECT_TRUE(at::equal(store.master("norm.weight"), store.view(before, "norm.weight")));
}

TEST_P(EveryOptimizer, ClipsByTheNormOfTheWholeGradient) {
  ParameterStore clipped = make_store(at::kDouble, 3), scaled = make_store(at::kDouble, 3);
  fill_gradient(clipped, 50);
  fill_gradient(scaled, 50);
  const double norm = clipped.gradient_norm().item<double>();
  ASSERT_GT(norm, 0.25);
  scaled.flat_gradient.mul_(0.25 / (norm + 1e-6));
  make(Json::object({{"grad_clip_norm", 0.25}}))->step(clipped, 1e-2, clipped.gradient_norm());
  make(Json::object({{"grad_clip_norm", 0.0}}))->step(scaled, 1e-2, scaled.gradient_norm());
  EXPECT_TRUE(at::allclose(clipped.flat_master, scaled.flat_master, 0.0, 1e-14));
}

TEST_P(EveryOptimizer, ContinuesBitForBitFromItsState) {
  ParameterStore straight = make_store(at::kFloat, 4);
  const auto first = make(Json::object());
  for (std::uint64_t i = 0; i < 5; ++i) {
    fill_gradient(straight, 100 + 10 * i);
    first->step(straight, 1e-2, straight.gradient_norm());
  }
  ParameterStore resumed = make_store(at::kFloat, 5);
  resumed.flat_master.copy_(straight.flat_master);
  resumed.flat_moment1.copy_(straight.flat_moment1);
  resumed.flat_moment2.copy_(straight.flat_moment2);
  const auto second = make(Json::object());
  second->step_count = first->step_count;
  for (std::uint64_t i = 5; i < 10; ++i) {
    for (ParameterStore* store : {&straight, &resumed}) {
      fill_gradient(*store, 100 + 10 * i);
      (store == &straight ? first : second)->step(*store, 1e-2, store->gradient_norm());
    }
  }
  EXPECT_EQ(first->step_count, 10);
  EXPECT_TRUE(at::equal(straight.flat_master, resumed.flat_master));
  EXPECT_TRUE(at::equal(straight.flat_moment2, resumed.flat_moment2));
}

TEST_P(EveryOptimizer, KeepsPaddingAtZero) {
  ParameterStore store = make_store(at::kFloat, 6);
  const auto optimizer = make(Json::object());
  fill_gradient(store, 7);
  for (int i = 0; i < 4; ++i) optimizer->step(store, 1e-1, store.gradient_norm());
  double inside = 0.0;
  for (const auto& declaration : store.declarations()) {
    inside += store.master(declaration.name).abs().sum(at::kDouble).item<double>();
  }
  EXPECT_DOUBLE_EQ(store.flat_master.abs().sum(at::kDouble).item<double>(), inside);
}

std::string name_of(const ::testing::TestParamInfo<std::size_t>& info) {
  return std::string(all_optimizers()[info.param].name);
}

INSTANTIATE_TEST_SUITE_P(Registry,
                         EveryOptimizer,
                         ::testing::Range(std::size_t{0}, all_optimizers().size()),
                         name_of);

/// The update written out element by element.
TEST(AdamW, FollowsItsFormulaForTenSteps) {
  ParameterStore store = make_store(at::kDouble, 8);
  const at::Tensor w = store.master("a.weight");
  std::vector<double> weight(w.data_ptr<double>(), w.data_ptr<double>() + w.numel());
  std::vector<double> m(weight.size(), 0.0), v(weight.size(), 0.0);
  const Json options = options_with("adamw",
                                    Json::object({{"beta1", 0.9},
                                                  {"beta2", 0.95},
                                                  {"eps", 1e-8},
                                                  {"weight_decay", 0.1},
                                                  {"grad_clip_norm", 0.0}}));
  const auto optimizer = all_optimizers().front().create(config::Node(options));
  for (int t = 1; t <= 10; ++t) {
    fill_gradient(store, static_cast<std::uint64_t>(200 + 10 * t));
    const at::Tensor gradient = store.gradient("a.weight").clone();
    const double rate = 1e-2 / t;
    for (std::size_t i = 0; i < weight.size(); ++i) {
      const double g = gradient.data_ptr<double>()[i];
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.95 * v[i] + 0.05 * g * g;
      const double corrected = m[i] / (1.0 - std::pow(0.9, t));
      const double root = std::sqrt(v[i] / (1.0 - std::pow(0.95, t)));
      weight[i] = weight[i] * (1.0 - rate * 0.1) - rate * corrected / (root + 1e-8);
    }
    optimizer->step(store, rate, store.gradient_norm());
  }
  for (std::size_t i = 0; i < weight.size(); ++i) {
    EXPECT_NEAR(w.data_ptr<double>()[i], weight[i], 1e-13);
  }
}

}  // namespace
}  // namespace switchyard::train
