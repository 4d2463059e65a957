#include "ui/client/run_watcher.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>

#include <sys/stat.h>

#include "engine/base/core/file_system.h"

namespace switchyard::ui {
namespace {

constexpr double kEngineInterval = 0.1;
constexpr double kLiveEngineInterval = 0.25;  ///< between looks at an engine that lives
constexpr double kFolderInterval = 0.25;
constexpr double kPublishInterval = 0.03;
constexpr double kPublishShare = 20.0;  ///< publishing may take 1/20 of the time
constexpr double kLongestUnread = 0.2;  ///< seconds without a query, whatever the log says
constexpr int kQueriesPerChange = 6;  ///< until one finds the news; a commit may take long to sync
constexpr auto kFastPoll = std::chrono::milliseconds(16);
constexpr auto kBusyPoll = std::chrono::milliseconds(25);  ///< right after something new was read
constexpr auto kSlowPoll = std::chrono::milliseconds(200);

/// What changes with every commit: SQLite writes the log beside the database with pwrite, so that
/// its time moves even where old frames are written over. The mapped index (-shm) has no such time.
struct stat log_stamp(const std::string& root) {
  struct stat info {};

  const std::string path = store::RunPaths{root}.database() + "-wal";
  if (stat(path.c_str(), &info) != 0) info = {};
  return info;
}

bool is_equal(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

std::uint64_t inode_of(const std::string& path) {
  struct stat info {};

  return stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_ino) : 0;
}

bool exists(const std::string& path) {
  std::error_code problem;
  return std::filesystem::exists(path, problem);
}

bool has_entries(const std::string& folder) {
  std::error_code problem;
  const std::filesystem::directory_iterator at(folder, problem);
  return !problem && at != std::filesystem::directory_iterator();
}

Error folder_error(const std::string& root, std::string message, std::string hint) {
  return {ErrorCode::kInputFile, root, std::move(message), std::move(hint), {}};
}

}  // namespace

std::optional<Error> run_folder_problem(const std::string& root) {
  const store::RunPaths paths{root};
  std::error_code problem;
  const auto status = std::filesystem::status(root, problem);
  if (!std::filesystem::exists(status))
    return folder_error(
        root,
        "expected a run folder, found nothing here.",
        "It may have been moved or deleted. Open it where it is now, or train a new run.");
  if (!std::filesystem::is_directory(status))
    return folder_error(root,
                        "expected a run folder, found a file.",
                        "Open the folder that holds run.db and config.json.");
  const bool has_database = exists(paths.database());
  const bool has_checkpoints = has_entries(paths.checkpoints());
  if (exists(paths.config())) {
    if (has_database || !has_checkpoints) return std::nullopt;
    return folder_error(
        root,
        "half of this run is missing: config.json and checkpoints are here, run.db "
        "with its curves and events is not.",
        "Put run.db back from a copy. Resuming goes on from the last checkpoint with "
        "a new history.");
  }
  if (has_database || has_checkpoints)
    return folder_error(root,
                        "half of this run is missing: config.json is not here.",
                        "Put config.json back from a copy of the run; checkpoints and curves are "
                        "untouched.");
  if (!has_entries(root))
    return folder_error(root,
                        "this folder is empty.",
                        "Train into it: switchyard-engine train --preset NAME --run " + root);
  return folder_error(root,
                      "this is not a run folder: it holds other files and no config.json.",
                      "Nothing in it was touched. Open another folder, or train a new run.");
}

RunWatcher::RunWatcher(Mailbox& mailbox, const Clock& clock)
    : mailbox_(mailbox),
      clock_(clock),
      view_(std::make_shared<const RunView>()),
      thread_([this] { work(); }) {}

RunWatcher::~RunWatcher() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  stop_watching();
}

void RunWatcher::watch(const std::string& root, std::optional<LaunchedEngine> launched) {
  {
    const std::lock_guard lock(mutex_);
    next_ = Target{root, std::move(launched)};
  }
  wake_.notify_all();
}

void RunWatcher::set_attached(bool is_attached) {
  if (is_attached_.exchange(is_attached) != is_attached) wake_.notify_all();
}

void RunWatcher::work() {
  for (;;) {
    std::optional<Target> target;
    {
      std::unique_lock lock(mutex_);
      const auto live = has_news_ ? kBusyPoll : kFastPoll;
      const auto calm = link_.is_alive && reader_ != nullptr ? live : kSlowPoll;
      const auto wait = has_more_ ? std::chrono::milliseconds(0) : calm;
      const bool was_attached = link_.is_attached;
      wake_.wait_for(lock, wait, [&] {
        return is_stopping_ || next_.has_value() || is_attached_.load() != was_attached ||
               is_asked_;
      });
      if (std::exchange(is_asked_, false)) num_queries_due_ = std::max(num_queries_due_, 1);
      if (is_stopping_) return;
      target = std::exchange(next_, std::nullopt);
    }
    if (target.has_value()) start_watching(*std::move(target));
    if (builder_ == nullptr) continue;
    check_engine();
    check_folder();
    read_store();
    publish_if_due();
  }
}

void RunWatcher::stop_watching() {
  reader_.reset();
  has_more_ = false;
  if (builder_ != nullptr) builder_->requests()->on_new({});
  builder_.reset();
}

void RunWatcher::start_watching(Target target) {
  // The same run again: a new engine was started on it, everything read stays.
  const bool is_same = target.root == root_ && builder_ != nullptr;
  launched_ = std::move(target.launched);
  launch_problem_.reset();
  link_.is_launching = launched_.has_value();
  next_engine_check_ = next_folder_check_ = 0.0;
  is_dirty_ = true;
  last_publish_ = -1.0;
  if (is_same) return;
  root_ = std::move(target.root);
  stop_watching();
  has_config_ = false;
  problem_.reset();
  link_ = EngineLink{};
  link_.is_launching = launched_.has_value();
  is_alive_ = false;
  if (root_.empty()) {
    view_ = std::make_shared<const RunView>();
    mailbox_.wake();
    return;
  }
  builder_ = std::make_unique<RunViewBuilder>(root_);
  // The object that asks may outlive this one: stop_watching takes the call back.
  builder_->requests()->on_new([this] {
    {
      const std::lock_guard lock(mutex_);
      is_asked_ = true;
    }
    wake_.notify_all();
  });
}

void RunWatcher::check_engine() {
  const double now = clock_.monotonic_seconds();
  if (link_.is_attached != is_attached_.load()) {
    link_.is_attached = is_attached_.load();
    is_dirty_ = true;
  }
  if (now < next_engine_check_) return;
  next_engine_check_ = now + (link_.is_alive ? kLiveEngineInterval : kEngineInterval);
  store::LockHolder holder;
  const bool is_alive = store::RunLock::is_held(root_, &holder);
  if (is_alive != link_.is_alive || (is_alive && holder.pid != link_.pid)) {
    // The engine's last words may have been committed after the previous poll.
    num_queries_due_ = 1;
    read_store();
    link_.is_alive = is_alive;
    link_.pid = is_alive ? holder.pid : 0;
    is_alive_ = is_alive;
    is_dirty_ = true;
  }
  if (!launched_.has_value()) return;
  if (is_alive) {
    launched_.reset();
    link_.is_launching = false;
  } else if (launched_->has_ended()) {
    const std::string words = log_tail(launched_->log_path);
    launched_.reset();
    link_.is_launching = false;
    is_dirty_ = true;
    if (!exists(store::RunPaths{root_}.database())) {
      launch_problem_ = Error{ErrorCode::kUnavailable,
                              root_,
                              words.empty() ? "the engine ended before it began to train." : words,
                              "Correct what it names and start again.",
                              {}};
      mailbox_.put(Notice{NoticeKind::kFailure, "The engine could not start", words});
    }
  }
}

void RunWatcher::set_problem(std::optional<Error> problem) {
  const bool is_same = problem.has_value() == problem_.has_value() &&
                       (!problem.has_value() || problem->text() == problem_->text());
  if (is_same) return;
  problem_ = problem;
  builder_->set_problem(std::move(problem));
  is_dirty_ = true;
}

void RunWatcher::check_folder() {
  const double now = clock_.monotonic_seconds();
  if (now < next_folder_check_) return;
  next_folder_check_ = now + kFolderInterval;
  const store::RunPaths paths{root_};
  if (reader_ != nullptr && inode_of(paths.database()) != database_inode_) reader_.reset();
  if (launch_problem_.has_value()) {
    set_problem(launch_problem_);
    return;
  }
  if (link_.is_launching && !exists(paths.config())) {
    set_problem(std::nullopt);
    return;
  }
  if (auto problem = run_folder_problem(root_); problem.has_value()) {
    reader_.reset();
    has_config_ = false;
    set_problem(std::move(problem));
    return;
  }
  if (!has_config_) load_config();
  if (!has_config_) return;
  if (reader_ == nullptr && exists(paths.database())) {
    auto reader = store::Reader::open(paths.database());
    if (!reader.ok()) {
      // A database that is being created by a new engine is not damaged.
      if (!link_.is_launching) set_problem(reader.error());
      return;
    }
    reader_ = std::move(reader).value();
    num_queries_due_ = 1;
    database_inode_ = inode_of(paths.database());
    store::Delta reset;
    reset.is_reset = true;
    builder_->apply(reset, now);
  }
  set_problem(std::nullopt);
}

void RunWatcher::load_config() {
  auto config = store::read_run_config(root_);
  if (!config.ok()) {
    set_problem(config.error());
    return;
  }
  builder_->set_config(std::move(config).value());
  has_config_ = true;
  is_dirty_ = true;
}

/// A look at the log's times costs a hundredth of a query. They move before a commit can be seen,
/// and in steps of milliseconds: queries go on until one finds something, and once more.
bool RunWatcher::may_hold_news() {
  const struct stat stamp = log_stamp(root_);
  if (!is_equal(stamp, stamp_)) num_queries_due_ = kQueriesPerChange;
  stamp_ = stamp;
  return num_queries_due_ > 0 || has_more_ ||
         clock_.monotonic_seconds() - last_query_ >= kLongestUnread;
}

void RunWatcher::read_store() {
  const bool is_due = reader_ != nullptr && may_hold_news();
  has_more_ = has_news_ = false;
  if (!is_due) return;
  last_query_ = clock_.monotonic_seconds();
  num_queries_due_ = std::max(num_queries_due_ - 1, 0);
  auto delta = reader_->poll(builder_->wanted());
  if (!delta.ok()) {
    set_problem(delta.error());
    reader_.reset();
    next_folder_check_ = clock_.monotonic_seconds() + 1.0;
    return;
  }
  has_more_ = delta.value().has_more;
  if (delta.value().empty()) return;
  has_news_ = true;
  num_queries_due_ = 1;
  builder_->apply(delta.value(), clock_.monotonic_seconds());
  is_dirty_ = true;
}

void RunWatcher::publish_if_due() {
  if (!is_dirty_) return;
  const double now = clock_.monotonic_seconds();
  const double interval = std::max(kPublishInterval, publish_cost_ * kPublishShare);
  if (last_publish_ >= 0.0 && now - last_publish_ < interval) return;
  view_ = builder_->publish(link_, now);
  is_dirty_ = builder_->is_behind();
  last_publish_ = now;
  publish_cost_ = clock_.monotonic_seconds() - now;
  mailbox_.wake();
}

}  // namespace switchyard::ui
