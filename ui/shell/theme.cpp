#include "ui/shell/theme.h"

#include <algorithm>
#include <cmath>

#include <implot.h>

namespace switchyard::ui {
namespace {

struct Current {
  const ThemeTokens* tokens = &theme_tokens(ThemeKind::kDark);
  float scale = 1.0F;
};

Current current;

ImGuiStyle pristine_style() {
  ImGuiStyle s;
  s.WindowPadding = {0, 0};
  s.FramePadding = {8, 5};
  s.ItemSpacing = {8, 6};
  s.ItemInnerSpacing = {6, 4};
  s.CellPadding = {8, 4};
  s.IndentSpacing = 14;
  s.ScrollbarSize = 10, s.ScrollbarRounding = 4, s.ScrollbarPadding = 2;
  s.GrabMinSize = 10, s.GrabRounding = 4;
  s.WindowRounding = 0, s.TabRounding = 0, s.ChildRounding = 6, s.FrameRounding = 5;
  s.PopupRounding = 8, s.SelectableRounding = 4;
  s.WindowBorderSize = 0, s.ChildBorderSize = 1, s.FrameBorderSize = 1, s.PopupBorderSize = 1;
  s.TabBorderSize = 0, s.TabBarBorderSize = 1, s.TabBarOverlineSize = 2;
  s.DockingSeparatorSize = 1;
  s.WindowMenuButtonPosition = ImGuiDir_None;
  s.DisabledAlpha = 0.42F;
  s.CircleTessellationMaxError = 0.15F;
  s.WindowMinSize = {32, 32};
  s.TreeLinesFlags = ImGuiTreeNodeFlags_DrawLinesNone;
  s.HoverStationaryDelay = 0.15F;
  s.HoverDelayNormal = 0.40F;
  s.FontSizeBase = 12.0F;
  return s;
}

void set_surface_colors(ImVec4* c, const ThemeTokens& t) {
  const ImVec4 none = {0, 0, 0, 0};
  c[ImGuiCol_Text] = vec(t.text1);
  c[ImGuiCol_TextDisabled] = vec(t.text3);
  c[ImGuiCol_TextLink] = vec(t.link);
  c[ImGuiCol_WindowBg] = vec(t.bg1);
  c[ImGuiCol_ChildBg] = none;
  c[ImGuiCol_PopupBg] = vec(t.popup);
  c[ImGuiCol_Border] = vec(t.line2);
  c[ImGuiCol_BorderShadow] = none;
  c[ImGuiCol_MenuBarBg] = vec(t.bg1);
  c[ImGuiCol_TitleBg] = c[ImGuiCol_TitleBgActive] = c[ImGuiCol_TitleBgCollapsed] = vec(t.bg1);
  c[ImGuiCol_ScrollbarBg] = none;
  c[ImGuiCol_ScrollbarGrab] = vec(t.active);
  c[ImGuiCol_ScrollbarGrabHovered] = c[ImGuiCol_ScrollbarGrabActive] = vec(t.line2);
  c[ImGuiCol_Separator] = vec(t.line);
  c[ImGuiCol_SeparatorHovered] = c[ImGuiCol_SeparatorActive] = vec(t.accent);
  c[ImGuiCol_ResizeGrip] = none;
  c[ImGuiCol_ResizeGripHovered] = c[ImGuiCol_ResizeGripActive] = vec(t.line2);
  c[ImGuiCol_Tab] = c[ImGuiCol_TabSelected] = c[ImGuiCol_TabDimmed] = vec(t.bg1);
  c[ImGuiCol_TabDimmedSelected] = vec(t.bg1);
  c[ImGuiCol_TabHovered] = vec(t.hover);
  c[ImGuiCol_TabSelectedOverline] = vec(t.accent);
  c[ImGuiCol_TabDimmedSelectedOverline] = vec(t.line2);
  c[ImGuiCol_DockingPreview] = vec(with_alpha(t.accent, 0.35F));
  c[ImGuiCol_DockingEmptyBg] = vec(t.bg0);
}

void set_control_colors(ImVec4* c, const ThemeTokens& t) {
  const ImVec4 none = {0, 0, 0, 0};
  c[ImGuiCol_FrameBg] = vec(t.bg3);
  c[ImGuiCol_FrameBgHovered] = vec(t.hover);
  c[ImGuiCol_FrameBgActive] = vec(t.bg3);
  c[ImGuiCol_CheckMark] = vec(t.primary_text);
  c[ImGuiCol_CheckboxSelectedBg] = vec(t.primary);
  c[ImGuiCol_SliderGrab] = c[ImGuiCol_SliderGrabActive] = vec(t.accent);
  c[ImGuiCol_Button] = vec(t.bg3);
  c[ImGuiCol_ButtonHovered] = vec(t.hover);
  c[ImGuiCol_ButtonActive] = vec(t.active);
  c[ImGuiCol_Header] = vec(t.selection);
  c[ImGuiCol_HeaderHovered] = vec(t.hover);
  c[ImGuiCol_HeaderActive] = vec(t.active);
  c[ImGuiCol_InputTextCursor] = vec(t.accent);
  c[ImGuiCol_PlotLines] = c[ImGuiCol_PlotHistogram] = vec(t.accent);
  c[ImGuiCol_PlotLinesHovered] = c[ImGuiCol_PlotHistogramHovered] = vec(t.link);
  c[ImGuiCol_TableHeaderBg] = vec(t.bg2);
  c[ImGuiCol_TableBorderStrong] = c[ImGuiCol_TableBorderLight] = vec(t.line);
  c[ImGuiCol_TableRowBg] = c[ImGuiCol_TableRowBgAlt] = none;
  c[ImGuiCol_TextSelectedBg] = vec(with_alpha(t.accent, 0.32F));
  c[ImGuiCol_TreeLines] = vec(t.line);
  c[ImGuiCol_DragDropTarget] = vec(t.accent);
  c[ImGuiCol_DragDropTargetBg] = vec(with_alpha(t.accent, 0.08F));
  c[ImGuiCol_UnsavedMarker] = vec(t.text1);
  c[ImGuiCol_NavCursor] = none;  // draw_keyboard_focus draws it
  c[ImGuiCol_NavWindowingHighlight] = vec(t.accent);
  c[ImGuiCol_NavWindowingDimBg] = c[ImGuiCol_ModalWindowDimBg] = vec(with_alpha(rgb(0), 0.45F));
}

void apply_plot_style(const ThemeTokens& t, float scale) {
  if (ImPlot::GetCurrentContext() == nullptr) return;
  ImPlotStyle s;
  const ImVec4 none = {0, 0, 0, 0};
  s.PlotPadding = {6 * scale, 4 * scale};
  s.LabelPadding = {6 * scale, 4 * scale};
  s.PlotBorderSize = 0;
  s.MajorTickLen = s.MinorTickLen = {0, 0};
  s.MajorGridSize = scale >= 1.5F ? ImVec2{1.5F, 1.5F} : ImVec2{1, 1};
  s.MinorAlpha = 0;
  s.FitPadding = {0, 0.08F};
  s.PlotMinSize = {20, 20};
  for (ImVec4& color : s.Colors) color = none;
  s.Colors[ImPlotCol_AxisText] = vec(t.text3);
  s.Colors[ImPlotCol_AxisGrid] = vec(with_alpha(t.text3, 0.16F));
  s.Colors[ImPlotCol_Selection] = vec(t.accent);
  s.Colors[ImPlotCol_Crosshairs] = vec(with_alpha(t.text1, 0.45F));
  s.Colors[ImPlotCol_TitleText] = s.Colors[ImPlotCol_InlayText] = vec(t.text2);
  s.Colors[ImPlotCol_LegendText] = vec(t.text1);
  s.Colors[ImPlotCol_AxisBgHovered] = vec(with_alpha(t.hover, 0.5F));
  s.Colors[ImPlotCol_AxisBgActive] = vec(t.hover);
  ImPlot::SetStyle(s);
}

}  // namespace

const ThemeTokens& theme() {
  return *current.tokens;
}

float ui_scale() {
  return current.scale;
}

float em(float n) {
  return std::round(n * 13.0F * current.scale);
}

float px(float n) {
  return std::max(1.0F, std::round(n * current.scale));
}

void apply_theme(ThemeKind kind, float scale) {
  current.tokens = &theme_tokens(kind);
  current.scale = std::clamp(scale, 0.5F, 5.0F);
  ImGuiStyle style = pristine_style();
  style.ScaleAllSizes(current.scale);
  style.DockingSeparatorSize = 1.0F;
  style.FontScaleMain = 1.0F;
  style.FontScaleDpi = current.scale;
  const float hairline = std::max(1.0F, std::floor(current.scale));
  style.ChildBorderSize = style.FrameBorderSize = style.PopupBorderSize = hairline;
  style.DisplaySafeAreaPadding = {em(0.5F), em(0.5F)};  // popups keep off the edge
  style.TabBarBorderSize = hairline;
  set_surface_colors(style.Colors, *current.tokens);
  set_control_colors(style.Colors, *current.tokens);
  ImGui::GetStyle() = style;
  apply_plot_style(*current.tokens, current.scale);
}

}  // namespace switchyard::ui
