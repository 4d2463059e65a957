#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace switchyard::ui {

/// How the next tokens are drawn. A value of 0 switches top-k and min-p off; top-p is off at 1, the
/// repetition penalty at 1.
struct SamplingSettings {
  double temperature = 0.8;
  std::int64_t top_k = 0;
  double top_p = 0.95;
  double min_p = 0.0;
  double repetition_penalty = 1.0;
  std::int64_t seed = 1337;
  std::int64_t max_tokens = 200;
  std::vector<std::string> stop;  ///< the answer ends before the first of these

  friend bool operator==(const SamplingSettings&, const SamplingSettings&) = default;
};

/// Whose weights answer. Live weights of a run without an engine are its last checkpoint.
struct AnswerSource {
  enum class Kind { kNone, kLive, kCheckpoint };
  Kind kind = Kind::kLive;
  std::int64_t step = -1;  ///< of the checkpoint; -1: the last one

  friend bool operator==(const AnswerSource&, const AnswerSource&) = default;
};

// What the prompt's panels ask for.

/// Samples an answer from a source.
struct Generate {
  std::int64_t answer_id = 0;
  std::string prompt;
  SamplingSettings settings;
  AnswerSource source;
};

/// Longer texts do not fit into a message to the engine: they are read from a checkpoint.
inline constexpr std::size_t kMaxLiveTextBytes = std::size_t{256} << 10;

/// Reads a text with a source's weights: probability, entropy and route of every token.
struct ScoreText {
  std::int64_t answer_id = 0;
  std::string text;
  AnswerSource source;
};

struct StopGenerating {
  std::int64_t answer_id = 0;
};

/// Asks the engine to answer this prompt at every checkpoint from now on.
struct PinPrompt {
  std::string prompt;
  SamplingSettings settings;
};

struct UnpinPrompt {
  std::int64_t pin_id = 0;
};

/// Counts the tokens of a text with the open run's tokenizer.
struct CountTokens {
  std::string text;
};

/// Reads a text file for scoring.
struct ReadTextFile {
  std::string path;
};

using PromptCommand = std::
    variant<Generate, ScoreText, StopGenerating, PinPrompt, UnpinPrompt, CountTokens, ReadTextFile>;

}  // namespace switchyard::ui
