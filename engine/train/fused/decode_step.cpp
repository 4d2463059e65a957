#include "engine/train/fused/decode_step.h"

#include <algorithm>
#include <cstring>

#include <ATen/ATen.h>

#include "engine/train/fused/launch.h"
#include "engine/train/fused/tape.h"
#include "kernels/include/decode_attention.h"
#include "kernels/include/decode_embedding.h"
#include "kernels/include/decode_linear.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kMostRows = 32;

const float* floats_or_null(const at::Tensor& x) {
  return x.defined() ? x.const_data_ptr<float>() : nullptr;
}

kernels::DecodeActivation kernel_activation(Activation activation) {
  switch (activation) {
    case Activation::kGeluErf:
      return kernels::DecodeActivation::kGeluErf;
    case Activation::kGeluTanh:
      return kernels::DecodeActivation::kGeluTanh;
    case Activation::kSwiglu:
      return kernels::DecodeActivation::kSwiglu;
    case Activation::kRelu:
    case Activation::kGeglu:
      break;
  }
  return kernels::DecodeActivation::kNone;
}

}  // namespace

std::string DecodeStep::why_not(const Transformer& model, at::Device device) {
  const std::optional<DenseWeights> weights = model.dense_weights();
  if (!weights) return "routed layers and norms of queries and keys are decoded by their modules";
  for (const DenseWeights::Layer& layer : weights->layers) {
    if (kernel_activation(layer.activation) == kernels::DecodeActivation::kNone) {
      return "relu and geglu are decoded by their modules";
    }
  }
  const at::ScalarType type = weights->token_embedding.scalar_type();
  if (weights->final_norm.weight.scalar_type() != at::kFloat ||
      (type != at::kFloat && type != at::kBFloat16)) {
    return "expected float32 masters and float32 or bfloat16 products";
  }
  if (device.is_cpu()) return "";
  if (!kHasKernels) return "built without CUDA kernels";
  const std::int64_t C = weights->token_embedding.size(1) / weights->num_heads;
  return kernels::has_decode_attention(C, dtype_of(type))
             ? ""
             : "expected heads of a multiple of 16 bytes up to 512 bytes";
}

DecodeStep::DecodeStep(const Transformer& model, std::int64_t num_rows, std::int64_t capacity)
    : cache(model.new_cache(num_rows)),
      weights_(model.dense_weights().value()),
      num_rows_(num_rows),
      vocab_size_(model.vocab_size()),
      seq_len_(model.seq_len()),
      device_(weights_.token_embedding.device()) {
  TORCH_CHECK(num_rows >= 1 && num_rows <= kMostRows, "expected 1 to 32 rows");
  const auto of = [&](at::ScalarType type) { return at::TensorOptions(device_).dtype(type); };
  token = at::zeros({num_rows}, of(at::kInt));
  length = at::zeros({num_rows}, of(at::kInt));
  seed = at::zeros({num_rows}, of(at::kLong));
  num_drawn = at::zeros({num_rows}, of(at::kLong));
  tokens = at::zeros({num_rows, capacity}, of(at::kInt));
  settings_ = at::zeros({sizeof(kernels::SampleSettings)}, of(at::kByte));
  const at::ScalarType compute = weights_.token_embedding.scalar_type();
  const std::int64_t D = weights_.token_embedding.size(1);
  std::int64_t widest = 1;
  for (const DenseWeights::Layer& layer : weights_.layers) {
    widest = std::max(widest, layer.up.weight.size(0));
  }
  stream_ = at::zeros({num_rows, D}, of(weights_.stream));
  qkv_ = at::zeros({num_rows, 3 * D}, of(compute));
  mixed_ = at::zeros({num_rows, D}, of(compute));
  hidden_ = at::zeros({num_rows * widest}, of(compute));
  logits_ = at::zeros({num_rows, vocab_size_}, of(at::kFloat));
}

void DecodeStep::set_settings(const kernels::SampleSettings& settings) {
  const at::Tensor bytes = at::empty({sizeof(settings)}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr(), &settings, sizeof(settings));
  settings_.copy_(bytes);
}

void DecodeStep::run(std::int64_t longest) {
  embed();
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
    const DenseWeights::Layer& layer = weights_.layers[i];
    const at::Tensor hidden = hidden_.narrow(0, 0, num_rows_ * layer.up.weight.size(0))
                                  .view({num_rows_, layer.up.weight.size(0)});
    const Part* const gate = layer.gate.weight.defined() ? &layer.gate : nullptr;
    const Activation activation = layer.activation;
    linear(stream_, &layer.attention_norm, layer.qkv, nullptr, {}, qkv_, activation, false);
    attend(i, longest);
    linear(mixed_, nullptr, layer.output, nullptr, stream_, stream_, activation, false);
    linear(stream_, &layer.feed_forward_norm, layer.up, gate, {}, hidden, activation, true);
    linear(hidden, nullptr, layer.down, nullptr, stream_, stream_, activation, false);
  }
  const Part head{weights_.head.narrow(0, 0, vocab_size_), {}};
  linear(stream_, &weights_.final_norm, head, nullptr, {}, logits_, Activation::kGeluErf, false);
  draw();
}

void DecodeStep::embed() {
  const at::Tensor& table = weights_.token_embedding;
  const kernels::DecodeEmbedding shape{
      num_rows_, table.size(1), table.size(0), seq_len_, dtype_of(table), dtype_of(stream_), true};
  const kernels::DecodeEmbeddingArguments arguments{token.const_data_ptr<std::int32_t>(),
                                                    length.const_data_ptr<std::int32_t>(),
                                                    table.const_data_ptr(),
                                                    pointer_or_null(weights_.position_embedding),
                                                    stream_.mutable_data_ptr()};
  run_kernel(
      device_,
      [&] { kernels::decode_embedding_reference(shape, arguments); },
      [&](auto stream) { return kernels::decode_embedding_cuda(shape, arguments, stream); });
}

void DecodeStep::linear(const at::Tensor& x,
                        const Part* norm,
                        const Part& weight,
                        const Part* gate,
                        const at::Tensor& residual,
                        const at::Tensor& y,
                        Activation activation,
                        bool has_activation) {
  kernels::DecodeLinear shape;
  shape.M = num_rows_;
  shape.N = weight.weight.size(0);
  shape.K = weight.weight.size(1);
  shape.weight_dtype = dtype_of(weight.weight);
  shape.in_dtype = dtype_of(x);
  shape.out_dtype = dtype_of(y);
  if (has_activation) shape.activation = kernel_activation(activation);
  shape.is_rms = weights_.norm.is_rms;
  shape.eps = static_cast<float>(weights_.norm.eps);
  shape.may_overlap = true;  // no kernel of a step writes weights, nor the one before it
  kernels::DecodeLinearArguments arguments;
  arguments.x = x.const_data_ptr();
  if (norm != nullptr) {
    arguments.norm_weight = norm->weight.const_data_ptr<float>();
    arguments.norm_bias = floats_or_null(norm->bias);
  }
  arguments.weight = weight.weight.const_data_ptr();
  arguments.bias = pointer_or_null(weight.bias);
  if (gate != nullptr) {
    arguments.gate = gate->weight.const_data_ptr();
    arguments.gate_bias = pointer_or_null(gate->bias);
  }
  arguments.residual = pointer_or_null(residual);
  arguments.y = y.mutable_data_ptr();
  run_kernel(
      device_,
      [&] { kernels::decode_linear_reference(shape, arguments); },
      [&](auto stream) { return kernels::decode_linear_cuda(shape, arguments, stream); });
}

void DecodeStep::attend(std::size_t layer, std::int64_t longest) {
  const std::int64_t H = weights_.num_heads;
  const kernels::DecodeAttention shape{
      num_rows_, H, mixed_.size(1) / H, seq_len_, longest, dtype_of(qkv_), true};
  const kernels::DecodeAttentionArguments arguments{qkv_.const_data_ptr(),
                                                    floats_or_null(weights_.rotary.cosine),
                                                    floats_or_null(weights_.rotary.sine),
                                                    length.const_data_ptr<std::int32_t>(),
                                                    cache.key[layer].mutable_data_ptr(),
                                                    cache.value[layer].mutable_data_ptr(),
                                                    mixed_.mutable_data_ptr()};
  run_kernel(
      device_,
      [&] { kernels::decode_attention_reference(shape, arguments); },
      [&](auto stream) { return kernels::decode_attention_cuda(shape, arguments, stream); });
}

void DecodeStep::draw() {
  const kernels::SampleToken shape{num_rows_, vocab_size_, vocab_size_, tokens.size(1), true};
  kernels::SampleTokenArguments arguments;
  arguments.logits = logits_.const_data_ptr<float>();
  arguments.settings = static_cast<const kernels::SampleSettings*>(settings_.const_data_ptr());
  arguments.seed = static_cast<const std::uint64_t*>(seed.const_data_ptr());
  arguments.num_drawn = num_drawn.mutable_data_ptr<std::int64_t>();
  arguments.token = token.mutable_data_ptr<std::int32_t>();
  arguments.length = length.mutable_data_ptr<std::int32_t>();
  arguments.tokens = tokens.mutable_data_ptr<std::int32_t>();
  run_kernel(
      device_,
      [&] { kernels::sample_token_reference(shape, arguments); },
      [&](auto stream) { return kernels::sample_token_cuda(shape, arguments, stream); });
}

}  // namespace switchyard::train
