#include "tests/bench/made_runs.h"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <thread>
#include <vector>

#include <unistd.h>

#include "engine/base/core/json.h"
#include "engine/base/store/run_folder.h"

namespace switchyard::bench {

store::Position Steps::next() {
  ++step_;
  microseconds_ += 20'000 + static_cast<std::int64_t>(random_() % 2'000);
  return {step_,
          step_ * 8192,
          static_cast<double>(microseconds_) / 1e6,
          static_cast<double>(step_) * 2.4e12};
}

std::string metric_name(int index) {
  return index == 0 ? "train_loss" : "metric_" + std::to_string(index);
}

bool make_run_folder(const std::string& root) {
  return store::create_run_folder(
             root,
             Json::object({{"schema", "switchyard.run"},
                           {"version", 1},
                           {"name", "made-up"},
                           {"train", Json::object({{"max_steps", 1'000'000}})}}))
      .ok();
}

bool make_run(const std::string& root, int num_metrics, std::int64_t num_steps) {
  const std::string done = root + "/made";
  if (std::filesystem::exists(done)) return true;
  std::error_code ignored;
  std::filesystem::remove_all(root, ignored);
  std::filesystem::create_directories(std::filesystem::path(root).parent_path());
  if (!make_run_folder(root)) return false;
  auto writer = store::Writer::open(store::RunPaths{root}.database(), 0, -1);
  if (!writer.ok()) return false;
  std::vector<std::string> names;
  for (int m = 0; m < num_metrics; ++m) {
    names.push_back(metric_name(m));
    (*writer)->declare({names.back(), "", "made up", false});
  }
  std::mt19937 random(5);
  std::normal_distribution<double> normal(0.0, 1.0);
  Steps steps;
  std::int64_t queued = 0;
  for (std::int64_t i = 0; i < num_steps; ++i) {
    const store::Position at = steps.next();
    const double level =
        2.0 + 3.0 * std::exp(-3.0 * static_cast<double>(i) / static_cast<double>(num_steps));
    for (const std::string& name : names) (*writer)->scalar(name, at, level + 0.1 * normal(random));
    queued += num_metrics;
    if (queued < 100'000) continue;
    queued = 0;
    if (!(*writer)->flush().ok()) return false;
  }
  (*writer)->event("state", num_steps, Json::object({{"state", "completed"}}));
  if (!(*writer)->flush().ok()) return false;
  writer->reset();
  return std::filesystem::create_directory(done);
}

}  // namespace switchyard::bench
