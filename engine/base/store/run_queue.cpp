#include "engine/base/store/run_queue.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "engine/base/core/clock.h"
#include "engine/base/core/file_system.h"
#include "engine/base/core/limits.h"

namespace switchyard::store {
namespace {

constexpr std::int64_t kSpacing = 10;  // room to move an entry between two others
constexpr std::size_t kMostOutcomes = 50;
constexpr std::uint64_t kMostNoteBytes = 1 << 20;

/// Keeps other processes from changing entries while it lives; waits for them (they hold it for a
/// few file operations).
class EditLock {
 public:
  static Result<EditLock> acquire(const QueuePaths& paths) {
    SY_RETURN_IF_ERROR(make_directories(paths.root()));
    const std::string path = paths.edit_lock();
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (descriptor < 0) return error_from_errno(errno, path, "open the lock of the queue");
    EditLock lock(descriptor);
    while (::flock(descriptor, LOCK_EX) != 0) {
      if (errno != EINTR) return error_from_errno(errno, path, "lock the queue");
    }
    return lock;
  }

  EditLock(EditLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

  EditLock(const EditLock&) = delete;
  EditLock& operator=(const EditLock&) = delete;
  EditLock& operator=(EditLock&&) = delete;

  ~EditLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  explicit EditLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

struct Entry {
  std::int64_t number = 0;
  std::string id, name;
};

std::string id_from(std::int64_t number, const std::string& name) {
  char digits[32] = {};
  std::snprintf(digits, sizeof digits, "%04lld-", static_cast<long long>(number));
  return digits + name;
}

std::optional<Entry> entry_from(const std::string& file) {
  constexpr std::string_view kEnding = ".json";
  const std::size_t dash = file.find('-');
  if (!file.ends_with(kEnding) || dash == std::string::npos || dash == 0) return std::nullopt;
  Entry entry;
  const auto [end, error] = std::from_chars(file.data(), file.data() + dash, entry.number);
  if (error != std::errc() || end != file.data() + dash || entry.number < 0) return std::nullopt;
  entry.id = file.substr(0, file.size() - kEnding.size());
  entry.name = entry.id.substr(dash + 1);
  if (entry.name.empty()) return std::nullopt;
  return entry;
}

std::string file_of(const QueuePaths& paths, const std::string& id) {
  return paths.root() + "/" + id + ".json";
}

std::vector<Entry> read_entries(const QueuePaths& paths) {
  std::vector<Entry> entries;
  const auto names = real_file_system().list(paths.root());
  if (!names.ok()) return entries;  // nothing was ever queued
  for (const std::string& name : *names) {
    if (auto entry = entry_from(name)) entries.push_back(std::move(*entry));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.number != b.number ? a.number < b.number : a.id < b.id;
  });
  return entries;
}

struct Current {
  std::string id, run;
};

/// The entry that a runner has taken; empty when none, or when the note is unreadable (then the
/// entry is trained again from its start).
Current read_current(const QueuePaths& paths) {
  const auto text = read_file(paths.current(), kMostNoteBytes);
  if (!text.ok()) return {};
  const auto note = parse_json(*text, paths.current());
  if (!note.ok()) return {};
  return {(*note)["id"].as_string(), (*note)["run"].as_string()};
}

QueuedRun queued_from(const QueuePaths& paths, const Entry& entry, const Current& current) {
  QueuedRun queued{entry.id, entry.name, file_of(paths, entry.id), "", 0, false, ""};
  if (entry.id == current.id) {
    queued.is_running = RunLock::is_file_held(paths.lock());
    queued.run = current.run;
  }
  const auto text = read_file(queued.config, limits::kConfigBytes);
  if (!text.ok()) return queued;  // removed meanwhile, or not ours to judge: training names it
  const auto config = parse_json(*text, queued.config);
  if (!config.ok()) return queued;
  queued.preset = (*config)["name"].as_string();
  queued.max_steps = (*config)["train"]["max_steps"].as_integer();
  return queued;
}

Error no_such_entry(const QueuePaths& paths, const std::string& id) {
  return {ErrorCode::kUsage,
          paths.root(),
          "expected the id of an entry that waits, found `" + id + "`.",
          "`switchyard-engine queue list` shows them; moving an entry changes its id.",
          {}};
}

Result<std::size_t> find_waiting(const QueuePaths& paths,
                                 const std::vector<Entry>& entries,
                                 const std::string& id) {
  const auto found = std::find_if(
      entries.begin(), entries.end(), [&](const Entry& entry) { return entry.id == id; });
  if (found == entries.end()) return no_such_entry(paths, id);
  if (read_current(paths).id == id && RunLock::is_file_held(paths.lock())) {
    return Error{ErrorCode::kUsage,
                 paths.root(),
                 "`" + id + "` is being trained.",
                 "Stop the run itself: `switchyard-engine ctl RUN stop`.",
                 {}};
  }
  return static_cast<std::size_t>(found - entries.begin());
}

Status rename_entry(const QueuePaths& paths, Entry& entry, std::int64_t number) {
  const std::string id = id_from(number, entry.name);
  SY_RETURN_IF_ERROR(real_file_system().rename(
      file_of(paths, entry.id), file_of(paths, id), RenameMode::kNoReplace));
  entry.number = number;
  entry.id = id;
  return {};
}

/// Gives the entries from `first` on numbers above all present ones, last one first, so that the
/// order holds at every moment.
Status make_room(const QueuePaths& paths, std::vector<Entry>& entries, std::size_t first) {
  const std::int64_t top = entries.back().number;
  for (std::size_t i = entries.size(); i-- > first;) {
    const auto place = static_cast<std::int64_t>(i - first + 1);
    SY_RETURN_IF_ERROR(rename_entry(paths, entries[i], top + place * kSpacing));
  }
  return {};
}

Json json_from(const QueueOutcome& outcome) {
  return Json::object({{"id", Json(outcome.id)},
                       {"name", Json(outcome.name)},
                       {"run", Json(outcome.run)},
                       {"state", Json(outcome.state)},
                       {"message", Json(outcome.message)},
                       {"exit_code", Json(outcome.exit_code)},
                       {"wall_time", Json(outcome.wall_time)}});
}

}  // namespace

std::vector<QueuedRun> list_queue(const std::string& runs) {
  const QueuePaths paths{runs};
  std::vector<QueuedRun> queue;
  const Current current = read_current(paths);
  for (const Entry& entry : read_entries(paths)) {
    queue.push_back(queued_from(paths, entry, current));
  }
  std::stable_partition(
      queue.begin(), queue.end(), [&](const QueuedRun& entry) { return entry.id == current.id; });
  return queue;
}

std::vector<QueueOutcome> list_queue_outcomes(const std::string& runs) {
  const QueuePaths paths{runs};
  std::vector<QueueOutcome> outcomes;
  const auto names = real_file_system().list(paths.done());
  if (!names.ok()) return outcomes;  // none ended yet
  for (const std::string& name : *names) {
    const std::string path = paths.done() + "/" + name;
    const auto text = read_file(path, kMostNoteBytes);
    if (!text.ok()) continue;  // removed by the runner meanwhile
    const auto note = parse_json(*text, path);
    if (!note.ok()) continue;  // display only: a damaged note hides one line of history
    outcomes.push_back({(*note)["id"].as_string(),
                        (*note)["name"].as_string(),
                        (*note)["run"].as_string(),
                        (*note)["state"].as_string(),
                        (*note)["message"].as_string(),
                        static_cast<int>((*note)["exit_code"].as_integer()),
                        (*note)["wall_time"].as_number()});
  }
  std::stable_sort(
      outcomes.begin(), outcomes.end(), [](const QueueOutcome& a, const QueueOutcome& b) {
        return a.wall_time > b.wall_time;
      });
  return outcomes;
}

Result<QueuedRun> enqueue(const std::string& runs, const std::string& name, const Json& config) {
  const QueuePaths paths{runs};
  SY_ASSIGN_OR_RETURN(const EditLock lock, EditLock::acquire(paths));
  const std::vector<Entry> entries = read_entries(paths);
  const std::string taken = read_current(paths).id;
  const bool is_stale =
      !taken.empty() && std::none_of(entries.begin(), entries.end(), [&](const Entry& other) {
        return other.id == taken;
      });
  // Left by a runner that died after removing its entry: the new one may get the same id.
  if (is_stale) SY_RETURN_IF_ERROR(real_file_system().remove(paths.current()));
  Entry entry;
  entry.number = entries.empty() ? kSpacing : entries.back().number + kSpacing;
  entry.name = file_name_from(name.empty() ? config["name"].as_string() : name);
  entry.id = id_from(entry.number, entry.name);
  SY_RETURN_IF_ERROR(write_file_durably(file_of(paths, entry.id), config.dump(2) + "\n"));
  return queued_from(paths, entry, {});
}

Status remove_queued(const std::string& runs, const std::string& id) {
  const QueuePaths paths{runs};
  SY_ASSIGN_OR_RETURN(const EditLock lock, EditLock::acquire(paths));
  SY_RETURN_IF_ERROR(find_waiting(paths, read_entries(paths), id));
  SY_RETURN_IF_ERROR(real_file_system().remove(file_of(paths, id)));
  return real_file_system().sync_directory(paths.root());
}

Result<QueuedRun> move_queued(const std::string& runs,
                              const std::string& id,
                              std::size_t position) {
  const QueuePaths paths{runs};
  SY_ASSIGN_OR_RETURN(const EditLock lock, EditLock::acquire(paths));
  std::vector<Entry> entries = read_entries(paths);
  SY_ASSIGN_OR_RETURN(const std::size_t at, find_waiting(paths, entries, id));
  Entry moved = entries[at];
  entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(at));
  // The entry that trains keeps its place before all that wait.
  const std::string running = read_current(paths).id;
  const bool has_running =
      !running.empty() && std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) {
        return entry.id == running;
      });
  std::vector<Entry> waiting;
  for (const Entry& entry : entries) {
    if (!has_running || entry.id != running) waiting.push_back(entry);
  }
  const std::size_t place = std::min(position, waiting.size());
  if (waiting.empty()) return queued_from(paths, moved, {});
  if (place == waiting.size()) {
    SY_RETURN_IF_ERROR(rename_entry(paths, moved, waiting.back().number + kSpacing));
  } else {
    const std::int64_t below = place == 0 ? -1 : waiting[place - 1].number;
    if (waiting[place].number - below < 2) SY_RETURN_IF_ERROR(make_room(paths, waiting, place));
    const std::int64_t number = below + (waiting[place].number - below) / 2;
    if (number != moved.number) SY_RETURN_IF_ERROR(rename_entry(paths, moved, number));
  }
  SY_RETURN_IF_ERROR(real_file_system().sync_directory(paths.root()));
  return queued_from(paths, moved, {});
}

Result<QueueRunner> QueueRunner::start(const std::string& runs) {
  const QueuePaths paths{runs};
  SY_RETURN_IF_ERROR(make_directories(paths.root()));
  SY_ASSIGN_OR_RETURN(RunLock lock,
                      RunLock::acquire_file(paths.lock(),
                                            paths.root(),
                                            "a queue that no process works through",
                                            "New entries are trained by that process."));
  return QueueRunner(runs, std::move(lock));
}

bool QueueRunner::is_running(const std::string& runs, LockHolder* holder) {
  return RunLock::is_file_held(QueuePaths{runs}.lock(), holder);
}

Result<std::optional<QueuedRun>> QueueRunner::next() {
  const QueuePaths paths{runs_};
  SY_ASSIGN_OR_RETURN(const EditLock edit, EditLock::acquire(paths));
  const std::vector<Entry> entries = read_entries(paths);
  if (entries.empty()) {
    lock_.reset();  // under the edit lock: who adds an entry now sees that nobody works
    return std::optional<QueuedRun>();
  }
  Current current = read_current(paths);
  const auto taken = std::find_if(
      entries.begin(), entries.end(), [&](const Entry& entry) { return entry.id == current.id; });
  const Entry& entry = taken != entries.end() ? *taken : entries.front();
  if (taken == entries.end() || current.run.empty()) {
    current = {entry.id, next_run_directory(runs_, entry.name)};
    SY_RETURN_IF_ERROR(write_file_durably(
        paths.current(),
        Json::object({{"id", Json(current.id)}, {"run", Json(current.run)}}).dump() + "\n"));
  }
  return std::optional<QueuedRun>(queued_from(paths, entry, current));
}

Status QueueRunner::finish(const QueueOutcome& outcome) {
  const QueuePaths paths{runs_};
  SY_ASSIGN_OR_RETURN(const EditLock edit, EditLock::acquire(paths));
  SY_RETURN_IF_ERROR(make_directories(paths.done()));
  SY_RETURN_IF_ERROR(write_file_durably(
      paths.done() + "/" + outcome.id + "-" + unique_suffix().substr(0, 6) + ".json",
      json_from(outcome).dump(2) + "\n"));
  SY_RETURN_IF_ERROR(real_file_system().remove(file_of(paths, outcome.id)));
  SY_RETURN_IF_ERROR(real_file_system().remove(paths.current()));
  SY_RETURN_IF_ERROR(real_file_system().sync_directory(paths.root()));
  std::vector<std::pair<double, std::string>> notes;
  SY_ASSIGN_OR_RETURN(const auto names, real_file_system().list(paths.done()));
  if (names.size() <= kMostOutcomes) return {};
  for (const std::string& name : names) {
    const auto text = read_file(paths.done() + "/" + name, kMostNoteBytes);
    const auto note = text.ok() ? parse_json(*text, name) : Result<Json>(text.error());
    notes.emplace_back(note.ok() ? (*note)["wall_time"].as_number() : 0.0, name);
  }
  std::sort(notes.begin(), notes.end());
  for (std::size_t i = 0; i + kMostOutcomes < notes.size(); ++i) {
    SY_RETURN_IF_ERROR(real_file_system().remove(paths.done() + "/" + notes[i].second));
  }
  return {};
}

}  // namespace switchyard::store
