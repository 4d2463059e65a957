#pragma once

#include <functional>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::train {

/// Which kernels a piece of work runs on the GPU, and for how long: CUPTI's records of every kernel,
/// copy and fill, those inside a CUDA graph one by one.
///
/// Math:   stages by the words in a kernel's name, the largest first; `ms` is the sum of durations,
///         `busy_ms` of all of them; nothing is said about gaps between them.
/// Units:  ms per call of `work`, over `num_calls` calls.
/// Shapes: {"busy_ms", "stages": [{"stage", "ms", "share", "kernels": [{"name", "calls", "ms"}]}]}.
/// Errors: kUnavailable without CUDA kernels, or when CUPTI refuses.
/// Threads: one profile at a time.
/// Source: NVIDIA CUPTI, Activity API.
Result<Json> kernel_profile(int num_calls, const std::function<void()>& work);

}  // namespace switchyard::train
