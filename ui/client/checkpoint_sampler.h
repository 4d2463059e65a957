#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "ui/client/launcher.h"
#include "ui/client/mailbox.h"
#include "ui/model/commands.h"

namespace switchyard::ui {

/// Answers prompts without a running engine: starts `switchyard-engine sample --json` as a child
/// and passes its lines on as they come. One answer at a time; a new one ends the one before.
///
/// Threads: public functions from one thread (the frame's); the child is read on its own thread.
class CheckpointSampler {
 public:
  explicit CheckpointSampler(Mailbox& mailbox) : mailbox_(mailbox) {}

  ~CheckpointSampler();
  CheckpointSampler(const CheckpointSampler&) = delete;
  CheckpointSampler& operator=(const CheckpointSampler&) = delete;

  void generate(const std::string& root, const Generate& request);
  void stop(std::int64_t answer_id);

 private:
  void work(std::string root, Generate request);
  void read_lines(const PipedChild& child, std::int64_t answer_id);
  bool take_line(const std::string& line, std::int64_t answer_id);
  void end();

  Mailbox& mailbox_;
  std::mutex mutex_;
  pid_t child_ = 0;  ///< guarded by mutex_
  std::atomic<bool> is_cancelled_{false};
  std::atomic<std::int64_t> answer_id_{0};
  std::thread thread_;
};

/// The command line that answers a request from a run's last checkpoint.
std::vector<std::string> sample_arguments(const std::string& engine,
                                          const std::string& root,
                                          const Generate& request);

}  // namespace switchyard::ui
