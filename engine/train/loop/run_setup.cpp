#include "engine/train/loop/run_setup.h"

#include <filesystem>
#include <system_error>
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
          "cannot change when a run goes on: it was " + change.left.dump() + ", now " +
              change.right.dump() + ".",
          "Leave it as it was, or start a new run.",
          {}};
}

/// The stored configuration of `root` with what the request changes.
void plan_continuation(const RunRequest& request, const std::string& root, PlannedRun& plan) {
  std::string source = root + "/config.json";
  auto stored = store::read_run_config(root);
  if (!stored.ok()) {
    plan.errors.push_back(std::move(stored).error());
    return;
  }
  Json wanted = *stored;
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
  for (config::Difference& change :
       config::differences(program_schema(), *stored, plan.setup.config)) {
    if (change.is_resumable) {
      plan.setup.changes.push_back(std::move(change));
    } else {
      plan.errors.push_back(refused_change(change));
    }
  }
  if (!plan.ok()) return;
  const Status split = check_batch_split(*stored, plan.setup.config);
  if (!split.ok()) plan.errors.push_back(split.error());
}

/// A run folder that does not hold a run yet.
void plan_new_folder(const RunRequest& request, PlannedRun& plan) {
  if (request.run_dir.empty()) {
    plan.setup.run_dir =
        store::next_run_directory(store::runs_directory(), plan.setup.config["name"].as_string());
    return;
  }
  if (!is_run_there(request.run_dir)) return;
  store::LockHolder holder;
  if (store::RunLock::is_held(request.run_dir, &holder)) {
    plan.errors.push_back(
        {ErrorCode::kBusy,
         request.run_dir,
         "the run is being trained by process " + std::to_string(holder.pid) + ".",
         "`switchyard-engine ctl RUN stop` ends it.",
         {}});
    return;
  }
  plan.errors.push_back(usage(request.run_dir,
                              "expected a new folder, found one that holds a run already.",
                              "Continue it with --resume, or choose another --run."));
}

void plan_fork(const RunRequest& request, PlannedRun& plan) {
  if (request.is_resume) {
    plan.errors.push_back(
        usage("--fork", "expected --fork or --resume, found both.", "A fork is a run of its own."));
    return;
  }
  plan_continuation(request, request.fork, plan);
  if (!plan.ok()) return;
  std::error_code failed;
  const std::filesystem::path root = std::filesystem::absolute(request.fork, failed);
  std::string parent = failed ? request.fork : root.lexically_normal().string();
  while (parent.size() > 1 && parent.ends_with('/')) parent.pop_back();
  plan.setup.fork = ForkSource{std::move(parent), request.checkpoint};
  plan_new_folder(request, plan);
}

}  // namespace

const config::Schema& program_schema() {
  static const config::Schema schema = config::run_schema(routing_declarations());
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

Status check_batch_split(const Json& before, const Json& after) {
  const auto sequences = [](const Json& config) {
    return config["train"]["micro_batch_size"].as_integer() *
           config["train"]["grad_accum_steps"].as_integer();
  };
  if (sequences(before) == sequences(after)) return {};
  return Error{ErrorCode::kConfig,
               "/train/micro_batch_size",
               "expected micro_batch_size x grad_accum_steps to stay " +
                   std::to_string(sequences(before)) + ", found " +
                   std::to_string(sequences(after)) + ".",
               "Change both together, or start a new run.",
               {}};
}

PlannedRun plan_run(const RunRequest& request) {
  PlannedRun plan;
  plan.setup.run_dir = request.run_dir;
  if (!request.fork.empty()) {
    plan_fork(request, plan);
    return plan;
  }
  const bool has_config = !request.preset.empty() || !request.config_file.empty();
  if (request.is_resume && request.run_dir.empty()) {
    plan.errors.push_back(usage("--resume", "expected --run DIR with it, found none.", ""));
    return plan;
  }
  if (request.is_resume && (is_run_there(request.run_dir) || !has_config)) {
    plan_continuation(request, request.run_dir, plan);
    plan.setup.is_resume = true;
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
  plan_new_folder(request, plan);
  return plan;
}

}  // namespace switchyard::train
