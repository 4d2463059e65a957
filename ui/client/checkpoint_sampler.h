#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ui/client/launcher.h"
#include "ui/client/mailbox.h"
#include "ui/model/commands.h"

namespace switchyard::ui {

/// Answers prompts and scores texts with the weights of a checkpoint: starts
/// `switchyard-engine sample --json` (or `score`) as a child and passes its lines on as they come.
///
/// Limits: two children at a time, the rest waits in order.
/// Threads: public functions from one thread (the frame's); each child is read on a thread of its
/// own.
class CheckpointSampler {
 public:
  explicit CheckpointSampler(Mailbox& mailbox);
  ~CheckpointSampler();  ///< ends the children
  CheckpointSampler(const CheckpointSampler&) = delete;
  CheckpointSampler& operator=(const CheckpointSampler&) = delete;

  /// `use_cpu`: the device is busy training.
  void generate(const std::string& root, const Generate& request, bool use_cpu);
  void score(const std::string& root, const ScoreText& request, bool use_cpu);
  void stop(std::int64_t answer_id);
  /// Ends all children and forgets what waits; says nothing.
  void stop_all();

 private:
  struct Job {
    std::int64_t answer_id = 0;
    std::vector<std::string> arguments;
    std::string input;  ///< standard input of the child
  };

  /// A child being read; guarded by mutex_.
  struct Slot {
    std::int64_t answer_id = 0;
    pid_t child = 0;
    bool is_cancelled = false;
  };

  void post(Job job);
  void work(std::size_t slot);
  void run(std::size_t slot, const Job& job);
  bool is_cancelled(std::size_t slot);
  void read_lines(std::size_t slot, const PipedChild& child, std::int64_t answer_id);

  Mailbox& mailbox_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::array<Slot, 2> slots_;
  bool is_stopping_ = false;
  std::vector<std::thread> threads_;
};

/// The command line that answers a request from a run's checkpoint.
std::vector<std::string> sample_arguments(const std::string& engine,
                                          const std::string& root,
                                          const Generate& request,
                                          bool use_cpu = false);

/// The command line that scores a text given on standard input.
std::vector<std::string> score_arguments(const std::string& engine,
                                         const std::string& root,
                                         const ScoreText& request,
                                         bool use_cpu = false);

}  // namespace switchyard::ui
