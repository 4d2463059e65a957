#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/core/json.h"

namespace switchyard::ui {

/// One part of the memory that a training step needs.
struct MemoryPart {
  std::string name;
  double bytes = 0.0;
  std::string formula;  ///< with this configuration's numbers
};

/// Memory of a training step by formula.
///
/// Math:   P parameters, N = micro_batch_size x seq_len tokens a pass, D d_model, L layers,
///         c bytes of the compute type (4 in float32, 2 in bfloat16), K experts a token (1 dense),
///         m matrices of hidden width (2: up and its activation; 3 with swiglu), F d_ff, E experts.
///         weights    = 4 P (+ 2 P copies in bfloat16)
///         gradients  = 4 P (+ 2 P copies in bfloat16)
///         optimizer  = 8 P (two moments in float32; 12 P with amsgrad, which keeps three)
///         activations, a layer and token = 8 D (residual before each norm, float32) + c (6 D + m
///         F)
///           for a dense block; a routed one has c (5 D + K (2 D + m F)) + 8 E instead;
///           embedding and last norm: N (8 D + c D);
///         backward   = the largest layer's activations once more: the gradients on their way
///         logits     = 12 N V where the head is not fused (on a CPU); on a GPU blocks of rows:
///           N c D + 4 V D.
/// Units:  bytes.
///         program    = 150 MB on a CPU: the engine with its libraries and no model
/// Limits: the allocator's reserve is not in it; a probe measures it.
/// Source: engine/train/model (what each function saves for its backward pass).
struct MemoryEstimate {
  std::vector<MemoryPart> parts;
  double total_bytes = 0.0;
};

/// Of a resolved configuration; `params_total` as config::model_size counts them.
MemoryEstimate memory_estimate(const Json& resolved,
                               std::int64_t params_total,
                               std::int64_t vocab_size,
                               bool is_gpu);

/// Moments that the optimizer of a resolved configuration keeps for each parameter.
int num_optimizer_moments(const Json& resolved);

/// Weights and moments in float32: what one checkpoint takes on disk.
double checkpoint_bytes(std::int64_t params_total, int num_moments);

/// How a need compares with what there is.
enum class Fit {
  kUnknown,  ///< one of the two numbers is not known
  kFits,     ///< at most 85 % of it
  kTight,    ///< at most all of it
  kTooLarge,
};

Fit fit_of(double needed_bytes, double available_bytes);
const char* fit_name(Fit fit);

/// All figures at the foot of the form.
struct DraftFigures {
  std::int64_t params_total = 0;  ///< 0: the vocabulary is not known yet
  std::int64_t params_active = 0;
  double flops_per_token = 0.0;  ///< of a training step
  MemoryEstimate memory;
  double checkpoint_bytes = 0.0;  ///< of one
  double disk_bytes = 0.0;        ///< all that are kept: keep_last and the best one
  double tokens_per_step = 0.0;
  double tokens_total = 0.0;
  double epochs = 0.0;  ///< 0: the data's size is not known
};

/// `vocab_size` and `data_tokens` (of the training part) are 0 while they are not known.
DraftFigures draft_figures(const Json& resolved,
                           std::int64_t vocab_size,
                           std::int64_t data_tokens,
                           bool is_gpu);

/// How long a run takes, from measured steps: shortest and longest.
struct TimeRange {
  double low_seconds = 0.0;
  double high_seconds = 0.0;
};

/// Steps at the given milliseconds, and the evaluations between them (a forward pass costs a third
/// of a step).
TimeRange run_time(const Json& resolved, double ms_low, double ms_high);

}  // namespace switchyard::ui
