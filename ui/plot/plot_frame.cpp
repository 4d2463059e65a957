#include "ui/plot/plot_frame.h"

#include <algorithm>
#include <cmath>

#include <implot.h>

#include "ui/shell/fonts.h"
#include "ui/shell/theme.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kBottomEm = 1.55F;
constexpr float kTopEm = 0.25F;
constexpr float kGutterPadEm = 0.85F;
constexpr float kGutterGapEm = 0.45F;

std::vector<double> values_of(std::span<const Tick> ticks) {
  std::vector<double> values;
  values.reserve(ticks.size());
  for (const Tick& tick : ticks) values.push_back(tick.value);
  return values;
}

int max_x_ticks(const PlotFrame& frame) {
  return std::clamp(static_cast<int>((frame.max.x - frame.min.x) / em(5.5F)), 2, 6);
}

void draw_x_labels(const PlotGroup& group, const PlotFrame& frame) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = frame.max.y + em(0.4F);
  const float limit = ImGui::GetWindowPos().x + ImGui::GetWindowSize().x - em(0.4F);
  float free_from = -1e9F;
  for (const Tick& tick : group.ticks(max_x_ticks(frame))) {
    const float width = text_size(Type::kDigitsCaption, tick.label).x;
    const float x = std::min(x_pixel(group, frame, tick.value) - width * 0.5F, limit - width);
    if (x < free_from) continue;
    draw_text(list, Type::kDigitsCaption, {x, y}, theme().text3, tick.label);
    free_from = x + width + em(0.5F);
  }
}

double symlog_forward(double y, void* scale) {
  return static_cast<const YScale*>(scale)->forward(y);
}

double symlog_backward(double t, void* scale) {
  return static_cast<const YScale*>(scale)->backward(t);
}

void draw_y_labels(const PlotFrame& frame, const PlotFrameOptions& options) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float half = line_height(Type::kDigitsCaption) * 0.5F;
  for (const Tick& tick : options.y_ticks) {
    const float y = y_pixel(frame, options.y, tick.value);
    if (y < frame.min.y - 1.0F || y > frame.max.y + 1.0F) continue;
    draw_text_right(list,
                    Type::kDigitsCaption,
                    {frame.min.x - em(kGutterGapEm), y - half},
                    theme().text3,
                    tick.label);
  }
}

/// ImPlot treats given ticks as minor and would draw none of these.
void draw_grid(const PlotGroup& group,
               const PlotFrame& frame,
               const PlotFrameOptions& options,
               std::span<const double> x_ticks) {
  ImDrawList* list = ImPlot::GetPlotDrawList();
  const Color color = with_alpha(theme().text3, 0.16F);
  ImPlot::PushPlotClipRect();
  for (const double x : x_ticks) {
    const float at = std::round(x_pixel(group, frame, x));
    list->AddRectFilled({at, frame.min.y}, {at + px(1), frame.max.y}, color);
  }
  for (const Tick& tick : options.y_ticks) {
    const float at = std::round(y_pixel(frame, options.y, tick.value));
    list->AddRectFilled({frame.min.x, at}, {frame.max.x, at + px(1)}, color);
  }
  ImPlot::PopPlotClipRect();
}

}  // namespace

float y_pixel(const PlotFrame& frame, const YScale& scale, double y) {
  const double place = std::clamp(scale.place(y), -100.0, 100.0);
  return frame.max.y - (frame.max.y - frame.min.y) * static_cast<float>(place);
}

float x_pixel(const PlotGroup& group, const PlotFrame& frame, double x) {
  double t = (x - group.x_min) / (group.x_max - group.x_min);
  if (group.is_log_x && group.x_min > 0.0)
    t = std::log(x / group.x_min) / std::log(group.x_max / group.x_min);
  return frame.min.x + static_cast<float>(t) * (frame.max.x - frame.min.x);
}

PlotFrame place_plot(PlotGroup& group, std::span<const Tick> y_ticks, float right_padding_em) {
  float widest = 0.0F;
  for (const Tick& tick : y_ticks) {
    widest = std::max(widest, text_size(Type::kDigitsCaption, tick.label).x);
  }
  const float wanted = std::round(widest + em(kGutterPadEm) + em(kGutterGapEm));
  group.next_gutter = std::max(group.next_gutter, wanted);
  const float gutter = std::max(group.gutter, wanted);
  const float right = em(right_padding_em);
  group.next_right_gutter = std::max(group.next_right_gutter, right);
  const float right_gutter = std::max(group.right_gutter, right);
  const ImVec2 pos = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
  PlotFrame frame;
  frame.min = {std::round(pos.x + gutter), std::round(pos.y + em(kTopEm))};
  frame.max = {std::round(std::max(frame.min.x + 20.0F, pos.x + avail.x - right_gutter)),
               std::round(std::max(frame.min.y + 20.0F, pos.y + avail.y - em(kBottomEm)))};
  return frame;
}

bool begin_plot_frame(const char* id,
                      PlotGroup& group,
                      PlotFrame& frame,
                      const PlotFrameOptions& options) {
  ImPlot::PushStyleVar(ImPlotStyleVar_PlotPadding, ImVec2(0, 0));
  ImPlot::PushStyleVar(ImPlotStyleVar_LabelPadding, ImVec2(0, 0));
  ImGui::PushStyleVar(ImGuiStyleVar_FrameBorderSize, 0.0F);
  ImGui::SetCursorScreenPos(frame.min);
  constexpr ImPlotFlags kFlags = ImPlotFlags_CanvasOnly & ~ImPlotFlags_NoBoxSelect;
  const bool is_begun =
      ImPlot::BeginPlot(id, {frame.max.x - frame.min.x, frame.max.y - frame.min.y}, kFlags);
  if (!is_begun) {
    ImGui::PopStyleVar();
    ImPlot::PopStyleVar(2);
    return false;
  }
  constexpr ImPlotAxisFlags kAxis = ImPlotAxisFlags_NoTickLabels | ImPlotAxisFlags_NoMenus |
                                    ImPlotAxisFlags_NoSideSwitch | ImPlotAxisFlags_NoHighlight |
                                    ImPlotAxisFlags_NoInitialFit;
  const ImPlotAxisFlags grid = options.has_grid ? 0 : ImPlotAxisFlags_NoGridLines;
  ImPlot::SetupAxes(nullptr, nullptr, kAxis | grid, kAxis | grid);
  ImPlot::SetupAxisLinks(ImAxis_X1, &group.x_min, &group.x_max);
  ImPlot::SetupAxisLimits(ImAxis_Y1, options.y.min, options.y.max, ImPlotCond_Always);
  if (group.is_log_x) ImPlot::SetupAxisScale(ImAxis_X1, ImPlotScale_Log10);
  if (options.y.kind == YScaleKind::kLog) ImPlot::SetupAxisScale(ImAxis_Y1, ImPlotScale_Log10);
  if (options.y.kind == YScaleKind::kSymlog)
    ImPlot::SetupAxisScale(
        ImAxis_Y1, symlog_forward, symlog_backward, const_cast<YScale*>(&options.y));
  const std::vector<double> x_ticks = values_of(group.ticks(max_x_ticks(frame)));
  const std::vector<double> y_ticks = values_of(options.y_ticks);
  if (!x_ticks.empty())
    ImPlot::SetupAxisTicks(ImAxis_X1, x_ticks.data(), static_cast<int>(x_ticks.size()));
  if (!y_ticks.empty())
    ImPlot::SetupAxisTicks(ImAxis_Y1, y_ticks.data(), static_cast<int>(y_ticks.size()));
  ImPlot::SetupFinish();
  if (options.has_grid) draw_grid(group, frame, options, x_ticks);
  frame.is_hovered = ImPlot::IsPlotHovered();
  if (frame.is_hovered && ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left)) group.fit();
  return true;
}

void end_plot_frame(PlotGroup& group, PlotFrame& frame, const PlotFrameOptions& options) {
  if (frame.is_hovered && !ImGui::IsMouseDragging(ImGuiMouseButton_Left)) {
    group.next_cursor = ImPlot::GetPlotMousePos().x;
  }
  if (group.has_cursor() && group.cursor >= group.x_min && group.cursor <= group.x_max) {
    const float x = std::round(x_pixel(group, frame, group.cursor));
    ImDrawList* list = ImPlot::GetPlotDrawList();
    list->AddRectFilled(
        {x, frame.min.y}, {x + px(1), frame.max.y}, with_alpha(theme().text1, 0.45F));
  }
  if (frame.is_hovered) {
    if (ImGui::IsKeyPressed(ImGuiKey_R, false) && !ImGui::GetIO().WantTextInput) group.fit();
  }
  const double first = group.x_min, last = group.x_max;
  ImPlot::EndPlot();  // writes pan and zoom into the linked range
  if (group.x_min != first || group.x_max != last) group.is_following = false;
  ImGui::PopStyleVar();
  ImPlot::PopStyleVar(2);
  draw_x_labels(group, frame);
  draw_y_labels(frame, options);
}

void draw_dashed_line(ImDrawList* list, ImVec2 from, ImVec2 to, Color color, float on, float off) {
  const float dx = to.x - from.x, dy = to.y - from.y;
  const float length = std::sqrt(dx * dx + dy * dy);
  if (!(length > 0.0F)) return;
  for (float at = 0.0F; at < length; at += on + off) {
    const float end = std::min(length, at + on);
    list->AddLine({from.x + dx * at / length, from.y + dy * at / length},
                  {from.x + dx * end / length, from.y + dy * end / length},
                  color,
                  px(1));
  }
}

void draw_readout(ImVec2 anchor, std::string_view title, std::span<const ReadoutLine> lines) {
  const ThemeTokens& t = theme();
  const float pad = em(0.8F), row = em(1.35F), stroke = em(0.8F);
  float names = 0.0F, values = 0.0F, raws = 0.0F;
  for (const ReadoutLine& line : lines) {
    names = std::max(names, std::min(em(16), text_size(Type::kBody, line.name).x));
    values = std::max(values, text_size(Type::kDigitsStrong, line.value).x);
    raws = std::max(raws, text_size(Type::kDigits, line.raw).x);
  }
  const float lead = lines.empty() || lines[0].color == 0 ? 0.0F : stroke + em(0.45F);
  float width = lead + names + em(1.4F) + values + (raws > 0.0F ? raws + em(1.2F) : 0.0F);
  width = std::max(width, text_size(Type::kCaption, title).x) + 2.0F * pad;
  const float height = 2.0F * pad + em(1.15F) + row * static_cast<float>(lines.size());
  const ImGuiViewport* view = ImGui::GetMainViewport();
  const float right_edge = view->Pos.x + view->Size.x - em(0.5F);
  const float bottom_edge = view->Pos.y + view->Size.y - em(0.5F);
  ImVec2 min = {anchor.x + em(0.9F), anchor.y + em(0.9F)};
  if (min.x + width > right_edge) min.x = anchor.x - em(0.9F) - width;
  if (min.y + height > bottom_edge) min.y = anchor.y - em(0.9F) - height;
  min = {std::round(std::max(view->Pos.x, min.x)), std::round(std::max(view->Pos.y, min.y))};
  ImDrawList* list = ImGui::GetForegroundDrawList();
  draw_popup_box(list, min, {min.x + width, min.y + height});
  draw_text(list, Type::kDigitsCaption, {min.x + pad, min.y + pad}, t.text2, title);
  float y = min.y + pad + em(1.35F);
  for (const ReadoutLine& line : lines) {
    const float middle = std::round(y + line_height(Type::kBody) * 0.5F);
    if (line.color != 0)
      list->AddLine({min.x + pad, middle}, {min.x + pad + stroke, middle}, line.color, px(2));
    draw_text(list, Type::kBody, {min.x + pad + lead, y}, t.text2, line.name, em(16));
    float right = min.x + width - pad;
    if (raws > 0.0F) {
      draw_text_right(list, Type::kDigits, {right, y}, t.text3, line.raw);
      right -= raws + em(1.2F);
    }
    draw_text_right(list, Type::kDigitsStrong, {right, y}, t.text1, line.value);
    y += row;
  }
}

}  // namespace switchyard::ui
