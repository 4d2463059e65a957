#include "ui/model/machine_info.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include <sched.h>

#include "engine/base/core/file_system.h"

namespace switchyard::ui {
namespace {

int cores_of_this_process() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

/// The number of a line like "MemTotal:  24576 kB", in bytes.
std::uint64_t kilobytes(std::string_view line) {
  const std::size_t digit = line.find_first_of("0123456789");
  if (digit == std::string_view::npos) return 0;
  std::uint64_t value = 0;
  std::from_chars(line.data() + digit, line.data() + line.size(), value);
  return value * 1024;
}

void read_memory(const std::string& proc, MachineInfo& info) {
  std::ifstream file(proc + "/meminfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("MemTotal:")) info.memory_bytes = kilobytes(line);
    if (line.starts_with("MemAvailable:")) info.memory_available_bytes = kilobytes(line);
  }
}

std::string model_of(const std::filesystem::path& information) {
  std::ifstream file(information);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("Model:")) continue;
    const std::size_t text = line.find_first_not_of(" \t", 6);
    return text == std::string::npos ? "GPU" : line.substr(text);
  }
  return "GPU";
}

void read_gpus(const std::string& proc, MachineInfo& info) {
  std::error_code problem;
  const std::filesystem::path folder = proc + "/driver/nvidia/gpus";
  for (std::filesystem::directory_iterator at(folder, problem), end; !problem && at != end;
       at.increment(problem)) {
    info.gpus.push_back(model_of(at->path() / "information"));
  }
  std::sort(info.gpus.begin(), info.gpus.end());
}

}  // namespace

MachineInfo read_machine_info(const std::string& proc, const std::string& runs) {
  MachineInfo info;
  info.num_cores = cores_of_this_process();
  read_memory(proc, info);
  read_gpus(proc, info);
  std::filesystem::path place = runs;
  std::error_code problem;
  while (!std::filesystem::exists(place, problem) && place.has_relative_path())
    place = place.parent_path();
  const auto free = real_file_system().free_bytes(place.empty() ? "." : place.string());
  if (free.ok()) info.disk_free_bytes = free.value();
  return info;
}

}  // namespace switchyard::ui
