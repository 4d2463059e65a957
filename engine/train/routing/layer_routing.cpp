#include "engine/train/routing/layer_routing.h"

#include <utility>

#include <ATen/ATen.h>

#include "engine/base/core/check.h"
#include "engine/train/fused/routed.h"
#include "engine/train/routing/losses.h"

namespace switchyard::train {
namespace {

template <typename Kind>
std::unique_ptr<Kind> create_stage(std::span<const StageEntry<Kind>> entries,
                                   const config::Node& options,
                                   const RoutingShape& shape) {
  for (const StageEntry<Kind>& entry : entries) {
    if (entry.info.name == options.text("type")) return entry.create(options, shape);
  }
  SY_CHECK(false, "no strategy of routing named " + options.text("type"));
  return nullptr;
}

/// What one kernel does where every choice of the layer is among those that it knows.
std::optional<kernels::RouteTopK> kernel_for(const config::Node& options,
                                             const RoutingShape& shape) {
  constexpr std::int64_t kMostExperts = 512, kMostChoices = 16;
  const auto is = [&](const char* stage, std::string_view name) {
    return options.child(stage).text("type") == name;
  };
  const config::Node router = options.child("router"), score = options.child("score");
  const config::Node weight = options.child("combine_weight");
  const bool is_plain = is("router", "top_k") && is("noise", "none") && is("balance", "none") &&
                        is("capacity", "unlimited") && router.integer("num_groups") == 1 &&
                        options.text("load_balance_counts") == "all_choices" &&
                        options.text("load_balance_scope") == "micro_batch" &&
                        options.number("importance_coef") == 0.0 &&
                        options.integer("num_experts") == shape.num_experts &&
                        shape.num_experts <= kMostExperts &&
                        router.integer("top_k") <= kMostChoices &&
                        (is("combine_weight", "raw") || is("combine_weight", "renormalized"));
  const bool is_softmax = is("score", "softmax") && score.number("temperature") == 1.0;
  if (!is_plain || !is_softmax) return std::nullopt;
  kernels::RouteTopK kernel;
  kernel.E = static_cast<int>(options.integer("num_experts"));
  kernel.K = static_cast<int>(router.integer("top_k"));
  kernel.use_renormalized_weights = is("combine_weight", "renormalized");
  kernel.scale = static_cast<float>(weight.number("scale"));
  if (kernel.use_renormalized_weights) kernel.eps = static_cast<float>(weight.number("eps"));
  return kernel;
}

}  // namespace

LayerRouting::LayerRouting(const config::Node& options, const RoutingShape& shape)
    : shape_(shape),
      counted_(options.text("load_balance_counts")),
      balances_sequences_(options.text("load_balance_scope") == "sequence"),
      load_balance_coef_(options.number("load_balance_coef")),
      router_z_coef_(options.number("router_z_coef")),
      importance_coef_(options.number("importance_coef")),
      kernel_(kernel_for(options, shape)),
      projection_(create_stage(all_projections(), options.child("projection"), shape)),
      noise_(create_stage(all_noises(), options.child("noise"), shape)),
      score_(create_stage(all_scores(), options.child("score"), shape)),
      router_(create_stage(all_routers(), options.child("router"), shape)),
      combine_weight_(create_stage(all_combine_weights(), options.child("combine_weight"), shape)),
      balance_(create_stage(all_balance_controllers(), options.child("balance"), shape)),
      capacity_(create_stage(all_capacities(), options.child("capacity"), shape)) {
  if (!router_->needs_logits()) projection_.reset();
}

template <typename Body>
void LayerRouting::for_each_stage(const Body& body) const {
  for (Stage* const stage : {static_cast<Stage*>(projection_.get()),
                             static_cast<Stage*>(noise_.get()),
                             static_cast<Stage*>(score_.get()),
                             static_cast<Stage*>(router_.get()),
                             static_cast<Stage*>(combine_weight_.get()),
                             static_cast<Stage*>(balance_.get()),
                             static_cast<Stage*>(capacity_.get())}) {
    if (stage != nullptr) body(*stage);
  }
}

void LayerRouting::declare(ParameterStore& parameters) const {
  for_each_stage([&](const Stage& stage) { stage.declare(parameters); });
}

void LayerRouting::bind(ParameterStore& parameters, bool use_fused) {
  use_fused_ = use_fused;
  for_each_stage([&](Stage& stage) { stage.bind(parameters); });
}

bool LayerRouting::draws() const {
  bool any = false;
  for_each_stage([&](const Stage& stage) { any = any || stage.draws(); });
  return any;
}

void LayerRouting::begin_step() {
  for_each_stage([](Stage& stage) { stage.begin_step(); });
}

void LayerRouting::end_step() {
  for_each_stage([](Stage& stage) { stage.end_step(); });
}

RoutingPlan LayerRouting::route(const TokenView& tokens) const {
  if (projection_ != nullptr) return route_logits(projection_->logits(tokens), tokens);
  const at::ScalarType type = at::promote_types(tokens.x.scalar_type(), at::kFloat);
  return route_logits(
      at::zeros({tokens.num_tokens(), shape_.num_experts}, tokens.x.options().dtype(type)), tokens);
}

/// All stages in one kernel.
RoutingPlan LayerRouting::fused_plan(const at::Tensor& logits) const {
  kernels::RouteTopK options = *kernel_;
  options.N = logits.size(0);
  FusedRoute route = fused_route_top_k(logits, {}, options);
  RoutingPlan plan;
  plan.router_logits = logits;
  plan.router_probs = std::move(route.router_probs);
  plan.expert_index = plan.chosen_index = route.expert_index.to(at::kLong);
  plan.combine_weight = plan.chosen_weight = std::move(route.combine_weight);
  plan.importance = std::move(route.importance);
  plan.token_sums = std::move(route.token_sums);
  plan.load_balance_loss = std::move(route.load_balance_loss);
  plan.router_z_loss = std::move(route.router_z_loss);
  plan.auxiliary_loss =
      plan.load_balance_loss * load_balance_coef_ + plan.router_z_loss * router_z_coef_;
  return plan;
}

RoutingPlan LayerRouting::route_logits(const at::Tensor& logits, const TokenView& tokens) const {
  if (use_fused_ && kernel_ && logits.scalar_type() == at::kFloat && logits.size(0) > 0) {
    return fused_plan(logits);
  }
  Scores scores;
  scores.clean_logits = logits;
  scores.logits = noise_->apply(logits, tokens);
  scores.scores = score_->score(scores.logits);
  scores.probs = score_->probs(scores.logits, scores.scores);
  const at::Tensor bias = balance_->bias();
  scores.ranked = scores.scores.detach();
  if (bias.defined()) scores.ranked = scores.ranked + bias;

  RoutingPlan plan;
  plan.choice = router_->choose(scores, tokens);
  if (plan.choice.probs.defined()) scores.probs = plan.choice.probs;
  plan.router_logits = logits;
  plan.router_probs = scores.probs;
  plan.chosen_index = plan.choice.expert_index;
  plan.chosen_weight = plan.choice.combine_weight.defined()
                           ? plan.choice.combine_weight
                           : combine_weight_->weigh(scores, plan.chosen_index);
  if (tokens.is_training && tokens.is_observed) {
    const at::NoGradGuard no_grad;
    balance_->observe(scores, plan.choice);
  }
  plan.expert_index = capacity_->limit(plan.choice, plan.chosen_weight.detach(), scores, tokens);
  plan.combine_weight =
      plan.expert_index.is_same(plan.chosen_index)
          ? plan.chosen_weight
          : plan.chosen_weight.masked_fill(plan.expert_index == shape_.num_experts, 0.0);
  add_losses(plan, scores, tokens);
  return plan;
}

void LayerRouting::add_losses(RoutingPlan& plan,
                              const Scores& scores,
                              const TokenView& tokens) const {
  const bool counts_kept = counted_ == "kept_first_choice";
  const at::Tensor& index = counts_kept ? plan.expert_index : plan.chosen_index;
  plan.load_balance_loss =
      load_balance_loss(scores.probs,
                        counted_ == "all_choices" ? index : index.narrow(1, 0, 1),
                        balances_sequences_ ? tokens.num_sequences : 1,
                        /*divides_by_slots=*/counts_kept);
  plan.router_z_loss = router_z_loss(plan.router_logits);
  at::Tensor& sum = plan.auxiliary_loss;
  sum = plan.load_balance_loss * load_balance_coef_ + plan.router_z_loss * router_z_coef_;
  if (importance_coef_ > 0.0) {
    sum = sum + squared_variation(scores.probs.sum(0)) * importance_coef_;
  }
  const at::Tensor of_noise = noise_->loss(scores, plan.choice);
  if (of_noise.defined()) sum = sum + of_noise;
  if (plan.choice.auxiliary_loss.defined()) sum = sum + plan.choice.auxiliary_loss;
}

}  // namespace switchyard::train
