#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/config/model_size.h"
#include "engine/base/config/presets.h"
#include "engine/base/formats/dataset.h"

namespace switchyard::ui {

/// What a card and its details show about a configuration.
struct ModelFacts {
  std::int64_t num_layers = 0;
  std::int64_t d_model = 0;
  std::int64_t seq_len = 0;
  std::int64_t num_experts = 0;  ///< of the first routed layer; 0 for a dense model
  std::int64_t top_k = 0;
  std::string router;  ///< "top_k"; empty for a dense model
  double load_balance_coef = 0.0;
  std::int64_t tokens_per_step = 0;
  std::int64_t max_steps = 0;
};

ModelFacts model_facts(const Json& resolved_config);

/// A preset with what had to be looked up: its full configuration, its size, whether its data is
/// here.
struct SizedPreset {
  config::Preset card;
  Json config;  ///< resolved
  ModelFacts facts;
  config::ModelSize size;  ///< zero when the vocabulary is unknown (data not here)
  bool has_data = false;
  std::string data_note;  ///< "5.1 M characters, here", or how to get it
  std::string problem;    ///< the preset cannot be used, and why
  std::string command;    ///< does the same in a terminal
};

struct PresetList {
  std::vector<SizedPreset> presets;
  std::string problem;                           ///< the folder could not be read
  std::vector<formats::DatasetInfo> datasets;    ///< the catalogue
  std::shared_ptr<const config::Schema> schema;  ///< of runs; null until it was read

  [[nodiscard]] const SizedPreset* find(const std::string& name) const;
  /// The default preset's name, else the first one's, else "".
  [[nodiscard]] std::string default_name() const;
  /// Groups in gallery order, without repetition.
  [[nodiscard]] std::vector<std::string> groups() const;
};

/// Reads presets, schema and the presence of data. Touches the disk: worker thread only.
PresetList read_preset_list(const std::string& configs);

}  // namespace switchyard::ui
