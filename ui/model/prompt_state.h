#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ui/model/pinned.h"
#include "ui/model/prompt.h"

namespace switchyard::ui {

/// What the prompt needs from the run's folder; published by a client thread.
struct PromptFacts {
  std::string root;
  std::vector<std::int64_t> checkpoints;  ///< steps of the kept checkpoints, ascending
  std::shared_ptr<const std::vector<std::string>> vocabulary;  ///< bytes by id; may be null
  std::string counted;                                         ///< the text that was counted last
  std::int64_t num_tokens = -1;                                ///< its tokens; -1: unknown
  std::string count_problem;  ///< why it cannot be read by this model
};

/// A text being scored, and where it came from.
struct ScoreState {
  std::string text;
  std::string path;
  std::string problem;  ///< why the file could not be read
  AnswerSource source;
  std::int64_t answer_id = -1;
  bool is_reading = false;
};

/// Tokens of one answer, first to last, marked with the mouse or Shift.
struct TokenRange {
  std::int64_t answer_id = -1;
  int first = -1;
  int last = -1;
};

struct PromptState {
  std::string draft;
  std::vector<std::string> drafts_before;  ///< replaced ones, for undo; the newest last
  SamplingSettings settings;
  bool is_seed_locked = true;
  std::string stop_text;  ///< being typed, with escapes
  AnswerSource source;
  AnswerSource compare_with{AnswerSource::Kind::kNone, -1};
  std::vector<Answer> answers;  ///< newest last, at most kMaxAnswers
  std::int64_t next_answer_id = 1;
  std::int64_t shown_id = -1;  ///< the answer in front
  enum class Tint { kSurprise, kTopExpert, kEntropy } tint = Tint::kSurprise;
  bool shows_routes = true;
  bool shows_plain_text = false;  ///< answers as selectable text instead of chips
  TokenRange range;
  ScoreState score;
  PinCache pins;
  std::int64_t pin_id = -1;       ///< the pinned prompt in front; -1: the shown answer's prompt
  std::int64_t replay_step = -1;  ///< where the scrubber stands; -1: the newest
  std::shared_ptr<const PromptFacts> facts = std::make_shared<const PromptFacts>();
  std::int64_t revision = 0;                        ///< grows when an answer begins or ends
  std::string root;                                 ///< the run that `answers` belong to
  std::map<std::string, std::vector<Answer>> kept;  ///< answers of runs shown before, by root

  static constexpr std::size_t kMaxAnswers = 96;
  static constexpr std::size_t kMaxDrafts = 50;
  static constexpr std::size_t kMaxKeptRuns = 4;

  [[nodiscard]] Answer* find(std::int64_t id);
  [[nodiscard]] const Answer* find(std::int64_t id) const;

  /// The newest answer that a person asked for.
  [[nodiscard]] const Answer* newest() const;
  /// The answer in front: the chosen one, else the newest.
  [[nodiscard]] const Answer* shown() const;

  /// Puts another text into the draft and remembers the one before.
  void replace_draft(std::string text);
  /// Brings the draft before the last replacement back; false when there is none.
  bool undo_draft();
};

/// Puts the answers of the run before aside and brings those of `root` back, if there are any.
void open_prompt(PromptState& prompt, const std::string& root);

/// Shown answers to the same prompt as `answer` that are no branches of others, oldest first.
std::vector<std::int64_t> answers_to(const PromptState& prompt, const Answer& answer);

/// Branches that leave `answer`, by token.
std::vector<const Answer*> branches_of(const PromptState& prompt, std::int64_t answer_id);

/// Distinct prompts of shown answers, newest first, with the number of answers.
struct AskedPrompt {
  std::string prompt;
  std::int64_t newest_id = -1;
  int num_answers = 0;
};

std::vector<AskedPrompt> asked_prompts(const PromptState& prompt);

/// "\\n" in what is typed is a line end; \\t, \\\\ likewise. `problem` says what is wrong.
/// Limits: 64 bytes, as the engine takes it.
std::string text_from_escapes(const std::string& typed, std::string* problem);
std::string escapes_from_text(const std::string& text);

/// Adds a stop text; false with the reason when it is empty, too long, there, or the ninth.
bool add_stop(SamplingSettings& settings, const std::string& typed, std::string* problem);

}  // namespace switchyard::ui
