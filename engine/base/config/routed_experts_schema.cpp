#include <array>

#include "engine/base/config/schema.h"
#include "engine/base/config/schema_sections.h"

namespace switchyard::config {
namespace {

Field& activation(Schema& s, std::string_view default_value) {
  return s.choice("activation", default_value, {"gelu_erf", "gelu_tanh", "relu", "swiglu", "geglu"})
      .says("exact GELU, its tanh form, ReLU, or gated by a third matrix: SwiGLU, GEGLU");
}

Field& d_ff(Schema& s, std::int64_t default_value, std::string_view help) {
  return s.integer("d_ff", default_value)
      .range(1, 1 << 20)
      .in("features")
      .named("Hidden width")
      .says(help)
      .at_level(Level::kEssential);
}

void describe_routing_losses(Schema& s) {
  s.number("load_balance_coef", 0.01)
      .range(0.0, 10.0)
      .in("nats per unit")
      .says("weight of the load-balance loss; 0 switches it off");
  s.choice(
       "load_balance_counts", "all_choices", {"all_choices", "first_choice", "kept_first_choice"})
      .says(
          "what counts as load: every assignment, each token's best expert (ST-MoE), or only "
          "where it was not dropped (st-moe-pytorch: saturates)")
      .at_level(Level::kAll);
  s.choice("load_balance_scope", "micro_batch", {"micro_batch", "sequence"})
      .says("balance over all tokens of a pass, or inside every sequence (forbids domains)")
      .at_level(Level::kAll);
  s.number("router_z_coef", 0.001)
      .range(0.0, 10.0)
      .in("nats per unit")
      .named("Router z coef")
      .says("weight of the router z-loss; 0 switches it off");
  s.number("importance_coef", 0.0)
      .range(0.0, 10.0)
      .in("nats per unit")
      .says("weight of the squared variation of summed probabilities (Shazeer et al.); 0: off")
      .at_level(Level::kAll);
}

/// What a layer's router is made of: the router itself, and six choices beside it.
void describe_routing_stages(Schema& s, const std::vector<RoutingDeclaration>& routing) {
  struct Stage {
    const char *key, *label, *help;
    Level level;
  };

  constexpr std::array kStages{
      Stage{"router", "Router", "how tokens choose experts", Level::kEssential},
      Stage{"score", "Score", "from logits to scores", Level::kCommon},
      Stage{"combine_weight", "Combine weight", "an expert's share in the output", Level::kCommon},
      Stage{"projection", "Router input", "from a token's vector to logits", Level::kAll},
      Stage{"noise", "Noise", "random changes of logits during training", Level::kAll},
      Stage{"balance", "Balance controller", "a bias that selection sees", Level::kCommon},
      Stage{
          "capacity", "Capacity", "most tokens of an expert, and who is dropped", Level::kCommon}};
  for (const Stage& stage : kStages) {
    for (const RoutingDeclaration& entry : routing) {
      if (entry.stage != stage.key) continue;
      if (s.find(stage.key) == nullptr) {
        s.variant(stage.key).named(stage.label).says(stage.help).at_level(stage.level);
      }
      Schema& options = s.alternative(stage.key, entry.name, entry.summary, entry.source);
      if (entry.describe != nullptr) entry.describe(options);
    }
  }
}

void describe_side_blocks(Schema& s) {
  s.integer("ff_before_d_ff", 0)
      .range(0, 1 << 20)
      .in("features")
      .named("Dense block before")
      .says(
          "hidden features of a dense block with a norm of its own before the experts: ST-MoE; 0 "
          "for none")
      .at_level(Level::kAll);
  s.integer("ff_after_d_ff", 0)
      .range(0, 1 << 20)
      .in("features")
      .named("Dense block after")
      .says("the same after the experts; 0 for none")
      .at_level(Level::kAll);
}

void describe_free_experts(Schema& s) {
  const auto number = [&](const char* key, const char* help) {
    s.integer(key, 0).range(0, 4096).in("experts").says(help).at_level(Level::kAll);
  };
  number("num_zero_experts", "further experts whose output is zero: tokens may skip the layer");
  number("num_copy_experts", "further experts whose output is their input");
  number("num_constant_experts",
         "further experts whose output is a learned mixture of their input and a learned vector");
}

}  // namespace

void describe_dense_block(Schema& s) {
  d_ff(s, 512, "hidden features of the feed-forward block");
  activation(s, "gelu_erf");
}

void describe_routed_experts(Schema& s, const std::vector<RoutingDeclaration>& routing) {
  s.integer("num_experts", 8)
      .range(1, 4096)
      .in("experts")
      .named("Experts")
      .says("experts per layer")
      .at_level(Level::kEssential);
  d_ff(s, 256, "hidden features of each expert");
  activation(s, "gelu_erf");
  s.boolean("use_expert_bias", false)
      .says("bias vectors in the experts' linear maps")
      .at_level(Level::kAll);
  s.boolean("use_multiplicative_bias", false)
      .says("a learned factor per hidden feature of each expert: ST-MoE")
      .at_level(Level::kAll);
  s.integer("shared_d_ff", 0)
      .range(0, 1 << 20)
      .in("features")
      .named("Shared expert width")
      .says("hidden features of an expert that every token uses; 0 for none");
  s.boolean("use_shared_gate", false)
      .says("weigh the shared expert by a learned sigmoid of the token: Qwen")
      .at_level(Level::kAll);
  describe_free_experts(s);
  describe_side_blocks(s);
  describe_routing_losses(s);
  describe_routing_stages(s, routing);
  s.boolean("allow_lookahead", false)
      .says(
          "take strategies with which a token's experts depend on later tokens: losses look "
          "better than they are, and sampling differs from training")
      .at_level(Level::kAll);
  s.rule("top_k_at_most_num_experts");
  s.rule("routing_choices_fit");
  s.rule("soft_moe_without_free_experts");
}

}  // namespace switchyard::config
