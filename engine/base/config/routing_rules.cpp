#include "engine/base/config/routing_rules.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

namespace switchyard::config {
namespace {

constexpr std::array kLookingAhead{
    LookingAhead{"router", "base_assignment"},
    LookingAhead{"router", "expert_choice"},
    LookingAhead{"router", "no_token_left_behind"},
    LookingAhead{"router", "sinkhorn"},
    LookingAhead{"router", "soft_moe"},
    LookingAhead{"router", "token_rounding"},
    LookingAhead{"capacity", "batch_prioritised"},
    LookingAhead{"capacity", "choice_major"},
    LookingAhead{"capacity", "probability"},
};

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Reads the choices of one layer and collects what does not fit.
class Choices {
 public:
  Choices(const Json& object, const std::string& path, std::vector<Error>& errors)
      : object_(object), path_(path), errors_(errors) {}

  void check() {
    check_weight_of_one_expert();
    check_scores();
    check_groups();
    check_load_loss();
    check_lookahead();
  }

 private:
  [[nodiscard]] const std::string& type(std::string_view stage) const {
    return object_[stage]["type"].as_string();
  }

  void refuse(const std::string& pointer, std::string message, std::string hint) {
    errors_.push_back(
        {ErrorCode::kConfig, path_ + "/" + pointer, std::move(message), std::move(hint), {}});
  }

  /// A share of itself is 1: the router would learn nothing from the loss. (Of one expert there is
  /// nothing to learn.)
  void check_weight_of_one_expert() {
    const Json& router = object_["router"];
    if (router["top_k"].as_integer() != 1 || object_["num_experts"].as_integer() == 1) return;
    const bool has_one = is_one_of(type("router"), {"top_k", "top_p"}) ||
                         router["use_learned_weight"].as_bool();
    const bool is_constant =
        (type("combine_weight") == "renormalized" && type("score") == "softmax") ||
        type("combine_weight") == "selected_softmax";
    if (!has_one || !is_constant) return;
    refuse("combine_weight/type",
           "with one expert per token (router/top_k 1) \"" + type("combine_weight") +
               "\" weighs it by 1 always, and the router learns nothing from the loss.",
           "Set combine_weight/type to \"raw\" with score/type \"softmax\", as Switch does, or raise "
           "router/top_k.");
  }

  void check_scores() {
    const std::string& score = type("score");
    const std::string& weight = type("combine_weight");
    const std::string& router = type("router");
    const bool needs_weight = router != "coordinate_descent";
    if (router == "relu" && score != "relu") {
      refuse("score/type",
             "router \"relu\" takes experts whose score is above 0 and needs score \"relu\", found "
             "\"" + score + "\".",
             "Set score/type to \"relu\".");
    }
    if (weight == "selected_softmax" && score != "logits") {
      refuse("combine_weight/type",
             "\"selected_softmax\" is a softmax of chosen logits and needs score \"logits\", found "
             "score \"" + score + "\".",
             "Set score/type to \"logits\", or combine_weight/type to \"renormalized\".");
    }
    if (needs_weight && score == "logits" && is_one_of(weight, {"raw", "renormalized"})) {
      refuse("combine_weight/type",
             "score \"logits\" may be negative, which \"" + weight + "\" weights cannot be.",
             "Set combine_weight/type to \"selected_softmax\", or score/type to \"softmax\".");
    }
    const Json& normalizes = object_["score"]["use_normalized_probs"];
    if (router == "top_p" && normalizes.is_bool() && !normalizes.as_bool()) {
      refuse("score/use_normalized_probs",
             "router \"top_p\" adds up probabilities until router/tau is reached and needs true, "
             "found false.",
             "Set use_normalized_probs to true.");
    }
    if (router == "coordinate_descent" && !is_one_of(score, {"softmax", "sigmoid"})) {
      refuse("score/type",
             "router \"coordinate_descent\" needs scores from 0 to 1 (\"softmax\", \"sigmoid\"), "
             "found \"" + score + "\".",
             "Set score/type to \"softmax\".");
    }
  }

  void check_groups() {
    const Json& router = object_["router"];
    const std::int64_t num_groups = router["num_groups"].as_integer(1);
    if (num_groups <= 1) return;
    const std::int64_t num_experts = object_["num_experts"].as_integer();
    if (num_experts % num_groups != 0) {
      return refuse("router/num_groups",
                    "expected a divisor of " + std::to_string(num_experts) +
                        " (num_experts), found " + std::to_string(num_groups) + ".",
                    "Choose groups of equal size.");
    }
    const std::int64_t kept = router["groups_per_token"].as_integer();
    if (kept > num_groups) {
      return refuse("router/groups_per_token",
                    "expected at most " + std::to_string(num_groups) + " (num_groups), found " +
                        std::to_string(kept) + ".",
                    "Lower groups_per_token.");
    }
    const std::int64_t most = kept * (num_experts / num_groups);
    if (router["top_k"].as_integer() <= most) return;
    refuse("router/top_k",
           "expected at most " + std::to_string(most) +
               " (the experts of groups_per_token groups), found " +
               std::to_string(router["top_k"].as_integer()) + ".",
           "Lower top_k or raise groups_per_token.");
  }

  void check_load_loss() {
    if (!(object_["noise"]["load_coef"].as_number() > 0.0) || type("router") == "top_k") return;
    refuse("noise/load_coef",
           "the loss on expected loads is defined for router \"top_k\" alone, found \"" +
               type("router") + "\".",
           "Set load_coef to 0.");
  }

  void check_lookahead() {
    if (object_["allow_lookahead"].as_bool()) return;
    for (const LookingAhead& strategy : kLookingAhead) {
      if (type(strategy.stage) == strategy.name) refuse_lookahead(strategy.stage);
    }
    if (type("capacity") == "token_major" &&
        object_["capacity"]["group"].as_string() == "micro_batch") {
      refuse_lookahead("capacity");
    }
  }

  void refuse_lookahead(std::string_view stage) {
    refuse(std::string(stage) + "/type",
           "with \"" + type(stage) +
               "\" a token's experts depend on later tokens or other sequences: losses of a language "
               "model look better than they are, and sampling differs from training.",
           "Choose another strategy, or set allow_lookahead to true if that is what you study.");
  }

  const Json& object_;
  const std::string& path_;
  std::vector<Error>& errors_;
};

}  // namespace

std::span<const LookingAhead> strategies_looking_ahead() {
  return kLookingAhead;
}

void routing_choices_fit(const Json& object, const std::string& path, std::vector<Error>& errors) {
  Choices(object, path, errors).check();
}

}  // namespace switchyard::config
