#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ui/client/library.h"
#include "ui/client/mailbox.h"
#include "ui/model/runs_feed.h"

namespace switchyard::ui {

/// Does what people ask of runs as folders (trash, import, queue, notes of failures), on a thread
/// of its own: a copy of many gigabytes stops neither the list nor the picture.
///
/// The queue and the trash are looked at every second while a screen shows them, else every 5 s;
/// a feed is published, and the frame woken, only when it differs.
/// Threads: all public functions from any thread.
class RunManager {
 public:
  RunManager(std::string runs, Mailbox& mailbox, Library& library);
  ~RunManager();
  RunManager(const RunManager&) = delete;
  RunManager& operator=(const RunManager&) = delete;

  void carry_out(RunsOrder order);

  void set_wanted(bool is_wanted) { is_wanted_ = is_wanted; }

  [[nodiscard]] std::shared_ptr<const RunsFeed> feed() const { return feed_.load(); }

 private:
  void work();
  void look();
  void publish();
  void say(NoticeKind kind, std::string title, std::string detail = {});
  void say_failed(std::string title, const Error& error);
  void start_queue();

  void take(const TrashRuns& order);
  void take(const RestoreRuns& order);
  void take(const EmptyTrash& order);
  void take(const ImportRun& order);
  void take(const OpenFolder& order);
  void take(const SaveTable& order);
  void take(const ListCheckpoints& order);
  void take(const ReadFailure& order);
  void take(const QueueAdd& order);
  void take(const QueueRemove& order);
  void take(const QueueMove& order);
  void take(const QueueStart& order);
  void take(const ForkRun& order);
  void take(const RetryRun& order);

  std::string runs_;
  Mailbox& mailbox_;
  Library& library_;
  std::atomic<std::shared_ptr<const RunsFeed>> feed_;
  std::atomic<bool> is_wanted_{true};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<RunsOrder> orders_;
  std::atomic<bool> is_stopping_{false};

  // Of the thread.
  RunsFeed next_;
  std::string published_;
  std::string folder_program_;
  std::thread thread_;
};

/// The first program of this name in $PATH; empty when there is none.
std::string program_in_path(const std::string& name);

}  // namespace switchyard::ui
