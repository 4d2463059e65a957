#include "engine/train/loop/batch_sampler.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/train/fused/decode_step.h"
#include "engine/train/fused/launch.h"
#include "engine/train/loop/decoder.h"
#include "engine/train/loop/sample_bench.h"
#include "engine/train/model/transformer.h"
#include "engine/train/torch_compat.h"
#include "tests/support/gradient_check.h"
#include "tests/support/model_config.h"

namespace switchyard::train {
namespace {

using Prompt = BatchSampler::Prompt;
using Tokens = BatchSampler::Tokens;

constexpr std::int64_t kVocabulary = 11;
constexpr std::int64_t kMaxTokens = 30;  // more than twice the context of 12

/// A model whose weights are large enough that every part matters.
std::unique_ptr<Transformer> make_model(const std::vector<std::string>& settings,
                                        Transformer::Options options = {}) {
  options.seed = 3;
  auto model = Transformer::create(test::small_config(settings), kVocabulary, options);
  EXPECT_TRUE(model.ok());
  const at::NoGradGuard no_grad;
  ParameterStore& parameters = (*model)->parameters();
  std::uint64_t seed = 70;
  for (const auto& declaration : parameters.declarations()) {
    const at::Tensor more = 0.3 * test::normal(declaration.shape, seed++);
    parameters.master(declaration.name).add_(more.to(options.device, options.master));
  }
  parameters.refresh_compute_copies();
  return std::move(model).value();
}

const std::vector<std::vector<std::string>>& dense_shapes() {
  static const std::vector<std::vector<std::string>> all{
      {},
      {"model.use_bias=true"},
      {"model.position=rope", "model.norm=rms_norm", "model.use_tied_head=false"},
      {"model.layers.0.feed_forward.activation=swiglu", "model.use_bias=true"},
      {"model.layers.0.feed_forward.activation=gelu_tanh"},
      {"model.vocab_size_multiple=8"}};
  return all;
}

std::vector<Prompt> prompts() {
  return {{{1, 2, 3}, 5},
          {{4}, 6},
          {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1, 2, 3, 4, 5}, 7},
          {{1, 2, 3}, 8},
          {{9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1}, 9}};
}

std::vector<SamplingSettings> all_settings() {
  return {{.temperature = 0.0},
          {.temperature = 1.5, .top_k = 4},
          {.temperature = 1.2, .top_p = 0.8},
          {.temperature = 1.0, .top_k = 7, .top_p = 0.9, .min_p = 0.05}};
}

/// What the model draws after one prompt, by reading a token at a time.
Tokens drawn_one_by_one(Transformer& model,
                        const Prompt& prompt,
                        const SamplingSettings& settings) {
  ContextReader reader(model);
  EXPECT_TRUE(reader.begin(prompt.ids).ok());
  Tokens tokens;
  for (std::int64_t i = 0; i < kMaxTokens; ++i) {
    const auto chosen_from = sampling_distribution(reader.logits(), reader.history(), settings);
    tokens.push_back(draw(chosen_from, uniform(prompt.seed, static_cast<std::uint64_t>(i))));
    EXPECT_TRUE(reader.append(tokens.back()).ok());
  }
  return tokens;
}

std::vector<Tokens> drawn(Transformer& model,
                          std::span<const Prompt> from,
                          const SamplingSettings& settings,
                          bool use_kernels) {
  BatchSampler sampler(model, {.use_kernels_on_cpu = use_kernels});
  auto tokens = sampler.sample(from, settings, kMaxTokens);
  EXPECT_TRUE(tokens.ok()) << tokens.error().message;
  return std::move(tokens).value();
}

TEST(BatchSampler, DrawsWhatOneTokenAtATimeDraws) {
  for (const auto& shape : dense_shapes()) {
    SCOPED_TRACE(shape.empty() ? "plain" : shape.front());
    const auto model = make_model(shape);
    EXPECT_EQ(DecodeStep::why_not(*model, at::kCPU), "");
    const std::vector<Prompt> all = prompts();
    for (const SamplingSettings& settings : all_settings()) {
      std::vector<Tokens> want;
      for (const Prompt& prompt : all) want.push_back(drawn_one_by_one(*model, prompt, settings));
      EXPECT_EQ(want[0] == want[3], settings.temperature == 0.0) << "the seed decides";
      for (const bool use_kernels : {false, true}) {
        EXPECT_EQ(drawn(*model, all, settings, use_kernels), want) << use_kernels;
      }
    }
  }
}

TEST(BatchSampler, GivesEveryPromptOfABatchWhatItGetsAlone) {
  Transformer::Options options;
  options.use_fused_functions = true;
  const auto model = make_model({"model.use_bias=true"}, options);
  const std::vector<Prompt> all = prompts();
  const SamplingSettings settings{.temperature = 1.5, .top_k = 5};
  for (const bool use_kernels : {false, true}) {
    const std::vector<Tokens> together = drawn(*model, all, settings, use_kernels);
    for (std::size_t row = 0; row < all.size(); ++row) {
      EXPECT_EQ(drawn(*model, std::span(all).subspan(row, 1), settings, use_kernels)[0],
                together[row]);
    }
  }
}

TEST(BatchSampler, TakesMoreRowsThanStepTogetherAndFollowsTheWeights) {
  const auto model = make_model({});
  std::vector<Prompt> many;
  for (std::uint64_t i = 0; i < 35; ++i) many.push_back({{static_cast<std::int32_t>(i % 11)}, i});
  const SamplingSettings settings{.temperature = 2.0, .top_k = 6};
  BatchSampler sampler(*model, {.use_kernels_on_cpu = true});
  for (int i = 0; i < 2; ++i) {
    auto tokens = sampler.sample(many, settings, 5);
    ASSERT_TRUE(tokens.ok());
    for (std::size_t row = 0; row < many.size(); ++row) {
      Tokens want = drawn_one_by_one(*model, many[row], settings);
      want.resize(5);
      EXPECT_EQ((*tokens)[row], want) << row;
    }
    const at::NoGradGuard no_grad;  // as a training step does between two calls
    model->parameters().flat_master.mul_(1.3);
    model->parameters().refresh_compute_copies();
  }
}

TEST(BatchSampler, TellsTheListenerAndStopsWhenItHasEnough) {
  const auto model = make_model({});
  const std::vector<Prompt> all = prompts();
  for (const bool use_kernels : {false, true}) {
    BatchSampler sampler(*model, {.use_kernels_on_cpu = use_kernels});
    std::vector<Tokens> heard(all.size());
    const auto listener = [&](std::size_t row, std::span<const std::int32_t> tokens) {
      heard[row].insert(heard[row].end(), tokens.begin(), tokens.end());
      return row != 1;
    };
    const auto tokens = sampler.sample(all, {.temperature = 1.0}, kMaxTokens, listener);
    ASSERT_TRUE(tokens.ok());
    EXPECT_EQ(*tokens, heard);
    EXPECT_EQ(heard[0].size(), static_cast<std::size_t>(kMaxTokens));
    EXPECT_GE(heard[1].size(), 1U);
    EXPECT_LT(heard[1].size(), static_cast<std::size_t>(kMaxTokens));
  }
}

TEST(BatchSampler, LeavesOtherModelsToTheirModules) {
  for (const auto& shape : {test::routed(), {"model.qk_norm=full"}}) {
    const auto model = make_model(shape);
    EXPECT_NE(DecodeStep::why_not(*model, at::kCPU), "");
    BatchSampler sampler(*model, {.use_kernels_on_cpu = true});
    const std::vector<Prompt> one{{{1, 2}, 3}};
    const SamplingSettings settings{.temperature = 1.0, .top_k = 5, .repetition_penalty = 1.3};
    const auto tokens = sampler.sample(one, settings, kMaxTokens);
    ASSERT_TRUE(tokens.ok());
    EXPECT_EQ((*tokens)[0], drawn_one_by_one(*model, one[0], settings));
    EXPECT_NE(sampler.why_slow(), "");
  }
}

TEST(BatchSampler, RefusesPromptsAndSettingsWithTheReason) {
  const auto model = make_model({});
  BatchSampler sampler(*model);
  for (const Prompt& prompt : {Prompt{}, Prompt{{-1}, 0}, Prompt{{11}, 0}}) {
    const auto result = sampler.sample(std::span(&prompt, 1), {}, 3);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::kUsage);
    EXPECT_NE(result.error().message.find("below 11"), std::string::npos);
  }
  const Prompt prompt{{1}, 0};
  EXPECT_FALSE(sampler.sample(std::span(&prompt, 1), {.temperature = -1.0}, 3).ok());
}

TEST(BatchSampler, RecordedOnADeviceDrawsWhatItDrawsUnrecordedAndNearlyWhatTheModulesDraw) {
  const auto device = device_from_name("cuda");
  if (!device.ok() || !kHasKernels) GTEST_SKIP() << "no device with kernels";
  use_own_stream(*device);
  for (const at::ScalarType compute : {at::kFloat, at::kBFloat16}) {
    Transformer::Options options;
    options.compute = compute;
    options.device = *device;
    options.use_fused_functions = true;
    const auto model = make_model({"model.use_bias=true"}, options);
    BatchSampler recorded(*model), launched(*model, {.use_graph = false});
    for (int i = 0; i < 2; ++i) {
      const SamplingSettings settings{.temperature = 1.5, .top_k = 5};
      const auto first = recorded.sample(prompts(), settings, kMaxTokens);
      const auto second = launched.sample(prompts(), settings, kMaxTokens);
      ASSERT_TRUE(first.ok() && second.ok());
      EXPECT_EQ(*first, *second);
      EXPECT_EQ(recorded.why_slow(), "");
      const at::NoGradGuard no_grad;
      model->parameters().flat_master.mul_(1.1);
      model->parameters().refresh_compute_copies();
    }
    std::vector<Prompt> many;
    for (std::int32_t i = 0; i < 60; ++i) {
      Prompt prompt;
      for (std::int32_t k = 0; k <= i % 9; ++k) prompt.ids.push_back((7 * i + 3 * k * k) % 11);
      many.push_back(prompt);
    }
    const auto tokens = recorded.sample(many, {.temperature = 0.0}, 1);
    ASSERT_TRUE(tokens.ok());
    int num_same = 0;
    for (std::size_t row = 0; row < many.size(); ++row) {
      ContextReader reader(*model);
      ASSERT_TRUE(reader.begin(many[row].ids).ok());
      const auto& logits = reader.logits();
      const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
      num_same += (*tokens)[row][0] == best ? 1 : 0;
    }
    EXPECT_GE(num_same, compute == at::kFloat ? 59 : 57);
  }
}

TEST(SampleBench, ReportsTokensPerSecond) {
  SampleBenchRequest request;
  request.config = test::small_config();
  request.vocab_size = kVocabulary;
  request.device = "cpu";
  request.batch = 2;
  request.num_prompt_tokens = 3;
  request.num_tokens = 8;
  request.settings.top_k = 4;
  request.num_rounds = 2;
  const auto report = sample_bench(request);
  ASSERT_TRUE(report.ok()) << report.error().message;
  const double ms = (*report)["ms"].as_number();
  EXPECT_GT(ms, 0.0);
  EXPECT_NEAR((*report)["tokens_per_second"].as_number(), 2.0 * 8.0 * 1e3 / ms, 1e-6);
  EXPECT_NEAR((*report)["ms_per_step"].as_number(), ms / 8.0, 1e-9);
  EXPECT_EQ((*report)["batch"].as_integer(), 2);
  EXPECT_GT((*report)["peak_bytes"].as_integer(), 0);
  request.num_prompt_tokens = 0;
  EXPECT_FALSE(sample_bench(request).ok());
}

}  // namespace
}  // namespace switchyard::train
