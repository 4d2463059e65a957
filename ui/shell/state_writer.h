#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/core/result.h"

namespace switchyard::ui {

/// The folder of the window's own settings: $SWITCHYARD_STATE, else $XDG_STATE_HOME/switchyard,
/// else
/// ~/.local/state/switchyard.
std::string state_dir();

/// Writes small settings files from a worker thread: debounced by one second, each file replaced
/// atomically (temporary file, fsync, rename). The frame thread never waits for the disk.
///
/// Errors: kept and handed out by take_problem, oldest first, each once.
class StateWriter {
 public:
  explicit StateWriter(std::string folder);
  ~StateWriter();  ///< writes what is pending
  StateWriter(const StateWriter&) = delete;
  StateWriter& operator=(const StateWriter&) = delete;

  /// Schedules the content of a file; a later put of the same name replaces it.
  void put(const std::string& name, std::string content);

  /// The content of a file, nullopt when it does not exist. Reads the disk: before the first frame
  /// only. A file that exists but cannot be read is reported by take_problem.
  std::optional<std::string> read(const std::string& name);

  /// Renames a file that cannot be understood to <name>.broken, so that it is neither lost nor
  /// fatal.
  void set_aside(const std::string& name);

  std::optional<Error> take_problem();

  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  void work();
  void report(Error error);

  std::string folder_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, std::string> pending_;
  std::chrono::steady_clock::time_point due_;
  std::vector<Error> problems_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace switchyard::ui
