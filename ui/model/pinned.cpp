#include "ui/model/pinned.h"

#include <algorithm>
#include <limits>

#include "ui/model/answer_export.h"

namespace switchyard::ui {
namespace {

PinnedPrompt* find_pin(std::vector<PinnedPrompt>& pins, std::int64_t pin_id) {
  for (PinnedPrompt& pin : pins) {
    if (pin.pin_id == pin_id) return &pin;
  }
  return nullptr;
}

/// Keeps the rows sorted; a later answer of the same step (after a resume) replaces the earlier.
void insert(std::vector<AnswerAt>& rows, AnswerAt row) {
  const auto at = std::lower_bound(
      rows.begin(), rows.end(), row.step, [](const AnswerAt& one, std::int64_t step) {
        return one.step < step;
      });
  if (at != rows.end() && at->step == row.step) {
    *at = std::move(row);
  } else {
    rows.insert(at, std::move(row));
  }
}

}  // namespace

double value_at_step(const Series* series, std::int64_t step) {
  const std::size_t after = series == nullptr ? 0 : series->index_of_step(step + 1);
  return after == 0 ? std::numeric_limits<double>::quiet_NaN() : series->value(after - 1);
}

std::vector<PinnedPrompt> pinned_prompts(std::span<const store::Event> events,
                                         const Series* val_loss) {
  std::vector<PinnedPrompt> pins;
  for (const store::Event& event : events) {
    if (event.kind != "pin" && event.kind != "unpin" && event.kind != "pinned_answer") continue;
    const Json& detail = event.detail;
    const std::int64_t pin_id = detail["pin_id"].as_integer();
    PinnedPrompt* pin = find_pin(pins, pin_id);
    if (event.kind == "pin") {
      if (pin == nullptr) pin = &pins.emplace_back();
      pin->pin_id = pin_id;
      pin->prompt = detail["prompt"].as_string();
      const Json& nested = detail["settings"];
      pin->settings = settings_from(nested.is_object() ? nested : detail);
      pin->is_pinned = true;
    } else if (pin != nullptr && event.kind == "unpin") {
      pin->is_pinned = false;
    } else if (pin != nullptr) {
      insert(pin->answers,
             {event.step,
              value_at_step(val_loss, event.step),
              detail["text"].as_string(),
              detail["num_tokens"].as_integer(),
              detail["mean_prob"].as_number(),
              false,
              ""});
    }
  }
  return pins;
}

void add_replays(std::span<const Answer> answers,
                 const std::string& prompt,
                 std::int64_t seed,
                 const Series* val_loss,
                 std::vector<AnswerAt>* rows) {
  for (const Answer& answer : answers) {
    if (answer.role != AnswerRole::kReplay || answer.prompt != prompt ||
        answer.settings.seed != seed)
      continue;
    const std::int64_t step = answer.source.step;
    const bool is_known = std::any_of(rows->begin(), rows->end(), [&](const AnswerAt& row) {
      return row.step == step && !row.is_open && row.problem.empty();
    });
    if (is_known) continue;
    double sum = 0.0;
    for (const Token& token : answer.tokens) sum += token.probability;
    const auto count = static_cast<std::int64_t>(answer.tokens.size());
    insert(*rows,
           {step,
            value_at_step(val_loss, step),
            answer.text(),
            count,
            count > 0 ? sum / static_cast<double>(count) : 0.0,
            answer.is_open(),
            answer.problem});
  }
}

const std::vector<PinnedPrompt>& PinCache::of(const RunView& run) {
  if (run.revision != revision_ || run.root != root_) {
    revision_ = run.revision;
    root_ = run.root;
    pins_ = pinned_prompts(run.events, run.scalar("val_loss"));
  }
  return pins_;
}

}  // namespace switchyard::ui
