#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "ui/model/answer_compare.h"
#include "ui/model/prompt_actions.h"
#include "ui/panels/common.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/panels/token_flow.h"
#include "ui/panels/token_view.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr double kBitsPerNat = 1.4426950408889634;

/// The selected token: numbers, its way through the layers, what the other weights say.
class TokenPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const Answer* answer = studio.prompt.find(studio.selection.answer_id);
    if (answer == nullptr || answer->tokens.empty()) {
      empty_state(Icon::kPrompt,
                  "No token selected",
                  "Click a token of an answer to see why it was chosen.");
      return;
    }
    const int last = static_cast<int>(answer->tokens.size()) - 1;
    const int index = studio.selection.token < 0 ? last : std::min(studio.selection.token, last);
    const Token& token = answer->tokens[static_cast<std::size_t>(index)];
    const PanelBody body("###token.body", {0.0F, 0.0F}, 1.1F, 1.1F);
    draw_numbers(token, index);
    draw_route(studio, token);
    draw_comparison(studio, *answer, index);
    draw_link(studio, token);
  }

 private:
  static void separator() {
    gap(0.9F);
    hairline();
    gap(0.9F);
  }

  static void draw_numbers(const Token& token, int index) {
    const ImVec2 pos = ImGui::GetCursorScreenPos();
    ImGui::SetCursorScreenPos(
        {pos.x, std::round(pos.y + (em(1.5F) - line_height(Type::kHeading)) * 0.5F)});
    text(Type::kHeading, theme().text1, "Token " + grouped_number(index + 1));
    ImGui::SetCursorScreenPos({ImGui::GetItemRectMax().x + em(0.8F), pos.y});
    chip(fitted(Type::kMono, drawable_text(token.shown), ImGui::GetContentRegionAvail().x - em(1)),
         true);
    gap(0.6F);
    property_row("Id", std::to_string(token.id));
    if (!token.is_context) {
      property_row("Probability", percent_text(token.probability));
      property_row("Surprise", plain_number(token.surprise_bits(), 3), "bits");
      if (token.rank >= 0) property_row("Rank", grouped_number(token.rank + 1));
    }
    if (token.entropy_nats >= 0.0)
      property_row(
          "Entropy of the choice", plain_number(token.entropy_nats * kBitsPerNat, 3), "bits");
    separator();
  }

  static void draw_route(Studio& studio, const Token& token) {
    panel_title("Route by layer", token.route.empty() ? "" : "weight");
    gap(0.3F);
    if (token.route.empty()) {
      note("A dense model has no router: every token takes the same way.");
      return;
    }
    const float width = ImGui::GetContentRegionAvail().x;
    for (std::size_t i = 0; i < token.route.size(); ++i) {
      const RouteStep& step = token.route[i];
      const ImVec2 min = ImGui::GetCursorScreenPos();
      if (hit_area(("###token.route." + std::to_string(i)).c_str(), {width, em(1.65F)})) {
        studio.selection.layer = step.layer;
        if (!step.experts.empty()) studio.selection.expert = step.experts.front();
      }
      const unsigned id = ImGui::GetItemID();
      ImGui::SetCursorScreenPos(min);
      draw_route_row(
          studio, step, static_cast<int>(i), studio.selection.layer == step.layer, width);
      draw_focus_ring(min, {min.x + width, min.y + em(1.65F)}, em(0.3F), id);
    }
  }

  /// What the compared weights do with this token of the answer in front.
  static void draw_comparison(Studio& studio, const Answer& answer, int index) {
    const Answer* compared = studio.prompt.find(answer.compared_id);
    if (compared == nullptr) return;
    const auto at = static_cast<std::size_t>(index);
    separator();
    panel_title("Against " + source_text(compared->source, *studio.run));
    gap(0.2F);
    const Answer* evidence = studio.prompt.find(answer.evidence_id);
    const auto reading = other_reading(answer, compared, evidence);
    if (at >= reading.size()) {
      const bool is_open =
          compared->is_open() || answer.is_open() || (evidence != nullptr && evidence->is_open());
      note(is_open ? "Being read …"
                   : "The two answers part before this token, so there is nothing to compare.");
      return;
    }
    const TokenComparison other = compare_token(answer.tokens[at], reading[at]);
    if (other.num_layers > 0)
      property_row("Same first choice",
                   std::to_string(other.num_same) + " of " + std::to_string(other.num_layers),
                   other.num_layers == 1 ? "layer" : "layers");
    property_row("Probability then", percent_text(other.probability));
  }

  static void draw_link(Studio& studio, const Token& token) {
    const auto step =
        std::find_if(token.route.begin(), token.route.end(), [&](const RouteStep& one) {
          return one.layer == studio.selection.layer && !one.experts.empty();
        });
    if (step == token.route.end()) return;
    gap(0.8F);
    ButtonOptions options;
    options.icon = Icon::kRouting;
    options.width = -1.0F;
    const std::string label =
        "Show " + expert_name(step->experts.front()) + " in Routing###token.show_expert";
    if (!button(label.c_str(), options)) return;
    studio.selection.expert = step->experts.front();
    studio.wants_routing_workspace = true;
  }
};

}  // namespace

std::string percent_text(double probability) {
  const double percent = 100.0 * probability;
  if (percent > 0.0 && percent < 0.01) return "< 0.01\xE2\x80\x89%";
  return plain_number(percent, percent >= 10.0 ? 3 : 2) + "\xE2\x80\x89%";
}

std::string token_summary(const Token& token) {
  if (token.is_context) return "";
  const std::string bits = plain_number(token.surprise_bits(), 3) + "\xE2\x80\x89" + "bits";
  return token.rank < 0 ? bits : "rank " + grouped_number(token.rank + 1) + ", " + bits;
}

void draw_alternatives(const Token& token, const char* id, float width, int* picked) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  for (std::size_t i = 0; i < token.top.size(); ++i) {
    const Alternative& other = token.top[i];
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float height = em(1.65F);
    const ImVec2 max = {min.x + width, min.y + height};
    const bool is_chosen = other.id == token.id;
    const std::string label = std::string("###") + id + "." + std::to_string(i);
    if (hit_area(label.c_str(), {width, height}) && picked != nullptr)
      *picked = static_cast<int>(i);
    const bool is_picked = picked != nullptr && *picked == static_cast<int>(i);
    if (is_chosen || ImGui::IsItemHovered())
      list->AddRectFilled(min, max, is_chosen ? t.selection : t.hover, em(0.3F));
    if (is_picked) list->AddRect(min, max, t.accent, em(0.3F), px(1), 0);
    draw_focus_ring(min, max, em(0.3F), ImGui::GetItemID());
    const float y = std::round(min.y + (height - line_height(Type::kMono)) * 0.5F);
    draw_text(list,
              Type::kMono,
              {min.x + em(0.5F), y},
              is_chosen ? t.text1 : t.text2,
              drawable_text(shown_text(other.text)),
              em(4.2F));
    const float left = min.x + em(5.2F), track = width - em(5.2F) - em(4.6F);
    const float bar_y = std::round(min.y + height * 0.5F - em(0.2F));
    list->AddRectFilled({left, bar_y}, {left + track, bar_y + em(0.4F)}, t.active, em(0.2F));
    const float part = static_cast<float>(std::clamp(other.probability, 0.0, 1.0));
    list->AddRectFilled({left, bar_y},
                        {left + std::max(px(2), track * part), bar_y + em(0.4F)},
                        is_chosen ? t.accent : t.text3,
                        em(0.2F));
    draw_text_right(list,
                    Type::kDigits,
                    {max.x - em(0.5F), y},
                    is_chosen ? t.text1 : t.text2,
                    percent_text(other.probability));
  }
}

void draw_route_row(
    const Studio& studio, const RouteStep& step, int index, bool is_focused, float width) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float height = em(1.65F);
  ImDrawList* list = ImGui::GetWindowDrawList();
  if (is_focused) list->AddRectFilled(min, {min.x + width, min.y + height}, t.selection, em(0.3F));
  const float y = std::round(min.y + (height - line_height(Type::kDigits)) * 0.5F);
  draw_text(list,
            Type::kDigits,
            {min.x + em(0.4F), y},
            is_focused ? t.text1 : t.text3,
            layer_name(step.layer >= 0 ? step.layer : index));
  const float left = min.x + em(2.6F), room = width - em(3.0F);
  float total = 0.0F;
  for (const float weight : step.weights) total += weight;
  const ExpertColors colors(studio);
  float x = left;
  for (std::size_t k = 0; k < step.experts.size(); ++k) {
    const float share =
        total > 0.0F ? step.weights[k] / total : 1.0F / static_cast<float>(step.experts.size());
    const float length = std::max(em(1.2F), room * share - px(2));
    const Color color = colors.of(step.experts[k]);
    const Color fill = k == 0 ? color : over(with_alpha(color, 0.5F), t.bg1);
    list->AddRectFilled(
        {x, min.y + em(0.28F)}, {x + length, min.y + height - em(0.28F)}, fill, em(0.2F));
    char words[32];
    std::snprintf(
        words, sizeof words, "e%d  %.2f", step.experts[k], static_cast<double>(step.weights[k]));
    const std::string shown = text_size(Type::kDigitsCaption, words).x + em(0.6F) < length
                                  ? words
                                  : expert_name(step.experts[k]);
    if (text_size(Type::kDigitsCaption, shown).x + em(0.3F) < length)
      draw_text(
          list,
          Type::kDigitsCaption,
          {x + em(0.35F), std::round(min.y + (height - line_height(Type::kDigitsCaption)) * 0.5F)},
          readable_on(fill),
          shown);
    x += length + px(2);
  }
  ImGui::Dummy({width, height});
}

std::unique_ptr<Panel> make_token_panel() {
  return std::make_unique<TokenPanel>();
}

}  // namespace switchyard::ui
