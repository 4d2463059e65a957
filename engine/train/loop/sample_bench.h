#pragma once

#include <cstdint>
#include <string>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/train/loop/sampling.h"

namespace switchyard::train {

/// What `bench sample` measures, and how often.
struct SampleBenchRequest {
  Json config;                  ///< resolved
  std::int64_t vocab_size = 0;  ///< of the tokenizer
  std::string device = "auto";  ///< "auto", "cpu", "cuda:N"
  std::int64_t batch = 1;       ///< prompts at once
  std::int64_t num_prompt_tokens = 12;
  std::int64_t num_tokens = 500;  ///< new ones per prompt
  SamplingSettings settings{.temperature = 0.8, .top_k = 200};
  std::int64_t num_rounds = 3;
};

/// Times whole calls of BatchSampler on random prompts and weights, prompts included, after one
/// call that is not timed. Measures; asserts nothing.
///
/// Math:   ms = median over the rounds; tokens_per_second = batch x num_tokens / ms; ms_per_step =
///         ms / num_tokens.
/// Units:  ms in milliseconds per call; peak_bytes: device memory that tensors held at most on a
///         GPU, resident memory of the process at most on the CPU (peak_gib is the same).
/// Errors: kUsage for a size or setting; kUnavailable for a device, kOutOfMemory, kInternal for
/// what
///         else LibTorch throws.
/// Threads: as step_bench().
Result<Json> sample_bench(const SampleBenchRequest& request);

}  // namespace switchyard::train
