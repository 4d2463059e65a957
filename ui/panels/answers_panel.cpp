#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/model/answer_compare.h"
#include "ui/model/answer_export.h"
#include "ui/model/prompt_actions.h"
#include "ui/panels/common.h"
#include "ui/panels/flow_toolbar.h"
#include "ui/panels/panel.h"
#include "ui/panels/pinned_rows.h"
#include "ui/panels/registry.h"
#include "ui/panels/token_flow.h"
#include "ui/panels/token_popover.h"
#include "ui/panels/token_view.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

/// The answer in front, the one beside it, and the same prompt over training.
class AnswersPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    draw_flow_toolbar(studio, "answers", studio.prompt.shown());
    if (studio.prompt.shown() == nullptr) {
      empty_state(Icon::kPrompt,
                  "Nothing asked yet",
                  "Type a prompt at the left and press Generate. It works while the model trains.");
      return;
    }
    FlowResult main, other;
    {
      const PanelBody body("###answers.body", {0.0F, 0.0F}, 1.0F, 1.0F);
      if (ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiKey_C)) copy_marked(studio);
      const Answer& answer = *studio.prompt.shown();
      draw_branch_line(studio, answer);
      main = draw_answer(studio, answer, flow_);
      draw_legend(studio, answer);
      draw_branches(studio, answer);
      if (const Answer* compared = studio.prompt.find(answer.compared_id)) {
        rule();
        other = draw_answer(studio, *compared, compared_flow_);
      }
      draw_over_training(studio, *studio.prompt.shown());
      if (wanted_id_ >= 0) show_answer(studio, std::exchange(wanted_id_, -1));
    }
    const Answer* shown = studio.prompt.shown();
    const Answer* compared = studio.prompt.find(shown->compared_id);
    if (compared != nullptr && (other.activated >= 0 || popover_.is_open_on(compared->id))) {
      popover_.draw(studio, *compared, other, true);
    } else {
      popover_.draw(studio, *shown, main, true);
    }
  }

 private:
  static void rule() {
    gap(0.6F);
    hairline();
    gap(0.9F);
  }

  /// The marked range, else the whole answer in front.
  static void copy_marked(const Studio& studio) {
    const TokenRange& range = studio.prompt.range;
    const Answer* marked = studio.prompt.find(range.answer_id);
    std::string copied;
    if (marked != nullptr && range.first >= 0) {
      for (int i = range.first; i <= range.last && i < static_cast<int>(marked->tokens.size()); ++i)
        copied += marked->tokens[static_cast<std::size_t>(i)].text;
    } else if (const Answer* shown = studio.prompt.shown()) {
      copied = answer_as_text(*shown);
    }
    ImGui::SetClipboardText(copied.c_str());
  }

  void draw_branch_line(const Studio& studio, const Answer& answer) {
    const BranchPoint& branch = answer.branch;
    if (branch.parent_id < 0) return;
    text(Type::kBody, theme().text3, icon(Icon::kRouting));
    ImGui::SameLine(0.0F, em(0.5F));
    const float right = studio.prompt.find(branch.parent_id) != nullptr ? em(7) : 0.0F;
    text_ellipsis(Type::kBody,
                  theme().text2,
                  "Branch at token " + grouped_number(branch.token + 1) + ": \"" +
                      shown_text(branch.to) + "\" instead of \"" + shown_text(branch.from) + "\"",
                  std::max(em(4), ImGui::GetContentRegionAvail().x - right));
    if (right > 0.0F) {
      ImGui::SameLine(0.0F, em(0.7F));
      if (link("Show parent###answers.parent")) wanted_id_ = branch.parent_id;
    }
    gap(0.6F);
  }

  /// "‹ 2 of 3 ›": kept answers of the same prompt. Returns the width taken.
  float draw_cycle(const Studio& studio, const Answer& answer, ImVec2 right_top) {
    const std::vector<std::int64_t> ids = answers_to(studio.prompt, answer);
    if (ids.size() < 2) return 0.0F;
    const auto at = std::find(ids.begin(), ids.end(), answer.id) - ids.begin();
    const std::string words = std::to_string(at + 1) + " of " + std::to_string(ids.size());
    const float side = button_height(true), middle = text_size(Type::kDigitsCaption, words).x;
    const float width = 2.0F * side + middle + em(0.4F);
    const float x = right_top.x - width, y = right_top.y - em(0.35F);
    ButtonOptions small;
    small.is_small = true;
    const auto go = [&](std::ptrdiff_t by) {
      const auto count = static_cast<std::ptrdiff_t>(ids.size());
      wanted_id_ = ids[static_cast<std::size_t>((at + by + count) % count)];
    };
    ImGui::SetCursorScreenPos({x, y});
    if (icon_button("Previous###answers.previous", Icon::kPrevious, "The answer before", small))
      go(-1);
    draw_text(ImGui::GetWindowDrawList(),
              Type::kDigitsCaption,
              {x + side + em(0.2F), right_top.y + px(1)},
              theme().text2,
              words);
    ImGui::SetCursorScreenPos({x + side + middle + em(0.4F), y});
    if (icon_button("Next###answers.next", Icon::kNext, "The answer after", small)) go(1);
    return width + em(0.6F);
  }

  static std::string state_words(const Studio& studio, const Answer& answer) {
    std::string words =
        answer.is_live && answer.step >= 0 ? "step " + grouped_number(answer.step) : "";
    const auto add = [&words](const std::string& more) {
      words += (words.empty() ? "" : ", ") + more;
    };
    if (answer.role == AnswerRole::kShown) add("seed " + std::to_string(answer.settings.seed));
    if (answer.state == AnswerState::kWaiting)
      add(studio.run->is_engine_attached && answer.is_live ? "waiting for the first token"
                                                           : "loading the checkpoint");
    if (answer.state == AnswerState::kStreaming) add("writing");
    if (answer.state == AnswerState::kCancelled) add("stopped");
    if (!answer.stopped_by.empty())
      add("ended at \"" + escapes_from_text(answer.stopped_by) + "\"");
    if (answer.role != AnswerRole::kCompared) return words;
    add("same seed");
    const Answer* shown = studio.prompt.shown();
    const Answer* evidence = studio.prompt.find(shown->evidence_id);
    const auto reading = other_reading(*shown, &answer, evidence);
    if (const auto agreement = route_agreement(shown->tokens, reading))
      add("route agreement " + plain_number(agreement->share, 2));
    else if (evidence != nullptr && evidence->is_open())
      add("reading the answer above");
    return words;
  }

  void draw_head(Studio& studio, const Answer& answer) {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x;
    ImDrawList* list = ImGui::GetWindowDrawList();
    float right = min.x + width;
    if (answer.role == AnswerRole::kShown) {
      right -= draw_cycle(studio, answer, {right, min.y});
    } else {
      ButtonOptions small;
      small.is_small = true;
      ImGui::SetCursorScreenPos({right - button_height(true), min.y - em(0.35F)});
      const std::string label = "Copy###answer." + std::to_string(answer.id) + ".copy";
      if (icon_button(label.c_str(), Icon::kCopy, "Copies prompt and answer", small))
        ImGui::SetClipboardText(answer_as_text(answer).c_str());
      right -= button_height(true) + em(0.5F);
    }
    std::string counts = grouped_number(static_cast<long long>(answer.tokens.size())) + " tokens";
    if (answer.tokens_per_second > 0.0)
      counts += "   " + short_number(answer.tokens_per_second) + " tok/s";
    const float counts_width = text_size(Type::kDigitsCaption, counts).x;
    const bool has_room = width > em(18);
    if (has_room)
      draw_text_right(list, Type::kDigitsCaption, {right, min.y + px(1)}, t.text2, counts);
    if (has_room) right -= counts_width + em(0.8F);
    float x = min.x;
    if (answer.is_live) {
      list->AddCircleFilled({x + em(0.4F), min.y + em(0.5F)}, em(0.26F), t.ok);
      x += em(1.1F);
    } else {
      x += draw_text(list, Type::kBody, {x, min.y}, t.text3, icon(Icon::kClock)) + em(0.55F);
    }
    const std::int64_t step = answer.step >= 0 ? answer.step : answer.source.step;
    const std::string title =
        answer.is_live ? "Live"
                       : (step >= 0 ? "Checkpoint " + grouped_number(step) : "Last checkpoint");
    x += draw_text(list, Type::kBodyStrong, {x, min.y}, t.text1, title) + em(0.6F);
    const std::string words = state_words(studio, answer);
    ImGui::SetCursorScreenPos({x, min.y + px(1)});
    if (right - x > em(2)) {
      text_ellipsis(Type::kDigitsCaption, t.text3, words, right - x);
      if (answer.role == AnswerRole::kCompared && ImGui::IsItemHovered())
        tooltip(
            "Route agreement: share of tokens × layers of the answer above whose first expert is "
            "the same when these weights read it.");
    }
    ImGui::SetCursorScreenPos(min);
    ImGui::Dummy({width, em(1.5F)});
  }

  FlowResult draw_answer(Studio& studio, const Answer& answer, TokenFlow& flow) {
    draw_head(studio, answer);
    if (answer.role == AnswerRole::kShown) {
      text_ellipsis(Type::kMono, theme().text3, drawable_text(one_line(answer.prompt)));
      gap(0.5F);
    }
    if (answer.state == AnswerState::kFailed) {
      badge("No answer", Tone::kFailure, Icon::kFailure);
      gap(0.3F);
      text_wrapped(Type::kBody, theme().text1, answer.problem);
    }
    if (!studio.prompt.shows_plain_text)
      return flow.draw(studio, answer, shows_routes(studio, answer));
    std::string plain = answer.text();
    const float height =
        wrapped_height(Type::kMono, plain, ImGui::GetContentRegionAvail().x - em(2));
    FieldOptions options;
    options.is_mono = true;
    options.is_read_only = true;
    text_area(("###answer." + std::to_string(answer.id) + ".text").c_str(),
              &plain,
              height + em(2.6F),
              options);
    return {};
  }

  /// Only the answer in front carries its routes; the one beside it stays short.
  static bool shows_routes(const Studio& studio, const Answer& answer) {
    return studio.prompt.shows_routes && answer.role == AnswerRole::kShown;
  }

  static void draw_legend(const Studio& studio, const Answer& answer) {
    if (answer.tokens.empty() || studio.prompt.shows_plain_text) return;
    draw_flow_legend(studio, answer, studio.prompt.shows_routes);
    gap(0.3F);
  }

  void draw_branches(const Studio& studio, const Answer& answer) {
    const std::vector<const Answer*> branches = branches_of(studio.prompt, answer.id);
    if (branches.empty()) return;
    gap(0.6F);
    for (const Answer* branch : branches) {
      const ImVec2 min = ImGui::GetCursorScreenPos();
      const float width = ImGui::GetContentRegionAvail().x;
      if (list_row(("###answers.branch." + std::to_string(branch->id)).c_str(), false, 1.9F))
        wanted_id_ = branch->id;
      ImDrawList* list = ImGui::GetWindowDrawList();
      const float y = std::round(min.y + (em(1.9F) - line_height(Type::kBody)) * 0.5F);
      draw_text(list, Type::kBody, {min.x + em(0.3F), y}, theme().text3, icon(Icon::kRouting));
      draw_text(list,
                Type::kMono,
                {min.x + em(1.9F), y},
                theme().text2,
                "at " + grouped_number(branch->branch.token + 1) + ": " +
                    drawable_text(one_line(branch->branch.to + branch->text())),
                width - em(2.4F));
      ImGui::SetCursorScreenPos(min);
      ImGui::Dummy({width, em(1.9F)});
    }
  }

  static void draw_over_training(Studio& studio, const Answer& answer) {
    const std::vector<AnswerAt> rows =
        rows_over_training(studio, answer.prompt, answer.settings.seed);
    if (rows.empty()) return;
    rule();
    panel_title("Same prompt over training", "seed " + std::to_string(answer.settings.seed));
    gap(0.2F);
    draw_pinned_rows(rows, "answers.over", 5, nullptr);
  }

  TokenFlow flow_, compared_flow_;
  TokenPopover popover_;
  std::int64_t wanted_id_ = -1;
};

}  // namespace

std::unique_ptr<Panel> make_answers_panel() {
  return std::make_unique<AnswersPanel>();
}

}  // namespace switchyard::ui
