#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/base/routing/load.h"
#include "engine/train/model/transformer.h"

namespace switchyard::train {

/// Everything that can be said of one routing of N tokens, by name (`load_cv`,
/// `token_entropy_mean_nats`, `margin_top1_top2_mean`, …), for analysis and tests; computed on the
/// host in double.
///
/// Shapes: router_probs [N, E]; expert_index, combine_weight [N, K].
/// Units:  names ending in _nats are in nats, _normalised divided by ln E.
/// Limits: N >= 1, E >= 2.
/// Determinism: exact.
/// Source: importance after Shazeer et al. 2017, arXiv 1701.06538, eq. 6; co-activation after
///         Muennighoff et al. 2024, arXiv 2409.02060, section 5 (all pairs of a token's experts).
struct RoutingAnalysis {
  std::map<std::string, double> scalars;
  std::vector<std::int64_t> counts;  ///< [E]
  std::vector<double> load;          ///< [E] counts / sum
  std::vector<double> importance;    ///< [E] summed combine weights
  std::vector<double> coactivation;  ///< [E, E] row-major: N_ij / N_i
};

RoutingAnalysis analyze_routing(const at::Tensor& router_probs,
                                const at::Tensor& expert_index,
                                const at::Tensor& combine_weight,
                                double dead_fraction);

/// What one routed layer did since the last reading.
struct LayerRoutingSample {
  int layer = 0;
  std::vector<float> tokens_per_expert;  ///< [E] assignments
  std::vector<float> importance;         ///< [E] summed combine weights
  double router_entropy_nats = 0.0;      ///< mean over tokens
  double router_entropy_normalized = 0.0;
  double top1_margin = 0.0;   ///< mean gap between the two largest probabilities
  double dropped_frac = 0.0;  ///< tokens without any expert / tokens
  routing::LoadStatistics load;
};

/// Sums what routed layers report, on their device, until somebody reads it: one transfer per
/// reading, no waiting in between.
///
/// Shapes: records as the model returns them.
/// Units:  see LayerRoutingSample.
/// Determinism: exact for a device and thread count. Never touches the model's numbers.
/// Threads: the training thread.
/// Source: definitions as for analyze_routing.
class RoutingStatistics {
 public:
  explicit RoutingStatistics(const Transformer& model);
  void add(const std::vector<RoutingRecord>& records);
  /// The sums since the last read() or reset(), one entry per routed layer in layer order; then
  /// starts anew.
  std::vector<LayerRoutingSample> read();
  void reset();

 private:
  /// Layers with equally many experts, summed together: one launch serves all of them.
  struct Group {
    std::int64_t num_experts = 0;
    std::vector<int> layers;                    ///< indices, ascending
    std::vector<const RoutingRecord*> pending;  ///< records of the forward pass under way
    at::Tensor counts;                          ///< [L, E] int64
    at::Tensor importance;                      ///< [L, E + 1]: the last for slots without expert
    at::Tensor sums;                            ///< [2, L]: token entropy, margin
    std::int64_t num_tokens = 0;
  };

  static void add_pending(Group& group);
  std::vector<Group> groups_;
};

}  // namespace switchyard::train
