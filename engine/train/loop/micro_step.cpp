#include "engine/train/loop/micro_step.h"

#include <utility>

#include <ATen/ATen.h>
#include <c10/core/CachingDeviceAllocator.h>

#include "engine/base/core/log.h"
#include "engine/train/cuda_graph.h"
#include "engine/train/fused/fusion.h"

namespace switchyard::train {
namespace {

constexpr int kNumWarmUpPasses = 2;  // lazy handles and workspaces come to be outside the graph

}  // namespace

MicroStep::MicroStep(Transformer& model, Options options)
    : model_(model), options_(std::move(options)) {}

MicroStep::~MicroStep() = default;

const Transformer::Losses& MicroStep::run(const at::Tensor& tokens,
                                          const at::Tensor& targets,
                                          double share) {
  const at::Device device = model_.parameters().flat_master.device();
  const bool can_record = !device.is_cpu() && options_.use_graph && !options_.between;
  const bool is_same = tokens_.defined() && tokens_.sizes() == tokens.sizes() && share_ == share;
  if (!can_record || !is_same) {
    graph_.reset();
    losses_ = {};
    tokens_ = tokens.to(device, /*non_blocking=*/true);
    targets_ = targets.to(device, /*non_blocking=*/true);
    share_ = share;
    if (can_record && why_no_graph_.empty()) record();
  } else {
    tokens_.copy_(tokens, /*non_blocking=*/true);
    targets_.copy_(targets, /*non_blocking=*/true);
  }
  if (graph_ != nullptr) {
    graph_->replay();
  } else {
    pass();
  }
  return losses_;
}

void MicroStep::pass() {
  losses_ = {};
  losses_ = model_.forward(tokens_, targets_, true, false, share_);
  if (options_.between) options_.between(losses_);
  losses_.total.backward();
  losses_.total = losses_.total.detach();  // the tape and what it holds end here
}

/// Records the pass; gradients are zero afterwards, random state and buffers what they were.
void MicroStep::record() {
  const at::Tensor random_state = model_.generator().get_state();
  std::vector<std::pair<at::Tensor, at::Tensor>> buffers;  // each with what it held
  for (const auto& [name, buffer] : model_.parameters().buffers()) {
    buffers.emplace_back(buffer, buffer.clone());
  }
  if (Fusion* const fusion = model_.fusion()) fusion->begin_tuning();
  for (int i = 0; i < kNumWarmUpPasses; ++i) pass();
  losses_ = {};
  if (Fusion* const fusion = model_.fusion()) fusion->end_tuning();
  at::getDeviceAllocator(tokens_.device().type())->emptyCache();
  auto graph = std::make_unique<CudaGraph>();
  const Status recorded = graph->record([&] { pass(); });
  model_.parameters().zero_gradients();
  model_.generator().set_state(random_state);
  for (auto& [buffer, held] : buffers) buffer.copy_(held);
  ++num_recordings_;
  if (recorded.ok()) {
    graph_ = std::move(graph);
    return;
  }
  losses_ = {};
  if (recorded.error().code == ErrorCode::kOutOfMemory) {
    TORCH_CHECK_WITH(OutOfMemoryError, false, recorded.error().message);
  }
  why_no_graph_ = recorded.error().message;
  log_info("steps are launched one kernel at a time", {{"reason", Json(why_no_graph_)}});
}

}  // namespace switchyard::train
