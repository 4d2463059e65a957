#include "ui/model/prompt_actions.h"

#include <algorithm>

#include "engine/base/core/text.h"

namespace switchyard::ui {
namespace {

/// Makes room for one more answer: the oldest that is over goes.
void make_room(PromptState& prompt) {
  while (prompt.answers.size() >= PromptState::kMaxAnswers) {
    const auto oldest =
        std::find_if(prompt.answers.begin(), prompt.answers.end(), [&](const Answer& answer) {
          return !answer.is_open() && answer.id != prompt.shown_id;
        });
    if (oldest == prompt.answers.end()) return;
    prompt.answers.erase(oldest);
  }
}

Answer& add_answer(Studio& studio,
                   AnswerRole role,
                   std::string text,
                   SamplingSettings settings,
                   const AnswerSource& source) {
  PromptState& prompt = studio.prompt;
  make_room(prompt);
  Answer answer;
  answer.id = prompt.next_answer_id++;
  answer.role = role;
  answer.prompt = std::move(text);
  answer.settings = std::move(settings);
  answer.source = source;
  answer.is_live = source.kind == AnswerSource::Kind::kLive && studio.run->is_engine_attached;
  prompt.answers.push_back(std::move(answer));
  ++prompt.revision;
  return prompt.answers.back();
}

void request(Studio& studio, const Answer& answer) {
  studio.send(Generate{answer.id, answer.prompt, answer.settings, answer.source});
}

void stop_roles(Studio& studio, bool has_background) {
  for (const Answer& answer : studio.prompt.answers) {
    const bool is_background =
        answer.role == AnswerRole::kReplay || answer.role == AnswerRole::kScored;
    if (answer.is_open() && (has_background || !is_background))
      studio.send(StopGenerating{answer.id});
  }
}

/// Asks for an answer and, when a second source is chosen, for its counterpart.
std::int64_t ask(Studio& studio,
                 const std::string& text,
                 const SamplingSettings& settings,
                 const BranchPoint& branch) {
  stop_roles(studio, false);
  PromptState& prompt = studio.prompt;
  Answer& answer = add_answer(studio, AnswerRole::kShown, text, settings, prompt.source);
  answer.branch = branch;
  const std::int64_t id = answer.id;
  request(studio, answer);
  if (prompt.compare_with.kind != AnswerSource::Kind::kNone) {
    const Answer& other =
        add_answer(studio, AnswerRole::kCompared, text, settings, prompt.compare_with);
    const std::int64_t other_id = other.id;
    request(studio, other);
    if (Answer* shown = prompt.find(id)) shown->compared_id = other_id;
  }
  show_answer(studio, id);
  return id;
}

bool is_done(const Answer* answer) {
  return answer != nullptr &&
         (answer->state == AnswerState::kDone || answer->state == AnswerState::kCancelled) &&
         !answer->tokens.empty();
}

}  // namespace

std::string prompt_obstacle(const Studio& studio) {
  const RunView& run = *studio.run;
  const PromptFacts& facts = *studio.prompt.facts;
  if (run.root.empty()) return "Open a run first.";
  if (run.state == RunState::kDamaged) return "This folder is no run.";
  if (studio.prompt.draft.empty()) return "Type something first.";
  if (studio.prompt.draft.size() > kMaxLiveTextBytes)
    return "A prompt has at most 256 KiB; this has " +
           grouped(static_cast<std::int64_t>(studio.prompt.draft.size())) + " bytes.";
  if (!facts.count_problem.empty() && facts.counted == studio.prompt.draft)
    return facts.count_problem;
  if (studio.prompt.source.kind == AnswerSource::Kind::kLive) {
    if (run.is_engine_attached) return "";
    if (run.is_engine_alive) return "The engine is starting.";
  }
  return run.num_checkpoints == 0 && run.step == 0 ? "The run has no checkpoint yet." : "";
}

std::string source_text(const AnswerSource& source, const RunView& run) {
  switch (source.kind) {
    case AnswerSource::Kind::kNone:
      return "nothing";
    case AnswerSource::Kind::kLive:
      return run.is_engine_attached ? "live weights, step " + grouped(run.step) : "last checkpoint";
    case AnswerSource::Kind::kCheckpoint:
      return source.step < 0 ? "last checkpoint" : "checkpoint " + grouped(source.step);
  }
  return "";
}

void Studio::generate() {
  ask(*this, prompt.draft, prompt.settings, {});
  if (!prompt.is_seed_locked) ++prompt.settings.seed;
}

void Studio::stop_generating() {
  stop_roles(*this, true);
}

void show_answer(Studio& studio, std::int64_t answer_id) {
  studio.prompt.shown_id = answer_id;
  studio.selection.answer_id = answer_id;
  studio.selection.token = -1;
  studio.prompt.range = {};
}

void ask_again(Studio& studio, std::int64_t answer_id, SamplingSettings settings) {
  const Answer* answer = studio.prompt.find(answer_id);
  if (answer == nullptr) return;
  settings.seed = answer->settings.seed;
  for (const std::int64_t id : answers_to(studio.prompt, *answer))
    settings.seed = std::max(settings.seed, studio.prompt.find(id)->settings.seed);
  ++settings.seed;
  const std::string text = answer->prompt;
  const BranchPoint branch = answer->branch;
  ask(studio, text, settings, branch);
}

bool branch_at(Studio& studio,
               std::int64_t answer_id,
               std::int64_t token,
               const Alternative& alternative) {
  const Answer* answer = studio.prompt.find(answer_id);
  if (answer == nullptr || alternative.text.empty() || token < 0 ||
      token >= static_cast<std::int64_t>(answer->tokens.size()))
    return false;
  const auto index = static_cast<std::size_t>(token);
  const BranchPoint branch{answer_id, token, answer->tokens[index].text, alternative.text};
  const std::string text = answer->prompt + answer->text_before(index) + alternative.text;
  const SamplingSettings settings = answer->settings;
  ask(studio, text, settings, branch);
  return true;
}

void collect_evidence(Studio& studio) {
  PromptState& prompt = studio.prompt;
  for (std::size_t i = 0; i < prompt.answers.size(); ++i) {
    const Answer& shown = prompt.answers[i];
    if (shown.role != AnswerRole::kShown || shown.evidence_id >= 0 || !is_done(&shown)) continue;
    const Answer* other = prompt.find(shown.compared_id);
    if (!is_done(other)) continue;
    const std::int64_t id = shown.id;
    const std::string text = shown.prompt + shown.text();
    const AnswerSource source = other->source;
    const std::int64_t evidence = add_answer(studio, AnswerRole::kEvidence, text, {}, source).id;
    if (Answer* owner = prompt.find(id)) owner->evidence_id = evidence;
    studio.send(ScoreText{evidence, text, source});
    return;  // the list may have moved
  }
}

void score_text(Studio& studio) {
  ScoreState& score = studio.prompt.score;
  if (score.text.empty() || studio.run->root.empty()) return;
  if (const Answer* before = studio.prompt.find(score.answer_id);
      before != nullptr && before->is_open())
    studio.send(StopGenerating{before->id});
  std::erase_if(studio.prompt.answers, [](const Answer& answer) {
    return answer.role == AnswerRole::kScored && !answer.is_open();
  });
  AnswerSource source = score.source;
  if (score.text.size() > kMaxLiveTextBytes && source.kind == AnswerSource::Kind::kLive)
    source = {AnswerSource::Kind::kCheckpoint, -1};
  const Answer& answer = add_answer(studio, AnswerRole::kScored, score.text, {}, source);
  score.answer_id = answer.id;
  studio.send(ScoreText{answer.id, score.text, source});
}

void replay_at_checkpoints(Studio& studio,
                           const std::string& prompt,
                           const SamplingSettings& settings) {
  std::vector<AnswerAt> known;
  add_replays(studio.prompt.answers, prompt, settings.seed, nullptr, &known);
  for (const PinnedPrompt& pin : studio.prompt.pins.of(*studio.run)) {
    if (pin.prompt == prompt && pin.settings.seed == settings.seed)
      known.insert(known.end(), pin.answers.begin(), pin.answers.end());
  }
  for (const std::int64_t step : studio.prompt.facts->checkpoints) {
    const bool has_answer = std::any_of(known.begin(), known.end(), [step](const AnswerAt& row) {
      return row.step == step && row.problem.empty();
    });
    if (has_answer) continue;
    request(studio,
            add_answer(studio,
                       AnswerRole::kReplay,
                       prompt,
                       settings,
                       {AnswerSource::Kind::kCheckpoint, step}));
  }
}

const PinnedPrompt* pin_of(Studio& studio, const std::string& prompt) {
  for (const PinnedPrompt& pin : studio.prompt.pins.of(*studio.run)) {
    if (pin.is_pinned && pin.prompt == prompt) return &pin;
  }
  return nullptr;
}

}  // namespace switchyard::ui
