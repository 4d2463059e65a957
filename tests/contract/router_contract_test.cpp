// What every strategy of routing promises, checked for each entry of each registry.
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/base/config/routing_rules.h"
#include "engine/train/experts/routed_experts.h"
#include "tests/support/gradient_check.h"
#include "tests/support/routing_options.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kWidth = 4, kHidden = 3, kVocabulary = 11;

/// An entry of any of the registries.
struct Strategy {
  std::string stage, name, summary, source;
  bool is_causal = true;
  void (*describe)(config::Schema& schema) = nullptr;

  [[nodiscard]] config::Schema schema() const {
    config::Schema options;
    if (describe != nullptr) describe(options);
    return options;
  }

  /// Does its choice not come from the tokens' vectors alone?
  [[nodiscard]] bool is_assigned() const {
    static const std::set<std::string> kNames{"hash", "random", "round_robin", "position"};
    return stage == "router" && kNames.contains(name);
  }
};

const std::vector<Strategy>& strategies() {
  static const std::vector<Strategy> all = [] {
    std::vector<Strategy> found;
    const auto add = [&](const char* stage, const auto& entries) {
      for (const auto& entry : entries) {
        const StageInfo& info = entry.info;
        found.push_back({stage,
                         std::string(info.name),
                         std::string(info.summary),
                         std::string(info.source),
                         info.is_causal,
                         entry.describe});
      }
    };
    add("projection", all_projections());
    add("noise", all_noises());
    add("score", all_scores());
    add("router", all_routers());
    add("combine_weight", all_combine_weights());
    add("balance", all_balance_controllers());
    add("capacity", all_capacities());
    return found;
  }();
  return all;
}

/// What a strategy needs beside it.
struct Companion {
  const char *stage, *name, *other_stage, *other;
};

constexpr Companion kCompanions[] = {
    {"router", "relu", "score", "relu"},
    {"router", "relu", "combine_weight", "raw"},
    {"router", "dense", "combine_weight", "raw"},
    {"router", "expert_threshold", "combine_weight", "raw"},
    {"score", "logits", "combine_weight", "selected_softmax"},
    {"score", "relu", "combine_weight", "raw"},
    {"combine_weight", "selected_softmax", "score", "logits"},
};

/// Settings of capacities and thresholds at which little batches drop tokens.
void make_tight(const config::Schema& schema, Json& options) {
  const auto set = [&](const char* key, const Json& value) {
    if (schema.find(key) != nullptr) options.set(key, value);
  };
  set("factor", 0.5);
  set("factor_eval", 0.5);
  set("min_capacity", 1);
  set("tile", 4);
}

/// Options of a layer with E experts of which K are active, with this strategy in it.
Json options_with(const Strategy& strategy, std::int64_t E, std::int64_t K) {
  Json own = Json::object({{"type", strategy.name}});
  const config::Schema schema = strategy.schema();
  if (schema.find("top_k") != nullptr) own.set("top_k", K);
  make_tight(schema, own);
  Json options = Json::object({{"d_ff", kHidden}, {"importance_coef", 0.1}});
  if (strategy.stage != "router") {
    options.set("router", Json::object({{"type", "top_k"}, {"top_k", K}}));
  }
  for (const Companion& companion : kCompanions) {
    if (strategy.stage == companion.stage && strategy.name == companion.name) {
      options.set(companion.other_stage, Json::object({{"type", companion.other}}));
    }
  }
  options.set(strategy.stage, std::move(own));
  // A share of itself is 1, which a layer of one expert per token refuses.
  if (K == 1) options.set("combine_weight", Json::object({{"type", "unit"}}));
  return test::routed_options(E, std::move(options));
}

/// A layer of routed experts with one strategy, weights from a seed, and tokens to route.
class Layer {
 public:
  Layer(const Strategy& strategy, std::int64_t E, std::int64_t K, at::ScalarType type = at::kDouble)
      : options_(options_with(strategy, E, K)),
        model_(Json::object({{"d_model", kWidth}, {"seq_len", 64}, {"use_bias", false}})),
        experts_(config::Node(model_), config::Node(options_), "layer", kVocabulary) {
    experts_.declare(parameters_);
    parameters_.allocate(type, type, at::kCPU);
    std::uint64_t of_weights = 100;
    for (const ParameterStore::Declaration& declaration : parameters_.declarations()) {
      at::Tensor master = parameters_.master(declaration.name);
      master.copy_(test::normal(declaration.shape, ++of_weights));
      if (declaration.fill) master.fill_(*declaration.fill);
    }
    experts_.bind(parameters_);
  }

  /// B sequences of T tokens; the same random numbers at every call with the same `seed`.
  RoutedExperts::Output forward(const at::Tensor& x,
                                const at::Tensor& token_ids,
                                std::int64_t num_sequences,
                                bool is_training) {
    at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
    generator.set_current_seed(seed);
    TokenView tokens;
    tokens.x = x;
    tokens.token_ids = token_ids;
    tokens.num_sequences = num_sequences;
    tokens.is_training = is_training;
    return experts_.forward(tokens);
  }

  RoutedExperts::Output forward(const at::Tensor& x, bool is_training) {
    return forward(x, ids_of(x.size(0)), 1, is_training);
  }

  static at::Tensor ids_of(std::int64_t num_tokens) {
    return at::arange(num_tokens, at::kLong).remainder(kVocabulary);
  }

  /// Some steps on other tokens, so that buffers hold something.
  void train_a_while() {
    const at::NoGradGuard no_grad;
    for (std::uint64_t step = 0; step < 3; ++step) {
      experts_.begin_step();
      forward(test::normal({12, kWidth}, 40 + step), true);
      experts_.end_step();
    }
  }

  std::uint64_t seed = 7;  ///< of the numbers that a pass draws

  RoutedExperts& experts() { return experts_; }

  ParameterStore& parameters() { return parameters_; }

 private:
  Json options_, model_;
  RoutedExperts experts_;
  ParameterStore parameters_;
};

void expect_equal(const at::Tensor& a, const at::Tensor& b, const char* what) {
  if (!a.defined() && !b.defined()) return;
  EXPECT_TRUE(at::equal(a, b)) << what;
}

/// Everything differentiable that a layer gives, as one number.
at::Tensor scalar_of(const RoutedExperts::Output& output) {
  at::Tensor sum = (output.y * test::normal(output.y.sizes(), 8).to(output.y.scalar_type())).sum();
  const RoutingPlan& plan = output.plan;
  for (const at::Tensor& part :
       {plan.router_probs.square().sum(), plan.load_balance_loss, plan.router_z_loss}) {
    sum = sum + part;
  }
  return sum + plan.auxiliary_loss;
}

class EveryStrategy : public ::testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static const Strategy& strategy() { return strategies()[GetParam()]; }
};

TEST_P(EveryStrategy, ExplainsItselfAndItsOptions) {
  EXPECT_FALSE(strategy().name.empty());
  EXPECT_FALSE(strategy().summary.empty());
  EXPECT_FALSE(strategy().source.empty());
  const config::Schema schema = strategy().schema();
  for (const config::Field& field : schema.fields()) {
    EXPECT_FALSE(field.help.empty()) << field.key;
    const bool is_number =
        field.type == config::Field::Type::kInteger || field.type == config::Field::Type::kNumber;
    EXPECT_TRUE(!is_number || field.has_range) << field.key;
    const bool is_integer = field.type == config::Field::Type::kInteger;
    EXPECT_TRUE(!is_integer || !field.unit.empty()) << field.key;
  }
}

TEST_P(EveryStrategy, HasOptionsThatRoundTripThroughJson) {
  const config::Schema schema = strategy().schema();
  const config::Resolved defaults = config::resolve(schema, Json::object(), "defaults");
  ASSERT_TRUE(defaults.ok());
  const auto parsed = parse_json(defaults.config.dump(), "written");
  ASSERT_TRUE(parsed.ok());
  const config::Resolved again = config::resolve(schema, *parsed, "written");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again.config, defaults.config);
}

TEST_P(EveryStrategy, GivesDistinctExpertsAndFiniteWeights) {
  struct Shape {
    std::int64_t N, E, K;
  };
  for (const auto& [N, E, K] : {Shape{1, 4, 2}, {5, 1, 1}, {8, 4, 4}, {32, 8, 2}, {64, 33, 8}}) {
    for (const bool is_training : {true, false}) {
      Layer layer(strategy(), E, K);
      const RoutedExperts::Output output = layer.forward(test::normal({N, kWidth}, 1), is_training);
      EXPECT_TRUE(at::isfinite(output.y).all().item<bool>());
      EXPECT_TRUE(at::isfinite(output.plan.auxiliary_loss).all().item<bool>());
      ASSERT_EQ(output.plan.router_probs.sizes(), at::IntArrayRef({N, E}));
      if (output.plan.choice.slot_dispatch.defined()) continue;  // no experts are chosen
      const at::Tensor& index = output.plan.expert_index;
      const at::Tensor& weight = output.plan.combine_weight;
      ASSERT_EQ(index.sizes(), at::IntArrayRef({N, layer.experts().routing().top_k()}));
      ASSERT_EQ(weight.sizes(), index.sizes());
      EXPECT_TRUE(at::isfinite(weight).all().item<bool>());
      EXPECT_TRUE(index.ge(0).logical_and(index.le(E)).all().item<bool>());
      EXPECT_EQ(weight.masked_fill(index < E, 0.0).abs().sum().item<double>(), 0.0)
          << "slots without expert have weight 0";
      const at::Tensor uses = at::zeros({N, E + 1}, at::kLong)
                                  .scatter_add(1, index, at::ones_like(index))
                                  .narrow(1, 0, E);
      EXPECT_LE(uses.max().item<std::int64_t>(), 1) << "an expert is chosen at most once";
      const bool has_empty = uses.sum().item<std::int64_t>() < index.numel();
      EXPECT_TRUE(!has_empty || layer.experts().routing().may_leave_slots_empty());
      expect_equal(uses.sum(0), output.tokens_per_expert, "tokens_per_expert");
    }
  }
}

TEST_P(EveryStrategy, AcceptsNoTokens) {
  Layer layer(strategy(), 4, 2);
  const RoutedExperts::Output output =
      layer.forward(at::empty({0, kWidth}, at::kDouble), /*is_training=*/true);
  EXPECT_EQ(output.y.sizes(), at::IntArrayRef({0, kWidth}));
  layer.experts().end_step();
  for (const auto& [name, buffer] : layer.parameters().buffers()) {
    EXPECT_TRUE(at::isfinite(buffer).all().item<bool>()) << name;
  }
}

TEST_P(EveryStrategy, StaysFiniteAtEqualAndAtHugeLogits) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    for (const double factor : {0.0, 1e4}) {
      Layer layer(strategy(), 6, 2, type);
      const at::Tensor x =
          (test::normal({8, kWidth}, 4).sign() * factor).to(type).requires_grad_(true);
      const RoutedExperts::Output output = layer.forward(x, true);
      const RoutingPlan& plan = output.plan;
      at::Tensor sum = plan.router_probs.square().sum() + plan.load_balance_loss +
                       plan.router_z_loss + plan.auxiliary_loss;
      if (plan.combine_weight.defined()) sum = sum + plan.combine_weight.square().sum();
      EXPECT_TRUE(at::isfinite(sum).item<bool>());
      if (!sum.requires_grad()) continue;
      sum.backward();
      EXPECT_TRUE(!x.grad().defined() || at::isfinite(x.grad()).all().item<bool>());
      EXPECT_TRUE(at::isfinite(layer.parameters().flat_gradient).all().item<bool>());
    }
  }
}

TEST_P(EveryStrategy, HasTheGradientOfCentralDifferences) {
  Layer layer(strategy(), 5, 2);
  at::Tensor x = test::normal({8, kWidth}, 7);
  const auto value = [&] { return scalar_of(layer.forward(x, true)); };
  test::expect_gradient_matches(value, x, {1e-6, 1e-5, 1});
  for (const ParameterStore::Declaration& declaration : layer.parameters().declarations()) {
    if (declaration.name.find(".experts.") != std::string::npos) continue;  // experts_test.cpp
    SCOPED_TRACE(declaration.name);
    layer.parameters().zero_gradients();
    test::expect_gradient_matches(value, layer.parameters().compute(declaration.name), {1e-6, 1e-5, 1});
  }
}

TEST_P(EveryStrategy, RepeatsItselfBitForBit) {
  const at::Tensor x = test::normal({40, kWidth}, 5);
  Layer first(strategy(), 8, 2), second(strategy(), 8, 2);
  for (const bool is_training : {true, false}) {
    const RoutedExperts::Output a = first.forward(x, is_training);
    const RoutedExperts::Output b = second.forward(x, is_training);
    expect_equal(a.plan.expert_index, b.plan.expert_index, "expert_index");
    expect_equal(a.y, b.y, "y");
    expect_equal(a.plan.auxiliary_loss, b.plan.auxiliary_loss, "auxiliary_loss");
  }
}

TEST_P(EveryStrategy, RoutesAlikeWithParametersAndBuffersOfAnother) {
  Layer trained(strategy(), 6, 2), fresh(strategy(), 6, 2);
  trained.train_a_while();
  const at::NoGradGuard no_grad;
  fresh.parameters().flat_master.copy_(trained.parameters().flat_master);
  for (const auto& [name, buffer] : trained.parameters().buffers()) {
    fresh.parameters().buffer(name).copy_(buffer);
  }
  const at::Tensor x = test::normal({16, kWidth}, 6);
  for (const bool is_training : {true, false}) {
    const RoutedExperts::Output a = trained.forward(x, is_training);
    const RoutedExperts::Output b = fresh.forward(x, is_training);
    expect_equal(a.plan.expert_index, b.plan.expert_index, "expert_index");
    expect_equal(a.y, b.y, "y");
  }
}

TEST_P(EveryStrategy, KeepsItsBuffersInEvaluation) {
  Layer layer(strategy(), 6, 2);
  layer.train_a_while();
  std::map<std::string, at::Tensor> kept;
  for (const auto& [name, buffer] : layer.parameters().buffers()) kept[name] = buffer.clone();
  const at::NoGradGuard no_grad;
  layer.forward(test::normal({16, kWidth}, 6), /*is_training=*/false);
  for (const auto& [name, buffer] : layer.parameters().buffers()) {
    expect_equal(buffer, kept[name], name.c_str());
  }
}

TEST_P(EveryStrategy, DrawsNothingInEvaluation) {
  if (strategy().name == "random") GTEST_SKIP() << "is drawn in evaluation too";
  Layer layer(strategy(), 6, 2);
  const at::NoGradGuard no_grad;
  const at::Tensor x = test::normal({16, kWidth}, 6);
  const at::Tensor first = layer.forward(x, /*is_training=*/false).y;
  layer.seed = 8;
  expect_equal(layer.forward(x, /*is_training=*/false).y, first, "y");
}

/// Changes later tokens of a sequence and a whole other sequence, and looks at the tokens before.
TEST_P(EveryStrategy, TellsTheTruthAboutLookingAhead) {
  constexpr std::int64_t kLength = 16, kFirst = 8;
  bool has_changed = false;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    for (const bool is_training : {true, false}) {
      Layer layer(strategy(), 4, 2);
      layer.train_a_while();
      const at::NoGradGuard no_grad;
      const at::Tensor x = test::normal({2 * kLength, kWidth}, 20 + seed);
      const at::Tensor ids = Layer::ids_of(2 * kLength);
      const at::Tensor before = layer.forward(x, ids, 2, is_training).y;
      at::Tensor other = x.clone(), other_ids = ids.clone();
      other.narrow(0, kFirst, 2 * kLength - kFirst)
          .copy_(test::normal({2 * kLength - kFirst, kWidth}, 60 + seed) * 3.0);
      other_ids.narrow(0, kFirst, 2 * kLength - kFirst).fill_(3);
      const at::Tensor after = layer.forward(other, other_ids, 2, is_training).y;
      if (!at::equal(before.narrow(0, 0, kFirst), after.narrow(0, 0, kFirst))) has_changed = true;
    }
  }
  EXPECT_EQ(has_changed, !strategy().is_causal);
}

TEST_P(EveryStrategy, FollowsPermutationsOfTokens) {
  if (!strategy().is_causal || strategy().is_assigned() || strategy().stage == "noise" ||
      strategy().stage == "capacity" || strategy().name == "top_n_threshold") {
    GTEST_SKIP() << "looks at more than a token's vector";
  }
  Layer layer(strategy(), 8, 2);
  layer.train_a_while();
  const at::NoGradGuard no_grad;
  const at::Tensor x = test::normal({16, kWidth}, 2);
  const at::Tensor order = at::arange(16, at::kLong).flip(0).roll(3);
  const RoutingPlan plan = layer.forward(x, false).plan;
  const RoutingPlan moved = layer.forward(x.index_select(0, order), false).plan;
  expect_equal(moved.expert_index, plan.expert_index.index_select(0, order), "expert_index");
  EXPECT_LE((moved.combine_weight - plan.combine_weight.index_select(0, order)).abs().max().item<double>(),
            1e-12);
}

std::string name_of(const ::testing::TestParamInfo<std::size_t>& info) {
  return strategies()[info.param].stage + "_" + strategies()[info.param].name;
}

INSTANTIATE_TEST_SUITE_P(Registries,
                         EveryStrategy,
                         ::testing::Range(std::size_t{0}, strategies().size()),
                         name_of);

TEST(RoutingRules, NameTheStrategiesThatLookAhead) {
  std::set<std::string> of_rules, of_registries;
  for (const config::LookingAhead& strategy : config::strategies_looking_ahead()) {
    of_rules.insert(std::string(strategy.stage) + "/" + std::string(strategy.name));
  }
  for (const Strategy& strategy : strategies()) {
    if (!strategy.is_causal) of_registries.insert(strategy.stage + "/" + strategy.name);
  }
  EXPECT_EQ(of_rules, of_registries);
}

}  // namespace
}  // namespace switchyard::train
