#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/model/prompt_actions.h"
#include "ui/model/run_state.h"
#include "ui/panels/common.h"
#include "ui/panels/panel.h"
#include "ui/panels/pinned_rows.h"
#include "ui/panels/registry.h"
#include "ui/panels/token_flow.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

/// The prompt that the table is about.
struct Subject {
  std::string prompt;
  SamplingSettings settings;
};

/// One prompt's answers at every checkpoint: a table, and a scrubber that shows one of them.
class OverTrainingPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const Subject subject = subject_of(studio);
    if (subject.prompt.empty()) {
      empty_state(Icon::kPin,
                  "No prompt to follow",
                  "Pin a prompt: the engine answers it at every checkpoint with the same seed.");
      return;
    }
    const std::vector<AnswerAt> rows =
        rows_over_training(studio, subject.prompt, subject.settings.seed);
    draw_toolbar(studio, subject, rows);
    const PanelBody body("###over.body", {0.0F, 0.0F}, 1.0F, 1.0F);
    draw_title(subject);
    if (rows.empty()) {
      note(studio.run->is_engine_attached
               ? "The first answer comes with the next checkpoint."
               : "Nothing was asked at a checkpoint yet: run it at each kept checkpoint.");
      return;
    }
    draw_scrubber(studio, rows);
    gap(0.9F);
    hairline();
    gap(0.6F);
    draw_head();
    draw_pinned_rows(rows, "over.row", 0, &studio.prompt.replay_step);
  }

 private:
  /// The pinned prompt in front, else the shown answer's.
  static Subject subject_of(Studio& studio) {
    const PromptState& prompt = studio.prompt;
    const std::vector<PinnedPrompt>& pins = studio.prompt.pins.of(*studio.run);
    for (const PinnedPrompt& pin : pins) {
      if (pin.pin_id == prompt.pin_id) return {pin.prompt, pin.settings};
    }
    if (!pins.empty()) return {pins.back().prompt, pins.back().settings};
    const Answer* shown = prompt.shown();
    if (shown == nullptr) return {};
    return {shown->prompt, shown->settings};
  }

  static void draw_toolbar(Studio& studio,
                           const Subject& subject,
                           const std::vector<AnswerAt>& rows) {
    Toolbar bar("over.toolbar");
    draw_pin_choice(studio, bar);
    const std::size_t num_checkpoints = studio.prompt.facts->checkpoints.size();
    ButtonOptions options;
    options.is_small = true;
    options.icon = Icon::kStart;
    const bool is_open =
        std::any_of(rows.begin(), rows.end(), [](const AnswerAt& row) { return row.is_open; });
    options.tooltip = "Loads one checkpoint after the other and asks the prompt with its seed";
    if (num_checkpoints == 0)
      options.disabled_reason = "The run has no checkpoint yet";
    else if (is_open)
      options.disabled_reason = "Some are still being written";
    const char* label = "Run at each kept checkpoint###over.run";
    const float room = ImGui::GetContentRegionAvail().x - em(1.8F);
    options.width = std::min(room, button_width(label, options));
    bar.next(button_height(true));
    if (button(label, options)) replay_at_checkpoints(studio, subject.prompt, subject.settings);
  }

  static void draw_pin_choice(Studio& studio, Toolbar& bar) {
    const std::vector<PinnedPrompt> pins = studio.prompt.pins.of(*studio.run);
    if (pins.empty()) return;
    std::vector<std::string> names;
    std::vector<const char*> items;
    int selected = static_cast<int>(pins.size()) - 1;
    for (std::size_t i = 0; i < pins.size(); ++i) {
      std::string name = pins[i].prompt;
      std::replace(name.begin(), name.end(), '\n', ' ');
      names.push_back(drawable_text(name) + (pins[i].is_pinned ? "" : " (unpinned)"));
      if (pins[i].pin_id == studio.prompt.pin_id) selected = static_cast<int>(i);
    }
    for (const std::string& name : names) items.push_back(name.c_str());
    FieldOptions options;
    options.width = std::min(em(20), ImGui::GetContentRegionAvail().x - em(6.5F));
    bar.label("Prompt");
    bar.next(em(1.7F));
    if (!combo("###over.pin", items, &selected, options)) return;
    studio.prompt.pin_id = pins[static_cast<std::size_t>(selected)].pin_id;
    studio.prompt.replay_step = -1;
  }

  static void draw_title(const Subject& subject) {
    std::string prompt = subject.prompt;
    std::replace(prompt.begin(), prompt.end(), '\n', ' ');
    text_ellipsis(Type::kMono, theme().text1, drawable_text(prompt));
    gap(0.2F);
    note("Seed " + std::to_string(subject.settings.seed) + ", temperature " +
         plain_number(subject.settings.temperature, 2) + ", at most " +
         grouped_number(subject.settings.max_tokens) + " tokens");
    gap(0.7F);
  }

  /// A slider over the checkpoints, and the answer where it stands.
  static void draw_scrubber(Studio& studio, const std::vector<AnswerAt>& rows) {
    const ThemeTokens& t = theme();
    std::int64_t& wanted = studio.prompt.replay_step;
    std::size_t at = rows.size() - 1;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].step == wanted) at = i;
    }
    const float side = button_height(true);
    ButtonOptions small;
    small.is_small = true;
    if (at == 0) small.disabled_reason = "This is the first one";
    if (icon_button("Earlier###over.earlier", Icon::kPrevious, "The checkpoint before", small))
      --at;
    ImGui::SameLine(0.0F, em(0.4F));
    auto position = static_cast<double>(at);
    const auto last = static_cast<double>(std::max<std::size_t>(1, rows.size() - 1));
    const float width = ImGui::GetContentRegionAvail().x - side - em(0.4F);
    if (slider("###over.scrub", &position, 0.0, last, width, 0.0F, 0))
      at = std::min(rows.size() - 1, static_cast<std::size_t>(std::llround(position)));
    ImGui::SameLine(0.0F, em(0.4F));
    ButtonOptions next;
    next.is_small = true;
    if (at + 1 >= rows.size()) next.disabled_reason = "This is the newest one";
    if (icon_button("Later###over.later", Icon::kNext, "The checkpoint after", next)) ++at;
    wanted = rows[at].step;
    const AnswerAt& row = rows[at];
    gap(0.5F);
    std::string words = "step " + grouped_number(row.step);
    if (!std::isnan(row.val_loss))
      words += "   val loss " + plain_number(row.val_loss, 4) + " nats";
    if (row.num_tokens > 0) words += "   mean probability " + plain_number(row.mean_probability, 2);
    text_ellipsis(Type::kDigitsCaption, t.text3, words);
    gap(0.4F);
    std::string answer = row.text;
    FieldOptions options;
    options.is_mono = true;
    options.is_read_only = true;
    const float inner = ImGui::GetContentRegionAvail().x - em(2);
    const float height =
        std::clamp(wrapped_height(Type::kMono, answer, inner) + em(2.2F), em(6), em(14));
    text_area("###over.text", &answer, height, options);
  }

  static void draw_head() {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    ImDrawList* list = ImGui::GetWindowDrawList();
    draw_text_right(list, Type::kCaption, {min.x + em(4.6F), min.y}, t.text3, "Step");
    draw_text_right(list, Type::kCaption, {min.x + em(8.2F), min.y}, t.text3, "Val loss");
    draw_text(list, Type::kCaption, {min.x + em(9.2F), min.y}, t.text3, "Answer");
    gap(1.4F);
  }
};

}  // namespace

std::unique_ptr<Panel> make_over_training_panel() {
  return std::make_unique<OverTrainingPanel>();
}

}  // namespace switchyard::ui
