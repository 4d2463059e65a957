#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "ui/model/prompt_actions.h"
#include "ui/panels/common.h"
#include "ui/panels/file_browser_view.h"
#include "ui/panels/flow_toolbar.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/panels/source_combo.h"
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

/// A text of the person's, read by the model: loss, perplexity and bits per byte, token by token.
class ScorePanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const Answer* answer = studio.prompt.find(studio.prompt.score.answer_id);
    draw_flow_toolbar(studio, "score", answer);
    FlowResult flow;
    {
      const PanelBody body("###score.body", {0.0F, 0.0F}, 1.0F, 1.0F);
      draw_input(studio);
      answer = studio.prompt.find(studio.prompt.score.answer_id);
      if (answer == nullptr) return;
      gap(0.9F);
      hairline();
      gap(0.9F);
      flow = draw_result(studio, *answer);
    }
    answer = studio.prompt.find(studio.prompt.score.answer_id);
    if (answer != nullptr) popover_.draw(studio, *answer, flow, false);
  }

 private:
  static constexpr std::size_t kMaxEditedBytes = std::size_t{64} << 10;

  static void draw_text_area(ScoreState& score) {
    if (score.text.size() <= kMaxEditedBytes) {
      FieldOptions area;
      area.is_mono = true;
      area.hint = "Paste a text, or name a file below.";
      text_area("###score.text", &score.text, em(7.5F), area);
      return;
    }
    // Too long to edit here without making every picture slow.
    text_ellipsis(Type::kBody,
                  theme().text1,
                  grouped_number(static_cast<long long>(score.text.size())) + " bytes of text");
    gap(0.3F);
    if (link("Clear###score.clear")) score.text.clear();
  }

  static void draw_input(Studio& studio) {
    ScoreState& score = studio.prompt.score;
    draw_text_area(score);
    gap(0.5F);
    const float width = ImGui::GetContentRegionAvail().x;
    FieldOptions path;
    path.hint = "Path of a text file, at most 1 MiB";
    path.width = std::max(em(6), width - em(6.2F) - browse_width());
    path.has_error = !score.problem.empty();
    if (text_field("###score.path", &score.path, path)) score.problem.clear();
    const bool wants_file =
        ImGui::IsItemDeactivatedAfterEdit() && ImGui::IsKeyPressed(ImGuiKey_Enter);
    const bool is_chosen = browse_button(studio, "score.path", FileKind::kText, &score.path);
    ImGui::SameLine(0.0F, em(0.5F));
    ButtonOptions open;
    open.is_small = true;
    open.width = em(5.7F);
    if (score.path.empty()) open.disabled_reason = "Name a file first";
    const bool is_named = is_chosen || (wants_file && !score.path.empty());
    if (button("Read file###score.read", open) || is_named) {
      score.problem.clear();
      score.is_reading = true;
      studio.send(ReadTextFile{score.path});
    }
    if (!score.problem.empty()) {
      gap(0.3F);
      field_error(score.problem.c_str());
    }
    gap(0.6F);
    draw_buttons(studio);
  }

  static void draw_buttons(Studio& studio) {
    ScoreState& score = studio.prompt.score;
    const Answer* answer = studio.prompt.find(score.answer_id);
    const bool is_open = answer != nullptr && answer->is_open();
    const RunView& run = *studio.run;
    ButtonOptions options;
    options.kind = ButtonKind::kPrimary;
    options.icon = Icon::kProbe;
    if (run.root.empty())
      options.disabled_reason = "Open a run first";
    else if (score.text.empty())
      options.disabled_reason = "Paste a text or read a file first";
    else if (!run.is_engine_attached && studio.prompt.facts->checkpoints.empty())
      options.disabled_reason = "The run has no checkpoint yet";
    if (button("Score text###score.run", options)) score_text(studio);
    ImGui::SameLine(0.0F, em(0.5F));
    ButtonOptions stop;
    stop.width = button_height();
    if (!is_open) stop.disabled_reason = "Nothing is being read";
    if (icon_button("Stop###score.stop", Icon::kStop, "Stops reading", stop) && is_open)
      studio.send(StopGenerating{answer->id});
    ImGui::SameLine(0.0F, em(0.8F));
    const float room = ImGui::GetContentRegionAvail().x;
    if (room < em(8)) gap(0.4F);
    const ImVec2 pos = ImGui::GetCursorScreenPos();
    ImGui::SetCursorScreenPos({pos.x, pos.y + (room < em(8) ? 0.0F : em(0.22F))});
    source_combo(studio,
                 "###score.source",
                 std::min(em(14), ImGui::GetContentRegionAvail().x),
                 false,
                 &score.source);
  }

  static void draw_figures(const Answer& answer) {
    const TextScore& score = answer.score;
    const bool is_known = score.loss >= 0.0;
    const auto shown = [is_known](double value, int digits) {
      return is_known ? plain_number(value, digits) : std::string("–");
    };

    struct Figure {
      const char* label;
      std::string value;
      const char* unit;
    };

    const Figure figures[] = {
        {"Loss", shown(score.loss, 4), "nats/token"},
        {"Perplexity", shown(score.perplexity, 4), ""},
        {"Bits per byte", shown(score.bits_per_byte, 4), ""},
        {"Tokens",
         grouped_number(is_known
                            ? static_cast<long long>(score.num_tokens)
                            : static_cast<long long>(answer.tokens.size()) + answer.num_dropped),
         ""}};
    const float right = ImGui::GetCursorScreenPos().x + ImGui::GetContentRegionAvail().x;
    for (std::size_t i = 0; i < std::size(figures); ++i) {
      const Figure& one = figures[i];
      const float width = std::max(text_size(Type::kCaption, one.label).x,
                                   text_size(Type::kDigitsBar, one.value).x +
                                       text_size(Type::kCaption, one.unit).x + em(0.4F));
      if (i > 0 && ImGui::GetItemRectMax().x + em(2) + width < right)
        ImGui::SameLine(0.0F, em(2));
      else if (i > 0)
        gap(0.5F);
      key_figure(one.label, one.value, one.unit);
    }
    gap(0.9F);
  }

  FlowResult draw_result(Studio& studio, const Answer& answer) {
    if (answer.state == AnswerState::kFailed) {
      badge("Not scored", Tone::kFailure, Icon::kFailure);
      gap(0.3F);
      text_wrapped(Type::kBody, theme().text1, answer.problem);
      return {};
    }
    draw_figures(answer);
    note(source_text(answer.source, *studio.run) +
         (answer.step >= 0 ? ", read at step " + grouped_number(answer.step) : ""));
    gap(0.4F);
    if (answer.is_open()) {
      note(answer.tokens.empty() ? "Waiting for the first token." : "Reading …");
      gap(0.5F);
    }
    const FlowResult flow = flow_.draw(studio, answer, studio.prompt.shows_routes);
    draw_flow_legend(studio, answer, studio.prompt.shows_routes);
    if (answer.num_dropped > 0)
      note("The first " + grouped_number(static_cast<long long>(answer.tokens.size())) +
           " tokens are shown; the figures cover all.");
    return flow;
  }

  TokenFlow flow_;
  TokenPopover popover_;
};

}  // namespace

std::unique_ptr<Panel> make_score_panel() {
  return std::make_unique<ScorePanel>();
}

}  // namespace switchyard::ui
