#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "ui/client/mailbox.h"
#include "ui/model/log_lines.h"

namespace switchyard::ui {

/// Follows log.jsonl of the open run while somebody looks, on a thread of its own.
///
/// Limits: begins at most 4 MB before the end of the file; looks 4 times a second; an unfinished
/// last
///         line waits for its end; a file that shrank is read again.
/// Threads: all public functions from any thread.
class LogTail {
 public:
  explicit LogTail(Mailbox& mailbox);
  ~LogTail();
  LogTail(const LogTail&) = delete;
  LogTail& operator=(const LogTail&) = delete;

  /// The run to follow; an empty root rests.
  void follow(const std::string& root);

  [[nodiscard]] std::shared_ptr<const LogView> view() const { return view_.load(); }

 private:
  void work();
  void start_reading(std::string root);
  bool read_more();
  void take_lines(const std::string& text);

  Mailbox& mailbox_;
  std::atomic<std::shared_ptr<const LogView>> view_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string wanted_;
  bool is_stopping_ = false;

  // Of the thread.
  std::string root_;
  LogBuffer buffer_{""};
  std::uint64_t offset_ = 0;
  std::string partial_;      ///< the last line, as far as it was written
  bool skips_line_ = false;  ///< reading began inside a line
  std::thread thread_;
};

}  // namespace switchyard::ui
