#include "ui/client/hardware_sampler.h"

#include <chrono>
#include <fstream>
#include <sstream>
#include <utility>

#include "engine/base/core/clock.h"
#include "ui/client/child.h"
#include "ui/model/machine_info.h"

namespace switchyard::ui {
namespace {

constexpr auto kInterval = std::chrono::seconds(1);
constexpr double kGpuTimeoutSeconds = 3.0;

std::string content_of(const char* path) {
  std::ifstream file(path);
  std::ostringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

}  // namespace

HardwareSampler::HardwareSampler(std::string runs, Mailbox& mailbox)
    : runs_(std::move(runs)),
      mailbox_(mailbox),
      view_(std::make_shared<const HardwareView>()),
      thread_([this] { work(); }) {}

HardwareSampler::~HardwareSampler() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void HardwareSampler::set_wanted(bool is_wanted) {
  {
    const std::lock_guard lock(mutex_);
    if (is_wanted_ == is_wanted) return;
    is_wanted_ = is_wanted;
  }
  wake_.notify_all();
}

void HardwareSampler::measure_gpus(HardwareSample& sample) {
  if (!has_gpu_tool_) return;
  if (!has_program("nvidia-smi")) {
    has_gpu_tool_ = false;
    gpu_note_ = "No GPU reading: nvidia-smi is not installed";
    return;
  }
  const auto output = output_of(
      {"nvidia-smi", std::string("--query-gpu=") + kNvidiaFields, "--format=csv,noheader,nounits"},
      kGpuTimeoutSeconds);
  if (!output.ok()) {
    has_gpu_tool_ = false;
    gpu_note_ = "No GPU reading: nvidia-smi: " + output.error().message;
    return;
  }
  sample.gpus = gpus_from_nvidia_csv(output.value());
  gpu_note_ = sample.gpus.empty() ? "No GPU found by nvidia-smi" : "";
}

HardwareSample HardwareSampler::measure() {
  HardwareSample sample;
  sample.monotonic_seconds = system_clock().monotonic_seconds();
  std::vector<CoreTicks> ticks = cores_from_proc_stat(content_of("/proc/stat"));
  sample.core_load_frac = core_loads(ticks_, ticks);
  ticks_ = std::move(ticks);
  const MachineInfo info = read_machine_info("/proc", runs_);
  sample.memory_total_bytes = static_cast<double>(info.memory_bytes);
  sample.memory_used_bytes =
      sample.memory_total_bytes - static_cast<double>(info.memory_available_bytes);
  sample.disk_free_bytes = static_cast<double>(info.disk_free_bytes);
  measure_gpus(sample);
  return sample;
}

void HardwareSampler::work() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    if (!is_wanted_) {
      ticks_.clear();
      wake_.wait(lock, [this] { return is_stopping_ || is_wanted_; });
      continue;
    }
    lock.unlock();
    auto next = std::make_shared<HardwareView>(*view_.load());
    next->samples.push_back(measure());
    if (next->samples.size() > HardwareView::kMaxSamples)
      next->samples.erase(next->samples.begin());
    next->gpu_note = gpu_note_;
    ++next->revision;
    view_ = std::shared_ptr<const HardwareView>(std::move(next));
    mailbox_.wake();
    lock.lock();
    wake_.wait_for(lock, kInterval, [this] { return is_stopping_ || !is_wanted_; });
  }
}

}  // namespace switchyard::ui
