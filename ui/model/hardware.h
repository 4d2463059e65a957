#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::ui {

/// Time that a core has spent since the machine started. Units: ticks.
struct CoreTicks {
  std::uint64_t busy = 0;
  std::uint64_t total = 0;
};

/// All numbers are NaN where the card does not tell.
struct GpuSample {
  std::string name;
  double load_frac = 0.0;
  double memory_used_bytes = 0.0;
  double memory_total_bytes = 0.0;
  double temperature_celsius = 0.0;
  double power_watts = 0.0;
};

/// The machine at one moment.
struct HardwareSample {
  double monotonic_seconds = 0.0;
  std::vector<float> core_load_frac;  ///< per core, 0 to 1; empty in the first sample
  double memory_used_bytes = 0.0;
  double memory_total_bytes = 0.0;
  double disk_free_bytes = 0.0;  ///< where runs live
  std::vector<GpuSample> gpus;

  /// Mean over the cores; 0 when unknown.
  [[nodiscard]] double mean_load_frac() const;
};

/// What is kept while somebody looks: the newest kMaxSamples samples, one a second.
struct HardwareView {
  static constexpr std::size_t kMaxSamples = 900;

  std::vector<HardwareSample> samples;  ///< oldest first
  std::string gpu_note;                 ///< why there is no GPU reading; empty when there is one
  std::int64_t revision = 0;

  [[nodiscard]] const HardwareSample* newest() const {
    return samples.empty() ? nullptr : &samples.back();
  }
};

/// Lines "cpuN …" of /proc/stat, in order. Source: proc(5); idle and iowait count as idle.
std::vector<CoreTicks> cores_from_proc_stat(std::string_view text);

/// Load of each core between two readings; empty when the number of cores differs.
std::vector<float> core_loads(const std::vector<CoreTicks>& before,
                              const std::vector<CoreTicks>& now);

/// Fields that are asked of nvidia-smi, in order.
constexpr const char* kNvidiaFields =
    "name,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw";

/// Output of nvidia-smi --query-gpu=<fields> --format=csv,noheader,nounits; lines that do not have
/// all fields are skipped.
std::vector<GpuSample> gpus_from_nvidia_csv(std::string_view text);

}  // namespace switchyard::ui
