#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ui/client/mailbox.h"
#include "ui/model/file_browser.h"

namespace switchyard::ui {

/// Reads folders for the file browser and looks what was dropped onto the window, on a thread of
/// its own. While a folder is wanted it is looked at once a second and read again when names were
/// added or removed, so that one that vanishes is noticed.
///
/// Threads: all public functions from any thread.
class FolderReader {
 public:
  explicit FolderReader(Mailbox& mailbox);
  ~FolderReader();
  FolderReader(const FolderReader&) = delete;
  FolderReader& operator=(const FolderReader&) = delete;

  /// The folder to read; empty: none. With `is_start` the nearest parent that is there is read in
  /// place of a folder that is not.
  void want(const std::string& folder, bool is_start);

  /// Answered by a DroppedPath.
  void look_at_dropped(const std::string& path);

  /// The newest listing; nullptr before the first one.
  [[nodiscard]] std::shared_ptr<const FolderListing> listing() const { return listing_.load(); }

 private:
  struct Wish {
    std::string folder;
    bool is_start = false;
    std::int64_t number = 0;  ///< grows with every other wish
  };

  void work();
  void read(const Wish& wish);

  [[nodiscard]] bool is_outdated(std::int64_t number) const { return newest_ != number; }

  Mailbox& mailbox_;
  std::atomic<std::shared_ptr<const FolderListing>> listing_;
  std::atomic<std::int64_t> newest_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  Wish wish_;
  std::vector<std::string> dropped_;
  bool is_stopping_ = false;
  std::thread thread_;
};

/// What a folder holds, sorted; `asked` is left empty. A folder that cannot be read has a problem
/// and no entries. Ends early, with what it has, when `is_outdated` says so.
FolderListing list_folder(const std::string& folder, const std::function<bool()>& is_outdated);

/// What a path that was dropped onto the window holds.
DroppedPath look_at_dropped_path(const std::string& path);

}  // namespace switchyard::ui
