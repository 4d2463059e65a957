#include "ui/client/run_manager.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "engine/base/checkpoint/checkpoint.h"
#include "engine/base/core/file_system.h"
#include "engine/base/store/run_folder.h"
#include "engine/base/store/run_queue.h"
#include "ui/client/launcher.h"
#include "ui/client/run_files.h"

namespace switchyard::ui {
namespace {

constexpr auto kWantedInterval = std::chrono::seconds(1);
constexpr auto kQuietInterval = std::chrono::seconds(5);
constexpr std::uint64_t kMostNoteBytes = 1 << 20;
constexpr std::size_t kLogBytes = 4000;
constexpr std::size_t kMostEnded = 20;

/// Two feeds with the same text look the same.
std::string text_of(const RunsFeed& feed) {
  std::string text;
  const auto add = [&](const auto&... parts) { ((text += parts, text += '\n'), ...); };
  for (const QueueItem& item : feed.queue) add(item.id, item.run, item.is_running ? "+" : "-");
  for (const QueueEnd& end : feed.ended) add(end.run, end.state, std::to_string(end.wall_time));
  for (const TrashedRun& run : feed.trash) add(run.path);
  add(feed.is_queue_running ? "on" : "off",
      feed.import.path,
      std::to_string(feed.import.fraction),
      feed.import.is_active ? "+" : "-",
      feed.checkpoints_of);
  for (const CheckpointItem& item : feed.checkpoints)
    add(std::to_string(item.step), item.is_best ? "best" : "");
  add(feed.failure.root, feed.failure.crash_note, feed.failure.log);
  return text;
}

std::string count_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " run" : " runs");
}

}  // namespace

std::string program_in_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  folders += ':';
  for (std::size_t start = 0, end; (end = folders.find(':', start)) != std::string::npos;
       start = end + 1) {
    const std::string program = folders.substr(start, end - start) + "/" + name;
    if (program[0] == '/' && access(program.c_str(), X_OK) == 0) return program;
  }
  return "";
}

RunManager::RunManager(std::string runs, Mailbox& mailbox, Library& library)
    : runs_(std::move(runs)),
      mailbox_(mailbox),
      library_(library),
      feed_(std::make_shared<const RunsFeed>()),
      thread_([this] { work(); }) {}

RunManager::~RunManager() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void RunManager::carry_out(RunsOrder order) {
  {
    const std::lock_guard lock(mutex_);
    orders_.push_back(std::move(order));
  }
  wake_.notify_all();
}

void RunManager::say(NoticeKind kind, std::string title, std::string detail) {
  Notice notice;
  notice.kind = kind;
  notice.title = std::move(title);
  notice.detail = std::move(detail);
  mailbox_.put(std::move(notice));
}

void RunManager::say_failed(std::string title, const Error& error) {
  say(NoticeKind::kFailure, std::move(title), error.text());
}

void RunManager::work() {
  folder_program_ = program_in_path("xdg-open");
  next_.can_open_folders = !folder_program_.empty();
  for (;;) {
    look();
    std::vector<RunsOrder> orders;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, is_wanted_.load() ? kWantedInterval : kQuietInterval, [this] {
        return is_stopping_.load() || !orders_.empty();
      });
      if (is_stopping_) return;
      orders = std::exchange(orders_, {});
    }
    for (const RunsOrder& order : orders) std::visit([this](const auto& one) { take(one); }, order);
  }
}

void RunManager::look() {
  next_.queue.clear();
  for (const store::QueuedRun& run : store::list_queue(runs_))
    next_.queue.push_back({run.id, run.name, run.preset, run.max_steps, run.is_running, run.run});
  next_.ended.clear();
  for (const store::QueueOutcome& end : store::list_queue_outcomes(runs_)) {
    if (next_.ended.size() < kMostEnded)
      next_.ended.push_back({end.name, end.run, end.state, end.message, end.wall_time});
  }
  next_.is_queue_running = store::QueueRunner::is_running(runs_);
  next_.trash = list_trash(runs_);
  publish();
}

void RunManager::publish() {
  std::string text = text_of(next_);
  if (text == published_) return;
  published_ = std::move(text);
  feed_ = std::make_shared<const RunsFeed>(next_);
  mailbox_.wake();
}

void RunManager::take(const TrashRuns& order) {
  RestoreRuns undo;
  for (const std::string& root : order.roots) {
    auto moved = trash_run(runs_, root);
    if (moved.ok()) {
      undo.paths.push_back(moved.value());
    } else {
      say_failed(base_name(root) + " was not moved to the trash", moved.error());
    }
  }
  library_.refresh();
  if (undo.paths.empty()) return;
  Notice notice;
  notice.kind = NoticeKind::kInfo;
  notice.title = undo.paths.size() == 1 ? base_name(undo.paths[0]) + " is in the trash"
                                        : count_text(undo.paths.size()) + " are in the trash";
  notice.detail = "Nothing is deleted until the trash is emptied.";
  notice.action = "Undo";
  notice.command = std::make_shared<const Command>(RunsOrder(std::move(undo)));
  mailbox_.put(std::move(notice));
}

void RunManager::take(const RestoreRuns& order) {
  for (const std::string& path : order.paths) {
    const auto restored = restore_run(runs_, path);
    if (!restored.ok()) say_failed(base_name(path) + " was not put back", restored.error());
  }
  library_.refresh();
}

void RunManager::take(const EmptyTrash&) {
  const std::size_t count = list_trash(runs_).size();
  const Status emptied = empty_trash(runs_);
  if (emptied.ok()) {
    say(NoticeKind::kOk, "The trash is empty", count_text(count) + " deleted.");
  } else {
    say_failed("The trash could not be emptied", emptied.error());
  }
}

void RunManager::take(const ImportRun& order) {
  next_.import = {order.path, 0.0, true};
  publish();
  const auto imported = import_run(runs_, order.path, [this](double fraction) {
    // Whole per cents only: the picture need not change more often.
    next_.import.fraction = static_cast<double>(static_cast<int>(fraction * 100.0)) / 100.0;
    publish();
    return !is_stopping_.load();
  });
  next_.import = {};
  if (imported.ok()) {
    say(NoticeKind::kOk, base_name(imported.value()) + " was imported");
  } else if (imported.error().code != ErrorCode::kStopped) {
    say_failed("The folder was not imported", imported.error());
  }
  library_.refresh();
}

void RunManager::take(const OpenFolder& order) {
  const auto started = launch_detached({folder_program_, order.path}, "/dev/null");
  if (!started.ok()) say_failed("The folder could not be shown", started.error());
}

void RunManager::take(const SaveTable& order) {
  std::error_code problem;
  const std::filesystem::path name(order.name);
  std::string path = runs_ + "/" + order.name;
  for (int i = 2; std::filesystem::exists(path, problem); ++i)
    path = runs_ + "/" + name.stem().string() + "-" + std::to_string(i) + name.extension().string();
  const Status written = write_file_durably(path, order.text);
  if (written.ok()) {
    say(NoticeKind::kOk, "The table was saved", path);
  } else {
    say_failed("The table was not saved", written.error());
  }
}

void RunManager::take(const ListCheckpoints& order) {
  const auto scan =
      checkpoint::scan(store::RunPaths{order.root}.checkpoints(), checkpoint::ScanDepth::kSizes);
  next_.checkpoints_of = order.root;
  next_.checkpoints.clear();
  for (const checkpoint::Found& found : scan.valid)
    next_.checkpoints.push_back({found.step, 0.0, found.manifest["is_best"].as_bool()});
}

void RunManager::take(const ReadFailure& order) {
  next_.failure = {};
  next_.failure.root = order.root;
  const auto note = read_file(store::RunPaths{order.root}.crash_note(), kMostNoteBytes);
  if (note.ok()) next_.failure.crash_note = note.value();
  next_.failure.log = log_tail(order.root + ".log", kLogBytes);
  if (next_.failure.log.empty())
    next_.failure.log = log_tail(store::RunPaths{order.root}.log(), kLogBytes);
}

void RunManager::start_queue() {
  if (store::QueueRunner::is_running(runs_)) return;
  const auto started =
      launch_detached({engine_path(), "queue", "run"}, runs_ + "/.queue/runner.log");
  if (!started.ok()) say_failed("The queue could not be started", started.error());
}

void RunManager::take(const QueueAdd& order) {
  const auto added = store::enqueue(runs_, order.name, order.config);
  if (!added.ok()) {
    say_failed("Nothing was added to the queue", added.error());
    return;
  }
  start_queue();
  say(NoticeKind::kOk,
      added->name + " waits in the queue",
      "It trains when those before it ended.");
}

void RunManager::take(const QueueRemove& order) {
  const Status removed = store::remove_queued(runs_, order.id);
  if (!removed.ok()) say_failed("The entry was not removed", removed.error());
}

void RunManager::take(const QueueMove& order) {
  const auto moved = store::move_queued(runs_, order.id, order.position);
  if (!moved.ok()) say_failed("The entry was not moved", moved.error());
}

void RunManager::take(const QueueStart&) {
  start_queue();
}

void RunManager::take(const ForkRun& order) {
  library_.fork(order.parent, order.step, order.settings);
}

void RunManager::take(const RetryRun& order) {
  library_.retry(order.root, order.settings, order.is_new_run);
}

}  // namespace switchyard::ui
