// What every optimizer promises, checked for each entry of all_optimizers().
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

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

/// Decayed and undecayed tensors of every kind: a matrix, stacked matrices, experts, a row, an
/// embedding and vectors.
ParameterStore make_store(at::ScalarType type, std::uint64_t seed) {
  ParameterStore store;
  store.declare({"a.weight", {3, 5}, true, false});
  store.declare({"norm.weight", {7}, false, true});
  store.declare({"qkv.weight", {6, 2}, true, false, true, 3});
  store.declare({"b.weight", {2, 2, 4}, true, false});
  store.declare({"row.weight", {1, 9}, false, false});
  store.declare({"embedding.weight", {4, 3}, true, false, false});
  store.declare({"c.bias", {5}, true, false});
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

  [[nodiscard]] static std::unique_ptr<Optimizer> make(const Json& changes, ParameterStore& store) {
    const Json options = options_with(std::string(entry().name), changes);
    auto optimizer = create_optimizer(config::Node(options), store);
    EXPECT_TRUE(optimizer.ok());
    return std::move(optimizer).value();
  }

  /// The moments that the optimizer keeps.
  [[nodiscard]] static std::vector<at::Tensor> state(const ParameterStore& store) {
    std::vector<at::Tensor> moments{store.flat_moment1, store.flat_moment2};
    if (store.flat_moment3.defined()) moments.push_back(store.flat_moment3);
    return moments;
  }
};

TEST_P(EveryOptimizer, ExplainsItselfAndIsKnownToTheSchema) {
  EXPECT_FALSE(entry().summary.empty());
  EXPECT_FALSE(entry().source.empty());
  const Json options = options_with(std::string(entry().name), Json::object());
  EXPECT_EQ(options["type"].as_string(), entry().name);
}

TEST_P(EveryOptimizer, LeavesWeightsAloneWithoutGradientAndDecay) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    ParameterStore store = make_store(type, 1);
    const at::Tensor before = store.flat_master.clone();
    const auto optimizer = make(Json::object({{"weight_decay", 0.0}}), store);
    for (int i = 0; i < 3; ++i) optimizer->step(store, 1e-2, store.gradient_norm());
    EXPECT_TRUE(at::equal(store.flat_master, before));
  }
}

TEST_P(EveryOptimizer, DecaysOnlyWhatIsDecayed) {
  ParameterStore store = make_store(at::kDouble, 2);
  const at::Tensor before = store.flat_master.clone();
  const auto optimizer = make(Json::object({{"weight_decay", 0.5}}), store);
  optimizer->step(store, 1e-4, store.gradient_norm());
  for (const auto& declaration : store.declarations()) {
    const at::Tensor now = store.master(declaration.name);
    const at::Tensor then = store.view(before, declaration.name);
    if (declaration.is_decayed) {
      EXPECT_TRUE((now.abs() < then.abs()).all().item<bool>()) << declaration.name;
    } else {
      EXPECT_TRUE(at::equal(now, then)) << declaration.name;
    }
  }
}

TEST_P(EveryOptimizer, ClipsByTheNormOfTheWholeGradient) {
  ParameterStore clipped = make_store(at::kDouble, 3), scaled = make_store(at::kDouble, 3);
  const auto clipping = make(Json::object({{"grad_clip_norm", 0.25}}), clipped);
  const auto plain = make(Json::object({{"grad_clip_norm", 0.0}}), scaled);
  for (std::uint64_t i = 0; i < 3; ++i) {
    fill_gradient(clipped, 50 + 10 * i);
    fill_gradient(scaled, 50 + 10 * i);
    const double factor = i == 1 ? 0.01 : 1.0;  // the second one is small enough as it is
    clipped.flat_gradient.mul_(factor);
    scaled.flat_gradient.mul_(factor);
    const double norm = clipped.gradient_norm().item<double>();
    ASSERT_EQ(norm > 0.25, i != 1);
    if (i != 1) scaled.flat_gradient.mul_(0.25 / (norm + 1e-6));
    clipping->step(clipped, 1e-2, clipped.gradient_norm());
    plain->step(scaled, 1e-2, scaled.gradient_norm());
  }
  EXPECT_TRUE(at::allclose(clipped.flat_master, scaled.flat_master, 0.0, 1e-13));
  EXPECT_TRUE(at::allclose(clipped.flat_moment1, scaled.flat_moment1, 0.0, 1e-13));
}

TEST_P(EveryOptimizer, AGradientThatIsNotFiniteChangesNothing) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    ParameterStore store = make_store(at::kFloat, 9);
    const auto optimizer = make(Json::object({{"weight_decay", 0.1}}), store);
    fill_gradient(store, 60);
    optimizer->step(store, 1e-2, store.gradient_norm());
    const at::Tensor weights = store.flat_master.clone();
    std::vector<at::Tensor> moments;
    for (const at::Tensor& moment : state(store)) moments.push_back(moment.clone());
    fill_gradient(store, 61);
    store.gradient("b.weight").view(-1)[3].fill_(bad);
    optimizer->step(store, 1e-2, store.gradient_norm());
    EXPECT_TRUE(at::equal(store.flat_master, weights)) << bad;
    for (std::size_t i = 0; i < moments.size(); ++i)
      EXPECT_TRUE(at::equal(state(store)[i], moments[i])) << bad << ", moment " << i + 1;
    fill_gradient(store, 62);
    optimizer->step(store, 1e-2, store.gradient_norm());
    EXPECT_TRUE(at::isfinite(store.flat_master).all().item<bool>());
    EXPECT_FALSE(at::equal(store.flat_master, weights));
  }
}

TEST_P(EveryOptimizer, DecreasesAQuadratic) {
  ParameterStore store = make_store(at::kDouble, 12);
  const at::Tensor target = at::zeros_like(store.flat_master);
  for (const auto& declaration : store.declarations())
    store.view(target, declaration.name).copy_(test::normal(declaration.shape, 300));
  const auto optimizer = make(Json::object({{"weight_decay", 0.0}}), store);
  const auto loss = [&] {
    return 0.5 * (store.flat_master - target).square().sum().item<double>();
  };
  const double first = loss();
  for (int i = 0; i < 300; ++i) {
    store.flat_gradient.copy_(store.flat_master - target);
    optimizer->step(store, 5e-2, store.gradient_norm());
  }
  EXPECT_LT(loss(), 0.05 * first);
}

TEST_P(EveryOptimizer, ReadsWhatChangesFromTheDevice) {
  // A captured graph replays the same calls: only the contents of the tensors differ.
  ParameterStore replayed = make_store(at::kFloat, 13), straight = make_store(at::kFloat, 13);
  const auto first = make(Json::object(), replayed);
  UpdateInput input = update_input(replayed, 0.0, replayed.gradient_norm(), 0);
  for (std::int64_t step = 1; step <= 4; ++step) {
    fill_gradient(replayed, static_cast<std::uint64_t>(400 + 10 * step));
    fill_gradient(straight, static_cast<std::uint64_t>(400 + 10 * step));
    const double rate = 1e-2 / static_cast<double>(step);
    input.learning_rate.fill_(rate);
    input.step.fill_(static_cast<double>(step));
    input.grad_norm.copy_(replayed.gradient_norm());
    first->update(replayed, input);
    const auto second = make(Json::object(), straight);  // a new one has nothing kept
    second->step_count = step - 1;
    second->step(straight, rate, straight.gradient_norm());
    EXPECT_EQ(second->step_count, step);
  }
  EXPECT_EQ(first->step_count, 0) << "whoever calls update() counts";
  EXPECT_TRUE(at::equal(replayed.flat_master, straight.flat_master));
  EXPECT_EQ(input.step.item<double>(), 4.0) << "the input is only read";
  EXPECT_EQ(input.step.scalar_type(), at::kDouble);
}

TEST_P(EveryOptimizer, ContinuesBitForBitFromItsState) {
  ParameterStore straight = make_store(at::kFloat, 4);
  const auto first = make(Json::object(), straight);
  for (std::uint64_t i = 0; i < 5; ++i) {
    fill_gradient(straight, 100 + 10 * i);
    first->step(straight, 1e-2, straight.gradient_norm());
  }
  // As a checkpoint does it: parameter by parameter, without the padding between them.
  ParameterStore resumed = make_store(at::kFloat, 5);
  const auto second = make(Json::object(), resumed);
  for (const auto& declaration : straight.declarations()) {
    resumed.master(declaration.name).copy_(straight.master(declaration.name));
    for (std::size_t i = 0; i < state(straight).size(); ++i) {
      resumed.view(state(resumed)[i], declaration.name)
          .copy_(straight.view(state(straight)[i], declaration.name));
    }
  }
  second->step_count = first->step_count;
  for (std::uint64_t i = 5; i < 10; ++i) {
    for (ParameterStore* store : {&straight, &resumed}) {
      fill_gradient(*store, 100 + 10 * i);
      (store == &straight ? first : second)->step(*store, 1e-2, store->gradient_norm());
    }
  }
  EXPECT_EQ(first->step_count, 10);
  EXPECT_TRUE(at::equal(straight.flat_master, resumed.flat_master));
  for (std::size_t i = 0; i < state(straight).size(); ++i)
    EXPECT_TRUE(at::equal(state(straight)[i], state(resumed)[i])) << "moment " << i + 1;
}

TEST_P(EveryOptimizer, KeepsPaddingAtZero) {
  ParameterStore store = make_store(at::kFloat, 6);
  const auto optimizer = make(Json::object(), store);
  fill_gradient(store, 7);
  for (int i = 0; i < 4; ++i) optimizer->step(store, 1e-1, store.gradient_norm());
  for (const at::Tensor& flat : {store.flat_master, store.flat_moment1, store.flat_moment2}) {
    const at::Tensor padding = flat.clone();
    for (const auto& declaration : store.declarations())
      store.view(padding, declaration.name).zero_();
    EXPECT_TRUE(at::equal(padding, at::zeros_like(padding)));
  }
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
  const auto created = create_optimizer(config::Node(options), store);
  ASSERT_TRUE(created.ok());
  Optimizer* optimizer = created->get();
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

TEST(Optimizers, AreTheAlternativesOfTheSchemaInOrder) {
  const config::Schema schema = config::run_schema({});
  const config::Field* field = schema.find("optimizer");
  ASSERT_NE(field, nullptr);
  ASSERT_EQ(field->alternatives.size(), all_optimizers().size());
  for (std::size_t i = 0; i < field->alternatives.size(); ++i) {
    EXPECT_EQ(field->alternatives[i].type, all_optimizers()[i].name);
    EXPECT_EQ(field->alternatives[i].help, all_optimizers()[i].summary);
    EXPECT_EQ(field->alternatives[i].source, all_optimizers()[i].source);
  }
}

/// One update of `name` alone, as a tensor of its own with the same weights and gradient.
at::Tensor updated_alone(const std::string& type,
                         const at::Tensor& weight,
                         const at::Tensor& grad) {
  ParameterStore store;
  store.declare({"x.weight", weight.sizes().vec(), true, false});
  store.allocate(at::kDouble, at::kDouble, at::kCPU);
  store.master("x.weight").copy_(weight);
  const Json options = options_with(type, Json::object({{"grad_clip_norm", 0.0}}));
  const auto optimizer = create_optimizer(config::Node(options), store);
  for (int i = 0; i < 3; ++i) {
    store.gradient("x.weight").copy_(grad);
    (*optimizer)->step(store, 1e-2, store.gradient_norm());
  }
  return store.master("x.weight").clone();
}

class MatrixOptimizer : public ::testing::TestWithParam<const char*> {};

TEST_P(MatrixOptimizer, TreatsExpertsAndPackedProjectionsAsMatricesOfTheirOwn) {
  ParameterStore store = make_store(at::kDouble, 20);
  const Json options = options_with(GetParam(), Json::object({{"grad_clip_norm", 0.0}}));
  const auto optimizer = create_optimizer(config::Node(options), store);
  ASSERT_TRUE(optimizer.ok());
  const at::Tensor before = store.flat_master.clone();
  for (int i = 0; i < 3; ++i) {
    fill_gradient(store, 500);
    (*optimizer)->step(store, 1e-2, store.gradient_norm());
  }
  fill_gradient(store, 500);
  for (const std::int64_t expert : {0, 1}) {
    EXPECT_TRUE(at::allclose(
        store.master("b.weight")[expert],
        updated_alone(
            GetParam(), store.view(before, "b.weight")[expert], store.gradient("b.weight")[expert]),
        0.0,
        1e-13));
  }
  for (const std::int64_t row : {0, 2, 4}) {
    EXPECT_TRUE(at::allclose(store.master("qkv.weight").narrow(0, row, 2),
                             updated_alone(GetParam(),
                                           store.view(before, "qkv.weight").narrow(0, row, 2),
                                           store.gradient("qkv.weight").narrow(0, row, 2)),
                             0.0,
                             1e-13));
  }
}

INSTANTIATE_TEST_SUITE_P(Registry,
                         MatrixOptimizer,
                         ::testing::Values("muon", "adafactor"),
                         [](const auto& chosen) { return std::string(chosen.param); });

TEST(Muon, LeavesEmbeddingsAndVectorsToAdamW) {
  ParameterStore muon = make_store(at::kDouble, 21), adamw = make_store(at::kDouble, 21);
  const Json shared = Json::object({{"beta2", 0.95}, {"weight_decay", 0.2}});
  Json options = options_with("muon", shared);
  options.set("adamw_rate_ratio", 0.5);
  const Json plain = options_with("adamw", shared);
  const auto first = create_optimizer(config::Node(options), muon);
  const auto second = create_optimizer(config::Node(plain), adamw);
  for (int i = 0; i < 3; ++i) {
    fill_gradient(muon, 600);
    fill_gradient(adamw, 600);
    (*first)->step(muon, 1e-2, muon.gradient_norm());
    (*second)->step(adamw, 0.5e-2, adamw.gradient_norm());
  }
  for (const char* name : {"norm.weight", "embedding.weight", "c.bias"})
    EXPECT_TRUE(at::allclose(muon.master(name), adamw.master(name), 0.0, 1e-14)) << name;
  EXPECT_FALSE(at::allclose(muon.master("a.weight"), adamw.master("a.weight"), 0.0, 1e-6));
}

}  // namespace
}  // namespace switchyard::train
