#pragma once

#include <cstdint>
#include <string>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::train {

/// What `bench step` measures, and how often.
struct StepBenchRequest {
  Json config;                  ///< resolved
  std::int64_t vocab_size = 0;  ///< of the tokenizer
  std::string device = "auto";  ///< "auto", "cpu", "cuda:N"
  std::int64_t num_warmup_steps = 10;
  std::int64_t num_steps = 50;
  bool use_routing_stats = false;  ///< record routing statistics as a run does
  bool use_profile = false;        ///< also say which kernels the step consists of
  double peak_tflops = 0.0;        ///< of the device at this type; 0: not known, no utilisation
};

/// Times whole training steps on random tokens: forward, backward, gradient
/// norm, clipping, optimizer update. Measures; asserts nothing.
///
/// Math:   ms = median over the timed blocks of block time / steps of the block; a block is one
///         step on the CPU and ten steps between two waits on a GPU.
///         mfu = flops_per_token_step x tokens_per_second / peak by the rule that mfu_rule names;
///         mfu_by_rule has all rules of config::flop_rules. Only with peak_tflops.
/// Units:  ms, ms_p95 in milliseconds per step; tokens_per_second; peak_bytes: device memory that
///         tensors held at most on a GPU, resident memory of the process at most on the CPU
///         (peak_gib is the same); final_loss in nats/token; flops_by_part in FLOP per token; mfu
///         is a fraction.
/// Shapes: with use_profile, "profile" is what kernel_profile() gives.
/// Errors: kUnavailable for a device, kOutOfMemory, kInternal for what else LibTorch throws.
/// Threads: one thread calls; sets the number of compute threads as train.num_threads says.
Result<Json> step_bench(const StepBenchRequest& request);

}  // namespace switchyard::train
