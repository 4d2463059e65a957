#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "engine/base/store/run_store.h"

namespace switchyard::bench {

/// The position of a step in a made-up run: uneven step times in whole microseconds, as the engine
/// records them.
class Steps {
 public:
  store::Position next();

 private:
  std::mt19937 random_{11};
  std::int64_t step_ = 0;
  std::int64_t microseconds_ = 0;
};

/// A finished run folder with `num_metrics` scalars of `num_steps` each, written through
/// store::Writer; one that is there already is kept. Values are noise with all bits in use.
/// Returns whether it is there.
bool make_run(const std::string& root, int num_metrics, std::int64_t num_steps);

/// The name of a made-up metric; 0 is train_loss.
std::string metric_name(int index);

/// config.json of a made-up run.
bool make_run_folder(const std::string& root);

}  // namespace switchyard::bench
