#include "ui/panels/run_row.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <imgui.h>
#include <imgui_internal.h>

#include "ui/model/run_query.h"
#include "ui/model/run_state.h"
#include "ui/panels/common.h"
#include "ui/plot/line_plot.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kTickEm = 2.6F;  ///< box and colour at the left of a row
constexpr float kEndEm = 0.8F;
constexpr float kLeastStretch = 0.92F;  ///< before a column gives way
constexpr float kNarrowest = 0.88F;
constexpr float kMostStretch = 1.3F;

/// The default columns that go first where there is little room.
constexpr std::array kGivesWay = {RunColumn::kBitsPerByte,
                                  RunColumn::kParams,
                                  RunColumn::kPerplexity,
                                  RunColumn::kSpeed,
                                  RunColumn::kPreset,
                                  RunColumn::kTime,
                                  RunColumn::kTags,
                                  RunColumn::kCurve};

float text_y(float top, Type type) {
  return std::round(top + (em(kRunRowEm) - line_height(type)) * 0.5F);
}

void draw_progress(const store::RunOverview& run, RunState state, ImVec2 at, float width) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const double part =
      run.max_steps > 0 ? static_cast<double>(run.step) / static_cast<double>(run.max_steps) : 0.0;
  const float track = std::min(em(3.7F), width * 0.42F);
  const float y = std::round(at.y + em((kRunRowEm - 0.36F) * 0.5F)), height = em(0.36F);
  const Tone tone = tone_of(run_state_tone(state));
  const bool is_quiet = tone == Tone::kNeutral || state == RunState::kCompleted;
  list->AddRectFilled({at.x, y}, {at.x + track, y + height}, t.active, em(0.18F));
  if (part > 0.0)
    list->AddRectFilled(
        {at.x, y},
        {at.x + std::max(px(2), track * static_cast<float>(std::min(1.0, part))), y + height},
        is_quiet ? t.text3 : tone_color(tone),
        em(0.18F));
  draw_text(list,
            Type::kDigits,
            {at.x + track + em(0.7F), text_y(at.y, Type::kDigits)},
            t.text2,
            grouped_number(run.step),
            width - track - em(1.0F));
}

void draw_curve(
    const store::RunOverview& run, Color color, bool is_strong, ImVec2 at, float width) {
  if (run.loss_curve.size() < 2) return;
  const std::vector<double> values(run.loss_curve.begin(), run.loss_curve.end());
  const double part =
      run.max_steps > 0
          ? std::clamp(
                static_cast<double>(run.step) / static_cast<double>(run.max_steps), 0.15, 1.0)
          : 1.0;
  ImGui::SetCursorScreenPos({at.x, at.y + em(0.35F)});
  sparkline(values,
            (width - em(1.2F)) * static_cast<float>(part),
            em(kRunRowEm - 0.7F),
            is_strong ? color : theme().text3,
            is_strong);
}

void draw_tags(const std::vector<std::string>& tags, ImVec2 at, float width) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float right = at.x + width - em(0.5F);
  float x = at.x;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const float wanted = text_size(Type::kCaption, tags[i]).x + em(0.9F);
    const bool is_last = i + 1 == tags.size();
    if (x + wanted > right - (is_last ? 0.0F : em(1.6F)) && i > 0) {
      draw_text(list,
                Type::kCaption,
                {x, text_y(at.y, Type::kCaption)},
                t.text3,
                "+" + std::to_string(tags.size() - i));
      return;
    }
    const float shown = std::min(wanted, right - x);
    const float top = std::round(at.y + em((kRunRowEm - 1.45F) * 0.5F));
    list->AddRectFilled({x, top}, {x + shown, top + em(1.45F)}, t.chip, em(0.3F));
    if (t.kind == ThemeKind::kContrast)
      list->AddRect({x, top}, {x + shown, top + em(1.45F)}, t.line, em(0.3F), px(1), 0);
    draw_text(list,
              Type::kCaption,
              {x + em(0.45F), text_y(at.y, Type::kCaption)},
              t.text2,
              tags[i],
              shown - em(0.7F));
    x += shown + em(0.4F);
  }
}

void draw_loss(const store::RunOverview& run, bool is_best, ImVec2 at, float width) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const double loss = run_number(run, "loss");
  // A run whose newest loss is no number failed at it; its best one is still worth reading.
  const bool is_broken = run.step > 0 && !std::isfinite(run.train_loss) && run.state == "failed";
  const float right = at.x + width - em(2.0F), y = text_y(at.y, Type::kDigitsStrong);
  const std::string words = is_broken && !std::isfinite(loss) ? "nan" : plain_number(loss, 4);
  const Color color = is_broken ? t.failure : (std::isfinite(loss) ? t.text1 : t.text3);
  draw_text_right(list, Type::kDigitsStrong, {right, y}, color, words);
  if (is_best)
    draw_text(list, Type::kCaption, {right + em(0.5F), y}, t.attention, icon(Icon::kBest));
}

void draw_name(const Studio& studio, const store::RunOverview& run, ImVec2 at, float width) {
  const bool is_open = run.root == studio.run->root;
  const bool is_dim = studio.marks.of(run.root).is_archived;
  const Type type = is_open ? Type::kBodyStrong : Type::kBody;
  float room = width - em(0.8F);
  const std::string badge =
      is_dim ? "archived" : (run.parent_name.empty() ? "" : icon(Icon::kFork));
  if (!badge.empty()) room -= text_size(Type::kCaption, badge).x + em(0.5F);
  const float used = draw_text(ImGui::GetWindowDrawList(),
                               type,
                               {at.x, text_y(at.y, type)},
                               is_dim ? theme().text3 : theme().text1,
                               run.name,
                               room);
  draw_text(ImGui::GetWindowDrawList(),
            Type::kCaption,
            {at.x + used + em(0.5F), text_y(at.y, Type::kCaption)},
            theme().text3,
            badge);
}

void draw_cell(const Studio& studio,
               const store::RunOverview& run,
               bool is_best,
               const RunRowLayout::Cell& cell,
               ImVec2 at) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const RunMark& mark = studio.marks.of(run.root);
  const RunState state = run_state_from_word(run.state);
  switch (cell.column) {
    case RunColumn::kName:
      draw_name(studio, run, at, cell.width);
      return;
    case RunColumn::kState:
      draw_state(list, {at.x, text_y(at.y, Type::kBody)}, state, Type::kBody);
      return;
    case RunColumn::kStep:
      draw_progress(run, state, at, cell.width);
      return;
    case RunColumn::kValLoss:
      draw_loss(run, is_best, at, cell.width);
      return;
    case RunColumn::kCurve:
      draw_curve(run,
                 run_color(studio, run.root, run.name),
                 studio.runs_state.is_selected(run.root) || run.root == studio.run->root,
                 at,
                 cell.width);
      return;
    case RunColumn::kTags:
      draw_tags(all_tags(run, mark), at, cell.width);
      return;
    default:
      break;
  }
  const std::string words = run_cell_text(run, mark, cell.column, studio.wall_now);
  if (run_column_info(cell.column).is_number) {
    draw_text_right(list,
                    Type::kDigits,
                    {at.x + cell.width - em(0.9F), text_y(at.y, Type::kDigits)},
                    words == "–" ? t.text3 : t.text2,
                    words);
  } else {
    draw_text(list,
              Type::kBody,
              {at.x, text_y(at.y, Type::kBody)},
              words == "–" ? t.text3 : t.text2,
              words,
              cell.width - em(0.8F));
  }
}

}  // namespace

void focus_run_row(const store::RunOverview& run) {
  ImGuiWindow* window = ImGui::GetCurrentWindow();
  const ImGuiID id = window->GetID((run.name + "###runs.row." + run.name).c_str());
  const ImVec2 max = ImGui::GetItemRectMax(), min = {window->Pos.x, max.y - em(kRunRowEm)};
  ImGui::SetFocusID(id, window);
  ImGui::SetNavCursorVisible(true);
  ImGui::ScrollToRect(window, {min, max}, ImGuiScrollFlags_KeepVisibleEdgeY);
}

Color run_color(const Studio& studio, const std::string& root, const std::string& name) {
  const int chosen = studio.marks.of(root).color;
  if (chosen >= 0) return theme().run(chosen);
  const auto kept = studio.overlay.colors.find(root);
  return theme().run(kept != studio.overlay.colors.end() ? kept->second : run_color_index(name));
}

WideBody::WideBody(const char* id) {
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(0.0F, 0.0F));
  ImGui::PushStyleVar(ImGuiStyleVar_ChildRounding, 0.0F);
  ImGui::PushStyleColor(ImGuiCol_ChildBg, 0U);
  ImGui::BeginChild(id,
                    {0.0F, 0.0F},
                    ImGuiChildFlags_AlwaysUseWindowPadding | ImGuiChildFlags_NavFlattened,
                    ImGuiWindowFlags_HorizontalScrollbar);
  ImGui::PopStyleColor();
  ImGui::PopStyleVar(2);
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(0.0F, 0.0F));
}

WideBody::~WideBody() {
  ImGui::PopStyleVar();
  ImGui::EndChild();
}

RunRowLayout run_row_layout(const RunsState& state) {
  const float room = ImGui::GetContentRegionAvail().x;
  std::vector<RunColumn> shown;
  float total = kTickEm + kEndEm;
  for (const RunColumnInfo& info : run_columns()) {
    if (!state.is_shown(info.column)) continue;
    shown.push_back(info.column);
    total += info.width_em;
  }
  for (const RunColumn column : kGivesWay) {
    if (!state.columns.empty() || em(total) <= room / kLeastStretch) break;
    if (std::erase(shown, column) > 0) total -= run_column_info(column).width_em;
  }
  const float fixed = em(kTickEm + kEndEm);  // does not stretch
  const float stretch = std::clamp((room - fixed) / (em(total) - fixed), kNarrowest, kMostStretch);
  RunRowLayout layout;
  float x = em(kTickEm);
  for (const RunColumn column : shown) {
    // Whole pixels, downwards: the sum never asks for a scroll bar that the room does not need.
    const float width = std::floor(em(run_column_info(column).width_em) * stretch);
    layout.cells.push_back({column, x, width});
    x += width;
  }
  layout.width = std::max(room, x + em(kEndEm));
  return layout;
}

void draw_run_header(RunsState& state, const RunRowLayout& layout) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float height = em(2.1F);
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(min, {min.x + layout.width, min.y + height}, t.bg2);
  for (const RunRowLayout::Cell& cell : layout.cells) {
    const RunColumnInfo& info = run_column_info(cell.column);
    ImGui::SetCursorScreenPos({min.x + cell.x, min.y});
    const std::string label = std::string(info.title) + "###runs.sort." + std::string(info.key);
    if (hit_area(label.c_str(), {cell.width - em(0.3F), height})) {
      if (state.order.column == cell.column)
        state.order.is_descending = !state.order.is_descending;
      else
        state.order = {cell.column, info.is_number && cell.column != RunColumn::kValLoss};
    }
    draw_focus_ring(ImGui::GetItemRectMin(), ImGui::GetItemRectMax(), px(2), ImGui::GetItemID());
    const bool is_sorted = state.order.column == cell.column;
    const Color color = is_sorted || ImGui::IsItemHovered() ? t.text1 : t.text3;
    std::string title(info.title);
    if (is_sorted) title += state.order.is_descending ? " ↓" : " ↑";
    const float y = std::round(min.y + (height - line_height(Type::kCaption)) * 0.5F);
    const float pad = cell.column == RunColumn::kValLoss ? 2.0F : 0.9F;
    if (info.is_number)
      draw_text_right(
          list, Type::kCaption, {min.x + cell.x + cell.width - em(pad), y}, color, title);
    else
      draw_text(list, Type::kCaption, {min.x + cell.x, y}, color, title, cell.width - em(0.6F));
  }
  list->AddRectFilled(
      {min.x, min.y + height - px(1)}, {min.x + layout.width, min.y + height}, t.line);
  ImGui::SetCursorScreenPos({min.x, min.y + height});
}

void draw_run_group(const RunTableRow& row, const RunRowLayout& layout) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float height = em(kRunRowEm);
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(min, {min.x + layout.width, min.y + height}, t.bg2);
  const float used = draw_text(list,
                               Type::kBodyStrong,
                               {min.x + em(0.9F), text_y(min.y, Type::kBodyStrong)},
                               t.text1,
                               row.title,
                               em(30));
  draw_text(list,
            Type::kDigitsCaption,
            {min.x + em(1.6F) + used, text_y(min.y, Type::kDigitsCaption)},
            t.text3,
            std::to_string(row.count));
  ImGui::Dummy({layout.width, height});
}

RunRowResult draw_run_row(const Studio& studio,
                          const store::RunOverview& run,
                          bool is_best,
                          const RunRowLayout& layout) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float height = em(kRunRowEm);
  ImDrawList* list = ImGui::GetWindowDrawList();
  RunRowResult result;
  bool is_ticked = studio.runs_state.is_selected(run.root);
  if (is_ticked) list->AddRectFilled(min, {min.x + layout.width, min.y + height}, t.selection);
  const std::string label = run.name + "###runs.row." + run.name;
  result.is_pressed = list_row(label.c_str(), studio.runs_state.focused == run.root, kRunRowEm);
  result.is_focused = ImGui::IsItemFocused();
  result.is_opened = ImGui::IsItemHovered() && ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left);
  result.is_hovered = ImGui::IsItemHovered();
  result.wants_menu = ImGui::IsItemHovered() && ImGui::IsMouseReleased(ImGuiMouseButton_Right);
  if (!run.detail.empty()) tooltip(run.detail);
  ImGui::PushItemFlag(ImGuiItemFlags_NoNav, true);  // Space on the row ticks it
  ImGui::SetCursorScreenPos({min.x + em(0.85F), std::round(min.y + (height - em(1.08F)) * 0.5F)});
  const std::string box = "###runs.check." + run.name;
  result.is_ticked = checkbox(box.c_str(), &is_ticked);
  ImGui::PopItemFlag();
  const float bar = min.x + em(2.15F);
  list->AddRectFilled({bar, min.y + em(0.5F)},
                      {bar + px(3), min.y + height - em(0.5F)},
                      run_color(studio, run.root, run.name));
  for (const RunRowLayout::Cell& cell : layout.cells)
    draw_cell(
        studio, run, is_best, cell, {min.x + cell.x + (cell.x < em(3) ? em(0.4F) : 0.0F), min.y});
  list->AddRectFilled({min.x, min.y + height - px(1)},
                      {min.x + layout.width, min.y + height},
                      with_alpha(t.line, 0.6F));
  ImGui::SetCursorScreenPos(min);
  ImGui::Dummy({layout.width, height});
  return result;
}

}  // namespace switchyard::ui
