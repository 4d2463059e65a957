// Fused functions (on the host references) against ordinary operations: same loss, same gradients.
#include "engine/train/fused/functions.h"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/train/loop/micro_step.h"
#include "engine/train/model/transformer.h"
#include "tests/support/gradient_check.h"
#include "tests/support/model_config.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kVocabulary = 11;

struct Kind {
  bool is_fused = true;
  at::ScalarType compute = at::kFloat;
  bool use_bfloat16_residual = false;
  bool use_activation_checkpointing = false;
};

std::unique_ptr<Transformer> make_model(const Json& config, const Kind& kind) {
  Transformer::Options options;
  options.use_fused_functions = kind.is_fused;
  options.compute = kind.compute;
  options.use_bfloat16_residual = kind.use_bfloat16_residual;
  options.use_activation_checkpointing = kind.use_activation_checkpointing;
  options.seed = 3;
  auto model = Transformer::create(config, kVocabulary, options);
  EXPECT_TRUE(model.ok());
  const at::NoGradGuard no_grad;
  ParameterStore& parameters = (*model)->parameters();
  std::uint64_t seed = 70;  // initial weights large enough that every part matters
  for (const auto& declaration : parameters.declarations()) {
    const at::Tensor master = parameters.master(declaration.name);
    master.add_(0.2 * test::normal(declaration.shape, seed++));
  }
  parameters.refresh_compute_copies();
  return std::move(model).value();
}

at::Tensor token_rows(std::int64_t rows, std::uint64_t seed) {
  return (test::normal({rows, 12}, seed) * 100.0).to(at::kLong).remainder(kVocabulary);
}

double train_once(Transformer& model, double share = 1.0) {
  ParameterStore& parameters = model.parameters();
  parameters.zero_gradients();
  const auto losses = model.forward(token_rows(3, 1), token_rows(3, 2), true, false, share);
  losses.total.backward();
  parameters.collect_gradients();
  return losses.total.item<double>();
}

double relative_error(const at::Tensor& got, const at::Tensor& want) {
  return ((got - want).norm() / (want.norm() + 1e-12)).item<double>();
}

const std::vector<std::vector<std::string>>& shapes() {
  static const std::vector<std::vector<std::string>> all{
      {},
      {"model.use_bias=true"},
      {"model.position=rope", "model.norm=rms_norm", "model.use_tied_head=false"},
      {"model.qk_norm=full"},
      {"model.layers.0.feed_forward.activation=swiglu", "model.use_bias=true"},
      {"model.layers.0.feed_forward.activation=gelu_tanh"},
      {"model.vocab_size_multiple=8"},
      {"train.z_loss_coef=0.1"},
      test::routed(),
      test::routed({"model.position=rope", "model.norm=rms_norm", "model.use_bias=true"})};
  return all;
}

class EveryFusedShape : public ::testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static Json config() { return test::small_config(shapes()[GetParam()]); }
};

TEST_P(EveryFusedShape, HasTheLossAndEveryGradientOfOrdinaryOperations) {
  const auto fused = make_model(config(), {true}), plain = make_model(config(), {false});
  EXPECT_NEAR(train_once(*fused, 0.5), train_once(*plain, 0.5), 1e-6);
  for (const auto& declaration : plain->parameters().declarations()) {
    EXPECT_LE(relative_error(fused->parameters().gradient(declaration.name),
                             plain->parameters().gradient(declaration.name)),
              2e-5)
        << declaration.name;
  }
}

TEST_P(EveryFusedShape, StaysNearInBfloat16) {
  const auto plain = make_model(config(), {false});
  const double loss = train_once(*plain);
  const at::Tensor gradient = plain->parameters().flat_gradient;
  for (const bool use_bfloat16_residual : {false, true}) {
    const auto fused = make_model(config(), {true, at::kBFloat16, use_bfloat16_residual});
    EXPECT_NEAR(train_once(*fused), loss, 0.03);
    // A near tie of a router may fall the other way.
    const double bound = fused->routed_layers().empty() ? 0.05 : 0.5;
    EXPECT_LE(relative_error(fused->parameters().flat_gradient, gradient), bound);
  }
}

TEST_P(EveryFusedShape, AddsToGradientsThatAreThere) {
  const auto model = make_model(config(), {true});
  train_once(*model);
  const at::Tensor once = model->parameters().flat_gradient.clone();
  model->forward(token_rows(3, 1), token_rows(3, 2), true).total.backward();
  model->parameters().collect_gradients();
  EXPECT_LE(relative_error(model->parameters().flat_gradient, once * 2.0), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Fused,
                         EveryFusedShape,
                         ::testing::Range<std::size_t>(0, shapes().size()));

TEST(Fused, DropoutDrawsTheSameForTheSamePassAndAnotherForTheNext) {
  const Json config = test::small_config({"model.dropout=0.3"});
  const auto model = make_model(config, {true});
  const auto loss_of_pass = [&](std::uint64_t seed, std::uint64_t pass) {
    model->fusion()->begin_pass(seed, pass);
    model->generator().set_current_seed(1);  // attention's dropout is an ordinary one on the CPU
    return train_once(*model);
  };
  const double first = loss_of_pass(1, 0);
  EXPECT_EQ(loss_of_pass(1, 0), first);
  EXPECT_NE(loss_of_pass(1, 1), first);
  EXPECT_NE(loss_of_pass(2, 0), first);
}

TEST(Fused, GradientsUnderDropoutAreThoseOfTheSameMask) {
  const auto model = make_model(test::small_config({"model.dropout=0.3"}), {true});
  ParameterStore& parameters = model->parameters();
  model->fusion()->begin_pass(5, 7);
  model->generator().set_current_seed(1);
  train_once(*model);
  const at::NoGradGuard no_grad;
  const at::Tensor gradient = parameters.flat_gradient.clone();
  const at::Tensor direction = gradient / gradient.norm();
  const auto loss_at = [&](double distance) {
    parameters.flat_master.add_(direction * distance);
    model->generator().set_current_seed(1);
    const at::Tensor loss =
        model->forward(token_rows(3, 1), token_rows(3, 2), true).cross_entropy;
    parameters.flat_master.sub_(direction * distance);
    return loss.item<double>();
  };
  constexpr double kDistance = 1e-2;
  const double slope = (loss_at(kDistance) - loss_at(-kDistance)) / (2.0 * kDistance);
  EXPECT_NEAR(slope, gradient.norm().item<double>(), 0.02 * std::abs(slope));
}

TEST(Fused, NeedsNoSecondGradientBufferWithoutOrdinaryOperations) {
  const auto dense = make_model(test::small_config(), {true, at::kBFloat16});
  EXPECT_FALSE(dense->parameters().flat_compute_gradient.defined());
  const auto plain = make_model(test::small_config(), {false, at::kBFloat16});
  EXPECT_TRUE(plain->parameters().flat_compute_gradient.defined());
}

TEST(Fused, DecodesWhatTheForwardPassSays) {
  const auto fused = make_model(test::small_config(), {true});
  const at::NoGradGuard no_grad;
  const at::Tensor tokens = token_rows(2, 9);
  KvCache cache = fused->new_cache(2);
  fused->decode(tokens.narrow(1, 0, 5), cache, nullptr);
  const at::Tensor last = fused->decode(tokens.narrow(1, 5, 3), cache, nullptr);
  const at::Tensor logits = fused->forward(tokens, tokens, false, true).logits.select(1, 7);
  EXPECT_LE((last - logits).abs().max().item<double>(), 1e-5);
}

class Recomputed : public ::testing::TestWithParam<bool> {};

TEST_P(Recomputed, LayersGiveTheSameLossAndGradients) {
  for (const bool is_routed : {false, true}) {
    const std::vector<std::string> settings{"model.dropout=0.3"};
    const Json config = test::small_config(is_routed ? test::routed(settings) : settings);
    const auto whole = make_model(config, {GetParam()});
    Kind kind{GetParam()};
    kind.use_activation_checkpointing = true;
    const auto recomputed = make_model(config, kind);
    const auto train_from_seed = [](Transformer& model) {
      model.generator().set_current_seed(4);
      if (model.fusion() != nullptr) model.fusion()->begin_pass(1, 2);
      return train_once(model);
    };
    const double loss = train_from_seed(*whole), again = train_from_seed(*recomputed);
    EXPECT_EQ(again, loss);
    EXPECT_EQ(relative_error(recomputed->parameters().flat_gradient,
                             whole->parameters().flat_gradient),
              0.0);
  }
}

INSTANTIATE_TEST_SUITE_P(Fused, Recomputed, ::testing::Bool());

TEST(MicroStep, DifferentiatesItsShareAndRunsWithoutAGraphOnTheCpu) {
  const auto model = make_model(test::small_config(), {true});
  train_once(*model, 0.25);
  const at::Tensor want = model->parameters().flat_gradient.clone();
  MicroStep step(*model, {});
  model->parameters().zero_gradients();
  const Transformer::Losses& losses = step.run(token_rows(3, 1), token_rows(3, 2), 0.25);
  EXPECT_FALSE(losses.total.requires_grad());
  EXPECT_TRUE(at::equal(model->parameters().flat_gradient, want));
  EXPECT_TRUE(step.why_no_graph().empty());
}

}  // namespace
}  // namespace switchyard::train
