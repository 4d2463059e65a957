#include "ui/panels/token_flow.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "engine/base/core/text.h"
#include "ui/model/preset_list.h"
#include "ui/panels/common.h"
#include "ui/panels/token_view.h"
#include "ui/plot/palette.h"
#include "ui/shell/fonts.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kChipEm = 1.7F;
constexpr float kQuiet = 0.42F;  ///< strength of layers that are not in focus
constexpr float kUnknownVocabulary = 256.0F;

const RouteStep* step_in(const Token& token, int layer) {
  for (const RouteStep& step : token.route) {
    if (step.layer == layer && !step.experts.empty()) return &step;
  }
  return nullptr;
}

bool is_special(const std::string& shown) {
  return shown == "·" || shown == "⏎" || shown == "⇥" || shown.starts_with("‹") ||
         shown.starts_with("U+");
}

Color chip_color(const Studio& studio, const ExpertColors& colors, const Token& token) {
  const ThemeTokens& t = theme();
  using Tint = PromptState::Tint;
  if (token.is_context) return over(with_alpha(t.text3, 0.10F), t.bg1);
  if (studio.prompt.tint == Tint::kTopExpert) {
    const RouteStep* step = step_in(token, studio.selection.layer);
    if (step == nullptr) return over(with_alpha(t.text3, 0.06F), t.bg1);
    return over(with_alpha(colors.of(step->experts.front()), 0.55F), t.bg1);
  }
  if (studio.prompt.tint == Tint::kEntropy) {
    if (token.entropy_nats < 0.0) return over(with_alpha(t.text3, 0.06F), t.bg1);
    const float strength = entropy_tint(studio, token);
    const ColorTable& table = color_table(Palette::kScores, t.kind);
    return over(with_alpha(palette_color(table, strength), 0.10F + 0.55F * strength), t.bg1);
  }
  return over(with_alpha(t.surprise, 0.06F + 0.62F * surprise_tint(token.probability)), t.bg1);
}

void draw_hover(const Studio& studio, const Token& token, ImVec2 below) {
  ImGui::SetNextWindowPos({below.x, below.y + em(0.4F)});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(em(0.8F), em(0.6F)));
  ImGui::PushStyleVar(ImGuiStyleVar_WindowRounding, em(0.6F));
  if (ImGui::BeginTooltip()) {
    const ThemeTokens& t = theme();
    text(Type::kMono, t.text1, "\"" + drawable_text(shown_text(token.text)) + "\"");
    ImGui::SameLine(0.0F, em(0.8F));
    text(Type::kDigitsCaption, t.text3, token_summary(token));
    if (const RouteStep* step = step_in(token, studio.selection.layer)) {
      text(Type::kCaption,
           t.text3,
           layer_name(step->layer) + ": " + expert_name(step->experts.front()) +
               (step->experts.size() > 1 ? ", " + expert_name(step->experts[1]) : ""));
    }
    ImGui::EndTooltip();
  }
  ImGui::PopStyleVar(2);
}

}  // namespace

std::string drawable_text(const std::string& shown) {
  ImFont* face = font(Type::kMono);
  std::string result;
  for (std::size_t i = 0; i < shown.size();) {
    const CodePoint at = code_point_at(shown, i);
    if (at.length == 0) return result + "‹?›";
    if (at.value < 0x80 || face->IsGlyphInFont(static_cast<ImWchar>(at.value))) {
      result.append(shown, i, at.length);
    } else {
      char words[16];
      std::snprintf(words, sizeof words, "U+%04X", static_cast<unsigned>(at.value));
      result += words;
    }
    i += at.length;
  }
  return result;
}

ExpertColors::ExpertColors(const Studio& studio)
    : has_own_(model_facts(studio.run->config).num_experts <= kNumExpertColors),
      selected_(studio.selection.expert) {}

Color ExpertColors::of(int expert) const {
  const ThemeTokens& t = theme();
  if (has_own_) return t.expert(expert);
  return expert == selected_ ? t.accent : t.text3;
}

float entropy_tint(const Studio& studio, const Token& token) {
  const auto& vocabulary = studio.prompt.facts->vocabulary;
  const float size = vocabulary != nullptr && vocabulary->size() > 1
                         ? static_cast<float>(vocabulary->size())
                         : kUnknownVocabulary;
  return std::clamp(static_cast<float>(token.entropy_nats) / std::log(size), 0.0F, 1.0F);
}

/// Sizes of an answer's block. Units: pixels.
struct TokenFlow::Block {
  explicit Block(const Studio& studio) : colors(studio) {}

  ImVec2 origin;  ///< left end of the first line's chips
  float gutter = 0.0F;
  float width = 0.0F;
  float line_height = 0.0F;
  float route_height = 0.0F;
  int num_layers = 0;
  ExpertColors colors;
  int line = 0;  ///< being drawn
  std::size_t first = 0, end = 0;
};

TokenFlow::Block TokenFlow::block_of(const Studio& studio,
                                     const Answer& answer,
                                     bool has_routes) const {
  Block block(studio);
  // The last token of a streaming answer may lack its route; the first few tell the number.
  for (std::size_t i = 0; i < std::min<std::size_t>(4, answer.tokens.size()); ++i)
    block.num_layers = std::max(block.num_layers, static_cast<int>(answer.tokens[i].route.size()));
  if (!has_routes) block.num_layers = 0;
  block.gutter = block.num_layers > 0 ? em(2.6F) : 0.0F;
  block.route_height =
      block.num_layers > 0 ? px(2) + px(6) * static_cast<float>(block.num_layers + 1) : 0.0F;
  block.line_height = em(kChipEm) + block.route_height + em(block.num_layers > 0 ? 0.75F : 0.4F);
  block.origin = ImGui::GetCursorScreenPos();
  block.width = std::max(em(4), ImGui::GetContentRegionAvail().x - block.gutter);
  block.origin.x += block.gutter;
  return block;
}

void TokenFlow::measure(const Answer& answer, float line_width) {
  const bool is_same =
      answer.id == answer_id_ && scale_ == em(1) && widths_.size() <= answer.tokens.size();
  if (!is_same) {
    widths_.clear();
    shown_.clear();
  }
  const bool is_done =
      is_same && line_width == line_width_ && places_.size() == answer.tokens.size();
  answer_id_ = answer.id;
  scale_ = em(1);
  line_width_ = line_width;
  if (is_done) return;
  while (widths_.size() < answer.tokens.size()) {
    shown_.push_back(drawable_text(answer.tokens[widths_.size()].shown));
    const float natural = text_size(Type::kMono, shown_.back()).x + em(0.5F);
    widths_.push_back(std::round(std::min(line_width, std::max(em(0.95F), natural))));
  }
  places_ = layout_chips(answer.tokens, widths_, line_width, px(5), px(1));
}

int TokenFlow::token_at(const Block& block, ImVec2 mouse) const {
  if (places_.empty()) return -1;
  const int last_line = places_.back().line;
  const int line = std::clamp(
      static_cast<int>(std::floor((mouse.y - block.origin.y) / block.line_height)), 0, last_line);
  int best = -1;
  const auto first = std::lower_bound(
      places_.begin(), places_.end(), line, [](const ChipPlace& place, int wanted) {
        return place.line < wanted;
      });
  for (auto place = first; place != places_.end() && place->line == line; ++place) {
    if (best < 0 || block.origin.x + place->x <= mouse.x)
      best = static_cast<int>(place - places_.begin());
  }
  return best;
}

void TokenFlow::mark_range(Studio& studio,
                           const Answer& answer,
                           const Block& block,
                           int index) const {
  TokenRange& range = studio.prompt.range;
  if (!ImGui::IsItemActive() || !ImGui::IsMouseDragging(ImGuiMouseButton_Left)) return;
  const int hit = token_at(block, ImGui::GetIO().MousePos);
  if (hit < 0 || (hit == index && range.answer_id != answer.id)) return;
  range = {answer.id, std::min(index, hit), std::max(index, hit)};
}

void TokenFlow::draw_routes(const Studio& studio,
                            const Block& block,
                            const Token& token,
                            ImVec2 min,
                            float right,
                            bool is_lit) {
  if (block.num_layers == 0) return;
  const Selection& selection = studio.selection;
  ImDrawList* list = ImGui::GetWindowDrawList();
  for (const RouteStep& step : token.route) {
    const bool is_focus = step.layer == selection.layer;
    const float height = is_focus ? px(12) : px(6);
    if (!step.experts.empty()) {
      const int expert = step.experts.front();
      const float weight = std::clamp(step.weights.front(), 0.35F, 1.0F);
      const bool is_strong = is_focus || is_lit || selection.expert == expert;
      list->AddRectFilled(
          min,
          {right, min.y + height - px(1)},
          over(with_alpha(block.colors.of(expert), is_strong ? weight : kQuiet * weight),
               theme().bg1));
    }
    min.y += height;
  }
}

void TokenFlow::draw_chip(
    Studio& studio, const Answer& answer, const Block& block, int index, FlowResult* result) {
  const ThemeTokens& t = theme();
  const auto at = static_cast<std::size_t>(index);
  const Token& token = answer.tokens[at];
  const ChipPlace& place = places_[at];
  const ImVec2 min = {
      std::round(block.origin.x + place.x),
      std::round(block.origin.y + static_cast<float>(place.line) * block.line_height)};
  const ImVec2 max = {min.x + std::round(place.width), min.y + em(kChipEm)};
  const ImVec2 end = {max.x, max.y + block.route_height};
  ImGui::SetCursorScreenPos(min);
  const std::string label =
      "###answer." + std::to_string(answer.id) + ".token." + std::to_string(index);
  Selection& selection = studio.selection;
  TokenRange& range = studio.prompt.range;
  const bool is_pressed = hit_area(label.c_str(), {end.x - min.x, end.y - min.y});
  mark_range(studio, answer, block, index);
  const bool was_dragged = ImGui::GetMouseDragDelta(ImGuiMouseButton_Left).x != 0.0F &&
                           range.answer_id == answer.id && range.last > range.first;
  if (is_pressed && ImGui::GetIO().KeyShift && selection.answer_id == answer.id &&
      selection.token >= 0) {
    range = {answer.id, std::min(selection.token, index), std::max(selection.token, index)};
  } else if (is_pressed && !was_dragged) {
    selection.answer_id = answer.id;
    selection.token = index;
    range = {};
    result->activated = index;
  }
  const bool is_hovered = ImGui::IsItemHovered();
  const bool is_selected = selection.answer_id == answer.id && selection.token == index;
  const bool is_marked =
      range.answer_id == answer.id && index >= range.first && index <= range.last;
  if (is_selected) {
    result->has_selected = true;
    result->selected_min = min;
    result->selected_max = end;
  }
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(min, max, chip_color(studio, block.colors, token), em(0.3F));
  if (is_marked) list->AddRectFilled(min, max, with_alpha(t.accent, 0.35F), em(0.3F));
  const RouteStep* focused = step_in(token, selection.layer);
  if (focused != nullptr && selection.expert >= 0 &&
      focused->experts.front() == selection.expert)  // lit by the expert chosen elsewhere
    list->AddRectFilled(
        {min.x + px(2), max.y - px(2)}, {max.x - px(2), max.y}, block.colors.of(selection.expert));
  if (t.kind == ThemeKind::kContrast) list->AddRect(min, max, t.line, em(0.3F), px(1), 0);
  if (is_selected || is_hovered)
    list->AddRect(
        min, max, is_selected ? t.text1 : t.text3, em(0.3F), is_selected ? px(2) : px(1), 0);
  draw_focus_ring(min, max, em(0.3F), ImGui::GetItemID());
  const std::string shown = fitted(Type::kMono, shown_[at], max.x - min.x);
  draw_text_centred(list, Type::kMono, min, max, is_special(shown_[at]) ? t.text3 : t.text1, shown);
  draw_routes(studio, block, token, {min.x, max.y + px(2)}, max.x, is_hovered || is_selected);
  if (is_hovered && !ImGui::IsMouseDragging(ImGuiMouseButton_Left))
    draw_hover(studio, token, {min.x, end.y});
}

void TokenFlow::draw_line(Studio& studio,
                          const Answer& answer,
                          const Block& block,
                          FlowResult* result) {
  if (block.num_layers > 0) {
    const ThemeTokens& t = theme();
    ImDrawList* list = ImGui::GetWindowDrawList();
    const auto& route = answer.tokens[block.first].route;
    float y =
        block.origin.y + static_cast<float>(block.line) * block.line_height + em(kChipEm) + px(2);
    for (std::size_t i = 0; i < route.size(); ++i) {
      const bool is_focus = route[i].layer == studio.selection.layer;
      const float height = is_focus ? px(12) : px(6);
      const bool is_end = (i == 0 || i + 1 == route.size()) && route.size() > 4;
      if (is_focus || is_end)
        draw_text_right(list,
                        Type::kDigitsCaption,
                        {block.origin.x - em(0.6F),
                         std::round(y + (height - line_height(Type::kDigitsCaption)) * 0.5F)},
                        is_focus ? t.text1 : t.text3,
                        layer_name(route[i].layer));
      y += height;
    }
  }
  for (std::size_t i = block.first; i < block.end; ++i)
    draw_chip(studio, answer, block, static_cast<int>(i), result);
}

FlowResult TokenFlow::draw(Studio& studio, const Answer& answer, bool has_routes) {
  FlowResult result;
  if (answer.tokens.empty()) return result;
  Block block = block_of(studio, answer, has_routes);
  measure(answer, block.width);
  const int num_lines = places_.back().line + 1;
  const float top = ImGui::GetWindowPos().y, bottom = top + ImGui::GetWindowSize().y;
  const int first_line =
      std::max(0, static_cast<int>((top - block.origin.y) / block.line_height) - 1);
  const auto start = std::lower_bound(
      places_.begin(), places_.end(), first_line, [](const ChipPlace& place, int wanted) {
        return place.line < wanted;
      });
  for (std::size_t i = static_cast<std::size_t>(start - places_.begin()); i < places_.size();) {
    block.line = places_[i].line;
    block.first = block.end = i;
    while (block.end < places_.size() && places_[block.end].line == block.line) ++block.end;
    if (block.origin.y + static_cast<float>(block.line) * block.line_height > bottom) break;
    draw_line(studio, answer, block, &result);
    i = block.end;
  }
  ImGui::SetCursorScreenPos({block.origin.x - block.gutter, block.origin.y});
  ImGui::Dummy({block.width + block.gutter, static_cast<float>(num_lines) * block.line_height});
  return result;
}

}  // namespace switchyard::ui
