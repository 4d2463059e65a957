#include "engine/base/config/routing_rules.h"

#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

std::vector<Error> errors_of(const std::string& object) {
  const auto parsed = parse_json(object, "test");
  EXPECT_TRUE(parsed.ok()) << object;
  std::vector<Error> errors;
  routing_choices_fit(*parsed, "x.json /layer", errors);
  return errors;
}

struct Refused {
  const char *object, *where, *reason;
};

class RoutingRules : public ::testing::TestWithParam<Refused> {};

TEST_P(RoutingRules, RefuseWithAReasonAndAWayOut) {
  const std::vector<Error> errors = errors_of(GetParam().object);
  ASSERT_EQ(errors.size(), 1U) << GetParam().object;
  const std::string text = errors[0].text();
  EXPECT_NE(text.find(std::string("x.json /layer/") + GetParam().where), std::string::npos) << text;
  EXPECT_NE(text.find(GetParam().reason), std::string::npos) << text;
  EXPECT_FALSE(errors[0].hint.empty());
}

constexpr Refused kRefused[] = {
    {R"({"router":{"type":"top_k","top_k":1},"score":{"type":"softmax"},
         "combine_weight":{"type":"renormalized"}})",
     "combine_weight/type",
     "learns nothing"},
    {R"({"router":{"type":"top_k","top_k":1},"score":{"type":"logits"},
         "combine_weight":{"type":"selected_softmax"}})",
     "combine_weight/type",
     "learns nothing"},
    {R"({"router":{"type":"relu","top_k":2},"score":{"type":"softmax"},
         "combine_weight":{"type":"raw"}})",
     "score/type",
     "needs score \"relu\""},
    {R"({"router":{"type":"top_k","top_k":2},"score":{"type":"softmax"},
         "combine_weight":{"type":"selected_softmax"}})",
     "combine_weight/type",
     "needs score \"logits\""},
    {R"({"router":{"type":"top_k","top_k":2},"score":{"type":"logits"},
         "combine_weight":{"type":"renormalized"}})",
     "combine_weight/type",
     "negative"},
    {R"({"router":{"type":"top_p","top_k":2},
         "score":{"type":"sigmoid","use_normalized_probs":false}})",
     "score/use_normalized_probs",
     "adds up probabilities"},
    {R"({"router":{"type":"coordinate_descent","top_k":2},"score":{"type":"logits"}})",
     "score/type",
     "from 0 to 1"},
    {R"({"num_experts":8,"router":{"type":"top_k","top_k":2,"num_groups":3}})",
     "router/num_groups",
     "divisor of 8"},
    {R"({"num_experts":8,"router":{"type":"top_k","top_k":2,"num_groups":4,"groups_per_token":5}})",
     "router/groups_per_token",
     "at most 4"},
    {R"({"num_experts":8,"router":{"type":"top_k","top_k":5,"num_groups":4,"groups_per_token":2}})",
     "router/top_k",
     "at most 4"},
    {R"({"router":{"type":"top_p","top_k":2},"noise":{"type":"learned_normal","load_coef":0.1}})",
     "noise/load_coef",
     "\"top_k\" alone"},
    {R"({"router":{"type":"expert_choice"}})", "router/type", "later tokens"},
    {R"({"router":{"type":"top_k","top_k":2},"capacity":{"type":"choice_major"}})",
     "capacity/type",
     "later tokens"},
    {R"({"router":{"type":"top_k","top_k":2},
         "capacity":{"type":"token_major","group":"micro_batch"}})",
     "capacity/type",
     "other sequences"},
};

INSTANTIATE_TEST_SUITE_P(Combinations, RoutingRules, ::testing::ValuesIn(kRefused));

TEST(RoutingRules, AcceptWhatWorks) {
  for (const char* const object : {
           R"({"num_experts":8,"router":{"type":"top_k","top_k":1},"score":{"type":"softmax"},
               "combine_weight":{"type":"raw"},"capacity":{"type":"token_major","group":"sequence"}})",
           R"({"router":{"type":"hash","top_k":1,"use_learned_weight":false},
               "score":{"type":"softmax"},"combine_weight":{"type":"renormalized"}})",
           R"({"router":{"type":"top_k","top_k":2},"score":{"type":"logits"},
               "combine_weight":{"type":"selected_softmax"},
               "noise":{"type":"learned_normal","load_coef":0.1}})",
           R"({"num_experts":8,"router":{"type":"top_k","top_k":4,"num_groups":4,
               "groups_per_token":2},"score":{"type":"sigmoid"},
               "combine_weight":{"type":"renormalized"}})",
           R"({"num_experts":1,"router":{"type":"top_k","top_k":1},"score":{"type":"softmax"},
               "combine_weight":{"type":"renormalized"}})",
           R"({"router":{"type":"expert_choice"},"allow_lookahead":true})",
       }) {
    for (const Error& error : errors_of(object)) ADD_FAILURE() << object << "\n" << error.text();
  }
}

}  // namespace
}  // namespace switchyard::config
