#pragma once

#include <cstdint>
#include <string>

#include "ui/model/prompt_state.h"

namespace switchyard::ui {

/// An answer as people copy it. The text is the true one, whatever chips show.
std::string answer_as_text(const Answer& answer);

/// Prompt and answer as quoted blocks, below them run, weights and settings as a table.
std::string answer_as_markdown(const Answer& answer, const std::string& run_name);

/// Everything: prompt, settings, weights, tokens with probabilities, alternatives and routes.
Json answer_as_json(const Answer& answer, const std::string& run_name);

/// Sampling settings as answers and pins store them; members that are absent keep their defaults.
SamplingSettings settings_from(const Json& json);

/// Answers that are remembered between starts: the newest, up to 2,000 tokens together, with the
/// run they belong to. Scored texts and replays are not kept.
std::string answers_file(const PromptState& prompt);

/// Puts remembered answers aside until their run is opened. Members that make no sense are skipped.
void restore_answers(PromptState& prompt, const Json& file);

/// What answers_file can be read with.
JsonLimits answers_file_limits();

}  // namespace switchyard::ui
