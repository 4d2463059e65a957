#include "engine/train/loop/routing_prober.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "engine/train/model/transformer.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kTokensPerBatch = 4096;  // bounds the logits, as in evaluate()
constexpr std::int64_t kNumSums = 3;            // token entropy, v_1 - v_2, v_k - v_{k+1}

/// What a layer did in all batches so far, on the device.
struct LayerSums {
  int layer = 0;
  std::int64_t num_experts = 0, top_k = 0;
  std::vector<at::Tensor> experts;  ///< [n, K] int16 per batch
  at::Tensor sums;                  ///< [kNumSums] double
};

at::Tensor sums_of(const RoutingRecord& record) {
  const at::Tensor probs = record.router_probs.detach();
  const std::int64_t E = probs.size(1), K = record.expert_index.size(1);
  at::Tensor sums = at::zeros({kNumSums}, probs.options().dtype(at::kDouble));
  sums[0] = -at::xlogy(probs, probs).sum(at::kDouble);
  if (E < 2) return sums;
  const std::int64_t most = std::min(std::max<std::int64_t>(K + 1, 2), E);
  const at::Tensor largest = std::get<0>(at::topk(probs, most, 1));
  const auto gap_after = [&](std::int64_t k) {
    return (largest.select(1, k - 1) - largest.select(1, k)).sum(at::kDouble);
  };
  sums[1] = gap_after(1);
  if (K < E) sums[2] = gap_after(K);
  return sums;
}

void add(const std::vector<RoutingRecord>& records, std::vector<LayerSums>& layers) {
  layers.resize(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const RoutingRecord& record = records[i];
    LayerSums& layer = layers[i];
    layer.layer = record.layer;
    layer.num_experts = record.router_probs.size(1);
    layer.top_k = record.expert_index.size(1);
    layer.experts.push_back(record.expert_index.to(at::kShort));
    const at::Tensor sums = sums_of(record);
    layer.sums = layer.sums.defined() ? layer.sums + sums : sums;
  }
}

/// Brings all layers to the host at once.
std::vector<routing::ProbeReading> read(const std::vector<LayerSums>& layers, std::int64_t N) {
  std::vector<at::Tensor> parts;
  for (const LayerSums& layer : layers) {
    parts.push_back(layer.sums.view(at::kShort));
    for (const at::Tensor& experts : layer.experts) parts.push_back(experts.flatten());
  }
  std::vector<routing::ProbeReading> readings;
  if (parts.empty()) return readings;
  const at::Tensor all = at::cat(parts).to(at::kCPU);
  const auto* at_word = reinterpret_cast<const std::uint16_t*>(all.const_data_ptr<std::int16_t>());
  const auto tokens = static_cast<double>(N);
  for (const LayerSums& layer : layers) {
    std::array<double, kNumSums> sums{};
    std::memcpy(sums.data(), at_word, sizeof sums);
    at_word += sizeof sums / sizeof(std::uint16_t);
    routing::ProbeReading& reading = readings.emplace_back();
    reading.layer = layer.layer;
    reading.num_experts = layer.num_experts;
    reading.top_k = layer.top_k;
    reading.router_entropy_nats = sums[0] / tokens;
    reading.top1_margin = sums[1] / tokens;
    if (layer.top_k < layer.num_experts) reading.boundary_margin = sums[2] / tokens;
    reading.experts.assign(at_word, at_word + N * layer.top_k);
    at_word += N * layer.top_k;
  }
  return readings;
}

}  // namespace

Result<RoutingProber> RoutingProber::create(const formats::TokenShard& split,
                                            std::int64_t seq_len,
                                            std::int64_t num_tokens) {
  const std::int64_t num_available = (split.size() - 1) / seq_len;
  if (num_available < 1) {
    return Error{ErrorCode::kInputFile,
                 "split",
                 "expected at least " + std::to_string(seq_len + 1) +
                     " tokens (one window), found " + std::to_string(split.size()) + ".",
                 "Use a longer text or a smaller /model/seq_len.",
                 {}};
  }
  const std::int64_t num_windows = std::clamp<std::int64_t>(num_tokens / seq_len, 1, num_available);
  routing::ProbeText text;
  text.seq_len = seq_len;
  std::vector<std::int64_t> window(static_cast<std::size_t>(seq_len + 1));
  for (std::int64_t i = 0; i < num_windows; ++i) {
    split.copy(i * num_available / num_windows * seq_len, seq_len + 1, window.data());
    for (std::size_t t = 0; t + 1 < window.size(); ++t) {
      text.inputs.push_back(static_cast<std::int32_t>(window[t]));
      text.targets.push_back(static_cast<std::int32_t>(window[t + 1]));
    }
  }
  return RoutingProber(std::move(text));
}

routing::RoutingProbe RoutingProber::run(Transformer& model) const {
  const at::NoGradGuard no_grad;
  const at::Device device = model.parameters().flat_master.device();
  const std::int64_t T = text_.seq_len;
  const auto num_windows = static_cast<std::int64_t>(text_.inputs.size()) / T;
  const std::int64_t batch = std::max<std::int64_t>(kTokensPerBatch / T, 1);
  std::vector<LayerSums> layers;
  for (std::int64_t first = 0; first < num_windows; first += batch) {
    const std::int64_t B = std::min(batch, num_windows - first);
    const auto rows_of = [&](const std::vector<std::int32_t>& ids) {
      at::Tensor rows = at::empty({B, T}, at::kLong);
      std::copy_n(ids.begin() + first * T, B * T, rows.data_ptr<std::int64_t>());
      return rows.to(device);
    };
    add(model.forward(rows_of(text_.inputs), rows_of(text_.targets), false).routing, layers);
  }
  return routing::make_probe(text_, read(layers, num_windows * T));
}

}  // namespace switchyard::train
