#include <algorithm>
#include <set>

#include "engine/base/core/hash.h"
#include "engine/base/core/limits.h"
#include "engine/base/core/text.h"
#include "engine/base/store/run_folder.h"
#include "engine/base/sweep/sweep.h"

namespace switchyard::sweep {
namespace {

constexpr std::size_t kMostLabelBytes = 60;  // of a folder's name

/// One row of the table: how it is called and what it changes, in order.
struct Setting {
  std::string label;
  std::vector<Change> changes;
};

/// The last keys of each path, as few as tell the paths apart: "d_ff", or "0.feed_forward.d_ff".
std::vector<std::string> short_names(const std::vector<Axis>& axes) {
  const auto tail_of = [](const std::string& path, std::size_t num_keys) {
    std::size_t start = path.size();
    while (num_keys-- > 0 && start != std::string::npos && start > 0)
      start = path.rfind('.', start - 1);
    return start == std::string::npos || start == 0 ? path : path.substr(start + 1);
  };
  std::vector<std::string> names;
  for (const Axis& axis : axes) {
    std::size_t num_keys = 1;
    const auto is_ambiguous = [&] {
      return std::any_of(axes.begin(), axes.end(), [&](const Axis& other) {
        return other.path != axis.path &&
               tail_of(other.path, num_keys) == tail_of(axis.path, num_keys);
      });
    };
    while (is_ambiguous()) ++num_keys;
    names.push_back(tail_of(axis.path, num_keys));
  }
  return names;
}

/// A value as people read it; lists and objects by their place among the values.
std::string value_text(const Json& value, std::size_t index) {
  if (value.is_string()) return value.as_string();
  if (value.is_object() || value.is_array()) return "#" + std::to_string(index + 1);
  return value.is_number() && !value.is_integer() ? short_number(value.as_number()) : value.dump();
}

/// All combinations; the last axis changes fastest.
std::vector<Setting> all_settings(const Sweep& sweep) {
  std::vector<Setting> settings;
  for (const Variant& run : sweep.runs) settings.push_back({run.name, run.settings});
  if (settings.empty()) settings.emplace_back();
  const std::vector<std::string> names = short_names(sweep.axes);
  for (std::size_t a = 0; a < sweep.axes.size(); ++a) {
    const Axis& axis = sweep.axes[a];
    std::vector<Setting> longer;
    for (const Setting& setting : settings) {
      for (std::size_t i = 0; i < axis.values.size(); ++i) {
        Setting next = setting;
        next.label +=
            (next.label.empty() ? "" : " ") + names[a] + "=" + value_text(axis.values[i], i);
        next.changes.emplace_back(axis.path, axis.values[i]);
        longer.push_back(std::move(next));
      }
    }
    settings = std::move(longer);
  }
  if (settings.size() == 1 && settings[0].label.empty()) settings[0].label = "base";
  return settings;
}

/// The number of combinations, before any is made.
std::size_t num_runs_of(const Sweep& sweep) {
  std::size_t count = std::max<std::size_t>(1, sweep.runs.size());
  for (const Axis& axis : sweep.axes) count = std::min(count * axis.values.size(), kMostRuns + 1);
  return std::min(count * std::max<std::size_t>(1, sweep.seeds.size()), kMostRuns + 1);
}

/// "num_experts=8 top_k=2" -> "num_experts-8-top_k-2", at most kMostLabelBytes.
std::string folder_part(const std::string& label) {
  const std::string part = store::file_name_from(label);
  if (label.size() <= kMostLabelBytes) return part;
  return part.substr(0, kMostLabelBytes - 9) + "-" + hex_from_crc(crc32c(label));
}

/// Applies settings to a configuration. Errors name the setting instead of an option.
void apply_all(const std::vector<Change>& changes,
               const std::string& where,
               Json& config,
               std::vector<Error>& errors) {
  for (const auto& [path, value] : changes) {
    const Status applied = config::apply_setting(config, path + "=" + value.dump());
    if (applied.ok()) continue;
    Error error = applied.error();
    error.where = where + ", " + path;
    errors.push_back(std::move(error));
  }
}

void add_resolved(const config::Schema& schema,
                  const Json& base,
                  const Setting& setting,
                  const std::string& file,
                  std::vector<Json>& configs,
                  std::vector<Error>& errors) {
  const std::string where = file + " [" + setting.label + "]";
  Json config = base;
  const std::size_t errors_before = errors.size();
  apply_all(setting.changes, where, config, errors);
  if (errors.size() != errors_before) return;
  config::Resolved resolved = config::resolve(schema, config, where);
  errors.insert(errors.end(), resolved.errors.begin(), resolved.errors.end());
  configs.push_back(std::move(resolved.config));
}

void refuse_equal_names(const std::vector<Setting>& settings,
                        const std::string& file,
                        std::vector<Error>& errors) {
  std::set<std::string> names;
  for (const Setting& setting : settings) {
    if (names.insert(folder_part(setting.label)).second) continue;
    errors.push_back({ErrorCode::kConfig,
                      file + " [" + setting.label + "]",
                      "expected settings that give different folder names, found \"" +
                          folder_part(setting.label) + "\" twice.",
                      "List them as \"runs\" with names of their own.",
                      {}});
  }
}

}  // namespace

Plan make_plan(const config::Schema& schema,
               const Sweep& sweep,
               const Json& base,
               const std::string& file) {
  Plan plan;
  plan.name = sweep.name;
  if (num_runs_of(sweep) > kMostRuns) {
    plan.errors.push_back(
        {ErrorCode::kConfig,
         file,
         "expected at most " + std::to_string(kMostRuns) + " runs, found more combinations.",
         "Split the sweep, or drop values.",
         {}});
    return plan;
  }
  Json common = base;
  apply_all(sweep.settings, file + " /set", common, plan.errors);
  if (sweep.max_steps > 0)
    apply_all({{"train.max_steps", sweep.max_steps}}, file, common, plan.errors);
  if (!plan.ok()) return plan;
  const std::vector<Setting> settings = all_settings(sweep);
  refuse_equal_names(settings, file, plan.errors);
  std::vector<Json> configs;
  for (const Setting& setting : settings) {
    add_resolved(schema, common, setting, file, configs, plan.errors);
    if (plan.errors.size() >= limits::kConfigErrors) break;
    plan.settings.push_back(setting.label);
  }
  if (!plan.ok()) return plan;
  plan.seeds = sweep.seeds;
  if (plan.seeds.empty()) plan.seeds = {configs[0]["train"]["seed"].as_integer()};
  for (const std::int64_t seed : plan.seeds) {
    for (std::size_t i = 0; i < configs.size(); ++i) {
      Run run{sweep.name + "-" + folder_part(settings[i].label) + "-s" + std::to_string(seed),
              i,
              seed,
              configs[i]};
      run.config.find("train")->set("seed", seed);
      plan.runs.push_back(std::move(run));
    }
  }
  return plan;
}

}  // namespace switchyard::sweep
