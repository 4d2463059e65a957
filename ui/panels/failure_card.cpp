#include "ui/panels/failure_card.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "ui/model/failure.h"
#include "ui/panels/common.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kWidthEm = 44.0F;
constexpr float kIndentEm = 2.6F;
constexpr std::size_t kMostLogLines = 6;

struct Paragraph {
  const std::string* words;
  Color color;
};

/// The last lines of the excerpt, for the card; everything is in "Copy details".
std::string last_lines(const std::string& text) {
  std::size_t start = text.size();
  for (std::size_t lines = 0; start > 0 && lines < kMostLogLines; ++lines) {
    const std::size_t line = text.rfind('\n', start - 1);
    start = line == std::string::npos ? 0 : line;
  }
  return text.substr(start > 0 ? start + 1 : 0);
}

float paragraphs_height(std::span<const Paragraph> paragraphs, float width) {
  float height = 0.0F;
  for (const Paragraph& one : paragraphs) {
    if (!one.words->empty()) height += wrapped_height(Type::kBody, *one.words, width) + em(0.35F);
  }
  return height;
}

void draw_head(const FailureReport& report, FailureCardState& state, ImVec2 min, float width) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = min.y + em(0.85F), right = min.x + width - em(0.6F) - button_height(true);
  draw_text(list, Type::kHeading, {min.x + em(1.1F), y}, t.failure, icon(Icon::kFailure));
  const float where = std::min(text_size(Type::kCaption, report.where).x, width * 0.4F);
  draw_text(list,
            Type::kHeading,
            {min.x + em(kIndentEm), y},
            t.text1,
            report.title,
            right - min.x - em(kIndentEm) - where - em(1));
  draw_text_right(list,
                  Type::kCaption,
                  {right - em(0.4F), y + px(1)},
                  t.text3,
                  fitted(Type::kCaption, report.where, where));
  ImGui::SetCursorScreenPos({right, min.y + em(0.45F)});
  ButtonOptions small;
  small.is_small = true;
  if (icon_button("Dismiss###failure.dismiss",
                  Icon::kClose,
                  "Hide this card; the run bar still shows the state",
                  small))
    state.dismissed = report.sequence;
}

void draw_remedies(const FailureReport& report, FailureCardState& state, float left, float right) {
  for (std::size_t i = 0; i < report.remedies.size(); ++i) {
    const FailureRemedy& remedy = report.remedies[i];
    const float y = ImGui::GetCursorScreenPos().y;
    ImGui::SetCursorScreenPos({left, y});
    const std::string label = remedy.label + "###failure.remedy." + std::to_string(i);
    if (radio(label.c_str(), state.remedy == static_cast<int>(i)))
      state.remedy = static_cast<int>(i);
    std::string cost = remedy.cost;
    if (remedy.is_new_run && remedy.predicted_bytes > 0.0) cost += ", a new run";
    draw_text_right(ImGui::GetWindowDrawList(), Type::kDigits, {right, y}, theme().text2, cost);
    ImGui::SetCursorScreenPos({left, y + em(1.65F)});
  }
}

void draw_buttons(Studio& studio, const FailureReport& report, const FailureCardState& state) {
  ButtonOptions primary;
  primary.kind = ButtonKind::kPrimary;
  primary.icon = Icon::kAgain;
  const bool has_remedy = !report.remedies.empty();
  RetryRun order{studio.run->root, {}, false};
  const char* label = "Resume###failure.retry";
  if (has_remedy) {
    const FailureRemedy& chosen = report.remedies[static_cast<std::size_t>(
        std::clamp(state.remedy, 0, static_cast<int>(report.remedies.size()) - 1))];
    order.settings = chosen.settings;
    order.is_new_run = chosen.is_new_run;
    label = chosen.is_new_run ? "Start again with this###failure.retry"
                              : "Resume with this###failure.retry";
  }
  if (button(label, primary)) studio.send(RunsOrder(order));
  ButtonOptions plain;
  if (has_remedy && report.kind != FailureKind::kOutOfMemory) {
    ImGui::SameLine(0.0F, em(0.6F));
    if (button("Resume as it was###failure.resume", plain))
      studio.send(ResumeRun{studio.run->root});
  }
  ImGui::SameLine(0.0F, em(0.6F));
  plain.icon = Icon::kCopy;
  if (button("Copy details###failure.copy", plain))
    ImGui::SetClipboardText(report.details().c_str());
}

void draw_report(Studio& studio, const FailureReport& report) {
  FailureCardState& state = studio.failure;
  const ThemeTokens& t = theme();
  const ImVec2 panel = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  const float width = std::min(em(kWidthEm), size.x - em(2));
  const float text_width = width - em(kIndentEm) - em(1);
  const Paragraph paragraphs[] = {{&report.what, t.text1},
                                  {&report.saved, t.text2},
                                  {&report.cause, t.text2},
                                  {&report.action, t.text2}};
  const std::string log = last_lines(report.excerpt);
  const float log_height =
      log.empty() || !state.shows_log
          ? 0.0F
          : std::min(wrapped_height(Type::kMono, log, text_width) + em(1.2F), em(9));
  const float wanted = em(2.35F) + paragraphs_height(paragraphs, text_width) + em(0.4F) +
                       em(1.65F) * static_cast<float>(report.remedies.size()) + log_height +
                       (log.empty() ? 0.0F : em(1.6F)) + em(3.4F);
  const float height = std::min(wanted, size.y - em(2));
  ImGui::SetCursorScreenPos({std::round(panel.x + (size.x - width) * 0.5F),
                             std::round(panel.y + size.y - height - em(1))});
  CardOptions options;
  options.size = {width, height};
  options.bar = Tone::kFailure;
  options.background = t.popup;
  draw_shadow(ImGui::GetWindowDrawList(),
              ImGui::GetCursorScreenPos(),
              {ImGui::GetCursorScreenPos().x + width, ImGui::GetCursorScreenPos().y + height},
              em(0.46F));
  begin_card("###failure.card", "", options);
  const ImVec2 min = ImGui::GetWindowPos();
  draw_head(report, state, min, width);
  ImGui::SetCursorScreenPos({min.x, min.y + em(2.35F)});
  {
    const PanelBody body("###failure.body", {width, height - em(2.35F)}, kIndentEm, 0.0F);
    const float left = ImGui::GetCursorScreenPos().x;
    for (const Paragraph& one : paragraphs) {
      if (one.words->empty()) continue;
      text_wrapped(Type::kBody, one.color, *one.words, text_width);
      gap(0.35F);
    }
    gap(0.2F);
    draw_remedies(report, state, left - em(1.5F), left + text_width);
    ImGui::SetCursorScreenPos({left, ImGui::GetCursorScreenPos().y});
    if (!log.empty()) {
      const char* words =
          state.shows_log ? "Hide the log###failure.log" : "Show the log###failure.log";
      if (link(words)) state.shows_log = !state.shows_log;
      if (state.shows_log) text_wrapped(Type::kMono, t.text3, log, text_width);
      gap(0.4F);
    }
    draw_buttons(studio, report, state);
    gap(0.6F);
  }
  end_card();
}

}  // namespace

void draw_failure_card(Studio& studio) {
  const RunView& run = *studio.run;
  const auto report = failure_of(run, studio.runs_feed->failure);
  if (!report.has_value()) return;
  FailureCardState& state = studio.failure;
  const std::string key = run.root + "#" + std::to_string(report->sequence);
  if (state.asked != key) {
    state.asked = key;
    state.remedy = 0;
    state.shows_log = false;
    state.dismissed = -1;
    studio.send(RunsOrder(ReadFailure{run.root}));
  }
  if (state.dismissed != report->sequence) draw_report(studio, *report);
}

}  // namespace switchyard::ui
