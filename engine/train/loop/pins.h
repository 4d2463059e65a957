#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/core/result.h"
#include "engine/train/loop/sample_request.h"

namespace switchyard::train {

/// A prompt that is answered again with the same seed after every checkpoint.
struct Pin {
  std::int64_t pin_id = 0;
  SampleRequest request;
};

/// The pinned prompts of a run, kept in `pins.json` of its folder, so that they outlive the engine.
///
/// Limits: 16 pins of at most 512 tokens each, since training waits for their answers.
/// Errors: load(): kInputFile when the file is damaged; add(): kUsage naming the limit; kIo,
///         kDiskFull. A change that cannot be stored is not made.
/// Threads: one.
class Pins {
 public:
  explicit Pins(std::string path) : path_(std::move(path)) {}

  /// Reads the file; none is no pins.
  Status load();
  /// The number under which the prompt is kept, never given twice in a run.
  Result<std::int64_t> add(SampleRequest request);
  Status remove(std::int64_t pin_id);

  [[nodiscard]] const std::vector<Pin>& all() const { return pins_; }

 private:
  [[nodiscard]] Status store(const std::vector<Pin>& pins, std::int64_t next_id) const;

  std::string path_;
  std::vector<Pin> pins_;
  std::int64_t next_id_ = 1;
};

}  // namespace switchyard::train
