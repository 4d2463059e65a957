#include "engine/base/sweep/sweep_runs.h"

#include <array>
#include <vector>

#include "engine/base/core/file_system.h"

namespace switchyard::sweep {
namespace {

constexpr std::uint64_t kMostNoteBytes = 1 << 20;
constexpr std::array kStateNames{"waiting", "interrupted", "training", "done", "failed", "foreign"};

bool is_there(const std::string& path) {
  const auto info = real_file_system().info(path);
  return info.ok() && info->exists;
}

/// The note of a failure as a state; waiting when there is none.
RunState noted_failure(const std::string& path) {
  if (!is_there(path)) return {};
  const auto text = read_file(path, kMostNoteBytes);
  const auto note = text.ok() ? parse_json(*text, path) : Result<Json>(text.error());
  if (!note.ok()) return {State::kFailed, note.error().text(), 1};
  return {State::kFailed,
          (*note)["reason"].as_string(),
          static_cast<int>((*note)["exit_code"].as_integer(1))};
}

/// The first key that may not change in a run and does; empty when the run is the sweep's.
std::string foreign_key(const config::Schema& schema, const Json& stored, const Json& wanted) {
  // A run of an older program has an older version, and no value for keys that are newer than it.
  const auto migrated = config::migrate(stored, "");
  const config::Resolved resolved = config::resolve(schema, migrated.ok() ? *migrated : stored, "");
  for (const config::Difference& found :
       config::differences(schema, resolved.ok() ? resolved.config : stored, wanted)) {
    if (!found.is_resumable)
      return found.pointer + " is " + found.left.dump() + " there, and " + found.right.dump() +
             " in the sweep";
  }
  return "";
}

}  // namespace

const char* state_name(State state) {
  return kStateNames[static_cast<std::size_t>(state)];
}

RunState state_of(const config::Schema& schema, const Paths& paths, const Run& run) {
  const std::string root = paths.run(run);
  const RunState failure = noted_failure(paths.failure(run));
  if (!is_there(store::RunPaths{root}.config())) return failure;
  const auto stored = store::read_run_config(root);
  if (!stored.ok()) return {State::kFailed, stored.error().text(), 1};
  const std::string foreign = foreign_key(schema, *stored, run.config);
  if (!foreign.empty()) return {State::kForeign, "another run stands there: " + foreign, 2};
  const store::RunSummary summary = store::summarize_run(root);
  if (summary.state == "running" || summary.state == "paused" || summary.state == "stopping")
    return {State::kTraining, "", 0};
  const std::int64_t max_steps = run.config["train"]["max_steps"].as_integer();
  if (summary.state == "completed" && summary.step >= max_steps) return {State::kDone, "", 0};
  if (failure.state == State::kFailed) return failure;
  if (summary.state == "failed" || summary.state == "damaged")
    return {State::kFailed, summary.detail, 1};
  return {summary.state == "created" ? State::kWaiting : State::kInterrupted, "", 0};
}

Status prepare_run(const Paths& paths, const Run& run) {
  const std::string root = paths.run(run);
  SY_RETURN_IF_ERROR(make_directories(paths.root()));
  if (is_there(paths.failure(run)))
    SY_RETURN_IF_ERROR(real_file_system().remove(paths.failure(run)));
  SY_RETURN_IF_ERROR(write_file_durably(paths.config(run), run.config.dump(2) + "\n"));
  SY_RETURN_IF_ERROR(make_directories(root));
  return store::write_run_tags(root, {paths.name});
}

Status note_failure(const Paths& paths, const Run& run, const std::string& reason, int exit_code) {
  SY_RETURN_IF_ERROR(make_directories(paths.root() + "/failed"));
  return write_file_durably(
      paths.failure(run),
      Json::object({{"reason", Json(reason)}, {"exit_code", Json(exit_code)}}).dump(2) + "\n");
}

Result<store::RunLock> lock_sweep(const Paths& paths) {
  SY_RETURN_IF_ERROR(make_directories(paths.root()));
  return store::RunLock::acquire_file(paths.lock(),
                                      paths.root(),
                                      "a sweep that no process trains",
                                      "`switchyard-engine sweep table` shows how far it is.");
}

}  // namespace switchyard::sweep
