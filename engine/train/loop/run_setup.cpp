#include "engine/train/loop/run_setup.h"

#include <utility>

#include "engine/base/config/presets.h"
#include "engine/base/core/file_system.h"
#include "engine/base/core/limits.h"
#include "engine/base/store/run_folder.h"
#include "engine/train/routing/router.h"

namespace switchyard::train {
namespace {

Error usage(std::string where, std::string message, std::string hint) {
  return {ErrorCode::kUsage, std::move(where), std::move(message), std::move(hint), {}};
}

Result<Json> read_config_file(const std::string& path) {
  SY_ASSIGN_OR_RETURN(const std::string text, read_file(path, limits::kConfigBytes));
  JsonLimits bounds;
  bounds.max_bytes = limits::kConfigBytes;
  bounds.max_depth = limits::kConfigDepth;
  bounds.max_values = limits::kConfigValues;
  auto document = parse_json(text, path, bounds);
  if (!document.ok()) {
    Error error = std::move(document).error();
    error.code = ErrorCode::kConfig;
    return error;
  }
  return document;
}

bool is_run_there(const std::string& run_dir) {
  const auto info = real_file_system().info(store::RunPaths{run_dir}.config());
  return info.ok() && info->exists;
}

Error refused_change(const config::Difference& change) {
  return {ErrorCode::kConfig,
          change.pointer,
          "cannot change when a run is resumed: it was " + change.left.dump() + ", now " +
              change.right.dump() + ".",
          "Leave it as it was, or start a new run.",
          {}};
}

void plan_resume(const RunRequest& request, PlannedRun& plan) {
  auto stored = store::read_run_config(request.run_dir);
  if (!stored.ok()) {
    plan.errors.push_back(std::move(stored).error());
    return;
  }
  Json wanted = *stored;
  std::string source = request.run_dir + "/config.json";
  if (request.preset.empty() && request.config_file.empty()) {
    for (const std::string& setting : request.settings) {
      const Status status = config::apply_setting(wanted, setting);
      if (!status.ok()) plan.errors.push_back(status.error());
    }
  } else {
    auto loaded = load_config(request.preset, request.config_file, request.settings, source);
    if (!loaded.ok()) {
      plan.errors.push_back(std::move(loaded).error());
      return;
    }
    wanted = std::move(loaded).value();
  }
  config::Resolved resolved = config::resolve(program_schema(), wanted, source);
  plan.errors.insert(plan.errors.end(), resolved.errors.begin(), resolved.errors.end());
  if (!plan.ok()) return;
  plan.setup.config = std::move(resolved.config);
  plan.setup.is_resume = true;
  for (config::Difference& change :
       config::differences(program_schema(), *stored, plan.setup.config)) {
    if (change.is_resumable) {
      plan.setup.changes.push_back(std::move(change));
    } else {
      plan.errors.push_back(refused_change(change));
    }
  }
}

}  // namespace

const config::Schema& program_schema() {
  static const config::Schema schema = config::run_schema(router_declarations());
  return schema;
}

Result<Json> load_config(const std::string& preset,
                         const std::string& config_file,
                         const std::vector<std::string>& settings,
                         std::string& source) {
  if (preset.empty() == config_file.empty()) {
    return usage("--preset",
                 preset.empty() ? "expected --preset NAME or --config FILE, found neither."
                                : "expected --preset NAME or --config FILE, found both.",
                 "`switchyard-engine presets` lists the names.");
  }
  Json document;
  if (!preset.empty()) {
    SY_ASSIGN_OR_RETURN(config::Preset found,
                        config::load_preset(config::configs_directory(), preset));
    document = std::move(found.config);
    source = "preset " + preset;
  } else {
    SY_ASSIGN_OR_RETURN(document, read_config_file(config_file));
    if (document.is_object()) {  // a preset file given by path brings its card along
      std::erase_if(document.mutable_members(),
                    [](const Json::Member& member) { return member.first == "preset"; });
    }
    source = config_file;
  }
  SY_ASSIGN_OR_RETURN(document, config::migrate(std::move(document), source));
  for (const std::string& setting : settings) {
    SY_RETURN_IF_ERROR(config::apply_setting(document, setting));
  }
  return document;
}

PlannedRun plan_run(const RunRequest& request) {
  PlannedRun plan;
  plan.setup.run_dir = request.run_dir;
  const bool has_config = !request.preset.empty() || !request.config_file.empty();
  if (request.is_resume && request.run_dir.empty()) {
    plan.errors.push_back(usage("--resume", "expected --run DIR with it, found none.", ""));
    return plan;
  }
  if (request.is_resume && (is_run_there(request.run_dir) || !has_config)) {
    plan_resume(request, plan);
    return plan;
  }
  std::string source;
  auto loaded = load_config(request.preset, request.config_file, request.settings, source);
  if (!loaded.ok()) {
    plan.errors.push_back(std::move(loaded).error());
    return plan;
  }
  config::Resolved resolved = config::resolve(program_schema(), *loaded, source);
  plan.errors = std::move(resolved.errors);
  if (!plan.ok()) return plan;
  plan.setup.config = std::move(resolved.config);
  if (plan.setup.run_dir.empty()) {
    plan.setup.run_dir =
        store::next_run_directory(store::runs_directory(), plan.setup.config["name"].as_string());
  } else if (is_run_there(request.run_dir)) {
    store::LockHolder holder;
    if (store::RunLock::is_held(request.run_dir, &holder)) {
      plan.errors.push_back(
          {ErrorCode::kBusy,
           request.run_dir,
           "the run is being trained by process " + std::to_string(holder.pid) + ".",
           "`switchyard-engine ctl RUN stop` ends it.",
           {}});
    } else {
      plan.errors.push_back(usage(request.run_dir,
                                  "expected a new folder, found one that holds a run already.",
                                  "Continue it with --resume, or choose another --run."));
    }
  }
  return plan;
}

}  // namespace switchyard::train
