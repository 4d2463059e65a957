#include "ui/panels/token_popover.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "ui/model/prompt_actions.h"
#include "ui/panels/common.h"
#include "ui/panels/token_view.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kWidthEm = 20.0F;

void inner_line() {
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float left = ImGui::GetWindowPos().x, right = left + ImGui::GetWindowSize().x;
  gap(0.5F);
  const float y = std::round(pos.y + em(0.5F));
  ImGui::GetWindowDrawList()->AddRectFilled({left, y}, {right, y + px(1)}, theme().line);
  gap(0.5F);
}

void draw_title(const Token& token, float width) {
  const ThemeTokens& t = theme();
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const std::string percent = token.is_context ? "" : percent_text(token.probability);
  const float right = text_size(Type::kDigitsCard, percent).x + em(0.6F);
  const float x = pos.x +
                  draw_text(list,
                            Type::kMono,
                            pos,
                            t.text1,
                            "\"" + drawable_text(shown_text(token.text)) + "\"",
                            width * 0.45F) +
                  em(0.7F);
  draw_text(list,
            Type::kDigitsCaption,
            {x, pos.y + px(1)},
            t.text3,
            token.is_context ? "nothing stood before it" : token_summary(token),
            pos.x + width - right - x);
  draw_text_right(list, Type::kDigitsCard, {pos.x + width, pos.y - px(1)}, t.text1, percent);
  ImGui::Dummy({width, line_height(Type::kMono)});
}

void draw_route(const Studio& studio, const Token& token, float width) {
  const ThemeTokens& t = theme();
  const int layer = studio.selection.layer;
  const auto step = std::find_if(token.route.begin(), token.route.end(), [&](const RouteStep& one) {
    return one.layer == layer && !one.experts.empty();
  });
  if (step == token.route.end()) return;
  inner_line();
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  draw_text(ImGui::GetWindowDrawList(),
            Type::kCaption,
            {pos.x, pos.y + em(0.28F)},
            t.text3,
            "Route in layer " + std::to_string(layer));
  std::string words[2];
  float total = 0.0F;
  const std::size_t count = std::min<std::size_t>(2, step->experts.size());
  for (std::size_t k = 0; k < count; ++k) {
    char weight[16];
    std::snprintf(weight, sizeof weight, "%.2f", static_cast<double>(step->weights[k]));
    words[k] = expert_name(step->experts[k]) + "  " + weight;
    total += text_size(Type::kDigitsCaption, words[k]).x + em(1.76F) + em(0.4F);
  }
  ImGui::SetCursorScreenPos({pos.x + std::max(em(7), width - total), pos.y});
  for (std::size_t k = 0; k < count; ++k) {
    if (k > 0) ImGui::SameLine(0.0F, em(0.4F));
    color_chip(words[k], ExpertColors(studio).of(step->experts[k]));
  }
  ImGui::SetCursorScreenPos(pos);
  ImGui::Dummy({width, em(1.5F)});
}

}  // namespace

void TokenPopover::draw_buttons(Studio& studio,
                                const Answer& answer,
                                const Token& token,
                                bool can_branch) {
  inner_line();
  const Alternative* picked = picked_ >= 0 && picked_ < static_cast<int>(token.top.size())
                                  ? &token.top[static_cast<std::size_t>(picked_)]
                                  : nullptr;
  const std::string why = prompt_obstacle(studio);
  ButtonOptions branch;
  branch.icon = Icon::kRouting;
  branch.kind = ButtonKind::kPrimary;
  branch.tooltip = "Goes on from here with the marked token instead";
  if (picked == nullptr || picked->text.empty())
    branch.disabled_reason = "This token is only a part of a character";
  else if (studio.run->root.empty())
    branch.disabled_reason = "Open a run first";
  if (!can_branch) return;
  if (button("Branch here###popover.branch", branch) && picked != nullptr) {
    const std::int64_t id = answer.id;
    const int at = token_;
    const Alternative chosen = *picked;
    close();
    branch_at(studio, id, at, chosen);
    return;
  }
  ImGui::SameLine(0.0F, em(0.5F));
  ButtonOptions more;
  more.kind = ButtonKind::kGhost;
  more.tooltip = "Asks the same prompt with the next seed";
  if (button("More like this###popover.more", more)) {
    const std::int64_t id = answer.id;
    const SamplingSettings settings = answer.settings;
    close();
    ask_again(studio, id, settings);
  }
}

void TokenPopover::draw_content(Studio& studio,
                                const Answer& answer,
                                const Token& token,
                                bool can_branch) {
  const float width = ImGui::GetContentRegionAvail().x;
  draw_title(token, width);
  if (!token.top.empty()) {
    inner_line();
    draw_alternatives(token, "popover.alternative", width, can_branch ? &picked_ : nullptr);
  }
  draw_route(studio, token, width);
  draw_buttons(studio, answer, token, can_branch);
}

void TokenPopover::draw(Studio& studio,
                        const Answer& answer,
                        const FlowResult& flow,
                        bool can_branch) {
  if (flow.activated >= 0) {
    const bool is_same = answer_id_ == answer.id && token_ == flow.activated;
    answer_id_ = is_same ? -1 : answer.id;
    token_ = flow.activated;
    wants_focus_ = true;
    const auto& top = answer.tokens[static_cast<std::size_t>(token_)].top;
    const std::int64_t chosen = answer.tokens[static_cast<std::size_t>(token_)].id;
    const auto found = std::find_if(
        top.begin(), top.end(), [chosen](const Alternative& one) { return one.id == chosen; });
    picked_ = found == top.end() ? 0 : static_cast<int>(found - top.begin());
  }
  if (answer_id_ != answer.id || token_ < 0 || token_ >= static_cast<int>(answer.tokens.size()))
    return;
  if (!flow.has_selected || studio.selection.token != token_) {
    close();
    return;
  }
  const ImGuiViewport* view = ImGui::GetMainViewport();
  const float width = std::min(em(kWidthEm), view->Size.x - em(2));
  const float middle = (flow.selected_min.x + flow.selected_max.x) * 0.5F;
  const float left = view->Pos.x + em(0.6F), right = view->Pos.x + view->Size.x - em(0.6F);
  const float x = std::clamp(middle - em(2.2F), left, std::max(left, right - width));
  float y = flow.selected_max.y + em(0.7F);
  const bool is_below = y + height_ < view->Pos.y + view->Size.y - em(2.2F);
  if (!is_below) y = std::max(view->Pos.y + em(0.6F), flow.selected_min.y - em(0.7F) - height_);
  ImGui::SetNextWindowPos({std::round(x), std::round(y)});
  ImGui::SetNextWindowSize({width, 0.0F});
  if (std::exchange(wants_focus_, false)) ImGui::SetNextWindowFocus();
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(em(0.9F), em(0.8F)));
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(em(0.6F), 0.0F));
  ImGui::PushStyleColor(ImGuiCol_WindowBg, 0U);
  ImGui::Begin("Token###prompt.popover",
               nullptr,
               ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove |
                   ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoDocking);
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->PushClipRectFullScreen();
  draw_popup_box(list, min, {min.x + size.x, min.y + size.y});
  if (is_below) {
    const float tip = std::clamp(middle, min.x + em(1), min.x + size.x - em(1));
    list->AddTriangleFilled({tip - em(0.55F), min.y + px(1)},
                            {tip, min.y - em(0.5F)},
                            {tip + em(0.55F), min.y + px(1)},
                            theme().popup);
  }
  list->PopClipRect();
  height_ = size.y;
  draw_content(studio, answer, answer.tokens[static_cast<std::size_t>(token_)], can_branch);
  const bool is_left = ImGui::IsMouseClicked(ImGuiMouseButton_Left) && flow.activated < 0 &&
                       !ImGui::IsWindowHovered(ImGuiHoveredFlags_RootAndChildWindows |
                                               ImGuiHoveredFlags_AllowWhenBlockedByActiveItem) &&
                       !ImGui::IsMouseHoveringRect(flow.selected_min, flow.selected_max, false);
  if (ImGui::Shortcut(ImGuiKey_Escape) || is_left) close();
  ImGui::End();
  ImGui::PopStyleColor();
  ImGui::PopStyleVar(2);
}

}  // namespace switchyard::ui
