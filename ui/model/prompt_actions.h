#pragma once

#include <cstdint>
#include <string>

#include "ui/model/studio.h"

namespace switchyard::ui {

/// Why no answer can be asked for at present; empty when one can.
std::string prompt_obstacle(const Studio& studio);

/// "live weights, step 12,340", "checkpoint 8,000", "last checkpoint", "nothing".
std::string source_text(const AnswerSource& source, const RunView& run);

/// Asks the prompt of an answer again with these settings and the next seed that none of its
/// answers has.
void ask_again(Studio& studio, std::int64_t answer_id, SamplingSettings settings);

/// Continues from an answer's text up to `token`, with an alternative in its place. False when the
/// alternative is only a part of a character.
bool branch_at(Studio& studio,
               std::int64_t answer_id,
               std::int64_t token,
               const Alternative& alternative);

/// Brings an answer to the front.
void show_answer(Studio& studio, std::int64_t answer_id);

/// Has the other source read the text of answers that are compared and done, once each. Call once
/// a frame.
void collect_evidence(Studio& studio);

/// Scores the text of the score panel. Stops a scoring that still runs.
void score_text(Studio& studio);

/// Asks a prompt at every kept checkpoint that has no answer yet.
void replay_at_checkpoints(Studio& studio,
                           const std::string& prompt,
                           const SamplingSettings& settings);

/// The active pin of a prompt; null when there is none.
const PinnedPrompt* pin_of(Studio& studio, const std::string& prompt);

}  // namespace switchyard::ui
