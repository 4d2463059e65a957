#pragma once

#include <string>
#include <variant>

#include "engine/base/core/json.h"

namespace switchyard::ui {

// What the configuration form asks for; part of Command.

/// Reads the text that a "data" section names and counts it.
struct LookAtData {
  Json data;
};

/// Measures whole training steps of a configuration in a process of its own.
struct ProbeConfig {
  std::string key;       ///< comes back with the answer
  std::string document;  ///< text of a configuration file
};

struct CancelProbe {};

/// Writes a draft into the runs folder, lets the engine check it and trains it.
struct TrainDraft {
  std::string name;
  std::string document;
};

struct SaveConfigFile {
  std::string path;
  std::string document;
};

struct LoadConfigFile {
  std::string path;
};

/// Changes a setting of the open run while it trains.
struct ChangeSetting {
  std::string assignment;  ///< "optimizer.learning_rate=0.0005"
  std::string what;        ///< for people: "Learning rate"
};

using ConfigCommand = std::variant<LookAtData,
                                   ProbeConfig,
                                   CancelProbe,
                                   TrainDraft,
                                   SaveConfigFile,
                                   LoadConfigFile,
                                   ChangeSetting>;

}  // namespace switchyard::ui
