#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ui/model/prompt.h"
#include "ui/model/run_view.h"

namespace switchyard::ui {

/// A prompt's answer at one checkpoint.
struct AnswerAt {
  std::int64_t step = 0;
  double val_loss = 0.0;  ///< of the last evaluation up to that step; NaN: none
  std::string text;
  std::int64_t num_tokens = 0;
  double mean_probability = 0.0;
  bool is_open = false;  ///< still being written
  std::string problem;   ///< why there is no answer; empty when there is one
};

/// A prompt that the engine answers at every checkpoint, with a fixed seed.
struct PinnedPrompt {
  std::int64_t pin_id = 0;
  std::string prompt;
  SamplingSettings settings;
  bool is_pinned = true;          ///< false once it was unpinned; its answers stay
  std::vector<AnswerAt> answers;  ///< ascending step, one per step
};

/// Pinned prompts of a run in the order of pinning, from its events.
std::vector<PinnedPrompt> pinned_prompts(std::span<const store::Event> events,
                                         const Series* val_loss);

/// The last value at or before `step`; NaN when there is none.
double value_at_step(const Series* series, std::int64_t step);

/// Answers of replays of `prompt`, ascending step; they fill what pinned answers lack.
void add_replays(std::span<const Answer> answers,
                 const std::string& prompt,
                 std::int64_t seed,
                 const Series* val_loss,
                 std::vector<AnswerAt>* rows);

/// Pinned prompts of the newest snapshot; computed once per snapshot.
class PinCache {
 public:
  const std::vector<PinnedPrompt>& of(const RunView& run);

 private:
  std::string root_;
  std::int64_t revision_ = -1;
  std::vector<PinnedPrompt> pins_;
};

}  // namespace switchyard::ui
