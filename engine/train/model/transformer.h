#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/train/model/dense_weights.h"
#include "engine/train/model/parameter_store.h"

namespace switchyard::train {

class Fusion;

/// What one routed layer reports of one forward pass, all on the device, without host
/// synchronisation.
struct RoutingRecord {
  int layer = 0;                 ///< index among all layers
  at::Tensor expert_index;       ///< [N, K] int64, descending weight; E where there is none
  at::Tensor combine_weight;     ///< [N, K] fp32
  at::Tensor router_probs;       ///< [N, E] fp32
  at::Tensor router_logits;      ///< [N, E] fp32
  at::Tensor tokens_per_expert;  ///< [E] int64
  at::Tensor importance;         ///< [E] summed weights; undefined: to be computed
  at::Tensor token_sums;         ///< [2] entropy and margin over all tokens; likewise

  [[nodiscard]] RoutingRecord clone() const;
};

/// Keys and values of earlier positions, per layer.
struct KvCache {
  std::vector<at::Tensor> key, value;  ///< [B, H, seq_len, C]
  std::int64_t length = 0;             ///< positions filled
};

/// A decoder-only language model assembled from a resolved config: embedding and positions, layers
/// of (norm, attention, norm, feed-forward) with residuals, final norm, head.
///
/// Math: pre-norm residual blocks; loss = mean cross-entropy over all positions, in nats per token;
///       total = loss + sum over routed layers / num_routed_layers of (load_balance_coef x
///       load_balance_loss
///       + router_z_coef x router_z_loss).
/// Determinism: same seed, device, build and thread count give the same bits.
/// Source: Vaswani et al. 2017; Radford et al. 2019 (initialisation: N(0, init_std), residual
/// projections
///         N(0, init_std / sqrt(2 L))).
class Transformer {
 public:
  struct Options {
    at::ScalarType master = at::kFloat;
    at::ScalarType compute = at::kFloat;
    bool use_bfloat16_residual = false;  ///< the stream that layers add to; else as the masters
    at::Device device = at::kCPU;
    bool use_fused_functions = false;  ///< f32 masters only
    bool use_deterministic_attention = true;    ///< of fused functions
    bool use_activation_checkpointing = false;  ///< compute layers again in the backward pass
    std::uint64_t seed = 1337;
  };

  /// What the "train" section of a resolved config asks for on a device.
  static Options options_for(const Json& config, at::Device device);

  /// `config` is resolved. Errors: kOutOfMemory, kUnavailable (no such device).
  static Result<std::unique_ptr<Transformer>> create(const Json& config,
                                                     std::int64_t vocab_size,
                                                     const Options& options);
  virtual ~Transformer() = default;

  struct Losses {
    at::Tensor total;              ///< what is differentiated, share included
    at::Tensor cross_entropy;      ///< nats/token
    at::Tensor load_balance_loss;  ///< mean over routed layers; undefined without routed layers
    at::Tensor router_z_loss;      ///< likewise
    std::vector<RoutingRecord> routing;
    at::Tensor logits;  ///< [B, T, V]; defined only when asked for
  };

  /// tokens, targets [B, T] int64 on the device. Dropout is on when `is_training`. `share`: of the
  /// gradient, for passes whose gradients add up to one step; with fused functions the gradient of
  /// `total` is taken as 1.
  virtual Losses forward(const at::Tensor& tokens,
                         const at::Tensor& targets,
                         bool is_training,
                         bool with_logits = false,
                         double share = 1.0) = 0;

  /// Logits [B, V] (fp32) of the last of `tokens` [B, t] that follow the positions in `cache`; the
  /// cache grows by t. `routing`, if given, receives one record per routed layer for the t new
  /// positions.
  virtual at::Tensor decode(const at::Tensor& tokens,
                            KvCache& cache,
                            std::vector<RoutingRecord>* routing) = 0;
  virtual KvCache new_cache(std::int64_t batch) const = 0;

  /// Before the first pass of a step, and after its update was accepted: what routers keep of the
  /// passes in between (balance controllers).
  virtual void begin_step() = 0;
  virtual void end_step() = 0;

  virtual ParameterStore& parameters() = 0;
  [[nodiscard]] virtual std::int64_t vocab_size() const = 0;
  [[nodiscard]] virtual std::int64_t seq_len() const = 0;
  [[nodiscard]] virtual std::vector<int> routed_layers() const = 0;     ///< layer indices
  [[nodiscard]] virtual std::int64_t num_experts(int layer) const = 0;  ///< 0 for a dense layer
  /// Random state that dropout of ordinary operations draws from (saved in checkpoints).
  virtual at::Generator& generator() = 0;
  /// Null without fused functions.
  virtual Fusion* fusion() = 0;
  /// What a dense model computes with; nothing for others.
  [[nodiscard]] virtual std::optional<DenseWeights> dense_weights() const = 0;
};

}  // namespace switchyard::train
