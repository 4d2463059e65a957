#include "engine/train/torch_compat.h"

#include <fstream>

#include <dlfcn.h>
#include <malloc.h>
#include <unistd.h>

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/version.h>

namespace switchyard::train {
namespace {

bool has_nvidia_driver() {
  return access("/dev/nvidiactl", F_OK) == 0 || access("/proc/driver/nvidia/version", F_OK) == 0;
}

Error unavailable(std::string message, std::string hint) {
  return {ErrorCode::kUnavailable, "device", std::move(message), std::move(hint), {}};
}

}  // namespace

std::string torch_version() {
  return TORCH_VERSION;
}

Status load_cuda() {
  static const std::string failure = []() -> std::string {
    if (!has_nvidia_driver()) return "expected an NVIDIA driver, found none";
    // Global symbols: the library registers its kernels with the CPU half that is already loaded.
    for (const char* library : {"libc10_cuda.so", "libtorch_cuda.so"}) {
      if (dlopen(library, RTLD_NOW | RTLD_GLOBAL) == nullptr) {
        const char* reason = dlerror();
        return std::string("expected to load ") + library + ", found: " + (reason ? reason : "?");
      }
    }
    return at::detail::getCUDAHooks().deviceCount() > 0 ? ""
                                                        : "expected a GPU, the driver reports none";
  }();
  if (failure.empty()) return {};
  return unavailable(
      failure + ".",
      "Run ./studio on the machine with the GPU (it installs the CUDA libraries), or "
      "train with --device cpu.");
}

Result<c10::Device> device_from_name(const std::string& name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  if (name == "auto") {
    return load_cuda().ok() ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  }
  const bool is_numbered = name.size() > 5 && name.size() < 9 && name.rfind("cuda:", 0) == 0 &&
                           name.find_first_not_of("0123456789", 5) == std::string::npos;
  if (name != "cuda" && !is_numbered) {
    return Error{ErrorCode::kUsage,
                 "--device",
                 "expected auto, cpu, cuda or cuda:N, found `" + name + "`.",
                 "",
                 {}};
  }
  SY_RETURN_IF_ERROR(load_cuda());
  const int index = is_numbered ? std::stoi(name.substr(5)) : 0;
  const int num_devices = at::detail::getCUDAHooks().deviceCount();
  if (index >= num_devices) {
    return unavailable("expected cuda:" + std::to_string(index) + ", found " +
                           std::to_string(num_devices) + " GPU(s), numbered from 0.",
                       "");
  }
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

void synchronize(c10::Device device) {
  if (device.is_cpu()) return;
  const c10::impl::VirtualGuardImpl guard(device.type());
  guard.synchronizeDevice(device.index());
}

void use_own_stream(c10::Device device) {
  if (device.is_cpu()) return;
  const c10::impl::VirtualGuardImpl guard(device.type());
  guard.exchangeStream(guard.getStreamFromGlobalPool(device));
}

DeviceMemory device_memory(c10::Device device) {
  if (device.is_cpu()) return {};
  const auto stats = at::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  const auto& all =
      stats.allocated_bytes[static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE)];
  return {all.current, all.peak};
}

std::int64_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  std::int64_t kib = 0;
  while (status >> word) {
    if (word == "VmHWM:") status >> kib;
  }
  return kib * 1024;
}

void keep_freed_memory() {
  constexpr int kLargestKeptBytes = 32 << 20;
  mallopt(M_MMAP_THRESHOLD, kLargestKeptBytes);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, kLargestKeptBytes);
}

}  // namespace switchyard::train
