#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/core/json.h"
#include "ui/model/failure.h"

namespace switchyard::ui {

/// A configuration that waits for its turn, or trains.
struct QueueItem {
  std::string id;
  std::string name;
  std::string preset;
  std::int64_t max_steps = 0;
  bool is_running = false;
  std::string run;  ///< its folder, while it trains
};

/// How an entry of the queue ended.
struct QueueEnd {
  std::string name, run, state, message;
  double wall_time = 0.0;
};

struct TrashedRun {
  std::string path;      ///< where it lies now
  std::string name;      ///< as it was called
  double wall_time = 0;  ///< when it was put there
};

struct CheckpointItem {
  std::int64_t step = 0;
  double bytes = 0.0;
  bool is_best = false;
};

/// An import that is going on.
struct ImportProgress {
  std::string path;
  double fraction = 0.0;
  bool is_active = false;
};

/// What the window knows about the runs folder besides the list: read on a thread of the client,
/// immutable, replaced as a whole.
struct RunsFeed {
  std::vector<QueueItem> queue;  ///< the training one first
  std::vector<QueueEnd> ended;   ///< newest first
  bool is_queue_running = false;
  std::vector<TrashedRun> trash;  ///< newest first
  ImportProgress import;
  std::string checkpoints_of;               ///< root
  std::vector<CheckpointItem> checkpoints;  ///< ascending, of that run
  FailureTexts failure;
  bool can_open_folders = false;  ///< a program that shows folders was found
};

// Orders to that thread; they are answered by notices and by the next feed.

/// Moves runs to the trash of the runs folder. Refused while an engine holds one.
struct TrashRuns {
  std::vector<std::string> roots;
};

/// Takes trashed runs back to where they were.
struct RestoreRuns {
  std::vector<std::string> paths;
};

struct EmptyTrash {};

/// Checks a run folder from elsewhere and copies it into the runs folder.
struct ImportRun {
  std::string path;
};

/// Shows a folder in the desktop's file manager.
struct OpenFolder {
  std::string path;
};

/// Writes a text into a file that does not exist yet, below the runs folder.
struct SaveTable {
  std::string name;  ///< "runs.csv"
  std::string text;
};

/// Looks which checkpoints a run has.
struct ListCheckpoints {
  std::string root;
};

/// Reads the notes that a failed run left.
struct ReadFailure {
  std::string root;
};

struct QueueAdd {
  std::string name;
  Json config;  ///< resolved
};

struct QueueRemove {
  std::string id;
};

struct QueueMove {
  std::string id;
  std::size_t position = 0;
};

/// Starts the program that trains the queue, if none is at work.
struct QueueStart {};

/// Starts a child run from a checkpoint of another one.
struct ForkRun {
  std::string parent;
  std::int64_t step = -1;             ///< of the checkpoint; −1: the last one
  std::vector<std::string> settings;  ///< "optimizer.learning_rate=0.0005"
};

/// Goes on with a run with other settings, or starts a new one from its configuration.
struct RetryRun {
  std::string root;
  std::vector<std::string> settings;
  bool is_new_run = false;
};

using RunsOrder = std::variant<TrashRuns,
                               RestoreRuns,
                               EmptyTrash,
                               ImportRun,
                               OpenFolder,
                               SaveTable,
                               ListCheckpoints,
                               ReadFailure,
                               QueueAdd,
                               QueueRemove,
                               QueueMove,
                               QueueStart,
                               ForkRun,
                               RetryRun>;

}  // namespace switchyard::ui
