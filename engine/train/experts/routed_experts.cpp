#include "engine/train/experts/routed_experts.h"

#include <utility>

#include <ATen/ATen.h>

#include "engine/train/experts/grouped_linear.h"
#include "engine/train/fused/routed.h"
#include "engine/train/model/linear_function.h"

namespace switchyard::train {
namespace {

RoutingShape shape_of(const config::Node& model,
                      const config::Node& options,
                      const std::string& name,
                      std::int64_t vocab_size,
                      std::int64_t num_free) {
  return {name + ".router",
          options.integer("num_experts") + num_free,
          model.integer("d_model"),
          options.integer("d_ff"),
          vocab_size,
          model.integer("seq_len"),
          num_free};
}

}  // namespace

RoutedExperts::RoutedExperts(const config::Node& model,
                             const config::Node& options,
                             const std::string& name,
                             std::int64_t vocab_size)
    : name_(name),
      num_experts_(options.integer("num_experts")),
      d_model_(model.integer("d_model")),
      d_ff_(options.integer("d_ff")),
      use_bias_(options.boolean("use_expert_bias")),
      use_scale_(options.boolean("use_multiplicative_bias")),
      use_shared_gate_(options.boolean("use_shared_gate")),
      activation_(activation_from_name(options.text("activation"))),
      free_(options, d_model_, name + ".constant_experts"),
      routing_(options, shape_of(model, options, name, vocab_size, free_.size())) {
  const auto side = [&](const char* key, const char* side_name) {
    const std::int64_t d_ff = options.integer(key);
    return d_ff == 0 ? nullptr
                     : std::make_unique<SideBlock>(model, options, d_ff, name + side_name);
  };
  before_ = side("ff_before_d_ff", ".before");
  after_ = side("ff_after_d_ff", ".after");
  const std::int64_t shared_d_ff = options.integer("shared_d_ff");
  if (shared_d_ff == 0) return;
  shared_options_ =
      Json::object({{"d_ff", shared_d_ff}, {"activation", options.text("activation")}});
  shared_ = std::make_unique<DenseFeedForward>(
      model, config::Node(shared_options_), name + ".shared");
}

void RoutedExperts::declare(ParameterStore& parameters) const {
  const std::int64_t E = num_experts_, D = d_model_, F = d_ff_;
  routing_.declare(parameters);
  free_.declare(parameters);
  for (const SideBlock* const block : {before(), after()}) {
    if (block != nullptr) block->declare(parameters);
  }
  const std::string experts = name_ + ".experts.";
  if (is_gated(activation_)) parameters.declare({experts + "gate.weight", {E, F, D}, true, false});
  parameters.declare({experts + "up.weight", {E, F, D}, true, false});
  parameters.declare({experts + "down.weight", {E, D, F}, true, false});
  if (use_bias_) {
    if (is_gated(activation_)) parameters.declare({experts + "gate.bias", {E, F}, false, false});
    parameters.declare({experts + "up.bias", {E, F}, false, false});
    parameters.declare({experts + "down.bias", {E, D}, false, false});
  }
  if (use_scale_) {
    parameters.declare({experts + "scale", {E, F}, false, false, true, 1, /*fill=*/1.0});
  }
  if (shared_ != nullptr) shared_->declare(parameters);
  if (shared_ != nullptr && use_shared_gate_) {
    parameters.declare({name_ + ".shared_gate.weight", {1, D}, true, true});
  }
}

void RoutedExperts::bind(ParameterStore& parameters, Fusion* fusion) {
  routing_.bind(parameters, fusion != nullptr);
  free_.bind(parameters);
  for (SideBlock* const block : {before_.get(), after_.get()}) {
    if (block != nullptr) block->bind(parameters, fusion);
  }
  const auto find = [&](const char* name) {
    return parameters.compute(name_ + ".experts." + name);
  };
  const auto slot = [&](const char* name) { return parameters.slot(name_ + ".experts." + name); };
  is_fused_ = fusion != nullptr && !use_bias_ && !use_scale_ && !routing_.mixes_tokens() &&
              activation_ != Activation::kGeglu && has_fused_grouped_linear(slot("up.weight"));
  if (is_fused_) {
    up_slot_ = slot("up.weight");
    down_slot_ = slot("down.weight");
    if (is_gated(activation_)) gate_slot_ = slot("gate.weight");
  } else {
    up_ = find("up.weight");
    down_ = find("down.weight");
    if (is_gated(activation_)) gate_ = find("gate.weight");
  }
  if (use_bias_) {
    if (is_gated(activation_)) gate_bias_ = find("gate.bias");
    up_bias_ = find("up.bias");
    down_bias_ = find("down.bias");
  }
  if (use_scale_) scale_ = find("scale");
  if (shared_ == nullptr) return;
  shared_->bind(parameters, fusion);
  if (use_shared_gate_) shared_gate_ = parameters.compute(name_ + ".shared_gate.weight");
}

RoutedExperts::Output RoutedExperts::forward(const TokenView& tokens) const {
  return compute(routing_.route(tokens), tokens);
}

RoutedExperts::Output RoutedExperts::forward_logits(const at::Tensor& logits,
                                                    const TokenView& tokens) const {
  return compute(routing_.route_logits(logits, tokens), tokens);
}

RoutedExperts::Output RoutedExperts::compute(RoutingPlan plan, const TokenView& tokens) const {
  Output output;
  if (plan.choice.slot_dispatch.defined()) {
    output.y = mix(plan, tokens);
    output.tokens_per_expert = count_assignments(plan.expert_index, num_experts_);
  } else {
    const bool has_free = free_.size() > 0;
    const Dispatch dispatch = make_dispatch(
        has_free ? plan.expert_index.clamp_max(num_experts_) : plan.expert_index,
        num_experts_,
        has_free || routing_.may_leave_slots_empty(),
        plan.choice.num_assignments_at_most);
    at::Tensor rows = is_fused_ ? fused_gather_rows(tokens.x, dispatch)
                                : dispatch_rows(tokens.x, dispatch);
    if (plan.choice.use_straight_through) {
      const at::Tensor weight =
          plan.combine_weight.flatten().index_select(0, dispatch.slot_from_row).unsqueeze(1);
      rows = rows * (1.0 + weight - weight.detach()).to(rows.scalar_type());
    }
    const at::Tensor results = experts(rows, dispatch);
    output.y = is_fused_ ? fused_combine_rows(results, plan.combine_weight, dispatch)
                         : combine_rows(results, plan.combine_weight, dispatch);
    output.tokens_per_expert = dispatch.tokens_per_expert;
    if (has_free) {
      output.y = output.y +
                 free_.forward(tokens.x, plan.expert_index, plan.combine_weight, num_experts_);
      output.tokens_per_expert = count_assignments(plan.expert_index, num_experts());
    }
  }
  if (shared_ != nullptr) {
    at::Tensor shared = shared_->forward(tokens.x.unsqueeze(0)).squeeze(0);
    if (use_shared_gate_) {
      const at::Tensor gate = at::sigmoid(
          accumulating_linear(tokens.x.to(shared_gate_.scalar_type()), shared_gate_, {}));
      shared = shared * gate.to(shared.scalar_type());
    }
    output.y = output.y + shared;
  }
  output.plan = std::move(plan);
  return output;
}

at::Tensor RoutedExperts::experts(const at::Tensor& rows, const Dispatch& dispatch) const {
  if (is_fused_) {
    const at::Tensor gate =
        gate_slot_.defined() ? fused_grouped_linear(rows, gate_slot_, dispatch) : at::Tensor();
    const at::Tensor up = fused_grouped_linear(rows, up_slot_, dispatch);
    return fused_grouped_linear(
        fused_row_activation(activation_, up, gate), down_slot_, dispatch);
  }
  const auto product = [&](const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    const at::Tensor y = grouped_linear(x, weight, dispatch);
    return bias.defined() ? add_grouped_bias(y, bias, dispatch) : y;
  };
  const at::Tensor gate =
      is_gated(activation_) ? product(rows, gate_, gate_bias_) : at::Tensor();
  at::Tensor hidden = activate(activation_, product(rows, up_, up_bias_), gate);
  if (use_scale_) hidden = grouped_scale(hidden, scale_, dispatch);
  return product(hidden, down_, down_bias_);
}

/// Every expert computes its slots of every sequence: weighted sums of the sequence's tokens.
at::Tensor RoutedExperts::mix(const RoutingPlan& plan, const TokenView& tokens) const {
  const std::int64_t B = tokens.num_sequences, E = num_experts_, D = d_model_;
  const at::Tensor x = tokens.x.view({B, -1, D});
  const at::Tensor dispatch = plan.choice.slot_dispatch.to(x.scalar_type());
  const at::Tensor inputs = at::bmm(dispatch.transpose(1, 2), x)  // [B, S, D]
                                .view({B, E, -1, D})
                                .transpose(0, 1)
                                .reshape({E, -1, D});
  const auto product = [](const at::Tensor& a, const at::Tensor& weight, const at::Tensor& bias) {
    const at::Tensor y = at::bmm(a, weight.transpose(1, 2));
    return bias.defined() ? y + bias.unsqueeze(1) : y;
  };
  const at::Tensor gate =
      is_gated(activation_) ? product(inputs, gate_, gate_bias_) : at::Tensor();
  at::Tensor hidden = activate(activation_, product(inputs, up_, up_bias_), gate);
  if (use_scale_) hidden = hidden * scale_.unsqueeze(1);
  const at::Tensor results = product(hidden, down_, down_bias_)
                                 .view({E, B, -1, D})
                                 .transpose(0, 1)
                                 .reshape({B, -1, D});  // [B, S, D]
  return at::bmm(plan.choice.slot_combine.to(x.scalar_type()), results).view({-1, D});
}

}  // namespace switchyard::train
