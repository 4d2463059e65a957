#include "engine/train/routing/statistics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/ATen.h>

namespace switchyard::train {
namespace {

using routing::entropy_of;
using routing::load_statistics;
using routing::squared_cv;

double sum_of(std::span<const double> values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum;
}

std::vector<double> doubles_from(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
  const auto* begin = values.const_data_ptr<double>();
  return {begin, begin + values.numel()};
}

/// N_ij / N_i over all pairs of each token's set of experts.
std::vector<double> coactivation_of(std::span<const double> index,
                                    std::int64_t num_tokens,
                                    std::int64_t E) {
  const auto K = static_cast<std::int64_t>(index.size()) / num_tokens;
  std::vector<double> pairs(static_cast<std::size_t>(E * E), 0.0);
  const auto expert = [&](std::int64_t n, std::int64_t k) {
    return static_cast<std::int64_t>(index[static_cast<std::size_t>(n * K + k)]);
  };
  for (std::int64_t n = 0; n < num_tokens; ++n) {
    for (std::int64_t i = 0; i < K; ++i) {
      for (std::int64_t j = 0; j < K; ++j) {
        pairs[static_cast<std::size_t>(expert(n, i) * E + expert(n, j))] += 1.0;
      }
    }
  }
  for (std::int64_t i = 0; i < E; ++i) {
    const double own = pairs[static_cast<std::size_t>(i * E + i)];
    for (std::int64_t j = 0; j < E && own > 0.0; ++j)
      pairs[static_cast<std::size_t>(i * E + j)] /= own;
  }
  return pairs;
}

void add_token_scalars(std::span<const double> probs,
                       std::int64_t num_tokens,
                       std::int64_t E,
                       std::map<std::string, double>& scalars,
                       std::vector<double>& mean_probs) {
  double entropy = 0.0, top1 = 0.0, margin = 0.0;
  mean_probs.assign(static_cast<std::size_t>(E), 0.0);
  for (std::int64_t n = 0; n < num_tokens; ++n) {
    const auto row = probs.subspan(static_cast<std::size_t>(n * E), static_cast<std::size_t>(E));
    entropy += entropy_of(row);
    double first = 0.0, second = 0.0;
    for (std::size_t e = 0; e < row.size(); ++e) {
      mean_probs[e] += row[e] / static_cast<double>(num_tokens);
      if (row[e] > first) {
        second = std::exchange(first, row[e]);
      } else {
        second = std::max(second, row[e]);
      }
    }
    top1 += first;
    margin += first - second;
  }
  const double mean_entropy = entropy / static_cast<double>(num_tokens);
  scalars["token_entropy_mean_nats"] = mean_entropy;
  scalars["token_entropy_normalised"] = mean_entropy / std::log(static_cast<double>(E));
  scalars["token_perplexity"] = std::exp(mean_entropy);
  scalars["top1_probability_mean"] = top1 / static_cast<double>(num_tokens);
  scalars["margin_top1_top2_mean"] = margin / static_cast<double>(num_tokens);
  scalars["batch_entropy_nats"] = entropy_of(mean_probs);
  scalars["mutual_information_nats"] = entropy_of(mean_probs) - mean_entropy;
}

void add_load_scalars(const routing::LoadStatistics& load, std::map<std::string, double>& scalars) {
  scalars["load_entropy_nats"] = load.entropy_nats;
  scalars["load_entropy_normalised"] = load.entropy_normalized;
  scalars["effective_experts"] = load.effective_experts;
  scalars["load_cv"] = load.cv;
  scalars["load_max_over_mean"] = load.max_over_mean;
  scalars["load_min_over_mean"] = load.min_over_mean;
  scalars["max_violation"] = load.max_over_mean - 1.0;
  scalars["gini"] = load.gini;
  scalars["dead_experts"] = static_cast<double>(load.dead_experts);
  scalars["unused_experts"] = static_cast<double>(load.unused_experts);
}

}  // namespace

RoutingAnalysis analyze_routing(const at::Tensor& router_probs,
                                const at::Tensor& expert_index,
                                const at::Tensor& combine_weight,
                                double dead_fraction) {
  const std::int64_t N = router_probs.size(0), E = router_probs.size(1), K = expert_index.size(1);
  const std::vector<double> probs = doubles_from(router_probs);
  const std::vector<double> index = doubles_from(expert_index);
  const std::vector<double> weight = doubles_from(combine_weight);
  RoutingAnalysis analysis;
  std::vector<double> counts(static_cast<std::size_t>(E), 0.0), mean_probs;
  analysis.importance.assign(static_cast<std::size_t>(E), 0.0);
  double gate_entropy = 0.0;
  for (std::size_t i = 0; i < index.size(); ++i) {
    const auto e = static_cast<std::size_t>(index[i]);
    counts[e] += 1.0;
    analysis.importance[e] += weight[i];
    if (weight[i] > 0.0) gate_entropy -= weight[i] * std::log(weight[i]);
  }
  auto& scalars = analysis.scalars;
  scalars["gate_entropy_mean_nats"] = gate_entropy / static_cast<double>(N);
  add_load_scalars(load_statistics(counts, dead_fraction), scalars);
  add_token_scalars(probs, N, E, scalars, mean_probs);
  scalars["importance_cv2"] = squared_cv(analysis.importance);
  std::vector<double> usage = analysis.importance;
  const double total = sum_of(usage);
  for (double& share : usage) share /= total;
  scalars["usage_kl_from_uniform"] = std::log(static_cast<double>(E)) - entropy_of(usage);
  double balance = 0.0;
  for (std::size_t e = 0; e < counts.size(); ++e) {
    analysis.counts.push_back(static_cast<std::int64_t>(counts[e]));
    analysis.load.push_back(counts[e] / static_cast<double>(N * K));
    balance += analysis.load[e] * mean_probs[e] * static_cast<double>(E);
  }
  scalars["balance_sum_to_1"] = balance;
  scalars["balance_hf"] = balance * static_cast<double>(K);
  analysis.coactivation = coactivation_of(index, N, E);
  return analysis;
}

RoutingStatistics::RoutingStatistics(const Transformer& model) {
  for (const int layer : model.routed_layers()) {
    const std::int64_t E = model.num_experts(layer);
    auto it = std::find_if(
        groups_.begin(), groups_.end(), [&](const Group& group) { return group.num_experts == E; });
    if (it == groups_.end()) {
      it = groups_.insert(groups_.end(), Group{});
      it->num_experts = E;
    }
    it->layers.push_back(layer);
  }
}

void RoutingStatistics::add(const std::vector<RoutingRecord>& records) {
  const at::NoGradGuard no_grad;
  for (const RoutingRecord& record : records) {
    for (Group& group : groups_) {
      if (group.layers[group.pending.size()] != record.layer) continue;
      group.pending.push_back(&record);
      if (group.pending.size() == group.layers.size()) add_pending(group);
      break;
    }
  }
  for (Group& group : groups_) group.pending.clear();
}

void RoutingStatistics::add_pending(Group& group) {
  const std::vector<const RoutingRecord*> records = std::exchange(group.pending, {});
  const auto stacked = [&](at::Tensor RoutingRecord::*part) {
    std::vector<at::Tensor> parts;
    for (const RoutingRecord* record : records) parts.push_back(record->*part);
    return at::stack(parts).detach();
  };
  const at::Tensor counts = stacked(&RoutingRecord::tokens_per_expert);
  const auto L = static_cast<std::int64_t>(group.layers.size());
  const at::TensorOptions floats = records[0]->router_probs.options();
  if (!group.counts.defined()) {
    group.counts = at::zeros({L, group.num_experts}, counts.options());
    group.importance = at::zeros({L, group.num_experts + 1}, floats);
    group.sums = at::zeros({2, L}, floats);
    group.num_tokens = 0;
  }
  group.num_tokens += records[0]->router_probs.size(0);
  group.counts.add_(counts);
  const bool is_summed = std::all_of(records.begin(), records.end(), [](const auto* record) {
    return record->token_sums.defined();
  });
  if (is_summed) {
    group.importance.narrow(1, 0, group.num_experts).add_(stacked(&RoutingRecord::importance));
    group.sums.add_(stacked(&RoutingRecord::token_sums).t());
    return;
  }
  const at::Tensor probs = stacked(&RoutingRecord::router_probs);  // [L, N, E]
  group.importance.scatter_add_(
      1,
      stacked(&RoutingRecord::expert_index).flatten(1),
      stacked(&RoutingRecord::combine_weight).flatten(1).to(probs.scalar_type()));
  group.sums.select(0, 0).sub_(at::xlogy(probs, probs).sum({1, 2}));
  if (group.num_experts > 1) {
    const at::Tensor largest = std::get<0>(at::topk(probs, 2, 2));
    group.sums.select(0, 1).add_((largest.select(2, 0) - largest.select(2, 1)).sum(1));
  }
}

std::vector<LayerRoutingSample> RoutingStatistics::read() {
  std::vector<at::Tensor> parts;
  for (const Group& group : groups_) {
    if (!group.counts.defined()) return {};
    parts.push_back(group.counts.to(at::kDouble).flatten());
    parts.push_back(group.importance.narrow(1, 0, group.num_experts).to(at::kDouble).flatten());
    parts.push_back(group.sums.to(at::kDouble).flatten());
  }
  if (parts.empty()) return {};
  const std::vector<double> values = doubles_from(at::cat(parts));  // one transfer for all layers
  std::vector<LayerRoutingSample> samples;
  std::size_t begin = 0;
  for (const Group& group : groups_) {
    const std::size_t L = group.layers.size();
    const auto E = static_cast<std::size_t>(group.num_experts);
    const double* importance = values.data() + begin + L * E;
    const double* sums = importance + L * E;
    const auto num_tokens = static_cast<double>(group.num_tokens);
    for (std::size_t i = 0; i < L; ++i) {
      LayerRoutingSample sample;
      const std::span<const double> counts(values.data() + begin + i * E, E);
      sample.layer = group.layers[i];
      sample.load = load_statistics(counts, routing::kDeadFraction);
      sample.tokens_per_expert.assign(counts.begin(), counts.end());
      sample.importance.assign(importance + i * E, importance + (i + 1) * E);
      sample.router_entropy_nats = sums[i] / num_tokens;
      sample.router_entropy_normalized =
          E > 1 ? sample.router_entropy_nats / std::log(static_cast<double>(E)) : 1.0;
      sample.top1_margin = sums[L + i] / num_tokens;
      samples.push_back(std::move(sample));
    }
    begin += 2 * L * E + 2 * L;
  }
  std::sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) {
    return a.layer < b.layer;
  });
  reset();
  return samples;
}

void RoutingStatistics::reset() {
  for (Group& group : groups_) {
    group.counts = group.importance = group.sums = at::Tensor();
    group.num_tokens = 0;
  }
}

}  // namespace switchyard::train
