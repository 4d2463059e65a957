#include <algorithm>
#include <cmath>
#include <string>

#include "ui/panels/common.h"
#include "ui/panels/file_browser_view.h"
#include "ui/panels/maps.h"
#include "ui/panels/plots_parts.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr const char* kAxes[] = {"Steps", "Tokens", "Time", "FLOPs"};
constexpr const char* kScales[] = {"Linear", "Log", "Symlog"};

bool placed_checkbox(Toolbar& bar, const char* label, bool* value) {
  bar.next(em(1.1F), 1.0F);
  return checkbox(label, value);
}

std::string smoothing_help(const PlotGroup& group) {
  return "Each line is the debiased exponential mean of all samples, computed before anything is "
         "left out for the screen: zoom and logging interval do not change it. The weight counts "
         "per " +
         (group.axis == XAxis::kSteps ? short_number(group.smoothing_unit, 3) + " steps"
          : group.axis == XAxis::kSeconds
              ? duration_text(group.smoothing_unit) + " of training"
              : short_number(group.smoothing_unit, 3) +
                    (group.axis == XAxis::kTokens ? " tokens" : "FLOP")) +
         ".";
}

/// A chip that is a button: stroke and name; hidden runs are struck out.
struct ChipState {
  bool is_clicked = false, is_menu = false, is_hovered = false;
};

ChipState chip_button(const ShownRun& run, float max_name) {
  const ThemeTokens& t = theme();
  const float stroke = em(0.8F), space = em(0.4F), pad = em(0.35F), height = em(1.7F);
  const std::string name = fitted(Type::kBody, run.name, max_name);
  const float width = 2.0F * pad + stroke + space + text_size(Type::kBody, name).x;
  const ImVec2 min = ImGui::GetCursorScreenPos(), max = {min.x + width, min.y + height};
  ChipState state;
  state.is_clicked = hit_area((run.name + "###plots.run." + run.name).c_str(), {width, height});
  state.is_hovered = ImGui::IsItemHovered();
  const bool is_focused = ImGui::IsItemFocused();
  state.is_menu = ImGui::IsItemClicked(ImGuiMouseButton_Right) ||
                  (is_focused && (ImGui::IsKeyPressed(ImGuiKey_Menu, false) ||
                                  (ImGui::GetIO().KeyShift && ImGui::IsKeyPressed(ImGuiKey_F10))));
  ImDrawList* list = ImGui::GetWindowDrawList();
  if (state.is_hovered) list->AddRectFilled(min, max, t.hover, em(0.3F));
  draw_focus_ring(min, max, em(0.3F), ImGui::GetItemID());
  const float middle = std::round((min.y + max.y) * 0.5F), x = min.x + pad;
  const Color color = faded(t.run(run.color), run.is_drawn ? 1.0F : 0.4F);
  if (run.is_dashed) {
    list->AddLine({x, middle}, {x + stroke * 0.4F, middle}, color, px(2));
    list->AddLine({x + stroke * 0.6F, middle}, {x + stroke, middle}, color, px(2));
  } else {
    list->AddLine({x, middle}, {x + stroke, middle}, color, px(2));
  }
  const Color words = run.is_drawn ? (run.is_own ? t.text1 : t.text2) : t.text3;
  const float text_x = x + stroke + space;
  const float text_y = min.y + (height - line_height(Type::kBody)) * 0.5F;
  const float drawn = draw_text(list, Type::kBody, {text_x, text_y}, words, name);
  if (!run.is_drawn) list->AddLine({text_x, middle}, {text_x + drawn, middle}, words, px(1));
  if (state.is_hovered)
    tooltip(run.name + (run.view == nullptr ? ": being read."
                                            : ": click hides or shows it, Alt + click shows only "
                                              "it, right click for colour and more."));
  return state;
}

/// The person's colour of a run, everywhere in the window; -1: the one of its name.
void choose_color(Studio& studio, const std::string& root, int color) {
  RunMark mark = studio.marks.of(root);
  mark.color = color;
  studio.marks.set(root, std::move(mark));
  if (color < 0) {
    studio.overlay.colors.erase(root);
  } else {
    studio.overlay.colors[root] = color;
  }
}

}  // namespace

void PlotsToolbar::draw_axis(Studio& studio, Toolbar& bar) {
  PlotGroup& group = studio.plots.group;
  bar.label("x axis");
  bar.next(em(1.85F), 0.6F);
  int axis = static_cast<int>(group.axis);
  if (segmented("plots.x_axis", kAxes, &axis)) group.set_axis(static_cast<XAxis>(axis));
  bar.label("Smooth");
  bar.next(em(1.7F), 0.6F);
  slider("###plots.smoothing", &studio.plots.smoothing, 0.0, 0.99, em(11.5F), em(3.6F), 2);
  help_tooltip("Smoothing",
               smoothing_help(group),
               "d = w^(\xCE\x94x / unit);  m = d m + (1-d) y;  s = m / (1 - \xCE\xA0"
               "d)");
}

void PlotsToolbar::draw_switches(Studio& studio, Toolbar& bar) {
  PlotSettings& plots = studio.plots;
  placed_checkbox(bar, "Raw###plots.raw", &plots.shows_raw);
  tooltip("Every sample, faint behind the smoothed line.");
  bool is_log = plots.y_scale == YScaleKind::kLog;
  if (placed_checkbox(bar, "Log y###plots.log_y", &is_log))
    plots.y_scale = is_log ? YScaleKind::kLog : YScaleKind::kLinear;
  tooltip("Losses, perplexities and norms on a logarithmic axis (L).");
  if (placed_checkbox(bar, "Follow###plots.follow", &plots.group.is_following) &&
      plots.group.is_following)
    plots.group.fit();
  tooltip("The x axis grows with the run (R).");
  if (!has_routing(*studio.run)) return;
  bar.label("Layer");
  bar.next(em(1.7F), 0.6F);
  layer_combo(studio, "###plots.layer", em(4.6F));
}

void PlotsToolbar::draw_chips(Studio& studio, const PlotsFrame& frame, Toolbar& bar) {
  RunOverlay& overlay = studio.overlay;
  if (frame.scene.runs.size() < 2) return;
  const float max_name = em(12);
  for (const ShownRun& run : frame.scene.runs) {
    bar.next(em(1.7F), 0.35F);
    const ChipState state = chip_button(run, max_name);
    if (state.is_hovered) overlay.hovered_root = run.root;
    if (state.is_clicked && ImGui::GetIO().KeyAlt) {
      overlay.solo(run.root);
    } else if (state.is_clicked && !overlay.solo_root.empty()) {
      overlay.solo_root.clear();
    } else if (state.is_clicked) {
      overlay.set_hidden(run.root, !overlay.is_hidden(run.root));
    }
    if (state.is_menu) {
      menu_root_ = run.root;
      ImGui::OpenPopup("###plots.run_menu");
    }
  }
  draw_chip_menu(studio, frame);
}

void PlotsToolbar::draw_chip_menu(Studio& studio, const PlotsFrame& frame) {
  if (!begin_popover("###plots.run_menu", 15.0F)) return;
  RunOverlay& overlay = studio.overlay;
  const auto found = std::find_if(frame.scene.runs.begin(),
                                  frame.scene.runs.end(),
                                  [&](const ShownRun& run) { return run.root == menu_root_; });
  if (found != frame.scene.runs.end()) {
    text_ellipsis(Type::kBodyStrong, theme().text1, found->name, em(14));
    ImGui::Dummy({1.0F, em(0.3F)});
    const float side = em(1.35F);
    for (int i = 0; i < kNumRunColors; ++i) {
      if (i > 0) ImGui::SameLine(0.0F, em(0.35F));
      const ImVec2 min = ImGui::GetCursorScreenPos(), max = {min.x + side, min.y + side};
      const std::string id =
          "Colour " + std::to_string(i + 1) + "###plots.run_color." + std::to_string(i);
      if (hit_area(id.c_str(), {side, side})) choose_color(studio, menu_root_, i);
      ImGui::GetWindowDrawList()->AddRectFilled(min, max, theme().run(i), em(0.3F));
      if (i == found->color)
        draw_text_centred(ImGui::GetWindowDrawList(),
                          Type::kCaption,
                          min,
                          max,
                          readable_on(theme().run(i)),
                          icon(Icon::kCheck));
      draw_focus_ring(min, max, em(0.3F), ImGui::GetItemID());
    }
    ImGui::Dummy({1.0F, em(0.3F)});
    const bool is_hidden = overlay.is_hidden(menu_root_);
    if (menu_item(is_hidden ? "Show###plots.run_show" : "Hide###plots.run_show", "click"))
      overlay.set_hidden(menu_root_, !is_hidden);
    const bool is_solo = overlay.solo_root == menu_root_;
    if (menu_item(is_solo ? "Show all###plots.run_solo" : "Only this run###plots.run_solo",
                  "Alt + click"))
      overlay.solo(menu_root_);
    if (overlay.colors.count(menu_root_) != 0 &&
        menu_item("Colour of its name###plots.run_color_reset"))
      choose_color(studio, menu_root_, -1);
    if (!found->is_own && menu_item("Open this run###plots.run_open"))
      studio.send(OpenRun{menu_root_});
    if (!found->is_own && menu_item("Remove from plots###plots.run_remove"))
      overlay.remove(menu_root_);
  }
  end_popover();
}

void PlotsToolbar::draw_options(Studio& studio) {
  if (!begin_popover("###plots.options_popover", 20.0F)) return;
  PlotSettings& plots = studio.plots;
  RunOverlay& overlay = studio.overlay;
  const auto line = [](float height_em) { ImGui::Dummy({1.0F, em(height_em)}); };
  text(Type::kCaption, theme().text3, "y axis of losses, perplexities and norms");
  int scale = static_cast<int>(plots.y_scale);
  if (segmented("plots.y_scale", kScales, &scale)) plots.y_scale = static_cast<YScaleKind>(scale);
  line(0.35F);
  bool is_log_x = plots.group.is_log_x;
  if (checkbox("Log x axis (Shift + L)###plots.log_x", &is_log_x)) plots.group.set_log_x(is_log_x);
  line(0.2F);
  checkbox("Clip outliers: y axes from 1 to 99 %###plots.clip", &plots.is_clipped);
  line(0.2F);
  checkbox("Names at the ends of lines###plots.line_ends", &plots.has_line_ends);
  line(0.2F);
  checkbox("Align forks with their parents###plots.align", &overlay.is_aligned_at_fork);
  line(0.2F);
  checkbox("Seeds as mean \xC2\xB1 \xCF\x83###plots.seeds", &overlay.has_seed_bands);
  tooltip("Runs whose configurations differ in train.seed only become one line with a band.");
  line(0.5F);
  if (menu_item("Usual arrangement###plots.reset", nullptr, plots.board.arranged.has_value()))
    plots.board.reset();
  end_popover();
}

void PlotsToolbar::draw_export(Studio& studio, const PlotsFrame& frame) {
  if (!begin_popover("###plots.export_popover", 24.0F)) return;
  PlotSettings& plots = studio.plots;
  const auto line = [](float height_em) { ImGui::Dummy({1.0F, em(height_em)}); };
  text(Type::kCaption, theme().text3, "Folder");
  FieldOptions field;
  field.is_mono = true;
  field.hint = "/home/me/plots";
  field.has_error = plots.export_folder.empty() || plots.export_folder.front() != '/';
  field.width = ImGui::GetContentRegionAvail().x - browse_width();
  text_field("###plots.export_folder", &plots.export_folder, field);
  browse_button(studio, "plots.export_folder", FileKind::kFolder, &plots.export_folder);
  if (field.has_error) field_error("Type the whole path of a folder, beginning with /.");
  line(0.5F);
  checkbox("Light pictures, for paper###plots.export_light", &plots.is_export_light);
  line(0.2F);
  checkbox("Samples of the visible range only###plots.export_visible", &plots.is_export_visible);
  line(0.7F);
  const char* reason = field.has_error ? "Type the folder first." : nullptr;
  const std::pair<const char*, ExportFormat> kinds[] = {
      {"SVG###plots.export_svg", ExportFormat::kSvg},
      {"PNG###plots.export_png", ExportFormat::kPng},
      {"CSV###plots.export_csv", ExportFormat::kCsv}};
  text(Type::kCaption, theme().text3, "All plots of the board as");
  line(0.2F);
  for (const auto& [label, format] : kinds) {
    ButtonOptions options;
    options.is_small = true;
    options.icon = Icon::kExport;
    options.disabled_reason = reason;
    if (format != ExportFormat::kSvg) ImGui::SameLine(0.0F, em(0.5F));
    if (!button(label, options)) continue;
    export_cards(studio, frame, "", format);
    ImGui::CloseCurrentPopup();
  }
  end_popover();
}

void PlotsToolbar::draw_buttons(Studio& studio, const PlotsFrame& frame, Toolbar& bar) {
  const float side = button_height(true);
  ButtonOptions small;
  small.is_small = true;
  bar.next(side, 0.6F);
  ImGui::BeginGroup();
  if (icon_button("Runs###plots.add_run", Icon::kRuns, "Show other runs over this one", small))
    open_popover("###plots.runs_popover");
  if (begin_popover("###plots.runs_popover", 24.0F)) {
    draw_run_picker(studio, &run_search_);
    end_popover();
  }
  ImGui::SameLine(0.0F, em(0.2F));
  if (icon_button("Metrics###plots.browser", Icon::kPlus, "Add or remove plots", small))
    open_popover("###plots.browser_popover");
  if (begin_popover("###plots.browser_popover", 30.0F)) {
    draw_metric_browser(studio, &metric_search_);
    end_popover();
  }
  ImGui::SameLine(0.0F, em(0.2F));
  if (icon_button("Options###plots.options", Icon::kSliders, "Scales, outliers, seeds", small))
    open_popover("###plots.options_popover");
  draw_options(studio);
  ImGui::SameLine(0.0F, em(0.2F));
  if (icon_button("Export###plots.export", Icon::kExport, "Save plots and samples", small))
    open_popover("###plots.export_popover");
  draw_export(studio, frame);
  ImGui::EndGroup();
}

void PlotsToolbar::draw(Studio& studio, const PlotsFrame& frame) {
  Toolbar bar("plots.toolbar");
  draw_axis(studio, bar);
  draw_switches(studio, bar);
  draw_buttons(studio, frame, bar);
  draw_chips(studio, frame, bar);
}

}  // namespace switchyard::ui
