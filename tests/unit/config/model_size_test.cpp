#include "engine/base/config/model_size.h"

#include <map>

#include <gtest/gtest.h>

#include "engine/base/config/model_flops.h"
#include "engine/base/config/schema.h"
#include "tests/support/declared_router.h"

namespace switchyard::config {
namespace {

ModelSize size_of(const std::string& model, std::int64_t vocab_size) {
  const auto input = parse_json("{\"model\":" + model + "}", "test");
  EXPECT_TRUE(input.ok()) << (input.ok() ? "" : input.error().text());
  const Resolved result = resolve(test::run_schema_for_tests(), *input, "");
  for (const Error& error : result.errors) ADD_FAILURE() << error.text();
  return model_size(result.config, vocab_size);
}

std::string gpt(int layers, int heads, int width, int length, bool use_bias) {
  return R"({"d_model":)" + std::to_string(width) + R"(,"num_heads":)" + std::to_string(heads) +
         R"(,"seq_len":)" + std::to_string(length) + R"(,"use_bias":)" +
         (use_bias ? "true" : "false") + R"(,"layers":[{"repeat":)" + std::to_string(layers) +
         R"(,"feed_forward":{"d_ff":)" + std::to_string(4 * width) + "}}]}";
}

TEST(ModelSize, CountsTheFourGpt2Sizes) {
  EXPECT_EQ(size_of(gpt(12, 12, 768, 1024, true), 50257).params_total, 124'439'808);
  EXPECT_EQ(size_of(gpt(24, 16, 1024, 1024, true), 50257).params_total, 354'823'168);
  EXPECT_EQ(size_of(gpt(36, 20, 1280, 1024, true), 50257).params_total, 774'030'080);
  EXPECT_EQ(size_of(gpt(48, 25, 1600, 1024, true), 50257).params_total, 1'557'611'200);
}

TEST(ModelSize, CountsModelsWithoutBias) {
  EXPECT_EQ(size_of(gpt(12, 12, 768, 1024, false), 50257).params_total, 124'337'664);
  EXPECT_EQ(size_of(gpt(6, 6, 384, 256, false), 65).params_total, 10'745'088);
}

TEST(ModelSize, PadsTheVocabulary) {
  std::string model = gpt(12, 12, 768, 1024, false);
  model.insert(1, "\"vocab_size_multiple\":128,");
  EXPECT_EQ(size_of(model, 50257).params_total, 124'373'760);
  model = gpt(12, 12, 768, 1024, false);
  model.insert(1, "\"vocab_size\":50304,");
  EXPECT_EQ(size_of(model, 256).params_total, 124'373'760);
}

TEST(ModelSize, CountsOlmoe) {
  // OLMoE-1B-7B: RMS norm, rotary positions, norm of whole queries and keys, SwiGLU experts.
  const ModelSize size = size_of(
      R"({"d_model":2048,"num_heads":16,"seq_len":4096,"position":"rope","norm":"rms_norm",
          "qk_norm":"full","use_tied_head":false,"layers":[{"repeat":16,"feed_forward":
          {"type":"routed_experts","num_experts":64,"d_ff":1024,"activation":"swiglu",
           "router":{"top_k":8}}}]})",
      50304);
  EXPECT_EQ(size.params_total, 6'919'161'856);
  EXPECT_EQ(size.params_active, 1'282'017'280);
}

TEST(ModelSize, CountsEveryPartOnce) {
  const auto total = [](const std::string& members) {
    return size_of(R"({"d_model":8,"num_heads":2,"seq_len":4)" + members + "}", 10).params_total;
  };
  const std::string layer = R"(,"layers":[{"feed_forward":{"d_ff":16}}])";
  const std::int64_t plain = 10 * 8 + 4 * 8 + (8 + 4 * 64 + 8 + 2 * 8 * 16) + 8;
  EXPECT_EQ(total(layer), plain);
  EXPECT_EQ(total(layer + R"(,"position":"rope")"), plain - 4 * 8);
  EXPECT_EQ(total(layer + R"(,"norm":"rms_norm")"), plain);
  EXPECT_EQ(total(layer + R"(,"qk_norm":"full")"), plain + 16);
  EXPECT_EQ(total(layer + R"(,"qk_norm":"head")"), plain + 8);
  EXPECT_EQ(total(layer + R"(,"use_tied_head":false)"), plain + 80);
  EXPECT_EQ(total(layer + R"(,"use_bias":true)"), plain + 3 * 8 + 4 * 8 + 16 + 8);
  EXPECT_EQ(total(layer + R"(,"use_bias":true,"norm":"rms_norm")"), plain + 4 * 8 + 16 + 8);
  EXPECT_EQ(total(R"(,"layers":[{"feed_forward":{"d_ff":16,"activation":"swiglu"}}])"),
            plain + 8 * 16);
  EXPECT_EQ(total(R"(,"layers":[{"feed_forward":{"d_ff":16}},{"feed_forward":{"d_ff":32}}])"),
            plain + (8 + 4 * 64 + 8 + 2 * 8 * 32));
}

TEST(ModelSize, ExpertsAndRoutersHaveNoBiases) {
  const auto total = [](const std::string& use_bias) {
    return size_of(R"({"d_model":8,"num_heads":2,"seq_len":4,"use_bias":)" + use_bias +
                       R"(,"layers":[{"feed_forward":{"type":"routed_experts","num_experts":4,
                           "d_ff":16}}]})",
                   10)
        .params_total;
  };
  const std::int64_t plain = 10 * 8 + 4 * 8 + (8 + 4 * 64 + 8 + 4 * 2 * 8 * 16 + 8 * 4) + 8;
  EXPECT_EQ(total("false"), plain);
  EXPECT_EQ(total("true"), plain + 3 * 8 + 4 * 8);  // norms and attention only
}

TEST(ModelSize, CountsOperationsOfGpt2) {
  // The causal count of the published accounting: 265,938,432 forward per token at length 1024.
  const ModelSize size = size_of(gpt(12, 12, 768, 1024, false), 50257);
  EXPECT_EQ(size.flops_per_token_forward, 265'938'432.0);
  EXPECT_EQ(size.flops_per_token_step, 797'815'296.0);
}

TEST(ModelSize, OperationsByPartAreItsOwnOnes) {
  const auto input = parse_json(R"({"model":{"d_model":8,"num_heads":2,"seq_len":4,"layers":[
      {"repeat":2,"feed_forward":{"d_ff":16}},{"repeat":3,"feed_forward":{"type":"routed_experts",
       "num_experts":4,"d_ff":6,"activation":"swiglu","router":{"top_k":2}}}]}})",
                                "test");
  ASSERT_TRUE(input.ok());
  const Json config = resolve(test::run_schema_for_tests(), *input, "").config;
  const ModelSize size = model_size(config, 10);
  const Json parts = flops_by_part(config, 10);
  const std::map<std::string, double> expected{
      {"embedding", 0.0},
      {"attention_products", 5 * 2.0 * 4 * 64},
      {"attention_scores", 5 * 2.0 * 8 * 4},  // causal: 4 n^2 d / 2 of n = 4, a token
      {"feed_forward", 2 * 2.0 * 2 * 8 * 16},
      {"experts", 3 * 2.0 * 2 * 3 * 8 * 6},
      {"router", 3 * 2.0 * 8 * 4},
      {"head", 2.0 * 8 * 10}};
  double forward = 0.0;
  for (const auto& [part, flops] : expected) {
    EXPECT_DOUBLE_EQ(parts["forward"][part].as_number(-1.0), flops) << part;
    EXPECT_DOUBLE_EQ(parts["step"][part].as_number(-1.0), 3.0 * flops) << part;
    forward += flops;
  }
  EXPECT_EQ(parts["forward"].size(), expected.size());
  EXPECT_DOUBLE_EQ(size.flops_per_token_forward, forward);
  EXPECT_DOUBLE_EQ(flop_rules(config, 10).front().flops_per_token_step, size.flops_per_token_step);
}

TEST(ModelSize, RulesOfThumbCountWithoutBiasesAndOnlyUsedExperts) {
  const auto rules_of = [](const std::string& model) {
    const auto input = parse_json("{\"model\":" + model + "}", "test");
    const Json config = resolve(test::run_schema_for_tests(), *input, "").config;
    std::map<std::string, double> rules;
    for (const FlopRule& rule : flop_rules(config, 50257))
      rules[std::string(rule.name)] = rule.flops_per_token_step;
    return rules;
  };
  const auto with_bias = rules_of(gpt(12, 12, 768, 1024, true));
  EXPECT_EQ(with_bias, rules_of(gpt(12, 12, 768, 1024, false)));
  EXPECT_EQ(with_bias.at("nanogpt"), 854'553'600.0);
  EXPECT_EQ(with_bias.at("palm"), 859'272'192.0);
  EXPECT_EQ(with_bias.at("llmc"), 802'649'088.0);
  EXPECT_DOUBLE_EQ(utilisation(with_bias.at("palm"), 500'000.0, 989.0),
                   859'272'192.0 * 5e5 / 989e12);
  const std::string routed =
      R"({"d_model":8,"num_heads":2,"seq_len":4,"position":"rope","layers":[{"feed_forward":
          {"type":"routed_experts","num_experts":NUM,"d_ff":16,"router":{"top_k":2}}}]})";
  const auto with_experts = [&](const std::string& number) {
    std::string model = routed;
    return rules_of(model.replace(model.find("NUM"), 3, number)).at("palm");
  };
  EXPECT_EQ(with_experts("64") - with_experts("4"), 6.0 * 8 * 60) << "only the router grows";
  EXPECT_EQ(
      rules_of(routed.substr(0, routed.find("NUM")) + "4" + routed.substr(routed.find("NUM") + 3))
          .at("nanogpt"),
      with_experts("4"))
      << "rotary positions have no table";
}

TEST(ModelSize, DenseModelsAreActiveAsAWhole) {
  const ModelSize size = size_of(gpt(6, 6, 384, 256, false), 65);
  EXPECT_EQ(size.params_active, size.params_total);
}

}  // namespace
}  // namespace switchyard::config
