#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include "tests/gui/gui_workplace.h"
#include "tests/support/temporary_folder.h"

namespace switchyard::bench {

/// Folders without runs, with the presets of the house and the data that are prepared here.
class HousePlace {
 public:
  HousePlace();

  [[nodiscard]] std::string runs() const { return place_.runs(); }

 private:
  std::string data_;
  test::GuiWorkplace place_;
  test::ScopedEnvironment configs_, data_setting_;
};

/// An engine that trains the default preset until the object goes. Threads: its own one reads what
/// the engine says.
class Training {
 public:
  /// One logged step.
  struct Sample {
    double at;  ///< monotonic seconds when the engine said so, right after it went to the store
    std::int64_t step, tokens;
  };

  /// `changes`: KEY=VALUE of what differs from the preset.
  explicit Training(const std::string& root, const std::vector<std::string>& changes = {});
  ~Training();
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  /// Those so far.
  [[nodiscard]] std::vector<Sample> samples() const;

  /// Waits for a number of samples; false when there are fewer after `seconds`.
  [[nodiscard]] bool wait_for(std::size_t count, double seconds) const;

 private:
  void read(int descriptor);

  pid_t pid_ = -1;
  mutable std::mutex mutex_;
  std::vector<Sample> samples_;
  std::thread reader_;
};

}  // namespace switchyard::bench
