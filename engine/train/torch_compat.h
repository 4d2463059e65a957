#pragma once

#include <cstdint>
#include <string>

#include <c10/core/Device.h>

#include "engine/base/core/result.h"

namespace switchyard::train {

/// The LibTorch version the engine was built with ("2.11.0"). The only file that may ask for it.
std::string torch_version();

/// Loads the CUDA half of LibTorch, once. The engine links only the CPU half, so that it starts on
/// machines without the CUDA libraries; everything on a GPU then goes through ATen's own dispatch.
///
/// Errors: kUnavailable naming the library that did not load, or that no GPU answers.
/// Threads: call from the main thread before the first tensor on a GPU.
Status load_cuda();

/// The device that a name stands for: "auto" (the first GPU that answers, else the CPU), "cpu",
/// "cuda" or "cuda:N". Loads CUDA when needed.
///
/// Errors: kUsage for another word; kUnavailable for a GPU that is not there.
Result<c10::Device> device_from_name(const std::string& name);

/// Waits until everything enqueued on the device is done. Nothing to do on the CPU.
void synchronize(c10::Device device);

/// From here on this thread's work on a GPU runs on a stream of its own, which may be recorded as a
/// graph. Nothing to do on the CPU.
void use_own_stream(c10::Device device);

/// Bytes that tensors hold on a GPU now and at most so far; 0 on the CPU.
struct DeviceMemory {
  std::int64_t allocated_bytes = 0;
  std::int64_t peak_bytes = 0;
};

DeviceMemory device_memory(c10::Device device);

/// Memory of this process that was resident at most so far.
std::int64_t peak_resident_bytes();

/// From now on the C library keeps freed memory for the next step instead of giving it back to the
/// kernel and asking for fresh, zeroed pages a moment later.
///
/// Limits: blocks up to 32 MiB, the largest that the C library keeps.
/// Threads: once, before training.
void keep_freed_memory();

}  // namespace switchyard::train
