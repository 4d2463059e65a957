#pragma once

#include <functional>
#include <string>

#include "ui/client/checkpoint_sampler.h"
#include "ui/client/config_worker.h"
#include "ui/client/exporter.h"
#include "ui/client/folder_reader.h"
#include "ui/client/hardware_sampler.h"
#include "ui/client/library.h"
#include "ui/client/log_tail.h"
#include "ui/client/mailbox.h"
#include "ui/client/message_client.h"
#include "ui/client/overlay_reader.h"
#include "ui/client/prompt_reader.h"
#include "ui/client/run_manager.h"
#include "ui/client/run_watcher.h"
#include "ui/model/studio.h"

namespace switchyard::ui {

/// The window's side of everything that is not drawing: threads for the run, messages, the library,
/// configurations, folders, the prompt's files and sampling children, none of which the frame
/// thread ever waits for.
///
/// Threads: `take` and `submit` on the frame thread. `wake` is called from any thread.
class Client {
 public:
  Client(Library::Places places, std::function<void()> wake);

  /// Before a frame: puts the newest snapshots and everything that arrived into the studio.
  void take(Studio& studio);

  /// After a frame: carries out what panels asked for.
  void submit(Studio& studio);

 private:
  void open(Studio& studio, const std::string& root);
  void carry_out(Studio& studio, const Command& command);
  void carry_out_prompt(const PromptCommand& command);
  void carry_out_config(const ConfigCommand& command);
  void put_event(Studio& studio, ClientEvent event);
  void announce_states(Studio& studio);
  void carry_out_runs(const Studio& studio, const RunsOrder& order);
  void want_overlay(const Studio& studio);

  Mailbox mailbox_;
  RunWatcher watcher_;
  OverlayReader overlay_;
  Exporter exporter_;
  Library library_;
  RunManager manager_;
  CheckpointSampler sampler_;
  PromptReader prompt_reader_;
  FolderReader folder_reader_;
  MessageClient messages_;
  ConfigWorker config_worker_;
  LogTail log_;
  HardwareSampler hardware_;
  double last_train_ = -1e9;  ///< monotonic seconds of the last order to train
  std::string open_root_;
  std::string announced_root_;
  RunState announced_state_ = RunState::kNone;
};

/// The settings of this process: runs and configs folders from the environment.
Library::Places default_places();

}  // namespace switchyard::ui
