#include "ui/model/hardware.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>

namespace switchyard::ui {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;
constexpr std::size_t kMaxCores = 4096;

/// Cuts the text at `separator`; the rest stays in `text`.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

double number_or_nan(std::string_view text) {
  double value = 0.0;
  const std::string_view clean = trimmed(text);
  const auto [end, error] = std::from_chars(clean.data(), clean.data() + clean.size(), value);
  const bool is_whole = error == std::errc() && end == clean.data() + clean.size();
  return is_whole ? value : std::numeric_limits<double>::quiet_NaN();
}

CoreTicks ticks_of(std::string_view numbers) {
  CoreTicks ticks;
  for (int field = 0; field < 8; ++field) {  // user nice system idle iowait irq softirq steal
    while (!numbers.empty() && numbers.front() == ' ') numbers.remove_prefix(1);
    std::uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(numbers.data(), numbers.data() + numbers.size(), value);
    if (error != std::errc()) break;
    numbers.remove_prefix(static_cast<std::size_t>(end - numbers.data()));
    ticks.total += value;
    if (field != 3 && field != 4) ticks.busy += value;
  }
  return ticks;
}

}  // namespace

double HardwareSample::mean_load_frac() const {
  if (core_load_frac.empty()) return 0.0;
  const double sum = std::accumulate(core_load_frac.begin(), core_load_frac.end(), 0.0);
  return sum / static_cast<double>(core_load_frac.size());
}

std::vector<CoreTicks> cores_from_proc_stat(std::string_view text) {
  std::vector<CoreTicks> cores;
  while (!text.empty() && cores.size() < kMaxCores) {
    std::string_view line = take_until(text, '\n');
    if (!line.starts_with("cpu") || line.size() < 4 || line[3] < '0' || line[3] > '9') continue;
    take_until(line, ' ');
    cores.push_back(ticks_of(line));
  }
  return cores;
}

std::vector<float> core_loads(const std::vector<CoreTicks>& before,
                              const std::vector<CoreTicks>& now) {
  if (before.size() != now.size()) return {};
  std::vector<float> loads;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const bool has_moved = now[i].total > before[i].total && now[i].busy >= before[i].busy;
    const double total = has_moved ? static_cast<double>(now[i].total - before[i].total) : 1.0;
    const double busy = has_moved ? static_cast<double>(now[i].busy - before[i].busy) : 0.0;
    loads.push_back(static_cast<float>(std::min(1.0, busy / total)));
  }
  return loads;
}

std::vector<GpuSample> gpus_from_nvidia_csv(std::string_view text) {
  std::vector<GpuSample> gpus;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    std::vector<std::string_view> fields;
    while (!line.empty()) fields.push_back(trimmed(take_until(line, ',')));
    if (fields.size() != 6) continue;
    GpuSample gpu;
    gpu.name = std::string(fields[0]);
    gpu.load_frac = number_or_nan(fields[1]) / 100.0;
    gpu.memory_used_bytes = number_or_nan(fields[2]) * kMiB;
    gpu.memory_total_bytes = number_or_nan(fields[3]) * kMiB;
    gpu.temperature_celsius = number_or_nan(fields[4]);
    gpu.power_watts = number_or_nan(fields[5]);
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

}  // namespace switchyard::ui
