#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "ui/model/log_lines.h"
#include "ui/panels/common.h"
#include "ui/panels/events.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

EventText state_text(const store::Event& event) {
  const RunState state = run_state_from_word(event.detail["state"].as_string());
  EventText words;
  words.tone = tone_of(run_state_tone(state));
  words.icon = state == RunState::kRunning ? Icon::kStart : state_icon(state);
  words.title = state == RunState::kRunning ? "Training" : std::string(run_state_title(state));
  words.detail = event.detail["reason"].as_string();
  return words;
}

void draw_event(Studio& studio, const store::Event& event) {
  const ThemeTokens& t = theme();
  const EventText words = event_text(event);
  const float width = ImGui::GetContentRegionAvail().x;
  const ImVec2 start = ImGui::GetCursorScreenPos();
  const bool is_selected = studio.selection.event == event.sequence;
  const std::string label = words.title + "###events.row." + std::to_string(event.sequence);
  if (list_row(label.c_str(), is_selected, 2.75F))
    studio.selection.event = is_selected ? -1 : event.sequence;
  if (!words.detail.empty()) tooltip(words.title + "\n" + words.detail);
  const ImVec2 min = {start.x + (is_selected ? em(0.5F) : 0.0F), start.y + em(0.15F)};
  const float x = min.x + em(1.7F);
  ImDrawList* list = ImGui::GetWindowDrawList();
  draw_text(list,
            Type::kBody,
            min,
            words.tone == Tone::kNeutral ? t.text2 : tone_color(words.tone),
            icon(words.icon));
  draw_text(list, Type::kBody, {x, min.y}, t.text1, words.title, width - em(1.7F));
  std::string below = grouped_number(event.step) + "   " + clock_text(event.wall_time);
  if (!words.detail.empty()) below += "   " + words.detail;
  draw_text(list, Type::kDigitsCaption, {x, min.y + em(1.3F)}, t.text3, below, width - em(1.7F));
  ImGui::Dummy({width, em(2.75F)});
}

class EventsPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    if (studio.run->events.empty()) {
      empty_state(Icon::kFlag,
                  "No events yet",
                  "Checkpoints, evaluations and what the guard did appear here.");
      return;
    }
    const PanelBody body("###events.body", {0.0F, 0.0F}, 1.1F, 1.0F);
    checkbox("Evaluations###events.evals", &has_evals_);
    gap(0.9F);
    // A mark on a plot was clicked: its event comes into sight once.
    const bool is_new = std::exchange(shown_event_, studio.selection.event) != shown_event_;
    draw_event_list(studio, 0, has_evals_, is_new ? studio.selection.event : -1);
  }

 private:
  bool has_evals_ = true;
  std::int64_t shown_event_ = -1;
};

}  // namespace

EventText event_text(const store::Event& event) {
  const Json& detail = event.detail;
  if (event.kind == "state") return state_text(event);
  if (event.kind == "checkpoint") {
    const bool is_best = detail["is_best"].as_bool();
    return {is_best ? Icon::kBest : Icon::kSave,
            Tone::kNeutral,
            is_best ? "Checkpoint saved, best so far" : "Checkpoint saved",
            ""};
  }
  if (event.kind == "eval") {
    const std::string& split = detail["split"].as_string();
    return {Icon::kProbe,
            Tone::kNeutral,
            (split.empty() ? "Evaluation" : "Loss on " + split) + " " +
                plain_number(detail["loss"].as_number(), 4),
            ""};
  }
  if (event.kind == "setting")
    return {Icon::kSliders, Tone::kAccent, "Setting changed", detail.dump()};
  const std::string& message = detail["message"].as_string();
  if (event.kind == "guard")
    return {
        Icon::kSpike, Tone::kAttention, "Guard acted", message.empty() ? detail.dump() : message};
  if (event.kind == "doctor") {
    const bool is_found = detail["action"].as_string() == "found";
    const bool is_failure = detail["severity"].as_string() == "failure";
    return {is_found && is_failure ? Icon::kFailure : Icon::kInfo,
            !is_found    ? Tone::kNeutral
            : is_failure ? Tone::kFailure
                         : Tone::kAttention,
            (is_found ? "" : "No longer: ") + message,
            detail["hint"].as_string()};
  }
  if (event.kind == "error")
    return {Icon::kFailure,
            Tone::kFailure,
            message.empty() ? "Error" : message,
            detail["hint"].as_string()};
  if (event.kind == "fork") {
    const std::string& parent = detail["parent_name"].as_string();
    return {Icon::kFork, Tone::kAccent, "Forked from " + parent, ""};
  }
  if (event.kind == "pin")
    return {Icon::kPin, Tone::kNeutral, "Prompt pinned", detail["prompt"].as_string()};
  if (event.kind == "unpin") return {Icon::kPin, Tone::kNeutral, "Prompt unpinned", ""};
  if (event.kind == "pinned_answer")
    return {Icon::kPrompt, Tone::kNeutral, "Pinned prompt answered", detail["text"].as_string()};
  if (event.kind == "gap") return {Icon::kClock, Tone::kAttention, "The machine slept", message};
  return {Icon::kInfo, Tone::kNeutral, event.kind, message};
}

void draw_event_list(Studio& studio, std::size_t limit, bool has_evals, std::int64_t scroll_to) {
  const std::shared_ptr<const RunView> run = studio.run;
  std::size_t count = 0;
  for (auto event = run->events.rbegin(); event != run->events.rend(); ++event) {
    if (!has_evals && event->kind == "eval") continue;
    if (limit != 0 && count++ == limit) return;
    draw_event(studio, *event);
    if (scroll_to >= 0 && event->sequence == scroll_to) ImGui::SetScrollHereY(0.5F);
  }
}

std::unique_ptr<Panel> make_events_panel() {
  return std::make_unique<EventsPanel>();
}

}  // namespace switchyard::ui
