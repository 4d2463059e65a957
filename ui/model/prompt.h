#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "ui/model/prompt_commands.h"

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
  double entropy_nats = -1.0;  ///< of the model's own distribution; negative: unknown
  std::int64_t rank = -1;      ///< 0: the most probable; -1: unknown
  bool is_context = false;     ///< first token of a scored text: nothing stood before it
  std::vector<Alternative> top;
  std::vector<RouteStep> route;

  /// Math: -log2(p). Units: bits.
  [[nodiscard]] double surprise_bits() const;
};

enum class AnswerState { kWaiting, kStreaming, kDone, kCancelled, kFailed };

/// What an answer is for.
enum class AnswerRole {
  kShown,     ///< asked by a person
  kCompared,  ///< the same prompt and seed from the other source
  kEvidence,  ///< the text of a shown answer, read with the other source's weights
  kScored,    ///< a text of the person's, read
  kReplay     ///< a prompt at one checkpoint, for the table over training
};

/// Where a branch leaves its parent.
struct BranchPoint {
  std::int64_t parent_id = -1;  ///< -1: no branch
  std::int64_t token = -1;      ///< index in the parent
  std::string from;             ///< what stood there
  std::string to;               ///< what stands there now
};

/// Summary of a scored text. Units: loss in nats per token.
struct TextScore {
  double loss = -1.0;  ///< negative: not known yet
  double perplexity = 0.0;
  double bits_per_byte = 0.0;
  std::int64_t num_tokens = 0;
};

struct Answer {
  std::int64_t id = 0;
  AnswerRole role = AnswerRole::kShown;
  std::string prompt;
  SamplingSettings settings;
  AnswerSource source;
  AnswerState state = AnswerState::kWaiting;
  bool is_live = false;    ///< from the running engine's weights
  std::int64_t step = -1;  ///< of the weights; -1 while unknown
  std::vector<Token> tokens;
  double tokens_per_second = 0.0;
  std::string stopped_by;         ///< the stop text that ended it
  std::string problem;            ///< what failed, and what to do
  std::int64_t compared_id = -1;  ///< of a shown answer: the one beside it
  std::int64_t evidence_id = -1;  ///< of a shown answer: its text, read by the other source
  BranchPoint branch;
  TextScore score;
  std::int64_t num_dropped = 0;  ///< tokens beyond what is kept of a long text

  [[nodiscard]] bool is_open() const {
    return state == AnswerState::kWaiting || state == AnswerState::kStreaming;
  }

  [[nodiscard]] std::string text() const;
  /// Text of the first `count` tokens.
  [[nodiscard]] std::string text_before(std::size_t count) const;
  /// Number of routed layers seen in the routes.
  [[nodiscard]] int num_layers() const;
};

/// A sample_token message (socket) or a token line (--json): both carry the same fields.
Token token_from_json(const Json& message);

/// What a chip shows for the bytes of a token: a lone space is "·", a line end "⏎", bytes that are
/// no text are "‹c3›", and "‹…›" stands for a part of a character that the next token completes.
std::string shown_text(const std::string& bytes);

/// Puts the true bytes of a token in place of what the message could carry, where those are no
/// text of their own. `vocabulary`: bytes by id.
void show_true_bytes(Token& token, std::span<const std::string> vocabulary);

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
