#include "engine/train/model/transformer.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "engine/base/config/model_size.h"
#include "engine/train/experts/routed_experts.h"
#include "engine/train/fused/functions.h"
#include "engine/train/fused/fusion.h"
#include "engine/train/fused/launch.h"
#include "engine/train/model/linear_function.h"
#include "engine/train/model/parts.h"
#include "engine/train/model/recompute.h"

namespace switchyard::train {
namespace {

constexpr const char* kTokenEmbedding = "token_embedding.weight";
constexpr const char* kPositionEmbedding = "position_embedding.weight";

/// One layer: norm, attention, norm, feed-forward, each with its residual.
struct Layer {
  Norm attention_norm;
  Attention attention;
  Norm feed_forward_norm;
  std::variant<DenseFeedForward, RoutedExperts> feed_forward;
};

bool is_residual_output(const std::string& name) {
  return name.ends_with("attention.output.weight") || name.ends_with("down.weight");
}

std::variant<DenseFeedForward, RoutedExperts> make_feed_forward(const config::Node& model,
                                                                const config::Node& options,
                                                                const std::string& name,
                                                                std::int64_t vocab_size) {
  if (options.text("type") == "dense") return DenseFeedForward(model, options, name);
  return RoutedExperts(model, options, name, vocab_size);
}

class AssembledTransformer final : public Transformer {
 public:
  AssembledTransformer(const Json& config, std::int64_t vocab_size, const Options& options)
      : config_(config),
        options_(options),
        vocab_size_(vocab_size),
        num_classes_(std::max(vocab_size, model_node().integer("vocab_size"))),
        vocab_size_padded_(config::model_vocab_size(config, vocab_size)),
        generator_(at::globalContext().defaultGenerator(options.device)) {
    const config::Node model = model_node();
    seq_len_ = model.integer("seq_len");
    d_model_ = model.integer("d_model");
    num_heads_ = model.integer("num_heads");
    dropout_ = model.number("dropout");
    z_coef_ = config_["train"]["z_loss_coef"].as_number(0.0);
    has_learned_positions_ = model.text("position") == "learned";
    has_tied_head_ = model.boolean("use_tied_head");
    build(model);
    declare();
    parameters_.allocate(options.master, options.compute, options.device);
    initialize(model.number("init_std"));
    if (options.use_fused_functions) {
      fusion_ = std::make_unique<Fusion>(options.device,
                                         static_cast<std::int64_t>(layers_.size()),
                                         options.use_deterministic_attention);
      anchor_ = at::zeros({1}, at::TensorOptions(options.device)).requires_grad_(true);
    }
    bind();
    if (!has_learned_positions_) {
      rotary_ = rotary_table(seq_len_,
                             d_model_ / num_heads_,
                             model.number("rope_theta"),
                             at::TensorOptions(options.device).dtype(options.master));
    }
    generator_.set_current_seed(options.seed);
  }

  Losses forward(const at::Tensor& tokens,
                 const at::Tensor& targets,
                 bool is_training,
                 bool with_logits,
                 double share) override {
    Losses losses;
    const at::Tensor hidden = run(tokens, is_training, nullptr, &losses);
    const at::Tensor rows = hidden.view({-1, d_model_});
    const at::Tensor wanted = targets.reshape({-1});
    if (!with_logits && fusion_ != nullptr) {
      HeadLoss loss =
          fused_head_loss(*fusion_, rows, head_slot_, wanted, num_classes_, z_coef_, share);
      losses.total = std::move(loss.total);
      losses.cross_entropy = std::move(loss.cross_entropy);
    } else {
      const at::Tensor logits = head(rows, num_classes_);
      losses.total = at::cross_entropy_loss(logits, wanted);
      losses.cross_entropy = losses.total.detach();
      if (is_training && z_coef_ > 0.0) {
        losses.total = losses.total + at::logsumexp(logits, 1).square().mean() * z_coef_;
      }
      if (with_logits) losses.logits = logits.view({tokens.size(0), tokens.size(1), -1});
    }
    if (share != 1.0) losses.total = losses.total * share;
    if (losses.load_balance_loss.defined()) {
      losses.total =
          losses.total + auxiliary_ * (share / static_cast<double>(losses.routing.size()));
      auxiliary_ = at::Tensor();
    }
    return losses;
  }

  at::Tensor decode(const at::Tensor& tokens,
                    KvCache& cache,
                    std::vector<RoutingRecord>* routing) override {
    const at::NoGradGuard no_grad;
    Losses unused;
    const at::Tensor hidden = run(tokens, false, &cache, &unused);
    auxiliary_ = at::Tensor();
    cache.length += tokens.size(1);
    if (routing != nullptr) *routing = std::move(unused.routing);
    return head(hidden.select(1, hidden.size(1) - 1), vocab_size_).to(at::kFloat);
  }

  void begin_step() override {
    for_each_routed([](RoutedExperts& experts) { experts.begin_step(); });
  }

  void end_step() override {
    const at::NoGradGuard no_grad;
    for_each_routed([](RoutedExperts& experts) { experts.end_step(); });
  }

  [[nodiscard]] KvCache new_cache(std::int64_t batch) const override {
    KvCache cache;
    const auto options = at::TensorOptions(options_.device).dtype(options_.compute);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const std::vector<std::int64_t> shape{batch, num_heads_, seq_len_, d_model_ / num_heads_};
      cache.key.push_back(at::zeros(shape, options));
      cache.value.push_back(at::zeros(shape, options));
    }
    return cache;
  }

  ParameterStore& parameters() override { return parameters_; }

  [[nodiscard]] std::int64_t vocab_size() const override { return vocab_size_; }

  [[nodiscard]] std::int64_t seq_len() const override { return seq_len_; }

  [[nodiscard]] std::vector<int> routed_layers() const override {
    std::vector<int> indices;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (num_experts(static_cast<int>(i)) > 0) indices.push_back(static_cast<int>(i));
    }
    return indices;
  }

  [[nodiscard]] std::int64_t num_experts(int layer) const override {
    const auto& block = layers_[static_cast<std::size_t>(layer)]->feed_forward;
    const auto* routed = std::get_if<RoutedExperts>(&block);
    return routed != nullptr ? routed->num_experts() : 0;
  }

  at::Generator& generator() override { return generator_; }

  Fusion* fusion() override { return fusion_.get(); }

  [[nodiscard]] std::optional<DenseWeights> dense_weights() const override {
    return train::dense_weights(model_node(), parameters_, rotary_, residual_dtype());
  }

 private:
  [[nodiscard]] config::Node model_node() const { return config::Node(config_).child("model"); }

  template <typename Body>
  void for_each_routed(const Body& body) {
    for (const auto& layer : layers_) {
      if (auto* const routed = std::get_if<RoutedExperts>(&layer->feed_forward)) body(*routed);
    }
  }

  void build(const config::Node& model) {
    const bool use_rms = model.text("norm") == "rms_norm", use_bias = model.boolean("use_bias");
    for (const config::Node& entry : model.children("layers")) {
      for (std::int64_t i = 0; i < entry.integer("repeat"); ++i) {
        const std::string name = "layers." + std::to_string(layers_.size());
        layers_.push_back(std::make_unique<Layer>(
            Layer{Norm(model, name + ".attention_norm", d_model_, use_rms, use_bias),
                  Attention(model, name + ".attention"),
                  Norm(model, name + ".feed_forward_norm", d_model_, use_rms, use_bias),
                  make_feed_forward(
                      model, entry.child("feed_forward"), name + ".feed_forward", num_classes_)}));
      }
    }
    final_norm_ = std::make_unique<Norm>(model, "final_norm", d_model_, use_rms, use_bias);
  }

  void declare() {
    parameters_.declare({kTokenEmbedding, {vocab_size_padded_, d_model_}, true, false, false});
    if (has_learned_positions_) {
      parameters_.declare({kPositionEmbedding, {seq_len_, d_model_}, true, false, false});
    }
    for (const auto& layer : layers_) {
      layer->attention_norm.declare(parameters_);
      layer->attention.declare(parameters_);
      layer->feed_forward_norm.declare(parameters_);
      std::visit([&](const auto& block) { block.declare(parameters_); }, layer->feed_forward);
    }
    final_norm_->declare(parameters_);
    if (!has_tied_head_) {
      parameters_.declare({"head.weight", {vocab_size_padded_, d_model_}, true, false, false});
    }
    if (config::Node(config_).child("optimizer").text("decay_rule") == "all")
      parameters_.decay_all();
  }

  /// Every number is drawn on the CPU, so that a seed means the same weights on every device.
  void initialize(double init_std) {
    const at::NoGradGuard no_grad;
    at::Generator random = at::detail::createCPUGenerator(options_.seed);
    const double residual_std = init_std / std::sqrt(2.0 * static_cast<double>(layers_.size()));
    for (const ParameterStore::Declaration& declaration : parameters_.declarations()) {
      at::Tensor master = parameters_.master(declaration.name);
      if (declaration.fill) {
        master.fill_(*declaration.fill);
      } else if (declaration.name.ends_with("norm.weight")) {
        master.fill_(1.0);
      } else if (declaration.name.ends_with(".weight")) {
        const double std = is_residual_output(declaration.name) ? residual_std : init_std;
        master.copy_(at::empty(declaration.shape, at::kFloat).normal_(0.0, std, random));
      }
    }
    parameters_.refresh_compute_copies();
  }

  void bind() {
    Fusion* const fusion = fusion_.get();
    for (const auto& layer : layers_) {
      layer->attention_norm.bind(parameters_, fusion);
      layer->attention.bind(parameters_, fusion);
      layer->feed_forward_norm.bind(parameters_, fusion);
      std::visit([&](auto& block) { block.bind(parameters_, fusion); }, layer->feed_forward);
    }
    final_norm_->bind(parameters_, fusion);
    const std::string head = has_tied_head_ ? kTokenEmbedding : "head.weight";
    if (fusion != nullptr) {
      token_slot_ = parameters_.slot(kTokenEmbedding);
      if (has_learned_positions_) position_slot_ = parameters_.slot(kPositionEmbedding);
      head_slot_ = parameters_.slot(head);
      return;
    }
    token_embedding_ = parameters_.compute(kTokenEmbedding);
    if (has_learned_positions_) position_embedding_ = parameters_.compute(kPositionEmbedding);
    head_ = parameters_.compute(head);
  }

  [[nodiscard]] at::ScalarType residual_dtype() const {
    return options_.use_bfloat16_residual ? at::kBFloat16 : options_.master;
  }

  /// The residual stream before the first layer.
  [[nodiscard]] at::Tensor embed(const at::Tensor& tokens,
                                 std::int64_t begin,
                                 const Dropout& dropout) const {
    if (fusion_ != nullptr) {
      return fused_embedding(*fusion_,
                             tokens,
                             token_slot_,
                             position_slot_,
                             begin,
                             dropout,
                             residual_dtype(),
                             anchor_);
    }
    at::Tensor x = at::embedding(token_embedding_, tokens).to(residual_dtype());
    if (has_learned_positions_) x = x + position_embedding_.narrow(0, begin, tokens.size(1));
    return dropout.p > 0.0 ? at::dropout(x, dropout.p, true) : x;
  }

  /// Layers add to a residual stream; products run in compute precision.
  at::Tensor run(const at::Tensor& tokens, bool is_training, KvCache* cache, Losses* losses) {
    Dropout dropout{is_training ? dropout_ : 0.0, 0};
    at::Tensor x = embed(tokens, cache != nullptr ? cache->length : 0, dropout);
    at::Tensor delta;  // of the last block, not yet in x
    const bool is_recomputed = is_training && options_.use_activation_checkpointing &&
                               cache == nullptr && at::GradMode::is_enabled();
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      std::vector<at::Tensor> results;
      if (is_recomputed) {
        bool is_first = true;  // the second time nothing is reported
        const auto part = [=, this](const at::Tensor& from, const at::Tensor& branch) mutable {
          return pass_layer(i,
                            from,
                            branch,
                            tokens,
                            true,
                            nullptr,
                            std::exchange(is_first, false) ? losses : nullptr);
        };
        results = recomputed(part, x, delta, draws_from_generator() ? &generator_ : nullptr);
      } else {
        results = pass_layer(i, x, delta, tokens, is_training, cache, losses);
      }
      x = results[0];
      delta = results[1];
      if (results.size() > 2) add_to(auxiliary_, results[2]);
    }
    dropout.site = static_cast<std::uint32_t>(1 + 2 * layers_.size());
    return final_norm_->forward_sum(x, delta, dropout, options_.compute);
  }

  /// Is there dropout or routing whose numbers are not a function of the pass alone?
  [[nodiscard]] bool draws_from_generator() const {
    for (const auto& layer : layers_) {
      const auto* const routed = std::get_if<RoutedExperts>(&layer->feed_forward);
      if (routed != nullptr && routed->routing().draws()) return true;
    }
    const bool has_sites_alone = fusion_ != nullptr && fusion_->attention() != nullptr &&
                                 options_.compute == at::kBFloat16;
    return dropout_ > 0.0 && !has_sites_alone;
  }

  static void add_to(at::Tensor& sum, const at::Tensor& part) {
    sum = sum.defined() ? sum + part : part;
  }

  /// The stream with `delta` and the attention in it, what the feed-forward block adds, and the
  /// weighted auxiliary losses of a routed layer. `losses`, if given, receives its report.
  std::vector<at::Tensor> pass_layer(std::size_t index,
                                     at::Tensor x,
                                     const at::Tensor& delta,
                                     const at::Tensor& tokens,
                                     bool is_training,
                                     KvCache* cache,
                                     Losses* losses) {
    const Layer& layer = *layers_[index];
    Dropout dropout{is_training ? dropout_ : 0.0, static_cast<std::uint32_t>(1 + 2 * index)};
    const at::Tensor normed =
        layer.attention_norm.forward_sum(x, delta, dropout, options_.compute);
    const at::Tensor mixed =
        layer.attention.forward(normed, rotary_, dropout.p, cache, static_cast<int>(index));
    ++dropout.site;
    const auto* const routed_block = std::get_if<RoutedExperts>(&layer.feed_forward);
    // Sites of the blocks beside routed experts come after those of every layer and of the end.
    Dropout side{dropout.p, static_cast<std::uint32_t>(2 + 2 * (layers_.size() + index))};
    at::Tensor branch = mixed;
    if (routed_block != nullptr && routed_block->before() != nullptr) {
      branch = routed_block->before()->forward(x, mixed, side, options_.compute);
    }
    const at::Tensor h = layer.feed_forward_norm.forward_sum(x, branch, dropout, options_.compute);
    if (const auto* dense = std::get_if<DenseFeedForward>(&layer.feed_forward)) {
      return {x, dense->forward(h)};
    }
    const RoutedExperts& routed = *routed_block;
    TokenView view;
    view.x = h.reshape({-1, d_model_});
    view.token_ids = tokens.reshape({-1});
    view.num_sequences = tokens.size(0);
    view.first_position = cache != nullptr ? cache->length : 0;
    view.is_training = is_training;
    view.is_observed = losses != nullptr;
    RoutedExperts::Output output = routed.forward(view);
    output.y = output.y.view_as(h);
    if (routed.after() != nullptr) {
      ++side.site;
      output.y = routed.after()->forward(x, output.y, side, options_.compute);
    }
    const RoutingPlan& plan = output.plan;
    const at::Tensor& weighted = plan.auxiliary_loss;
    if (losses == nullptr) return {x, output.y, weighted};
    const double share = 1.0 / static_cast<double>(num_routed_layers());
    add_to(losses->load_balance_loss, plan.load_balance_loss.detach() * share);
    add_to(losses->router_z_loss, plan.router_z_loss.detach() * share);
    losses->routing.push_back({static_cast<int>(index),
                               plan.expert_index,
                               plan.combine_weight.detach(),
                               plan.router_probs.detach(),
                               plan.router_logits.detach(),
                               output.tokens_per_expert,
                               plan.importance,
                               plan.token_sums});
    return {x, output.y, weighted};
  }

  [[nodiscard]] std::size_t num_routed_layers() const { return routed_layers().size(); }

  /// Logits over the first `num_rows` rows of the table in master precision; the others take no
  /// part.
  [[nodiscard]] at::Tensor head(const at::Tensor& hidden, std::int64_t num_rows) const {
    if (fusion_ != nullptr) {
      const Slot weight{head_slot_.value.narrow(0, 0, num_rows),
                        head_slot_.gradient.narrow(0, 0, num_rows)};
      return fused_linear(*fusion_, hidden, {weight, {}}).to(options_.master);
    }
    const at::Tensor weight = vocab_size_padded_ == num_rows ? head_ : head_.narrow(0, 0, num_rows);
    return accumulating_linear(hidden, weight, {}).to(options_.master);
  }

  Json config_;
  Options options_;
  std::int64_t vocab_size_;         ///< of the tokenizer: what decode() may answer
  std::int64_t num_classes_;        ///< what the loss is taken over
  std::int64_t vocab_size_padded_;  ///< rows of the table
  std::int64_t seq_len_ = 0, d_model_ = 0, num_heads_ = 0;
  double dropout_ = 0.0, z_coef_ = 0.0;
  bool has_learned_positions_ = true, has_tied_head_ = true;
  at::Generator generator_;
  ParameterStore parameters_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::unique_ptr<Norm> final_norm_;
  RotaryTable rotary_;
  at::Tensor token_embedding_, position_embedding_, head_;  ///< without fused functions
  std::unique_ptr<Fusion> fusion_;
  Slot token_slot_, position_slot_, head_slot_;
  at::Tensor anchor_;  ///< where autograd's tape begins with fused functions
  at::Tensor auxiliary_;  ///< weighted auxiliary losses of the forward pass under way
};

}  // namespace

RoutingRecord RoutingRecord::clone() const {
  return {layer,
          expert_index.clone(),
          combine_weight.clone(),
          router_probs.clone(),
          router_logits.clone(),
          tokens_per_expert.clone(),
          importance.defined() ? importance.clone() : at::Tensor(),
          token_sums.defined() ? token_sums.clone() : at::Tensor()};
}

Transformer::Options Transformer::options_for(const Json& config, at::Device device) {
  const Json& train = config["train"];
  const auto is_bfloat16 = [&](const char* key, bool by_default) {
    const std::string& type = train[key].as_string();
    return type == "bfloat16" || (type != "float32" && by_default);
  };
  const std::string& fused = train["fused_functions"].as_string();
  Options options;
  options.device = device;
  options.compute = is_bfloat16("compute_dtype", !device.is_cpu()) ? at::kBFloat16 : at::kFloat;
  options.use_bfloat16_residual =
      options.compute == at::kBFloat16 && is_bfloat16("residual_dtype", true);
  options.use_fused_functions =
      fused == "on" || (fused != "off" && !device.is_cpu() && kHasKernels);
  options.use_deterministic_attention = train["use_deterministic_attention"].as_bool(true);
  options.use_activation_checkpointing = train["use_activation_checkpointing"].as_bool();
  options.seed = static_cast<std::uint64_t>(train["seed"].as_integer());
  return options;
}

Result<std::unique_ptr<Transformer>> Transformer::create(const Json& config,
                                                         std::int64_t vocab_size,
                                                         const Options& options) {
  try {
    return std::unique_ptr<Transformer>(
        std::make_unique<AssembledTransformer>(config, vocab_size, options));
  } catch (const c10::OutOfMemoryError& error) {
    return Error{ErrorCode::kOutOfMemory,
                 "model",
                 std::string("no memory for the parameters: ") + error.what_without_backtrace(),
                 "Lower /model/d_model or the number of layers or experts.",
                 {}};
  }
}

}  // namespace switchyard::train
