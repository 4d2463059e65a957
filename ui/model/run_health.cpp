#include "ui/model/run_health.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ui/plot/map_columns.h"
#include "ui/plot/ticks.h"

namespace switchyard::ui {
namespace {

constexpr double kLeastSilence = 10.0;
constexpr double kSilenceFactor = 8.0;
constexpr std::size_t kRecentSamples = 32;
constexpr std::uint64_t kLittleDisk = 5'000'000'000;
constexpr std::int64_t kRecentSteps = 500;  ///< what the guard did is news for so long

/// Median of the last times between two samples; 0 when there are too few.
double usual_interval(const Series& series) {
  std::vector<double> gaps;
  for (std::size_t i = series.size() - std::min(series.size(), kRecentSamples);
       i + 1 < series.size();
       ++i)
    gaps.push_back(series.seconds(i + 1) - series.seconds(i));
  if (gaps.size() < 3) return 0.0;
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  return *middle;
}

void add_silence(const RunView& run, double now, std::vector<HealthNote>& notes) {
  const Series* loss = run.scalar("train_loss");
  if (run.state != RunState::kRunning || loss == nullptr || run.last_sample_time <= 0.0) return;
  const double silence = now - run.last_sample_time;
  if (silence <= std::max(kLeastSilence, kSilenceFactor * usual_interval(*loss))) return;
  notes.push_back({"not responding, " + duration_text(silence),
                   "The engine is alive and has recorded nothing for so long. A long evaluation or "
                   "a checkpoint may take its time; else look at its log.",
                   false});
}

void add_numbers(const RunView& run, std::vector<HealthNote>& notes) {
  const Series* loss = run.scalar("train_loss");
  if (loss == nullptr || loss->empty() || std::isfinite(loss->last_value())) return;
  notes.push_back(
      {"loss is no number",
       "The newest loss is not finite. The guard goes back to a checkpoint if it stays.",
       true});
}

void add_guard(const RunView& run, std::vector<HealthNote>& notes) {
  for (auto event = run.events.rbegin(); event != run.events.rend(); ++event) {
    if (run.step - event->step > kRecentSteps) return;
    if (event->kind != "guard") continue;
    const std::string& action = event->detail["action"].as_string();
    std::string words = "guard";
    if (action == "rollback") words = "rolled back";
    if (action.starts_with("halve_micro_batch")) words = "batch split for memory";
    notes.push_back({words + " at step " + grouped_number(event->step),
                     event->detail["cause"].as_string().empty()
                         ? "The guard acted; the events list says how."
                         : "Cause: " + event->detail["cause"].as_string() + ".",
                     false});
    return;
  }
}

void add_dead_experts(const RunView& run, std::vector<HealthNote>& notes) {
  const MapView* dead = run.map("dead_experts", -1);
  if (dead == nullptr || dead->columns == nullptr || dead->columns->num_columns() == 0) return;
  const std::span<const float> last = dead->columns->mean_of(dead->columns->num_columns() - 1);
  for (std::size_t layer = 0; layer < last.size(); ++layer) {
    const double count = static_cast<double>(last[layer]);
    if (!(count >= 0.5)) continue;
    notes.push_back(
        {"L" + std::to_string(layer) + ": " + grouped_number(std::llround(count)) + " dead",
         "Experts of this routed layer received next to no tokens since the sample "
         "before. The Routing workspace shows which.",
         false});
    return;
  }
}

void add_disk(const MachineInfo& machine, std::vector<HealthNote>& notes) {
  if (machine.disk_free_bytes == 0 || machine.disk_free_bytes >= kLittleDisk) return;
  notes.push_back({"disk " + bytes_text(static_cast<double>(machine.disk_free_bytes)),
                   "Little room where runs are kept: the next checkpoints may not fit.",
                   machine.disk_free_bytes < kLittleDisk / 10});
}

}  // namespace

std::vector<HealthNote> health_of(const RunView& run, const MachineInfo& machine, double now) {
  std::vector<HealthNote> notes;
  if (run.state != RunState::kRunning && run.state != RunState::kPaused) return notes;
  add_numbers(run, notes);
  add_silence(run, now, notes);
  add_guard(run, notes);
  add_dead_experts(run, notes);
  add_disk(machine, notes);
  std::stable_sort(notes.begin(), notes.end(), [](const HealthNote& a, const HealthNote& b) {
    return a.is_failure && !b.is_failure;
  });
  return notes;
}

MemoryUse memory_use(const RunView& run, const MachineInfo& machine) {
  MemoryUse use;
  use.is_gpu = run.device.starts_with("cuda");
  const Series* memory = run.scalar("memory_bytes");
  use.used_bytes = memory == nullptr || memory->empty() ? std::numeric_limits<double>::quiet_NaN()
                                                        : memory->last_value();
  if (!use.is_gpu) use.total_bytes = static_cast<double>(machine.memory_bytes);
  return use;
}

}  // namespace switchyard::ui
