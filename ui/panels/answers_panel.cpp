#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/panels/common.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
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

constexpr float kChipEm = 1.7F;
constexpr float kQuiet = 0.42F;  ///< strength of layers that are not in focus

/// Sizes of an answer's block. Units: pixels.
struct Block {
  ImVec2 origin;  ///< left end of the first line's chips
  float gutter = 0.0F;
  float width = 0.0F;
  float line_height = 0.0F;
  float route_height = 0.0F;
  int num_layers = 0;
  bool has_routes = false;
};

/// Answers, newest first: tokens tinted by surprise, their routes below each line.
class AnswersPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    draw_toolbar(studio);
    if (studio.prompt.answers.empty()) {
      empty_state(Icon::kPrompt,
                  "Nothing asked yet",
                  "Type a prompt at the left and press Generate. It works while the model trains.");
      return;
    }
    const PanelBody body("###answers.body", {0.0F, 0.0F}, 1.0F, 1.0F);
    for (auto answer = studio.prompt.answers.rbegin(); answer != studio.prompt.answers.rend();
         ++answer)
      draw_answer(studio, *answer);
  }

 private:
  static void draw_toolbar(Studio& studio) {
    PromptState& prompt = studio.prompt;
    Toolbar bar("answers.toolbar");
    bar.label("Shade");
    bar.next(em(1.85F));
    static constexpr const char* kTints[] = {"Surprise", "Top expert"};
    int tint = static_cast<int>(prompt.tint);
    if (segmented("answers.shade", kTints, &tint))
      prompt.tint = static_cast<PromptState::Tint>(tint);
    bar.next(em(1.1F));
    checkbox("Routes###answers.routes", &prompt.shows_routes);
    if (has_routing(*studio.run)) {
      bar.label("Layer");
      bar.next(em(1.7F));
      layer_combo(studio, "###answers.layer", em(4.6F));
    }
  }

  static void draw_head(Studio& studio, const Answer& answer) {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x;
    ImDrawList* list = ImGui::GetWindowDrawList();
    float x = min.x;
    if (answer.is_live) {
      list->AddCircleFilled({x + em(0.4F), min.y + em(0.62F)}, em(0.26F), t.ok);
      x += em(1.1F);
    } else {
      x += draw_text(list, Type::kBody, {x, min.y}, t.text3, icon(Icon::kClock)) + em(0.55F);
    }
    x += draw_text(
             list, Type::kBodyStrong, {x, min.y}, t.text1, answer.is_live ? "Live" : "Checkpoint") +
         em(0.6F);
    std::string words = answer.step >= 0 ? "step " + grouped_number(answer.step) : "";
    if (answer.state == AnswerState::kWaiting)
      words += words.empty() ? "waiting for the first token" : ", waiting";
    if (answer.state == AnswerState::kStreaming) words += words.empty() ? "writing" : ", writing";
    if (answer.state == AnswerState::kCancelled) words += words.empty() ? "stopped" : ", stopped";
    draw_text(list, Type::kDigitsCaption, {x, min.y + px(1)}, t.text3, words);
    const float copy_x = min.x + width - button_height(true);
    std::string right = grouped_number(static_cast<long long>(answer.tokens.size())) + " tokens";
    if (answer.tokens_per_second > 0.0)
      right += "   " + short_number(answer.tokens_per_second) + " tok/s";
    draw_text_right(list, Type::kDigitsCaption, {copy_x - em(0.6F), min.y + px(1)}, t.text3, right);
    ImGui::SetCursorScreenPos({copy_x, min.y - em(0.3F)});
    ButtonOptions small;
    small.is_small = true;
    const std::string label = "Copy###answer." + std::to_string(answer.id) + ".copy";
    if (icon_button(label.c_str(), Icon::kCopy, "Copies prompt and answer", small))
      ImGui::SetClipboardText((answer.prompt + answer.text()).c_str());
    ImGui::SetCursorScreenPos({min.x, min.y + em(1.6F)});
    static_cast<void>(studio);
    std::string asked = answer.prompt;
    std::replace(asked.begin(), asked.end(), '\n', ' ');
    text_ellipsis(Type::kMono, t.text3, asked);
    gap(0.5F);
  }

  static Color chip_color(const Studio& studio, const Token& token) {
    const ThemeTokens& t = theme();
    if (studio.prompt.tint == PromptState::Tint::kTopExpert) {
      for (const RouteStep& step : token.route) {
        if (step.layer == studio.selection.layer && !step.experts.empty())
          return over(with_alpha(t.expert(step.experts.front()), 0.55F), t.bg1);
      }
    }
    const float strength = surprise_tint(token.probability);
    return over(with_alpha(t.surprise, 0.06F + 0.62F * strength), t.bg1);
  }

  static void draw_routes(
      const Studio& studio, const Token& token, ImVec2 at, float width, bool is_hovered) {
    const ThemeTokens& t = theme();
    ImDrawList* list = ImGui::GetWindowDrawList();
    float y = at.y;
    for (const RouteStep& step : token.route) {
      const bool is_focused = step.layer == studio.selection.layer;
      const float height = is_focused ? px(12) : px(6);
      if (!step.experts.empty()) {
        const int expert = step.experts.front();
        const bool is_wanted = studio.selection.expert == expert;
        const float weight = std::clamp(step.weights.front(), 0.35F, 1.0F);
        const float strength = is_focused || is_hovered || is_wanted ? weight : kQuiet * weight;
        list->AddRectFilled({at.x, y},
                            {at.x + width, y + height - px(1)},
                            over(with_alpha(t.expert(expert), strength), t.bg1));
      }
      y += height;
    }
  }

  static void draw_hover(const Token& token, ImVec2 below, int layer) {
    ImGui::SetNextWindowPos({below.x, below.y + em(0.4F)});
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(em(0.9F), em(0.8F)));
    if (ImGui::BeginTooltip()) {
      const ThemeTokens& t = theme();
      text(Type::kMono, t.text1, "\"" + shown_text(token.text) + "\"");
      ImGui::SameLine(0.0F, em(0.8F));
      text(Type::kDigitsCaption,
           t.text3,
           percent_text(token.probability) + ", " + plain_number(token.surprise_bits(), 3) +
               " bits");
      gap(0.2F);
      draw_alternatives(token, em(19.0F));
      for (const RouteStep& step : token.route) {
        if (step.layer != layer) continue;
        gap(0.2F);
        text(Type::kCaption, t.text3, "Route in layer " + std::to_string(layer));
        draw_route_row(step, step.layer, false, em(19.0F));
      }
      ImGui::EndTooltip();
    }
    ImGui::PopStyleVar();
  }

  static void draw_chip(
      Studio& studio, const Answer& answer, int index, const Block& block, const ChipPlace& place) {
    const ThemeTokens& t = theme();
    const Token& token = answer.tokens[static_cast<std::size_t>(index)];
    const ImVec2 min = {
        std::round(block.origin.x + place.x),
        std::round(block.origin.y + static_cast<float>(place.line) * block.line_height)};
    const ImVec2 max = {min.x + std::round(place.width), min.y + em(kChipEm)};
    ImGui::SetCursorScreenPos(min);
    const std::string label =
        "###answer." + std::to_string(answer.id) + ".token." + std::to_string(index);
    if (hit_area(label.c_str(), {max.x - min.x, max.y - min.y + block.route_height})) {
      studio.selection.answer_id = answer.id;
      studio.selection.token = index;
    }
    const bool is_hovered = ImGui::IsItemHovered();
    const bool is_selected =
        studio.selection.answer_id == answer.id && studio.selection.token == index;
    ImDrawList* list = ImGui::GetWindowDrawList();
    const Color fill = chip_color(studio, token);
    list->AddRectFilled(min, max, fill, em(0.3F));
    if (is_selected || is_hovered)
      list->AddRect(
          min, max, is_selected ? t.text1 : t.text3, em(0.3F), is_selected ? px(2) : px(1), 0);
    const bool is_space = token.shown == "·" || token.shown == "⏎";
    draw_text_centred(list, Type::kMono, min, max, is_space ? t.text3 : t.text1, token.shown);
    if (block.has_routes)
      draw_routes(studio, token, {min.x, max.y + px(2)}, max.x - min.x, is_hovered);
    if (is_hovered) draw_hover(token, {min.x, max.y + block.route_height}, studio.selection.layer);
  }

  static Block block_of(const Studio& studio, const Answer& answer) {
    Block block;
    block.num_layers = answer.num_layers();
    block.has_routes = studio.prompt.shows_routes && block.num_layers > 0;
    block.gutter = block.has_routes ? em(2.6F) : 0.0F;
    block.route_height =
        block.has_routes ? px(2) + px(6) * static_cast<float>(block.num_layers + 1) : 0.0F;
    block.line_height = em(kChipEm) + block.route_height + em(block.has_routes ? 0.75F : 0.4F);
    block.origin = ImGui::GetCursorScreenPos();
    block.width = ImGui::GetContentRegionAvail().x - block.gutter;
    block.origin.x += block.gutter;
    return block;
  }

  static void draw_gutter(const Studio& studio,
                          const Answer& answer,
                          const Block& block,
                          int line) {
    if (!block.has_routes) return;
    const ThemeTokens& t = theme();
    ImDrawList* list = ImGui::GetWindowDrawList();
    float y = block.origin.y + static_cast<float>(line) * block.line_height + em(kChipEm) + px(2);
    for (const Token& token : answer.tokens) {
      if (static_cast<int>(token.route.size()) != block.num_layers) continue;
      for (const RouteStep& step : token.route) {
        const bool is_focused = step.layer == studio.selection.layer;
        const float height = is_focused ? px(12) : px(6);
        if (is_focused)
          draw_text_right(
              list,
              Type::kDigitsCaption,
              {block.origin.x - em(0.6F), y + (height - line_height(Type::kDigitsCaption)) * 0.5F},
              t.text2,
              layer_name(step.layer));
        y += height;
      }
      return;
    }
  }

  void draw_answer(Studio& studio, const Answer& answer) {
    draw_head(studio, answer);
    if (answer.state == AnswerState::kFailed) {
      badge("No answer", Tone::kFailure, Icon::kFailure);
      text_wrapped(Type::kBody, theme().text1, answer.problem);
    }
    if (!answer.tokens.empty()) draw_tokens(studio, answer);
    gap(0.4F);
    hairline();
    gap(1.0F);
  }

  void draw_tokens(Studio& studio, const Answer& answer) {
    const Block block = block_of(studio, answer);
    widths_.clear();
    for (const Token& token : answer.tokens)
      widths_.push_back(
          std::round(std::max(em(0.95F), text_size(Type::kMono, token.shown).x + em(0.32F))));
    const std::vector<ChipPlace> places =
        layout_chips(answer.tokens, widths_, block.width, px(5), px(1));
    const int lines = places.back().line + 1;
    const float top = ImGui::GetWindowPos().y, bottom = top + ImGui::GetWindowSize().y;
    int gutter_line = -1;
    for (std::size_t i = 0; i < places.size(); ++i) {
      const float y = block.origin.y + static_cast<float>(places[i].line) * block.line_height;
      if (y + block.line_height < top || y > bottom) continue;
      if (places[i].line != gutter_line) {
        gutter_line = places[i].line;
        draw_gutter(studio, answer, block, gutter_line);
      }
      draw_chip(studio, answer, static_cast<int>(i), block, places[i]);
    }
    ImGui::SetCursorScreenPos({block.origin.x - block.gutter, block.origin.y});
    ImGui::Dummy({block.width + block.gutter, static_cast<float>(lines) * block.line_height});
  }

  std::vector<float> widths_;
};

}  // namespace

std::unique_ptr<Panel> make_answers_panel() {
  return std::make_unique<AnswersPanel>();
}

}  // namespace switchyard::ui
