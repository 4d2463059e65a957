#include "ui/model/fork.h"

#include <algorithm>
#include <cstdlib>

#include "engine/base/config/schema.h"

namespace switchyard::ui {
namespace {

/// The value at a dotted path, nullptr when there is none.
const Json* value_at_path(const Json& config, const std::string& path) {
  const Json* at = &config;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('.', start), path.size());
    const std::string key = path.substr(start, end - start);
    if (at->is_array()) {
      char* rest = nullptr;
      const unsigned long index = std::strtoul(key.c_str(), &rest, 10);
      if (key.empty() || *rest != '\0' || index >= at->size()) return nullptr;
      at = &at->items()[index];
    } else {
      at = at->find(key);
    }
    if (at == nullptr) return nullptr;
    start = end + 1;
  }
  return at;
}

void add_paths(const Json& value, const std::string& path, std::vector<std::string>& paths) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.members())
      add_paths(member, path.empty() ? key : path + "." + key, paths);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      add_paths(value[i], path + "." + std::to_string(i), paths);
  } else {
    paths.push_back(path);
  }
}

}  // namespace

std::int64_t nearest_checkpoint(std::span<const CheckpointItem> checkpoints, std::int64_t step) {
  if (checkpoints.empty()) return -1;
  if (step < 0) return checkpoints.back().step;
  std::int64_t best = checkpoints.front().step;
  for (const CheckpointItem& item : checkpoints) {
    if (std::abs(item.step - step) < std::abs(best - step)) best = item.step;
  }
  return best;
}

std::string fork_problem(std::span<const ForkSetting> settings, const Json& config) {
  for (const ForkSetting& setting : settings) {
    if (setting.path.empty() && setting.value.empty()) continue;
    if (setting.path.empty()) return "Which setting is " + setting.value + "?";
    if (setting.value.empty()) return setting.path + " needs a value.";
    if (config.is_object() && value_at_path(config, setting.path) == nullptr) {
      std::vector<std::string> paths;
      add_paths(config, "", paths);
      const std::string nearest = config::suggest(setting.path, paths);
      return "The run has no setting " + setting.path +
             (nearest.empty() ? "." : "; did you mean " + nearest + "?");
    }
  }
  return "";
}

std::vector<std::string> fork_assignments(std::span<const ForkSetting> settings) {
  std::vector<std::string> assignments;
  for (const ForkSetting& setting : settings) {
    if (!setting.path.empty()) assignments.push_back(setting.path + "=" + setting.value);
  }
  return assignments;
}

std::string fork_command(const std::string& parent,
                         std::int64_t step,
                         const std::vector<std::string>& assignments) {
  std::string text = "switchyard-engine train --fork " + parent + " --checkpoint " +
                     (step < 0 ? std::string("last") : std::to_string(step));
  for (const std::string& one : assignments) text += " --set " + one;
  return text;
}

}  // namespace switchyard::ui
