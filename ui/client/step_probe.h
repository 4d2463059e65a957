#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ui/client/mailbox.h"
#include "ui/model/config_commands.h"

namespace switchyard::ui {

/// Measures training steps of a configuration in a throw-away `switchyard-engine bench step`; the
/// answer becomes a ProbeReport. One probe at a time; a new one ends the one before.
///
/// Errors: everything that goes wrong is a report with a problem, never silence.
/// Threads: public functions from one thread (the frame's); the child is read on its own thread.
class StepProbe {
 public:
  explicit StepProbe(Mailbox& mailbox, std::string folder)
      : mailbox_(mailbox), folder_(std::move(folder)) {}

  ~StepProbe();
  StepProbe(const StepProbe&) = delete;
  StepProbe& operator=(const StepProbe&) = delete;

  void measure(const ProbeConfig& request);
  void cancel();

 private:
  void work(const ProbeConfig& request);
  void end();

  Mailbox& mailbox_;
  std::string folder_;  ///< where the configuration is written
  std::mutex mutex_;
  pid_t child_ = 0;  ///< guarded by mutex_
  std::atomic<bool> is_cancelled_{false};
  std::thread thread_;
};

/// The report in the words of `bench step --json`, or the error that it printed.
ProbeReport probe_report(const std::string& output, const std::string& errors);

/// Errors that the engine printed with --json, one text each.
std::vector<std::string> engine_errors(const std::string& output, const std::string& errors);

}  // namespace switchyard::ui
