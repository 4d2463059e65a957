#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "ui/model/commands.h"

namespace switchyard::ui {

/// A token that could have been drawn instead.
struct Alternative {
  std::int64_t id = 0;
  std::string text;
  double probability = 0.0;
};

/// Where one routed layer sent a token: experts by falling weight.
struct RouteStep {
  int layer = 0;
  std::vector<int> experts;
  std::vector<float> weights;
};

struct Token {
  std::int64_t id = 0;
  std::string text;   ///< bytes as decoded; may be a part of a character
  std::string shown;  ///< what a chip shows: space, line end and odd bytes made visible
  double probability = 0.0;
  std::vector<Alternative> top;
  std::vector<RouteStep> route;

  /// Math: -log2(p). Units: bits.
  [[nodiscard]] double surprise_bits() const;
};

enum class AnswerState { kWaiting, kStreaming, kDone, kCancelled, kFailed };

struct Answer {
  std::int64_t id = 0;
  std::string prompt;
  SamplingSettings settings;
  AnswerState state = AnswerState::kWaiting;
  bool is_live = false;    ///< from the running engine's weights
  std::int64_t step = -1;  ///< of the weights; -1 while unknown
  std::vector<Token> tokens;
  double tokens_per_second = 0.0;
  std::string problem;  ///< what failed, and what to do

  [[nodiscard]] bool is_open() const {
    return state == AnswerState::kWaiting || state == AnswerState::kStreaming;
  }

  [[nodiscard]] std::string text() const;
  /// Number of routed layers seen in the routes.
  [[nodiscard]] int num_layers() const;
};

/// A sample_token message (socket) or a token line (--json): both carry the same fields.
Token token_from_json(const Json& message);

/// What a chip shows for the bytes of a token: "␣" is not used for spaces inside words; a lone
/// space is "·", a line end "⏎", bytes that are no text are "‹c3›".
std::string shown_text(const std::string& bytes);

/// The tint of a token's chip in [0, 1]. Math: (1 - p)^1.3.
float surprise_tint(double probability);

/// Where a chip stands. Units: pixels.
struct ChipPlace {
  int line = 0;
  float x = 0.0F;
  float width = 0.0F;
};

/// Sets chips in lines. A token that starts with a space (or follows a space or a line end) starts
/// a word and keeps `word_gap` before it, others `token_gap`; lines break between words, a word
/// that is longer than a line breaks between tokens, and a line end ends its line.
///
/// Shapes: widths, tokens of equal length; one place per token.
std::vector<ChipPlace> layout_chips(std::span<const Token> tokens,
                                    std::span<const float> widths,
                                    float line_width,
                                    float word_gap,
                                    float token_gap);

}  // namespace switchyard::ui
