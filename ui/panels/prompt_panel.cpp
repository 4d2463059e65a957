#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/core/text.h"
#include "ui/model/prompt_actions.h"
#include "ui/panels/common.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/panels/sampling_form.h"
#include "ui/panels/source_combo.h"
#include "ui/panels/token_flow.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/shortcut_keys.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

class PromptPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    count_tokens(studio);
    const PanelBody body("###prompt.body", {0.0F, 0.0F}, 0.95F, 0.95F);
    draw_input(studio);
    draw_buttons(studio);
    separator();
    draw_source(studio);
    separator();
    draw_sampling(studio.prompt, &stop_problem_);
    separator();
    draw_pins(studio);
    separator();
    draw_history(studio);
  }

 private:
  static void separator() {
    gap(0.95F);
    hairline();
    gap(0.7F);
  }

  void count_tokens(Studio& studio) {
    const std::string& draft = studio.prompt.draft;
    if (draft == asked_ && studio.run->root == asked_root_) return;
    asked_ = draft;
    asked_root_ = studio.run->root;
    studio.send(CountTokens{draft});
  }

  static void draw_input(Studio& studio) {
    PromptState& prompt = studio.prompt;
    FieldOptions options;
    options.is_mono = true;
    options.hint = "ROMEO:";
    options.footer = em(2.0F);
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x, height = em(11.0F);
    text_area("###prompt.text", &prompt.draft, height, options);
    // While the field is being typed in, it undoes its own edits; else a replaced draft comes back.
    if (!ImGui::IsItemActive() &&
        ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiKey_Z, ImGuiInputFlags_RouteGlobal))
      prompt.undo_draft();
    draw_gauge(studio, {min.x + em(0.85F), min.y + height - em(2.0F)}, width - em(1.7F));
    ImGui::SetCursorScreenPos({min.x, min.y + height});
    gap(0.75F);
    const PromptFacts& facts = *prompt.facts;
    if (facts.count_problem.empty() || facts.counted != prompt.draft) return;
    field_error(facts.count_problem.c_str());
    gap(0.5F);
  }

  /// How much of the context the prompt and its answer take.
  static void draw_gauge(const Studio& studio, ImVec2 pos, float width) {
    const ThemeTokens& t = theme();
    const PromptState& prompt = studio.prompt;
    const std::int64_t context = studio.run->config["model"]["seq_len"].as_integer();
    const std::int64_t in_prompt = prompt.facts->num_tokens;
    const Answer* shown = prompt.shown();
    const bool is_same = shown != nullptr && shown->prompt == prompt.draft;
    const auto in_answer =
        is_same ? static_cast<std::int64_t>(shown->tokens.size()) : std::int64_t{0};
    ImDrawList* list = ImGui::GetWindowDrawList();
    list->AddRectFilled(pos, {pos.x + width, pos.y + px(1)}, t.line);
    const float y = std::round(pos.y + (em(2.0F) - line_height(Type::kDigitsCaption)) * 0.5F);
    const std::string right =
        in_prompt < 0
            ? "tokens not counted yet"
            : grouped_number(in_prompt) + (in_prompt == 1 ? " token" : " tokens") + " in prompt";
    const float right_width = text_size(Type::kDigitsCaption, right).x;
    draw_text_right(list,
                    Type::kDigitsCaption,
                    {pos.x + width, y},
                    t.text3,
                    fitted(Type::kDigitsCaption, right, width));
    if (context <= 0) return;
    const std::int64_t used = std::max<std::int64_t>(0, in_prompt) + in_answer;
    const bool is_over = used > context;
    const std::string numbers = grouped_number(used) + " / " + grouped_number(context);
    const float numbers_width = text_size(Type::kDigitsCaption, numbers).x;
    float x = pos.x;
    const float words = text_size(Type::kCaption, "Context").x + em(0.7F);
    float room = width - right_width - em(1.2F) - numbers_width;
    if (room < 0.0F) return;
    if (room > words) {
      draw_text(list, Type::kCaption, {x, y}, t.text3, "Context");
      x += words;
      room -= words;
    }
    if (const float bar = std::min(em(6.7F), room - em(0.7F)); bar > em(1.5F)) {
      const float middle = std::round(pos.y + em(1.0F));
      const float part = static_cast<float>(used) / static_cast<float>(context);
      list->AddRectFilled({x, middle - px(2)}, {x + bar, middle + px(2)}, t.active, px(2));
      list->AddRectFilled({x, middle - px(2)},
                          {x + std::max(px(3), bar * std::min(1.0F, part)), middle + px(2)},
                          is_over ? t.attention : t.accent,
                          px(2));
      x += bar + em(0.7F);
    }
    draw_text(list, Type::kDigitsCaption, {x, y}, is_over ? t.attention : t.text2, numbers);
    const ImVec2 low = {pos.x, pos.y}, high = {pos.x + width, pos.y + em(2.0F)};
    if (ImGui::IsMouseHoveringRect(low, high) && is_over && ImGui::BeginTooltip()) {
      text_wrapped(Type::kBody,
                   t.text1,
                   "The context is full: the oldest quarter is dropped and the rest is read again, "
                   "as often as needed.",
                   em(22));
      ImGui::EndTooltip();
    }
  }

  void draw_buttons(Studio& studio) {
    PromptState& prompt = studio.prompt;
    const bool is_busy = std::any_of(prompt.answers.begin(),
                                     prompt.answers.end(),
                                     [](const Answer& answer) { return answer.is_open(); });
    const std::string why = prompt_obstacle(studio);
    const float left = ImGui::GetCursorScreenPos().x, width = ImGui::GetContentRegionAvail().x;
    ButtonOptions options;
    options.icon = Icon::kSend;
    options.kind = ButtonKind::kPrimary;
    options.width = em(8.0F);
    if (!why.empty()) options.disabled_reason = why.c_str();
    const bool wants_keys = is_pressed(Shortcut::kGenerate);
    if (button("Generate###prompt.generate", options) || (wants_keys && why.empty()))
      studio.generate();
    const auto small_button = [](const char* label, Icon name, const char* help, const char* off) {
      ImGui::SameLine(0.0F, em(0.45F));
      ButtonOptions one;
      one.disabled_reason = off;
      one.kind = ButtonKind::kSecondary;
      one.width = button_height();
      return icon_button(label, name, help, one);
    };
    const Answer* shown = prompt.shown();
    if (small_button("Again###prompt.again",
                     Icon::kAgain,
                     "Asks the shown prompt again with the next seed; all answers are kept",
                     shown == nullptr ? "Generate an answer first" : nullptr))
      ask_again(studio, shown->id, prompt.settings);
    const bool wants_stop = is_busy && is_pressed(Shortcut::kStopGenerating);
    if (small_button("Stop###prompt.stop",
                     Icon::kStop,
                     "Stops writing (Esc)",
                     is_busy ? nullptr : "Nothing is being written") ||
        wants_stop)
      studio.stop_generating();
    draw_pin_button(studio, small_button);
    if (small_button("Undo###prompt.undo",
                     Icon::kUndo,
                     "Brings the prompt before the last replacement back (Ctrl+Z)",
                     prompt.drafts_before.empty() ? "No prompt was replaced" : nullptr))
      prompt.undo_draft();
    const ImVec2 pos = ImGui::GetItemRectMax();
    const float right = left + width;
    if (right - pos.x > kbd_width({"Ctrl", "Enter"}) + em(0.5F))
      draw_kbd(ImGui::GetWindowDrawList(),
               {right - kbd_width({"Ctrl", "Enter"}),
                std::round(pos.y - button_height() * 0.5F - em(0.62F))},
               {"Ctrl", "Enter"});
  }

  template <typename SmallButton>
  static void draw_pin_button(Studio& studio, const SmallButton& small_button) {
    const PinnedPrompt* pin = pin_of(studio, studio.prompt.draft);
    const std::string why = prompt_obstacle(studio);
    const char* off = nullptr;
    if (!studio.run->is_engine_attached) {
      off = "Prompts are pinned in a running engine, which answers them at every checkpoint";
    } else if (pin == nullptr && !why.empty()) {
      off = why.c_str();
    }
    if (pin != nullptr) {
      if (small_button("Unpin###prompt.pin", Icon::kPinned, "Unpins this prompt", off))
        studio.send(UnpinPrompt{pin->pin_id});
    } else if (small_button("Pin###prompt.pin",
                            Icon::kPin,
                            "Pins this prompt: the engine answers it at every checkpoint",
                            off)) {
      studio.send(PinPrompt{studio.prompt.draft, studio.prompt.settings});
    }
  }

  static void draw_source(Studio& studio) {
    const RunView& run = *studio.run;
    panel_title("Source");
    gap(0.2F);
    if (run.root.empty()) {
      note("No run is open.");
      return;
    }
    const float field = source_field_em();
    const float first = form_row("###prompt.source_row", "Answer A", false, nullptr, field);
    source_combo(studio, "###prompt.source", first, false, &studio.prompt.source);
    gap(0.3F);
    const float second = form_row("###prompt.compare_row", "Compare with", false, nullptr, field);
    source_combo(studio, "###prompt.compare", second, true, &studio.prompt.compare_with);
    gap(0.5F);
    const bool is_live = studio.prompt.source.kind == AnswerSource::Kind::kLive;
    if (is_live && run.is_engine_attached)
      note(run.state == RunState::kPaused ? "Paused: the engine answers at once."
                                          : "Written between training steps; training goes on.");
    else
      note(run.is_engine_alive ? "The checkpoint is loaded on the CPU; training goes on."
                               : "No engine runs: the checkpoint is loaded for the answer.");
  }

  static float source_field_em() {
    return std::min(15.8F, ImGui::GetContentRegionAvail().x / em(1) - 7.0F);
  }

  static void draw_row_text(ImVec2 min, float left, float right, const std::string& words) {
    const float width = ImGui::GetContentRegionAvail().x;
    draw_text(ImGui::GetWindowDrawList(),
              Type::kBody,
              {min.x + left, std::round(min.y + (em(2.1F) - line_height(Type::kBody)) * 0.5F)},
              theme().text2,
              drawable_text(one_line(words)),
              std::max(em(2), width - left - right));
  }

  static void draw_count(ImVec2 min, float right, std::size_t count, const char* one) {
    const std::string words =
        grouped_number(static_cast<long long>(count)) + " " + one + (count == 1 ? "" : "s");
    draw_text_right(ImGui::GetWindowDrawList(),
                    Type::kDigitsCaption,
                    {min.x + ImGui::GetContentRegionAvail().x - right,
                     std::round(min.y + (em(2.1F) - line_height(Type::kDigitsCaption)) * 0.5F)},
                    theme().text3,
                    words);
  }

  static void end_row(ImVec2 min) {
    ImGui::SetCursorScreenPos(min);
    ImGui::Dummy({ImGui::GetContentRegionAvail().x, em(2.1F)});
  }

  static void draw_pins(Studio& studio) {
    panel_title("Pinned prompts", "answered at each checkpoint");
    gap(0.2F);
    const std::vector<PinnedPrompt> pins = studio.prompt.pins.of(*studio.run);
    if (std::none_of(pins.begin(), pins.end(), [](const auto& pin) { return pin.is_pinned; }))
      note("Pin a prompt to see how its answer grows over training.");
    for (const PinnedPrompt& pin : pins) {
      if (!pin.is_pinned) continue;
      const std::string id = "prompt.pinned." + std::to_string(pin.pin_id);
      const ImVec2 min = ImGui::GetCursorScreenPos();
      if (list_row(("###" + id).c_str(), studio.prompt.pin_id == pin.pin_id, 2.1F)) {
        studio.prompt.pin_id = pin.pin_id;
        studio.prompt.replay_step = -1;
        studio.prompt.replace_draft(pin.prompt);
      }
      draw_row_text(min, em(2.2F), em(6.0F), pin.prompt);
      draw_count(min, em(0.3F), pin.answers.size(), "answer");
      ImGui::SetCursorScreenPos({min.x + em(0.1F), min.y + em(0.12F)});
      ButtonOptions small;
      small.is_small = true;
      if (!studio.run->is_engine_attached)
        small.disabled_reason = "Only a running engine can unpin";
      if (icon_button(("Unpin###" + id + ".unpin").c_str(), Icon::kPinned, "Unpins it", small))
        studio.send(UnpinPrompt{pin.pin_id});
      end_row(min);
    }
  }

  static void draw_history(Studio& studio) {
    panel_title("Asked before");
    gap(0.2F);
    const std::vector<AskedPrompt> asked = asked_prompts(studio.prompt);
    if (asked.empty()) note("Prompts asked so far appear here; click one to see it again.");
    for (std::size_t i = 0; i < asked.size() && i < 12; ++i) {
      const ImVec2 min = ImGui::GetCursorScreenPos();
      const Answer* shown = studio.prompt.shown();
      const bool is_shown = shown != nullptr && shown->prompt == asked[i].prompt;
      if (list_row(("###prompt.history." + std::to_string(i + 1)).c_str(), is_shown, 2.1F)) {
        show_answer(studio, asked[i].newest_id);
        studio.prompt.replace_draft(asked[i].prompt);
      }
      draw_row_text(min, em(0.5F), em(6.0F), asked[i].prompt);
      draw_count(min, em(0.3F), static_cast<std::size_t>(asked[i].num_answers), "answer");
      end_row(min);
    }
  }

  std::string asked_, asked_root_;  ///< what the tokens were counted for
  std::string stop_problem_;
};

}  // namespace

std::unique_ptr<Panel> make_prompt_panel() {
  return std::make_unique<PromptPanel>();
}

}  // namespace switchyard::ui
