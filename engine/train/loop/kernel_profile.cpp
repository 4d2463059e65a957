#include "engine/train/loop/kernel_profile.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#ifdef SY_WITH_CUDA
#include <cxxabi.h>

#include <cupti.h>
#endif

namespace switchyard::train {

#ifdef SY_WITH_CUDA

namespace {

constexpr std::size_t kBufferBytes = 1 << 20;
constexpr std::size_t kNumKernelsShown = 4;  ///< of each stage

struct Kernel {
  std::int64_t calls = 0;
  double ms = 0.0;
};

std::mutex mutex;
std::map<std::string, Kernel> kernels;  ///< what CUPTI's own thread delivered

/// The name as it stands in the source, without its arguments.
std::string readable(const char* symbol) {
  int status = 0;
  char* const text = abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
  std::string name = status == 0 && text != nullptr ? text : symbol;
  std::free(text);
  constexpr std::string_view kAnonymous = "(anonymous namespace)::";
  for (auto at = name.find(kAnonymous); at != std::string::npos; at = name.find(kAnonymous)) {
    name.erase(at, kAnonymous.size());
  }
  if (name.starts_with("void ")) name.erase(0, 5);
  return name.substr(0, name.find('('));
}

void add(const std::string& name, std::uint64_t begin_ns, std::uint64_t end_ns) {
  Kernel& kernel = kernels[name];
  ++kernel.calls;
  kernel.ms += 1e-6 * static_cast<double>(end_ns - begin_ns);
}

void CUPTIAPI give_buffer(std::uint8_t** buffer, std::size_t* size, std::size_t* max_records) {
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(8, kBufferBytes));
  *size = *buffer == nullptr ? 0 : kBufferBytes;
  *max_records = 0;
}

void CUPTIAPI take_buffer(CUcontext /*context*/,
                          std::uint32_t /*stream*/,
                          std::uint8_t* buffer,
                          std::size_t /*size*/,
                          std::size_t valid_size) {
  const std::lock_guard<std::mutex> lock(mutex);
  CUpti_Activity* record = nullptr;
  while (cuptiActivityGetNextRecord(buffer, valid_size, &record) == CUPTI_SUCCESS) {
    if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
      const auto* kernel = reinterpret_cast<const CUpti_ActivityKernel9*>(record);
      add(readable(kernel->name), kernel->start, kernel->end);
    } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMCPY) {
      const auto* copy = reinterpret_cast<const CUpti_ActivityMemcpy5*>(record);
      add("memcpy", copy->start, copy->end);
    } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMSET) {
      const auto* fill = reinterpret_cast<const CUpti_ActivityMemset4*>(record);
      add("memset", fill->start, fill->end);
    }
  }
  std::free(buffer);
}

/// The stage that a kernel belongs to, by a word in its name.
const char* stage_of(std::string_view name) {
  struct Word {
    const char *word, *stage;
  };

  static constexpr Word kWords[] = {
      {"residual_norm", "add and norm"}, {"cross_entropy", "cross-entropy"},
      {"gelu", "activation"},            {"swiglu", "activation"},
      {"adamw", "optimizer"},            {"gradient_norm", "optimizer"},
      {"rotary", "attention"},           {"fmha", "attention"},
      {"flash", "attention"},            {"sdpa", "attention"},
      {"cudnn", "attention"},            {"embedding", "embedding"},
      {"RadixSort", "embedding"},        {"expert", "routing"},
      {"topk", "routing"},               {"nvjet", "products"},
      {"gemm", "products"},              {"gemv", "products"},
      {"cutlass", "products"},           {"cublas", "products"},
      {"splitK", "products"},            {"memcpy", "copies and fills"},
      {"memset", "copies and fills"},    {"elementwise", "other tensor operations"}};
  for (const Word& entry : kWords) {
    if (name.find(entry.word) != std::string_view::npos) return entry.stage;
  }
  return "other tensor operations";
}

constexpr CUpti_ActivityKind kKinds[] = {CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL,
                                         CUPTI_ACTIVITY_KIND_MEMCPY,
                                         CUPTI_ACTIVITY_KIND_MEMSET};

Json report_of(int num_calls) {
  struct Stage {
    double ms = 0.0;
    std::vector<std::pair<std::string, Kernel>> kernels;
  };

  const std::lock_guard<std::mutex> lock(mutex);
  std::map<std::string, Stage> stages;
  double busy_ms = 0.0;
  for (const auto& [name, kernel] : kernels) {
    Stage& stage = stages[stage_of(name)];
    stage.ms += kernel.ms / num_calls;
    busy_ms += kernel.ms / num_calls;
    stage.kernels.emplace_back(name, kernel);
  }
  std::vector<std::pair<std::string, Stage>> order(stages.begin(), stages.end());
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.second.ms > b.second.ms;
  });
  Json rows = Json::array();
  for (auto& [name, stage] : order) {
    std::sort(stage.kernels.begin(), stage.kernels.end(), [](const auto& a, const auto& b) {
      return a.second.ms > b.second.ms;
    });
    if (stage.kernels.size() > kNumKernelsShown) stage.kernels.resize(kNumKernelsShown);
    Json list = Json::array();
    for (const auto& [kernel_name, kernel] : stage.kernels) {
      list.push_back(
          Json::object({{"name", Json(kernel_name.substr(0, 120))},
                        {"calls", Json(static_cast<double>(kernel.calls) / num_calls)},
                        {"ms", Json(kernel.ms / num_calls)}}));
    }
    rows.push_back(Json::object({{"stage", Json(name)},
                                 {"ms", Json(stage.ms)},
                                 {"share", Json(stage.ms / busy_ms)},
                                 {"kernels", std::move(list)}}));
  }
  return Json::object({{"busy_ms", Json(busy_ms)}, {"stages", std::move(rows)}});
}

Error refused(CUptiResult result) {
  const char* reason = nullptr;
  cuptiGetResultString(result, &reason);
  return {ErrorCode::kUnavailable,
          "profile",
          std::string("CUPTI records no kernels: ") + (reason == nullptr ? "?" : reason) + ".",
          "Profiling may be reserved to the administrator (driver option "
          "NVreg_RestrictProfilingToAdminUsers).",
          {}};
}

}  // namespace

Result<Json> kernel_profile(int num_calls, const std::function<void()>& work) {
  {
    const std::lock_guard<std::mutex> lock(mutex);
    kernels.clear();
  }
  CUptiResult result = cuptiActivityRegisterCallbacks(&give_buffer, &take_buffer);
  for (const CUpti_ActivityKind kind : kKinds) {
    if (result == CUPTI_SUCCESS) result = cuptiActivityEnable(kind);
  }
  if (result != CUPTI_SUCCESS) return refused(result);
  for (int i = 0; i < num_calls; ++i) work();
  result = cuptiActivityFlushAll(0);
  for (const CUpti_ActivityKind kind : kKinds) cuptiActivityDisable(kind);
  if (result != CUPTI_SUCCESS) return refused(result);
  return report_of(num_calls);
}

#else

Result<Json> kernel_profile(int /*num_calls*/, const std::function<void()>& /*work*/) {
  return Error{ErrorCode::kUnavailable,
               "profile",
               "expected a program with CUDA kernels, this one was built without.",
               "Install the CUDA Toolkit 13 and run ./studio --build on a machine with a GPU.",
               {}};
}

#endif

}  // namespace switchyard::train
