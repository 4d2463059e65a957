#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <sys/stat.h>

#include "engine/base/config/schema.h"
#include "engine/base/core/clock.h"
#include "engine/base/store/run_folder.h"
#include "engine/base/store/run_store.h"
#include "ui/client/launcher.h"
#include "ui/client/mailbox.h"
#include "ui/model/run_view_builder.h"

namespace switchyard::ui {

/// Reads the open run's folder on a thread of its own and publishes snapshots.
///
/// Polls the store 60 times a second while an engine holds the run, 20 times while it writes all
/// the time, 5 times otherwise; publishes at most 30 times a second, and less where making a
/// snapshot takes longer than 5 % of the time. Of scalar series it reads those that somebody looks
/// at (LazySeries).
/// Errors: a folder that is no run, or a damaged one, becomes RunView::problem.
/// Threads: all public functions from any thread.
class RunWatcher {
 public:
  explicit RunWatcher(Mailbox& mailbox, const Clock& clock = system_clock());
  ~RunWatcher();
  RunWatcher(const RunWatcher&) = delete;
  RunWatcher& operator=(const RunWatcher&) = delete;

  /// Shows another run (an empty root: none). A launched engine is watched until it holds the run.
  void watch(const std::string& root, std::optional<LaunchedEngine> launched = std::nullopt);

  /// The message client's view: whether the socket is connected.
  void set_attached(bool is_attached);

  /// The newest snapshot; never null.
  [[nodiscard]] std::shared_ptr<const RunView> view() const { return view_.load(); }

  [[nodiscard]] bool is_engine_alive() const { return is_alive_.load(); }

 private:
  struct Target {
    std::string root;
    std::optional<LaunchedEngine> launched;
  };

  void work();
  void start_watching(Target target);
  void stop_watching();
  void check_engine();
  void check_folder();
  void read_store();
  void load_config();
  bool may_hold_news();
  void publish_if_due();
  void set_problem(std::optional<Error> problem);

  Mailbox& mailbox_;
  const Clock& clock_;
  std::atomic<std::shared_ptr<const RunView>> view_;
  std::atomic<bool> is_alive_{false};
  std::atomic<bool> is_attached_{false};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<Target> next_;
  bool is_stopping_ = false;
  bool is_asked_ = false;  ///< a plot wants a series that was not read so far

  // Of the thread.
  std::string root_;
  std::optional<LaunchedEngine> launched_;
  std::unique_ptr<RunViewBuilder> builder_;
  std::unique_ptr<store::Reader> reader_;
  std::uint64_t database_inode_ = 0;
  std::optional<Error> problem_;
  std::optional<Error> launch_problem_;
  EngineLink link_;
  bool has_config_ = false;
  bool is_dirty_ = false;
  bool has_news_ = false;  ///< of the last poll
  bool has_more_ = false;  ///< the store held more than one poll reads

  struct stat stamp_ {};  ///< of the database's log at the last look

  int num_queries_due_ = 0;
  double last_query_ = 0.0;
  double next_engine_check_ = 0.0;
  double next_folder_check_ = 0.0;
  double last_publish_ = -1.0;
  double publish_cost_ = 0.0;
  std::thread thread_;
};

/// What is wrong with a folder that should be a run: missing, empty, foreign, half deleted. Nothing
/// when it is a run, started or not. Reads names only.
std::optional<Error> run_folder_problem(const std::string& root);

}  // namespace switchyard::ui
