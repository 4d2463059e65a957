#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::train {

/// What `bench experts` measures, and how often.
struct ExpertsBenchRequest {
  std::vector<std::int64_t> shape;  ///< D, F, E, K, N
  std::string activation = "gelu_erf";
  std::string device = "auto";  ///< "auto", "cpu", "cuda:N"
  std::int64_t num_warmup = 20;
  std::int64_t num_blocks = 10;
  std::int64_t per_block = 5;
};

/// Times forward and backward passes of one layer of routed experts as training runs them (router,
/// both auxiliary losses, renormalised weights; on a GPU bfloat16 products, recorded as a CUDA
/// graph), on random tokens. Measures; asserts nothing.
///
/// Math:   ms = median over blocks; tflops = 3 x 2 N K D F x (matrices of an expert) / ms: the
///         active experts' products alone.
/// Units:  as step_bench().
/// Errors: kUsage for a shape; kUnavailable for a device, kOutOfMemory, kInternal for what else
///         LibTorch throws.
/// Threads: as step_bench().
Result<Json> experts_bench(const ExpertsBenchRequest& request);

}  // namespace switchyard::train
