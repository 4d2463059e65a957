#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/core/clock.h"
#include "ui/client/mailbox.h"
#include "ui/client/run_catalog.h"
#include "ui/client/run_watcher.h"
#include "ui/model/machine_info.h"
#include "ui/model/preset_list.h"
#include "ui/model/run_index.h"

namespace switchyard::ui {

/// Everything outside the open run that needs the disk: presets with their sizes, the list of runs,
/// the machine, starting engines. One worker thread.
///
/// The list is read again every 2 s while a screen shows it (`set_wanted`), else every 15 s; a
/// snapshot is published, and the frame woken, only when it differs.
/// Threads: all public functions from any thread.
class Library {
 public:
  struct Places {
    std::string runs;
    std::string configs;
    std::string assets;  ///< the folder with fonts/, for exported pictures
  };

  Library(Places places, Mailbox& mailbox, RunWatcher& watcher);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void train_preset(const std::string& preset);
  void train_config(const std::string& path);
  void resume(const std::string& root);
  /// A child run from a checkpoint of `parent` (step −1: its last one).
  void fork(const std::string& parent, std::int64_t step, std::vector<std::string> settings);
  /// The run again with other settings, or a new one from its configuration.
  void retry(const std::string& root, std::vector<std::string> settings, bool is_new_run);
  void refresh();

  /// Shows a message of the desktop, where there is a program for it.
  void notify_desktop(const std::string& title, const std::string& detail);

  void set_wanted(bool is_wanted);

  [[nodiscard]] std::shared_ptr<const PresetList> presets() const { return presets_.load(); }

  [[nodiscard]] std::shared_ptr<const RunIndex> runs() const { return runs_.load(); }

  [[nodiscard]] std::shared_ptr<const MachineInfo> machine() const { return machine_.load(); }

 private:
  void work();
  void post(std::function<void()> task);
  void scan_runs();
  void look_at_machine();
  void start_new(const std::string& name, std::vector<std::string> arguments);
  void start_engine(const std::string& root, std::vector<std::string> arguments);

  Places places_;
  Mailbox& mailbox_;
  RunWatcher& watcher_;
  std::atomic<std::shared_ptr<const PresetList>> presets_;
  std::atomic<std::shared_ptr<const RunIndex>> runs_;
  std::atomic<std::shared_ptr<const MachineInfo>> machine_;
  std::atomic<bool> is_wanted_{true};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::function<void()>> tasks_;
  bool is_stopping_ = false;
  std::int64_t revision_ = 0;
  RunCatalog catalog_;
  std::thread thread_;
};

}  // namespace switchyard::ui
