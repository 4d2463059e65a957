#include "engine/train/model/transformer.h"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/base/config/model_size.h"
#include "tests/support/gradient_check.h"
#include "tests/support/model_config.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kVocabulary = 11;

std::unique_ptr<Transformer> make_model(const Json& config,
                                        at::ScalarType type = at::kFloat,
                                        std::uint64_t seed = 3) {
  Transformer::Options options;
  options.master = options.compute = type;
  options.seed = seed;
  auto model = Transformer::create(config, kVocabulary, options);
  EXPECT_TRUE(model.ok());
  return std::move(model).value();
}

at::Tensor token_rows(std::int64_t rows, std::int64_t length, std::uint64_t seed) {
  return (test::normal({rows, length}, seed) * 100.0).to(at::kLong).remainder(kVocabulary);
}

double loss_of(Transformer& model, bool is_training) {
  const at::Tensor tokens = token_rows(3, 12, 1), targets = token_rows(3, 12, 2);
  return model.forward(tokens, targets, is_training).cross_entropy.item<double>();
}

/// Makes initial weights large enough that every part matters.
void enlarge(Transformer& model) {
  const at::NoGradGuard no_grad;
  ParameterStore& parameters = model.parameters();
  std::uint64_t seed = 70;
  for (const auto& declaration : parameters.declarations()) {
    const at::Tensor master = parameters.master(declaration.name);
    master.add_((0.2 * test::normal(declaration.shape, seed++)).to(master.scalar_type()));
  }
  parameters.refresh_compute_copies();
}

/// A routed model with these choices of its layers.
std::vector<std::string> with_routing(const std::vector<std::string>& choices) {
  std::vector<std::string> settings;
  for (const std::string& choice : choices) {
    settings.push_back("model.layers.0.feed_forward." + choice);
  }
  return test::routed(settings);
}

const std::vector<std::vector<std::string>>& shapes() {
  static const std::vector<std::vector<std::string>> all{
      {},
      {"model.use_bias=true"},
      {"model.position=rope", "model.norm=rms_norm", "model.use_tied_head=false"},
      {"model.qk_norm=full"},
      {"model.position=rope", "model.qk_norm=head"},
      {"model.layers.0.feed_forward.activation=swiglu", "model.use_bias=true"},
      {"model.vocab_size_multiple=8"},
      {"model.vocab_size=13"},
      test::routed(),
      test::routed({"model.layers.0.feed_forward.activation=gelu_erf", "model.use_bias=true"}),
      test::routed({"model.layers.0.feed_forward.num_zero_experts=1",
                    "model.layers.0.feed_forward.num_copy_experts=1",
                    "model.layers.0.feed_forward.num_constant_experts=2"}),
      test::routed({"model.layers.0.feed_forward.ff_before_d_ff=8",
                    "model.layers.0.feed_forward.ff_after_d_ff=12",
                    "model.layers.0.feed_forward.use_multiplicative_bias=true",
                    "model.use_bias=true"}),
      test::routed({"model.position=rope",
                    "model.norm=rms_norm",
                    "model.qk_norm=full",
                    "model.use_tied_head=false"}),
      with_routing({"projection.type=cosine"}),
      with_routing({"projection.type=tanh_mlp", "score.type=sigmoid", "balance.type=bias_sign"}),
      with_routing({"projection.use_bias=true", "router.type=top_p"}),
      with_routing({"router.type=relu", "score.type=relu", "combine_weight.type=raw"}),
      with_routing({"router.type=hash", "combine_weight.type=mean"}),
      with_routing({"router.type=round_robin", "router.use_learned_weight=true"}),
      with_routing({"router.type=position", "combine_weight.type=unit"}),
      with_routing({"router.type=expert_threshold", "combine_weight.type=raw"})};
  return all;
}

class EveryShape : public ::testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static Json config() { return test::small_config(shapes()[GetParam()]); }
};

TEST_P(EveryShape, HasAsManyParametersAsTheConfigurationSays) {
  const Json resolved = config();
  EXPECT_EQ(make_model(resolved)->parameters().num_parameters(),
            config::model_size(resolved, kVocabulary).params_total);
}

TEST(Router, CountsTheNoiseItLearns) {
  const Json resolved = test::small_config(with_routing({"noise.type=learned_normal"}));
  EXPECT_EQ(make_model(resolved)->parameters().num_parameters(),
            config::model_size(resolved, kVocabulary).params_total);
}

TEST_P(EveryShape, DecodesInPiecesWhatTheWholeForwardSays) {
  const auto model = make_model(config(), at::kDouble);
  enlarge(*model);
  const at::Tensor tokens = token_rows(2, 12, 5);
  const at::NoGradGuard no_grad;
  const at::Tensor whole =
      model->forward(tokens, tokens, false, true).logits.narrow(2, 0, kVocabulary);
  for (const std::vector<std::int64_t>& pieces :
       std::vector<std::vector<std::int64_t>>{{12}, {5, 7}, {3, 1, 1, 4, 1, 2}}) {
    KvCache cache = model->new_cache(2);
    std::int64_t begin = 0;
    for (const std::int64_t length : pieces) {
      std::vector<RoutingRecord> routing;
      const at::Tensor logits = model->decode(tokens.narrow(1, begin, length), cache, &routing);
      begin += length;
      EXPECT_EQ(cache.length, begin);
      EXPECT_EQ(routing.size(), model->routed_layers().size());
      EXPECT_EQ(logits.sizes(), at::IntArrayRef({2, kVocabulary}));
      EXPECT_LE((logits - whole.select(1, begin - 1)).abs().max().item<double>(), 1e-6);
    }
  }
}

TEST_P(EveryShape, HasTheGradientOfCentralDifferences) {
  const auto model = make_model(config(), at::kDouble);
  enlarge(*model);
  const at::Tensor tokens = token_rows(2, 6, 8), targets = token_rows(2, 6, 9);
  for (const auto& declaration : model->parameters().declarations()) {
    SCOPED_TRACE(declaration.name);
    const at::Tensor leaf = model->parameters().compute(declaration.name);
    test::expect_gradient_matches([&] { return model->forward(tokens, targets, true).total; },
                                  leaf,
                                  {1e-6, 1e-6, std::max<std::int64_t>(1, leaf.numel() / 5)});
  }
}

TEST_P(EveryShape, RepeatsItselfBitForBit) {
  const auto first = make_model(config()), second = make_model(config());
  EXPECT_TRUE(at::equal(first->parameters().flat_master, second->parameters().flat_master));
  EXPECT_EQ(loss_of(*first, true), loss_of(*second, true));
  const auto other = make_model(config(), at::kFloat, 4);
  EXPECT_FALSE(at::equal(first->parameters().flat_master, other->parameters().flat_master));
}

INSTANTIATE_TEST_SUITE_P(Shapes, EveryShape, ::testing::Range(std::size_t{0}, shapes().size()));

TEST(Transformer, StartsNearTheUniformLoss) {
  EXPECT_NEAR(loss_of(*make_model(test::small_config()), false), std::log(11.0), 0.1);
}

TEST(Transformer, StartsResidualOutputsSmaller) {
  const Json config = test::small_config({"model.d_model=128"});
  const auto model = make_model(config);
  const auto spread = [&](const char* name) {
    return model->parameters().master(name).std().item<double>();
  };
  EXPECT_NEAR(spread("layers.0.attention.qkv.weight"), 0.02, 0.001);
  EXPECT_NEAR(spread("layers.0.attention.output.weight"), 0.01, 0.0005);
  EXPECT_NEAR(spread("layers.1.feed_forward.down.weight"), 0.01, 0.001);
  EXPECT_NEAR(spread("token_embedding.weight"), 0.02, 0.002);
}

TEST(Transformer, SaysWhichTensorsAreHiddenMatricesAndWhichAreStacked) {
  const auto model = make_model(test::small_config(test::routed({"model.use_tied_head=false"})));
  std::vector<std::string> tables;
  for (const auto& declaration : model->parameters().declarations()) {
    if (!declaration.is_hidden) tables.push_back(declaration.name);
    const bool is_packed = declaration.name.ends_with("attention.qkv.weight");
    EXPECT_EQ(declaration.num_stacked, is_packed ? 3 : 1) << declaration.name;
  }
  EXPECT_EQ(tables,
            (std::vector<std::string>{
                "token_embedding.weight", "position_embedding.weight", "head.weight"}));
}

TEST(Transformer, ExcludesPaddedTokensFromTheLoss) {
  const auto plain = make_model(test::small_config(), at::kDouble);
  const auto padded = make_model(test::small_config({"model.vocab_size_multiple=64"}), at::kDouble);
  const at::NoGradGuard no_grad;
  ParameterStore &from = plain->parameters(), &to = padded->parameters();
  for (const auto& declaration : from.declarations()) {
    at::Tensor target = to.master(declaration.name);
    if (declaration.name == "token_embedding.weight") {
      target.fill_(5.0);  // would dominate the loss if padding took part
      target = target.narrow(0, 0, kVocabulary);
    }
    target.copy_(from.master(declaration.name));
  }
  EXPECT_EQ(to.master("token_embedding.weight").size(0), 64);
  EXPECT_NEAR(loss_of(*plain, false), loss_of(*padded, false), 1e-12);
}

TEST(Transformer, DropsOutOnlyWhileTraining) {
  const auto with = make_model(test::small_config({"model.dropout=0.5"}));
  const double evaluated = loss_of(*with, false);
  EXPECT_EQ(evaluated, loss_of(*with, false));
  EXPECT_EQ(evaluated, loss_of(*make_model(test::small_config()), false));
  EXPECT_NE(evaluated, loss_of(*with, true));
}

TEST(Transformer, RepeatsDropoutFromTheStateOfItsGenerator) {
  const auto model = make_model(test::small_config({"model.dropout=0.5"}));
  loss_of(*model, true);
  const at::Tensor state = model->generator().get_state();
  const double first = loss_of(*model, true);
  EXPECT_NE(loss_of(*model, true), first);
  model->generator().set_state(state);
  EXPECT_EQ(loss_of(*model, true), first);
}

TEST(Transformer, ReportsTheRoutingOfEveryRoutedLayer) {
  const auto model = make_model(test::small_config(test::routed()));
  EXPECT_EQ(model->routed_layers(), (std::vector<int>{0, 1}));
  const Transformer::Losses losses =
      model->forward(token_rows(3, 12, 1), token_rows(3, 12, 2), true);
  ASSERT_EQ(losses.routing.size(), 2U);
  for (const RoutingRecord& record : losses.routing) {
    EXPECT_EQ(record.expert_index.sizes(), at::IntArrayRef({36, 2}));
    EXPECT_EQ(record.tokens_per_expert.sum().item<std::int64_t>(), 72);
  }
  const double expected = losses.cross_entropy.item<double>() +
                          0.01 * losses.load_balance_loss.item<double>() +
                          0.001 * losses.router_z_loss.item<double>();
  EXPECT_NEAR(losses.total.item<double>(), expected, 1e-6);
}

TEST(Transformer, TrainsInBfloat16BesideFloatMasters) {
  Transformer::Options options;
  options.compute = at::kBFloat16;
  options.seed = 3;
  auto model = Transformer::create(test::small_config(test::routed()), kVocabulary, options);
  ASSERT_TRUE(model.ok());
  const auto exact = make_model(test::small_config(test::routed()));
  EXPECT_NEAR(loss_of(**model, false), loss_of(*exact, false), 0.02);
  ParameterStore& parameters = (*model)->parameters();
  parameters.zero_gradients();
  (*model)->forward(token_rows(3, 12, 1), token_rows(3, 12, 2), true).total.backward();
  const double norm = parameters.gradient_norm().item<double>();
  exact->parameters().zero_gradients();
  exact->forward(token_rows(3, 12, 1), token_rows(3, 12, 2), true).total.backward();
  EXPECT_NEAR(norm, exact->parameters().gradient_norm().item<double>(), 0.05 * norm);
}

}  // namespace
}  // namespace switchyard::train
