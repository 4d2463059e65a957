#include <algorithm>
#include <limits>

#include <sys/stat.h>

#include <SQLiteCpp/SQLiteCpp.h>

#include "engine/base/core/file_system.h"
#include "engine/base/store/chunk.h"
#include "engine/base/store/database.h"
#include "engine/base/store/run_folder.h"

namespace switchyard::store {
namespace {

double modified_time(const std::string& path) {
  struct stat known {};

  if (::stat(path.c_str(), &known) != 0) return 0.0;
  return static_cast<double>(known.st_mtim.tv_sec) +
         1e-9 * static_cast<double>(known.st_mtim.tv_nsec);
}

struct LastSample {
  std::int64_t sequence = -1;
  std::int64_t step = 0;
  double value = std::numeric_limits<double>::quiet_NaN();
};

/// The newest sample of a metric: the last row, or, right after folding, the end of a chunk.
LastSample last_sample(SQLite::Database& database, const std::string& metric) {
  LastSample last;
  SQLite::Statement row(database,
                        "SELECT sequence, step, value, kind FROM scalar_row WHERE metric = "
                        "(SELECT id FROM metric WHERE name = ?) ORDER BY attempt DESC, sequence "
                        "DESC LIMIT 1");
  row.bind(1, metric);
  if (row.executeStep()) {
    const int kind = row.getColumn(3).getInt();
    last = {row.getColumn(0).getInt64(),
            row.getColumn(1).getInt64(),
            kind == 0 ? row.getColumn(2).getDouble() : value_of_kind(kind)};
  }
  SQLite::Statement chunk(database,
                          "SELECT num_samples, samples, last_sequence FROM scalar_chunk WHERE "
                          "metric = (SELECT id FROM metric WHERE name = ?) ORDER BY attempt DESC, "
                          "last_sequence DESC LIMIT 1");
  chunk.bind(1, metric);
  if (chunk.executeStep() && chunk.getColumn(2).getInt64() > last.sequence) {
    const SQLite::Column blob = chunk.getColumn(1);
    const auto samples =
        samples_from_bytes(std::string_view(static_cast<const char*>(blob.getBlob()),
                                            static_cast<std::size_t>(blob.getBytes())),
                           chunk.getColumn(0).getInt64());
    if (samples.ok()) {
      last = {samples->back().sequence, samples->back().at.step, samples->back().value};
    }
  }
  return last;
}

void read_samples(SQLite::Database& database, RunSummary& summary) {
  const LastSample train = last_sample(database, "train_loss");
  const LastSample val = last_sample(database, "val_loss");
  summary.train_loss = train.value;
  summary.val_loss = val.value;
  summary.step = std::max(train.step, val.step);
}

void read_last_state(SQLite::Database& database, RunSummary& summary) {
  SQLite::Statement state(
      database,
      "SELECT step, detail FROM event WHERE kind = 'state' ORDER BY sequence DESC LIMIT 1");
  if (!state.executeStep()) return;
  const auto detail = parse_json(state.getColumn(1).getString(), "event");
  if (!detail.ok()) return;
  summary.state = (*detail)["state"].as_string();
  summary.detail = (*detail)["reason"].as_string();
  summary.step = std::max(summary.step, state.getColumn(0).getInt64());
  if ((*detail)["max_steps"].is_integer()) summary.max_steps = (*detail)["max_steps"].as_integer();
}

void read_parent(SQLite::Database& database, RunSummary& summary) {
  SQLite::Statement fork(
      database, "SELECT step, detail FROM event WHERE kind = 'fork' ORDER BY sequence LIMIT 1");
  if (!fork.executeStep()) return;
  const auto detail = parse_json(fork.getColumn(1).getString(), "event");
  if (!detail.ok()) return;  // a summary shows what it can
  summary.parent_root = (*detail)["parent"].as_string();
  summary.parent_name = (*detail)["parent_name"].as_string();
  summary.fork_step = fork.getColumn(0).getInt64();
  summary.step = std::max(summary.step, summary.fork_step);
}

Status read_database(const RunPaths& paths, RunSummary& summary) {
  SY_ASSIGN_OR_RETURN(const auto database,
                      open_for_reading(paths.database(), read_mode_of(paths.database())));
  try {
    SQLite::Transaction transaction(*database);
    read_samples(*database, summary);
    read_last_state(*database, summary);
    read_parent(*database, summary);
  } catch (const SQLite::Exception& exception) {
    return error_from_sqlite(exception, paths.database());
  }
  return {};
}

/// What the recorded state means, given whether a process lives: the lock decides, not the record.
std::string effective_state(const std::string& recorded, bool is_held) {
  const bool is_over = recorded == "completed" || recorded == "stopped" || recorded == "failed";
  if (is_held) return is_over || recorded.empty() ? "running" : recorded;
  if (recorded.empty()) return "created";
  return is_over ? recorded : "killed";
}

}  // namespace

RunSummary summarize_run(const std::string& root) {
  const RunPaths paths{root};
  RunSummary summary;
  summary.root = root;
  summary.name = base_name(root);
  summary.train_loss = std::numeric_limits<double>::quiet_NaN();
  summary.val_loss = std::numeric_limits<double>::quiet_NaN();
  summary.modified_wall_time = std::max({modified_time(paths.config()),
                                         modified_time(paths.database()),
                                         modified_time(paths.database() + "-wal")});
  const auto config = read_run_config(root);
  if (!config.ok()) {
    summary.state = "damaged";
    summary.detail = config.error().text();
    return summary;
  }
  summary.preset = (*config)["name"].as_string();
  summary.max_steps = (*config)["train"]["max_steps"].as_integer();
  const Status read = read_database(paths, summary);
  // Asked after reading: an engine that ended in between has written its last state before.
  const bool is_held = RunLock::is_held(root);
  if (!read.ok() && read.error().code != ErrorCode::kUnavailable &&
      read.error().code != ErrorCode::kBusy) {
    summary.state = "damaged";
    summary.detail = read.error().text();
    return summary;
  }
  if (!is_held && effective_state(summary.state, false) == "killed") {
    // The record may be older than the lock's release: look once more.
    const Status again = read_database(paths, summary);
    if (!again.ok()) summary.detail = again.error().text();
  }
  summary.state = effective_state(summary.state, is_held);
  return summary;
}

std::vector<RunSummary> list_runs(const std::string& runs) {
  std::vector<RunSummary> found;
  const auto names = real_file_system().list(runs);
  if (!names.ok()) return found;  // no runs yet
  for (const std::string& name : *names) {
    if (name.starts_with('.')) continue;
    const std::string root = runs + "/" + name;
    const auto config = real_file_system().info(RunPaths{root}.config());
    const auto database = real_file_system().info(RunPaths{root}.database());
    const bool is_run = (config.ok() && config->exists) || (database.ok() && database->exists);
    if (is_run) found.push_back(summarize_run(root));
  }
  std::sort(found.begin(), found.end(), [](const RunSummary& a, const RunSummary& b) {
    if (a.modified_wall_time != b.modified_wall_time) {
      return a.modified_wall_time > b.modified_wall_time;
    }
    return a.name < b.name;
  });
  return found;
}

}  // namespace switchyard::store
