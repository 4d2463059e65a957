#include "engine/train/model/parts.h"

#include <ATen/ATen.h>

#include "engine/train/model/linear_function.h"

namespace switchyard::train {
namespace {

/// Rotates the pairs (i, i + C/2) of x [B, H, T, C] by the angles of positions begin … begin + T.
at::Tensor rotate(const at::Tensor& x, const RotaryTable& rotary, std::int64_t begin) {
  const std::int64_t T = x.size(2);
  const at::Tensor cosine = rotary.cosine.narrow(0, begin, T);
  const at::Tensor sine = rotary.sine.narrow(0, begin, T);
  const std::vector<at::Tensor> half = x.to(cosine.scalar_type()).chunk(2, -1);
  return at::cat({half[0] * cosine - half[1] * sine, half[1] * cosine + half[0] * sine}, -1)
      .to(x.scalar_type());
}

}  // namespace

Norm::Norm(
    const config::Node& model, std::string name, std::int64_t width, bool use_rms, bool use_bias)
    : name_(std::move(name)),
      width_(width),
      use_bias_(use_bias && !use_rms),
      options_{use_rms, model.number("norm_eps")} {}

void Norm::declare(ParameterStore& parameters) const {
  parameters.declare({name_ + ".weight", {width_}, false, true});
  if (use_bias_) parameters.declare({name_ + ".bias", {width_}, false, true});
}

void Norm::bind(ParameterStore& parameters, Fusion* fusion) {
  fusion_ = fusion;
  weight_ = parameters.compute(name_ + ".weight");
  weight_slot_ = parameters.slot(name_ + ".weight");
  if (!use_bias_) return;
  bias_ = parameters.compute(name_ + ".bias");
  bias_slot_ = parameters.slot(name_ + ".bias");
}

at::Tensor Norm::forward(const at::Tensor& x) const {
  const at::Tensor precise = x.to(weight_.scalar_type());
  if (options_.is_rms) return at::rms_norm(precise, {width_}, weight_, options_.eps);
  return at::layer_norm(precise, {width_}, weight_, bias_, options_.eps);
}

at::Tensor Norm::forward_sum(at::Tensor& x,
                             const at::Tensor& delta,
                             const Dropout& dropout,
                             at::ScalarType compute) const {
  if (fusion_ != nullptr) {
    const Normed result = fused_residual_norm(
        *fusion_, x, delta, weight_slot_, bias_slot_, options_, dropout, compute);
    x = result.sum;
    return result.y;
  }
  if (delta.defined()) x = x + (dropout.p > 0.0 ? at::dropout(delta, dropout.p, true) : delta);
  return forward(x).to(compute);
}

Linear::Linear(
    std::string name, std::int64_t in, std::int64_t out, bool use_bias, std::int64_t num_stacked)
    : name_(std::move(name)), in_(in), out_(out), num_stacked_(num_stacked), use_bias_(use_bias) {}

void Linear::declare(ParameterStore& parameters) const {
  parameters.declare({name_ + ".weight", {out_, in_}, true, false, true, num_stacked_});
  if (use_bias_) parameters.declare({name_ + ".bias", {out_}, false, false});
}

void Linear::bind(ParameterStore& parameters, Fusion* fusion) {
  fusion_ = fusion;
  if (fusion_ != nullptr) {
    slots_.weight = parameters.slot(name_ + ".weight");
    if (use_bias_) slots_.bias = parameters.slot(name_ + ".bias");
    return;
  }
  weight_ = parameters.compute(name_ + ".weight");
  if (use_bias_) bias_ = parameters.compute(name_ + ".bias");
}

at::Tensor Linear::forward(const at::Tensor& x) const {
  if (fusion_ != nullptr) return fused_linear(*fusion_, x, slots_);
  return accumulating_linear(x, weight_, bias_);
}

RotaryTable rotary_table(std::int64_t seq_len,
                         std::int64_t head_dim,
                         double theta,
                         const at::TensorOptions& options) {
  const auto precise = at::TensorOptions().dtype(at::kDouble);
  const at::Tensor exponent = at::arange(0, head_dim, 2, precise) / static_cast<double>(head_dim);
  const at::Tensor frequency = at::pow(theta, exponent).reciprocal();
  const at::Tensor angle = at::outer(at::arange(seq_len, precise), frequency);
  return {at::cos(angle).to(options), at::sin(angle).to(options)};
}

Attention::Attention(const config::Node& model, const std::string& name)
    : num_heads_(model.integer("num_heads")),
      head_dim_(model.integer("d_model") / num_heads_),
      qk_norm_kind_(model.text("qk_norm")),
      qkv_(name + ".qkv",
           model.integer("d_model"),
           3 * model.integer("d_model"),
           model.boolean("use_bias"),
           3),
      output_(name + ".output",
              model.integer("d_model"),
              model.integer("d_model"),
              model.boolean("use_bias")),
      query_norm_(model,
                  name + ".query_norm",
                  qk_norm_kind_ == "full" ? model.integer("d_model") : head_dim_,
                  true,
                  false),
      key_norm_(model,
                name + ".key_norm",
                qk_norm_kind_ == "full" ? model.integer("d_model") : head_dim_,
                true,
                false) {}

void Attention::declare(ParameterStore& parameters) const {
  qkv_.declare(parameters);
  output_.declare(parameters);
  if (qk_norm_kind_ == "none") return;
  query_norm_.declare(parameters);
  key_norm_.declare(parameters);
}

void Attention::bind(ParameterStore& parameters, Fusion* fusion) {
  fusion_ = fusion;
  qkv_.bind(parameters, fusion);
  output_.bind(parameters, fusion);
  if (qk_norm_kind_ == "none") return;
  query_norm_.bind(parameters, fusion);
  key_norm_.bind(parameters, fusion);
}

at::Tensor Attention::forward(const at::Tensor& x,
                              const RotaryTable& rotary,
                              double dropout,
                              KvCache* cache,
                              int layer) const {
  const std::int64_t B = x.size(0), T = x.size(1), D = num_heads_ * head_dim_;
  const at::Tensor qkv = qkv_.forward(x);
  if (fusion_ != nullptr && cache == nullptr && qk_norm_kind_ == "none") {
    const at::Tensor packed = qkv.view({B, T, 3, num_heads_, head_dim_});
    const at::Tensor mixed = fused_attention(*fusion_, packed, rotary, dropout, layer);
    if (mixed.defined()) return output_.forward(mixed);
  }
  std::vector<at::Tensor> parts = qkv.chunk(3, -1);
  if (qk_norm_kind_ == "full") {
    parts[0] = query_norm_.forward(parts[0]).to(x.scalar_type());
    parts[1] = key_norm_.forward(parts[1]).to(x.scalar_type());
  }
  for (at::Tensor& part : parts) part = part.view({B, T, num_heads_, head_dim_}).transpose(1, 2);
  if (qk_norm_kind_ == "head") {
    parts[0] = query_norm_.forward(parts[0]).to(x.scalar_type());
    parts[1] = key_norm_.forward(parts[1]).to(x.scalar_type());
  }
  if (rotary.cosine.defined()) {
    const std::int64_t begin = cache != nullptr ? cache->length : 0;
    parts[0] = rotate(parts[0], rotary, begin);
    parts[1] = rotate(parts[1], rotary, begin);
  }
  const at::Tensor mixed =
      cache != nullptr
          ? with_cache(parts[0], parts[1], parts[2], *cache, layer)
          : at::scaled_dot_product_attention(parts[0], parts[1], parts[2], {}, dropout, true);
  return output_.forward(mixed.transpose(1, 2).reshape({B, T, D}));
}

at::Tensor Attention::with_cache(const at::Tensor& query,
                                 const at::Tensor& key,
                                 const at::Tensor& value,
                                 KvCache& cache,
                                 int layer) const {
  const std::int64_t T = query.size(2), total = cache.length + T;
  const auto i = static_cast<std::size_t>(layer);
  cache.key[i].narrow(2, cache.length, T).copy_(key);
  cache.value[i].narrow(2, cache.length, T).copy_(value);
  const at::Tensor keys = cache.key[i].narrow(2, 0, total);
  const at::Tensor values = cache.value[i].narrow(2, 0, total);
  if (T == 1) return at::scaled_dot_product_attention(query, keys, values);
  if (cache.length == 0)
    return at::scaled_dot_product_attention(query, keys, values, {}, 0.0, true);
  const at::Tensor mask = at::ones({T, total}, query.options().dtype(at::kBool)).tril(cache.length);
  return at::scaled_dot_product_attention(query, keys, values, mask);
}

DenseFeedForward::DenseFeedForward(const config::Node& model,
                                   const config::Node& options,
                                   const std::string& name)
    : name_(name),
      d_ff_(options.integer("d_ff")),
      use_scale_(options.has("use_multiplicative_bias") &&
                 options.boolean("use_multiplicative_bias")),
      activation_(activation_from_name(options.text("activation"))),
      up_(name + ".up",
          model.integer("d_model"),
          options.integer("d_ff"),
          model.boolean("use_bias")),
      gate_(name + ".gate",
            model.integer("d_model"),
            options.integer("d_ff"),
            model.boolean("use_bias")),
      down_(name + ".down",
            options.integer("d_ff"),
            model.integer("d_model"),
            model.boolean("use_bias")) {}

void DenseFeedForward::declare(ParameterStore& parameters) const {
  if (is_gated(activation_)) gate_.declare(parameters);
  up_.declare(parameters);
  down_.declare(parameters);
  if (use_scale_) parameters.declare({name_ + ".scale", {d_ff_}, false, false, true, 1, 1.0});
}

void DenseFeedForward::bind(ParameterStore& parameters, Fusion* fusion) {
  fusion_ = fusion;
  if (is_gated(activation_)) gate_.bind(parameters, fusion);
  up_.bind(parameters, fusion);
  down_.bind(parameters, fusion);
  if (use_scale_) scale_ = parameters.compute(name_ + ".scale");
}

at::Tensor DenseFeedForward::forward(const at::Tensor& x) const {
  const bool has_kernel =
      activation_ != Activation::kRelu && activation_ != Activation::kGeglu && !use_scale_;
  if (fusion_ != nullptr && has_kernel) {
    return fused_feed_forward(
        *fusion_, x, activation_, up_.slots(), gate_.slots(), down_.slots());
  }
  const at::Tensor gate = is_gated(activation_) ? gate_.forward(x) : at::Tensor();
  const at::Tensor hidden = activate(activation_, up_.forward(x), gate);
  return down_.forward(use_scale_ ? hidden * scale_ : hidden);
}

}  // namespace switchyard::train
