#include "engine/train/loop/experts_bench.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include <ATen/ATen.h>

#include "engine/base/config/node.h"
#include "engine/base/config/schema.h"
#include "engine/train/cuda_graph.h"
#include "engine/train/experts/routed_experts.h"
#include "engine/train/fused/fusion.h"
#include "engine/train/fused/launch.h"
#include "engine/train/loop/run_setup.h"
#include "engine/train/loop/torch_errors.h"
#include "engine/train/torch_compat.h"

namespace switchyard::train {
namespace {

constexpr int kNumWarmUpPasses = 3;  // before the graph is recorded

Result<Json> layer_config(const ExpertsBenchRequest& request) {
  const std::vector<std::int64_t>& shape = request.shape;
  if (shape.size() != 5 || *std::min_element(shape.begin(), shape.end()) < 1) {
    return Error{ErrorCode::kUsage,
                 "--shape",
                 "expected D,F,E,K,N, five numbers of at least 1.",
                 "For example --shape 768,1536,8,2,32768.",
                 {}};
  }
  const Json block = Json::object(
      {{"type", "routed_experts"},
       {"num_experts", shape[2]},
       {"d_ff", shape[1]},
       {"activation", request.activation},
       {"combine_weight", Json::object({{"type", shape[3] == 1 ? "raw" : "renormalized"}})},
       {"router", Json::object({{"type", "top_k"}, {"top_k", shape[3]}})}});
  const Json layer = Json::object({{"repeat", 1}, {"feed_forward", block}});
  const Json document = Json::object({{"model",
                                       Json::object({{"d_model", shape[0]},
                                                     {"num_heads", 1},
                                                     {"layers", Json::array({layer})}})}});
  config::Resolved resolved = config::resolve(program_schema(), document, "--shape");
  if (!resolved.ok()) return resolved.errors.front();
  return std::move(resolved.config);
}

/// One layer with its tokens; a pass is forward and backward.
class Layer {
 public:
  Layer(const Json& config, at::Device device, std::int64_t num_tokens) : config_(config) {
    const config::Node model = config::Node(config_).child("model");
    const config::Node block = model.children("layers")[0].child("feed_forward");
    experts_ = std::make_unique<RoutedExperts>(model, block, "experts", /*vocab_size=*/0);
    experts_->declare(parameters_);
    const at::ScalarType compute = device.is_cpu() ? at::kFloat : at::kBFloat16;
    parameters_.allocate(at::kFloat, compute, device);
    {
      const at::NoGradGuard no_grad;
      parameters_.flat_master.normal_(0.0, 0.02);
      parameters_.refresh_compute_copies();
    }
    if (!device.is_cpu() && kHasKernels) fusion_ = std::make_unique<Fusion>(device, 1, true);
    experts_->bind(parameters_, fusion_.get());
    const auto options = at::TensorOptions(device).dtype(compute);
    tokens_.x = at::randn({num_tokens, model.integer("d_model")}, options).requires_grad_(true);
    tokens_.is_training = true;
    gradient_ = at::randn_like(tokens_.x).detach();
  }

  void pass() {
    tokens_.x.mutable_grad() = at::Tensor();
    const RoutedExperts::Output output = experts_->forward(tokens_);
    const at::Tensor loss = (output.y * gradient_).sum() + output.plan.auxiliary_loss;
    loss.backward();
  }

 private:
  Json config_;
  ParameterStore parameters_;
  std::unique_ptr<RoutedExperts> experts_;
  std::unique_ptr<Fusion> fusion_;
  TokenView tokens_;
  at::Tensor gradient_;
};

Result<Json> measure(const ExpertsBenchRequest& request) {
  SY_ASSIGN_OR_RETURN(const Json config, layer_config(request));
  SY_ASSIGN_OR_RETURN(const c10::Device device, device_from_name(request.device));
  use_own_stream(device);
  Layer layer(config, device, request.shape[4]);
  CudaGraph graph;
  std::string why_no_graph = device.is_cpu() ? "the CPU" : "";
  if (!device.is_cpu()) {
    for (int i = 0; i < kNumWarmUpPasses; ++i) layer.pass();
    const Status recorded = graph.record([&] { layer.pass(); });
    if (!recorded.ok()) why_no_graph = recorded.error().message;
  }
  const auto run = [&] { why_no_graph.empty() ? graph.replay() : layer.pass(); };
  for (std::int64_t i = 0; i < request.num_warmup; ++i) run();
  std::vector<double> times;
  for (std::int64_t block = 0; block < std::max<std::int64_t>(request.num_blocks, 1); ++block) {
    synchronize(device);
    const auto start = std::chrono::steady_clock::now();
    for (std::int64_t i = 0; i < request.per_block; ++i) run();
    synchronize(device);
    const std::chrono::duration<double, std::milli> passed =
        std::chrono::steady_clock::now() - start;
    times.push_back(passed.count() / static_cast<double>(request.per_block));
  }
  std::sort(times.begin(), times.end());
  const double ms = times[times.size() / 2];
  const bool is_gated_layer = is_gated(activation_from_name(request.activation));
  double flops = is_gated_layer ? 18.0 : 12.0;
  for (const std::size_t i : {0, 1, 3, 4}) flops *= static_cast<double>(request.shape[i]);
  const std::int64_t peak =
      device.is_cpu() ? peak_resident_bytes() : device_memory(device).peak_bytes;
  return Json::object({{"bench", "experts"},
                       {"device", device.str()},
                       {"compute_dtype", device.is_cpu() ? "float32" : "bfloat16"},
                       {"activation", request.activation},
                       {"why_no_graph", why_no_graph},
                       {"ms", ms},
                       {"ms_min", times.front()},
                       {"tflops", flops / ms / 1e9},
                       {"peak_gib", static_cast<double>(peak) / (1024.0 * 1024.0 * 1024.0)}});
}

}  // namespace

Result<Json> experts_bench(const ExpertsBenchRequest& request) {
  try {
    return measure(request);
  } catch (const std::exception& exception) {
    return error_from_exception(exception, "bench experts");
  }
}

}  // namespace switchyard::train
