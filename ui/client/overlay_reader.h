#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ui/client/mailbox.h"
#include "ui/client/run_watcher.h"

namespace switchyard::ui {

/// Reads the runs that are shown over the open one: a RunWatcher for each, made and ended on a
/// thread of its own, so that the frame thread never waits for one that is reading.
///
/// Threads: all public functions from any thread.
class OverlayReader {
 public:
  using Views = std::map<std::string, std::shared_ptr<const RunView>>;

  explicit OverlayReader(Mailbox& mailbox);
  ~OverlayReader();
  OverlayReader(const OverlayReader&) = delete;
  OverlayReader& operator=(const OverlayReader&) = delete;

  /// Roots to read; others are dropped. Cheap when nothing changed.
  void set_wanted(const std::vector<std::string>& roots);

  /// The newest snapshot of each run that has been opened.
  [[nodiscard]] Views views() const;

 private:
  void work();

  Mailbox& mailbox_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::string> wanted_;
  std::map<std::string, std::shared_ptr<RunWatcher>> watchers_;
  bool is_changed_ = false;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace switchyard::ui
