#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/core/text.h"
#include "ui/panels/common.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

/// Characters of UTF-8 text.
std::int64_t count_characters(const std::string& text) {
  std::int64_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return count;
}

/// Why no answer can be asked for at present; empty when one can.
std::string obstacle(const Studio& studio) {
  const RunView& run = *studio.run;
  if (run.root.empty()) return "open a run first";
  if (run.state == RunState::kDamaged) return "this folder is no run";
  if (studio.prompt.draft.empty()) return "type something first";
  if (run.is_engine_attached) return "";
  if (run.is_engine_alive) return "the engine is starting";
  return run.num_checkpoints == 0 && run.step == 0 ? "the run has no checkpoint yet" : "";
}

class PromptPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const PanelBody body("###prompt.body", {0.0F, 0.0F}, 0.95F, 0.95F);
    draw_input(studio);
    draw_buttons(studio);
    separator();
    draw_source(studio);
    separator();
    draw_sampling(studio.prompt.settings);
    separator();
    draw_history(studio);
  }

 private:
  static void separator() {
    gap(0.95F);
    hairline();
    gap(0.7F);
  }

  static void draw_input(Studio& studio) {
    PromptState& prompt = studio.prompt;
    FieldOptions options;
    options.is_mono = true;
    options.hint = "ROMEO:";
    text_area("###prompt.text", &prompt.draft, em(9.5F), options);
    gap(0.4F);
    const std::int64_t context = studio.run->config["model"]["seq_len"].as_integer();
    const std::int64_t used = count_characters(prompt.draft);
    const ImVec2 pos = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x;
    ImDrawList* list = ImGui::GetWindowDrawList();
    const std::string words = grouped_number(used) + " characters";
    const bool is_long = context > 0 && used > context;
    draw_text(list, Type::kCaption, pos, theme().text3, words);
    if (context > 0)
      draw_text_right(list,
                      Type::kCaption,
                      {pos.x + width, pos.y},
                      is_long ? theme().attention : theme().text3,
                      (is_long ? "only the last " : "context ") + grouped_number(context) +
                          (is_long ? " tokens count" : " tokens"));
    ImGui::Dummy({width, em(1.9F)});
  }

  static void draw_buttons(Studio& studio) {
    const Answer* newest = studio.prompt.newest();
    const bool is_busy = newest != nullptr && newest->is_open();
    const std::string why = obstacle(studio);
    ButtonOptions options;
    options.icon = Icon::kSend;
    options.kind = ButtonKind::kPrimary;
    options.width = em(8.2F);
    if (!why.empty()) options.disabled_reason = why.c_str();
    const bool wants_keys =
        ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiKey_Enter, ImGuiInputFlags_RouteGlobal);
    if (button("Generate###prompt.generate", options) || (wants_keys && why.empty()))
      studio.generate();
    ImGui::SameLine(0.0F, em(0.55F));
    ButtonOptions stop;
    stop.icon = Icon::kStop;
    if (!is_busy) stop.disabled_reason = "nothing is being written";
    const bool wants_stop =
        is_busy && ImGui::Shortcut(ImGuiKey_Escape, ImGuiInputFlags_RouteGlobal);
    if (button("Stop###prompt.stop", stop) || wants_stop) studio.stop_generating();
    const ImVec2 pos = ImGui::GetItemRectMax();
    const float right = ImGui::GetWindowPos().x + ImGui::GetWindowSize().x - em(0.95F);
    if (right - pos.x > kbd_width({"Ctrl", "Enter"}) + em(0.5F))
      draw_kbd(ImGui::GetWindowDrawList(),
               {right - kbd_width({"Ctrl", "Enter"}),
                std::round(pos.y - button_height() * 0.5F - em(0.62F))},
               {"Ctrl", "Enter"});
  }

  static void draw_source(const Studio& studio) {
    const RunView& run = *studio.run;
    panel_title("Answers come from");
    if (run.root.empty()) {
      note("No run is open.");
    } else if (run.is_engine_attached) {
      property_row("Live weights", "step " + grouped_number(run.step));
      note(run.state == RunState::kPaused ? "Paused: the engine answers at once."
                                          : "Written between training steps; training goes on.");
    } else {
      property_row("Last checkpoint", run.num_checkpoints > 0 ? "on disk" : "none yet");
      note("No engine runs: the checkpoint is loaded for the answer.");
    }
  }

  /// Label at the left, slider and field behind it. An "off" value is shown dimmed.
  static bool slider_row(
      const char* label, const char* id, double* value, double min, double max, int decimals) {
    const float width = form_row(id, label, false, nullptr, 18.2F);
    const bool is_changed = slider(id, value, min, max, width, em(4.4F), decimals);
    gap(0.3F);
    return is_changed;
  }

  static void draw_sampling(SamplingSettings& s) {
    const ImVec2 title = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x;
    panel_title("Sampling");
    gap(0.2F);
    const ImVec2 after = ImGui::GetCursorScreenPos();
    if (!(s == SamplingSettings{})) {
      ImGui::SetCursorScreenPos(
          {title.x + width - text_size(Type::kBody, "Reset").x, title.y + em(0.2F)});
      if (link("Reset###prompt.reset")) s = SamplingSettings{};
      ImGui::SetCursorScreenPos(after);
    }
    slider_row("Temperature", "###prompt.temperature", &s.temperature, 0.0, 2.0, 2);
    auto top_k = static_cast<double>(s.top_k);
    if (slider_row("Top-k", "###prompt.top_k", &top_k, 0.0, 100.0, 0))
      s.top_k = std::llround(top_k);
    slider_row("Top-p", "###prompt.top_p", &s.top_p, 0.0, 1.0, 2);
    slider_row("Min-p", "###prompt.min_p", &s.min_p, 0.0, 0.5, 2);
    FieldOptions field;
    field.width = form_row("###prompt.seed_row", "Seed", false, nullptr, 18.2F);
    integer_field("###prompt.seed", &s.seed, 0, std::int64_t{1} << 53, field);
    gap(0.3F);
    field.width = form_row("###prompt.max_row", "Max tokens", false, nullptr, 18.2F);
    integer_field("###prompt.max_tokens", &s.max_tokens, 1, 100'000, field);
    gap(0.5F);
    note("Top-k 0, top-p 1 and min-p 0 are off.");
  }

  static void draw_history(Studio& studio) {
    panel_title("Asked before");
    const auto& answers = studio.prompt.answers;
    if (answers.empty()) {
      note("Prompts asked so far appear here; click one to edit it again.");
      return;
    }
    std::vector<std::string> seen;
    for (auto answer = answers.rbegin(); answer != answers.rend() && seen.size() < 8; ++answer) {
      if (std::find(seen.begin(), seen.end(), answer->prompt) != seen.end()) continue;
      seen.push_back(answer->prompt);
      const ImVec2 min = ImGui::GetCursorScreenPos();
      const float width = ImGui::GetContentRegionAvail().x;
      if (list_row(("###prompt.history." + std::to_string(seen.size())).c_str(), false, 2.1F)) {
        studio.prompt.draft_before = studio.prompt.draft;
        studio.prompt.draft = answer->prompt;
      }
      std::string shown = answer->prompt;
      std::replace(shown.begin(), shown.end(), '\n', ' ');
      draw_text(ImGui::GetWindowDrawList(),
                Type::kMono,
                {min.x + em(0.5F), min.y + em(0.5F)},
                theme().text2,
                shown,
                width - em(1));
      ImGui::SetCursorScreenPos(min);
      ImGui::Dummy({width, em(2.1F)});
    }
  }
};

}  // namespace

std::unique_ptr<Panel> make_prompt_panel() {
  return std::make_unique<PromptPanel>();
}

}  // namespace switchyard::ui
