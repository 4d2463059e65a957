#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ui/client/mailbox.h"
#include "ui/client/step_probe.h"
#include "ui/model/config_commands.h"

namespace switchyard::ui {

/// The form's work with files and engines: counts texts, saves and loads configurations, hands
/// drafts to the engine. One thread, and one more while a probe runs.
///
/// Errors: notices, or problems in the answers.
/// Threads: public functions from one thread (the frame's).
class ConfigWorker {
 public:
  /// `train` starts a run from a configuration file that the engine has accepted.
  ConfigWorker(Mailbox& mailbox,
               std::string runs,
               std::function<void(const std::string& path)> train);
  ~ConfigWorker();
  ConfigWorker(const ConfigWorker&) = delete;
  ConfigWorker& operator=(const ConfigWorker&) = delete;

  void look_at_data(const LookAtData& request);
  void train(const TrainDraft& request);
  void save(const SaveConfigFile& request);
  void load(const LoadConfigFile& request);

  void probe(const ProbeConfig& request) { probe_.measure(request); }

  void cancel_probe() { probe_.cancel(); }

 private:
  void work();
  void post(std::function<void()> task);
  void check_and_train(const TrainDraft& request);

  Mailbox& mailbox_;
  std::string drafts_;
  std::function<void(const std::string&)> train_;
  StepProbe probe_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::function<void()>> tasks_;
  bool is_stopping_ = false;
  std::thread thread_;
};

/// What a "data" section means on this machine. Reads the disk.
DataFacts look_at_data(const Json& data);

}  // namespace switchyard::ui
