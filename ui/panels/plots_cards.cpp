// One card of the plots panel: how it is shown, its menu, its export.
#include <algorithm>
#include <cmath>
#include <string>

#include "ui/panels/common.h"
#include "ui/panels/plots_parts.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

void line(float height_em) {
  ImGui::Dummy({1.0F, em(height_em)});
}

void separator() {
  line(0.25F);
  hairline(false);
  line(0.25F);
}

/// "As all" and the axes, for one plot.
void draw_axis_choice(CardView& view) {
  static constexpr const char* kAxes[] = {"As all plots", "Steps", "Tokens", "Time", "FLOPs"};
  int axis = view.axis.has_value() ? static_cast<int>(*view.axis) + 1 : 0;
  text(Type::kCaption, theme().text3, "x axis");
  if (combo("###plots.card_axis", kAxes, &axis)) {
    view.axis = axis == 0 ? std::nullopt : std::optional(static_cast<XAxis>(axis - 1));
  }
}

void draw_scale_choice(CardView& view) {
  static constexpr const char* kScales[] = {"As all plots", "Linear", "Log", "Symlog"};
  int scale = view.y_scale.has_value() ? static_cast<int>(*view.y_scale) + 1 : 0;
  text(Type::kCaption, theme().text3, "y axis");
  if (combo("###plots.card_scale", kScales, &scale))
    view.y_scale = scale == 0 ? std::nullopt : std::optional(static_cast<YScaleKind>(scale - 1));
}

/// Two fields: the ends of the y axis; what the data decided until one is typed.
void draw_limits(CardView& view, const CardStyle& style, const YScale& shown) {
  text(Type::kCaption, theme().text3, "y from, to");
  const float width = (ImGui::GetContentRegionAvail().x - em(0.4F)) * 0.5F;
  FieldOptions field;
  field.width = width;
  double low = view.y_min.value_or(shown.min), high = view.y_max.value_or(shown.max);
  if (real_field("###plots.card_min", &low, -1e300, 1e300, field, 4)) view.y_min = low;
  ImGui::SameLine(0.0F, em(0.4F));
  if (real_field("###plots.card_max", &high, -1e300, 1e300, field, 4)) view.y_max = high;
  if (view.y_min.has_value() && view.y_max.has_value() && *view.y_min >= *view.y_max)
    field_error("The axis must end above where it begins.");
  if ((view.y_min.has_value() || view.y_max.has_value()) &&
      menu_item("Fit y to the data###plots.card_fit", "R"))
    view.y_min = view.y_max = std::nullopt;
  gap(0.4F);
  bool is_clipped = style.is_clipped;
  if (checkbox("Clip outliers###plots.card_clip", &is_clipped)) view.is_clipped = is_clipped;
}

void draw_arrangement(Studio& studio, const std::string& metric) {
  PlotBoard& board = studio.plots.board;
  const RunView& run = *studio.run;
  const std::vector<PlotCard> cards = board.cards(run);
  const auto found = std::find_if(
      cards.begin(), cards.end(), [&](const PlotCard& card) { return card.metric == metric; });
  if (found == cards.end()) return;
  const auto at = static_cast<std::size_t>(found - cards.begin());
  static constexpr const char* kSizes[] = {"Small", "Medium", "Large"};
  int size = static_cast<int>(found->size);
  if (segmented("plots.card_size", kSizes, &size))
    board.set_size(run, metric, static_cast<CardSize>(size));
  line(0.2F);
  if (menu_item(found->is_pinned ? "Unpin###plots.card_pin" : "Pin to the front###plots.card_pin"))
    board.set_pinned(run, metric, !found->is_pinned);
  if (menu_item("Move earlier###plots.card_earlier", "Ctrl + Left", at > 0))
    board.move(run, metric, at - 1);
  if (menu_item("Move later###plots.card_later", "Ctrl + Right", at + 1 < cards.size()))
    board.move(run, metric, at + 1);
  if (menu_item("Remove###plots.card_remove")) board.remove(run, metric);
}

void draw_values(Studio& studio,
                 const PlotsFrame& frame,
                 const std::string& metric,
                 const CardReadings& readings) {
  const Series& series = *studio.run->series.at(metric).data;
  const bool has_cursor = std::isfinite(readings.at_cursor);
  const double value = has_cursor ? readings.at_cursor : series.last_value();
  if (menu_item(has_cursor ? "Copy value at the crosshair###plots.card_copy"
                           : "Copy last value###plots.card_copy"))
    ImGui::SetClipboardText(plain_number(value, 9).c_str());
  if (menu_item("Copy as CSV###plots.card_copy_csv"))
    export_cards(studio, frame, metric, ExportFormat::kCsv, true);
  if (menu_item("Save CSV###plots.card_csv"))
    export_cards(studio, frame, metric, ExportFormat::kCsv);
  if (menu_item("Save SVG###plots.card_svg"))
    export_cards(studio, frame, metric, ExportFormat::kSvg);
  if (menu_item("Save PNG###plots.card_png"))
    export_cards(studio, frame, metric, ExportFormat::kPng);
  if (menu_item("Show in the inspector###plots.card_inspect")) {
    studio.selection.series = metric;
    studio.wants_panel = "train.inspector";
  }
  if (menu_item("Open log here###plots.card_log")) {
    const std::int64_t at = event_near(*studio.run, studio.plots.group);
    studio.selection.event = at;
    studio.wants_panel = "train.events";
  }
}

}  // namespace

std::int64_t event_near(const RunView& run, const PlotGroup& group) {
  const Series* loss = run.scalar("train_loss");
  if (loss == nullptr || loss->empty() || run.events.empty()) return -1;
  const double step = group.has_cursor() ? x_on_axis(*loss, group.axis, XAxis::kSteps, group.cursor)
                                         : static_cast<double>(run.step);
  const store::Event* nearest = &run.events.front();
  for (const store::Event& event : run.events) {
    const auto distance = [&](const store::Event& e) {
      return std::abs(static_cast<double>(e.step) - step);
    };
    if (distance(event) <= distance(*nearest)) nearest = &event;
  }
  return nearest->sequence;
}

CardStyle card_style(const Studio& studio, const std::string& metric) {
  const PlotSettings& plots = studio.plots;
  const CardView& view = plots.board.view(metric);
  CardStyle style;
  style.text = metric_text(*studio.run, metric);
  style.axis = view.axis.value_or(plots.group.axis);
  style.y.kind = view.y_scale.value_or(style.text.may_be_log ? plots.y_scale : YScaleKind::kLinear);
  style.y.is_zero_based = style.text.is_zero_based;
  style.y.min = view.y_min;
  style.y.max = view.y_max;
  style.is_clipped = view.is_clipped.value_or(plots.is_clipped);
  style.smoothing = style.text.is_smoothed ? plots.smoothing : 0.0;
  return style;
}

ChartSpec chart_of_card(const Studio& studio, const PlotsFrame& frame, const std::string& metric) {
  const PlotSettings& plots = studio.plots;
  const CardStyle style = card_style(studio, metric);
  ChartSpec chart;
  chart.metric = metric;
  chart.title = style.text.title;
  chart.caption = style.text.caption;
  chart.unit = style.text.unit;
  chart.run = studio.run->name;
  chart.axis = style.axis;
  chart.is_log_x = plots.group.is_log_x;
  chart.x_min = plots.group.x_min;
  chart.x_max = plots.group.x_max;
  const Series* loss = studio.run->scalar("train_loss");
  if (style.axis != plots.group.axis && loss != nullptr) {
    chart.x_min = x_on_axis(*loss, plots.group.axis, style.axis, chart.x_min);
    chart.x_max = x_on_axis(*loss, plots.group.axis, style.axis, chart.x_max);
  }
  if (loss != nullptr) chart.smoothing_unit = smoothing_unit(style.axis, *loss);
  chart.y = style.y;
  chart.is_clipped = style.is_clipped;
  chart.smoothing = style.smoothing;
  chart.has_raw = plots.shows_raw;
  chart.theme = plots.is_export_light ? ThemeKind::kLight : theme().kind;
  const std::vector<double> shifts = frame.scene.shifts(style.axis);
  for (std::size_t i = 0; i < frame.scene.runs.size(); ++i) {
    const ShownRun& run = frame.scene.runs[i];
    if (!run.is_drawn || run.view == nullptr) continue;
    const auto found = run.view->series.find(metric);
    if (found == run.view->series.end() || found->second.data->empty()) continue;
    chart.lines.push_back({run.name,
                           found->second.data,
                           run.color,
                           run.is_dashed,
                           run.is_own,
                           shifts[i],
                           frame.scene.groups[i]});
  }
  if (metric == "train_loss") {
    for (const PlotMark& mark : event_marks(*studio.run, style.axis)) {
      const bool is_alert = mark.kind == MarkKind::kAlert || mark.kind == MarkKind::kFailure;
      chart.marks.push_back({mark.x, mark.label, is_alert});
    }
  }
  return chart;
}

void export_cards(Studio& studio,
                  const PlotsFrame& frame,
                  const std::string& metric,
                  ExportFormat format,
                  bool to_clipboard) {
  ExportPlots order;
  order.folder = studio.plots.export_folder;
  order.format = format;
  order.is_visible_only = studio.plots.is_export_visible;
  order.to_clipboard = to_clipboard;
  if (!metric.empty()) {
    order.charts.push_back(chart_of_card(studio, frame, metric));
  } else {
    for (const PlotCard& card : studio.plots.board.cards(*studio.run)) {
      if (studio.run->series.count(card.metric) != 0)
        order.charts.push_back(chart_of_card(studio, frame, card.metric));
    }
  }
  studio.send(std::move(order));
}

void draw_card_menu(Studio& studio,
                    const PlotsFrame& frame,
                    const std::string& metric,
                    const CardReadings& readings) {
  text_ellipsis(Type::kBodyStrong, theme().text1, metric_text(*studio.run, metric).title);
  line(0.3F);
  const bool is_scalar = studio.run->series.count(metric) != 0;
  if (is_scalar) {
    draw_values(studio, frame, metric, readings);
    separator();
    CardView& view = studio.plots.board.views[metric];
    const CardStyle style = card_style(studio, metric);
    draw_axis_choice(view);
    gap(0.4F);
    draw_scale_choice(view);
    gap(0.4F);
    draw_limits(view, style, readings.y);
    separator();
  }
  draw_arrangement(studio, metric);
}

}  // namespace switchyard::ui
