#include "engine/train/loop/evaluator.h"

#include <algorithm>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "engine/train/model/transformer.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kTokensPerBatch = 4096;  // bounds the logits: 0.8 GB at 50,304 words
constexpr std::int64_t kTokensPerFusedBatch = 32768;  // a fused loss has its logits in blocks

}  // namespace

Result<Evaluation> evaluate(Transformer& model,
                            const formats::TokenShard& shard,
                            std::int64_t max_windows,
                            const std::function<bool()>& keep_going) {
  const std::int64_t T = model.seq_len();
  const std::int64_t num_available = (shard.size() - 1) / T;
  if (num_available < 1) {
    return Error{ErrorCode::kInputFile,
                 "split",
                 "expected at least " + std::to_string(T + 1) + " tokens (one window), found " +
                     std::to_string(shard.size()) + ".",
                 "Use a longer text or a smaller /model/seq_len.",
                 {}};
  }
  const std::int64_t num_windows =
      max_windows > 0 ? std::min(max_windows, num_available) : num_available;
  const at::Device device = model.parameters().flat_master.device();
  const bool has_blocks = model.fusion() != nullptr && !device.is_cpu();
  const std::int64_t batch =
      std::max<std::int64_t>((has_blocks ? kTokensPerFusedBatch : kTokensPerBatch) / T, 1);
  at::NoGradGuard no_grad;
  std::vector<std::int64_t> window(static_cast<std::size_t>(T + 1));
  at::Tensor total = at::zeros({}, at::TensorOptions(device).dtype(at::kDouble));
  for (std::int64_t first = 0; first < num_windows; first += batch) {
    if (keep_going && !keep_going()) {
      return Error{ErrorCode::kStopped, "evaluation", "stopped on request.", "", {}};
    }
    const std::int64_t B = std::min(batch, num_windows - first);
    at::Tensor tokens = at::empty({B, T}, at::kLong);
    at::Tensor targets = at::empty({B, T}, at::kLong);
    for (std::int64_t b = 0; b < B; ++b) {
      const std::int64_t index = (first + b) * num_available / num_windows;
      shard.copy(index * T, T + 1, window.data());
      std::copy_n(window.data(), T, tokens.data_ptr<std::int64_t>() + b * T);
      std::copy_n(window.data() + 1, T, targets.data_ptr<std::int64_t>() + b * T);
    }
    const Transformer::Losses losses = model.forward(tokens.to(device), targets.to(device), false);
    total += losses.cross_entropy.to(at::kDouble) * static_cast<double>(B * T);
  }
  const std::int64_t num_tokens = num_windows * T;
  return Evaluation{
      total.item<double>() / static_cast<double>(num_tokens), num_tokens, num_windows};
}

}  // namespace switchyard::train
