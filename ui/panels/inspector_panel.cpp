#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ui/model/distribution.h"
#include "ui/model/series_stats.h"
#include "ui/panels/common.h"
#include "ui/panels/events.h"
#include "ui/panels/panel.h"
#include "ui/panels/plots_parts.h"
#include "ui/panels/registry.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

/// What is selected: a series of the run, in numbers; then the newest events.
class InspectorPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const RunView& run = *studio.run;
    if (run.series.empty()) {
      empty_state(Icon::kInfo, "Nothing to inspect", "The first samples of a run appear here.");
      return;
    }
    const PanelBody body("###inspector.body", {0.0F, 0.0F}, 1.1F, 1.1F);
    draw_series(studio);
    gap(1.1F);
    hairline();
    gap(0.9F);
    const std::string count = "All " + std::to_string(run.events.size());
    panel_title("Events", count);
    gap(0.6F);
    draw_event_list(studio, 12, false);
  }

 private:
  static void pick_series(Studio& studio) {
    const RunView& run = *studio.run;
    std::vector<const char*> items;
    int selected = 0;
    for (const auto& [metric, view] : run.series) {
      if (metric == studio.selection.series) selected = static_cast<int>(items.size());
      items.push_back(metric.c_str());
    }
    FieldOptions options;
    options.is_mono = true;
    if (combo("###inspector.series", items, &selected, options))
      studio.selection.series = items[static_cast<std::size_t>(selected)];
    if (run.series.find(studio.selection.series) == run.series.end())
      studio.selection.series = items[static_cast<std::size_t>(selected)];
  }

  /// Statistics are made again only when samples or range changed.
  void refresh(const Studio& studio, const Series& series) {
    std::pair<std::size_t, std::size_t> range = {0, series.size()};
    const PlotGroup& group = studio.plots.group;
    if (studio.selection.is_visible_range)
      range = visible_samples(series, group.axis, group.x_min, group.x_max);
    if (shown_ == &series && shown_size_ == series.size() && range == range_) return;
    shown_ = &series;
    shown_size_ = series.size();
    range_ = range;
    stats_ = series_stats(series, range.first, range.second);
    spread_ = distribution_of(series.values(), range.first, range.second);
  }

  void draw_series(Studio& studio) {
    const RunView& run = *studio.run;
    pick_series(studio);
    const SeriesView& view = run.series.at(studio.selection.series);
    refresh(studio, *view.data);
    gap(0.6F);
    static constexpr const char* kRanges[] = {"All", "Visible"};
    int range = studio.selection.is_visible_range ? 1 : 0;
    if (segmented("inspector.range", kRanges, &range))
      studio.selection.is_visible_range = range == 1;
    gap(0.6F);
    note(run.name + ", " + grouped_number(stats_.num_samples) + " samples");
    const MetricText words = metric_text(run, studio.selection.series);
    if (!words.help.empty()) note(words.help);
    gap(0.6F);
    draw_statistics(studio, words.unit);
    gap(0.8F);
    draw_buttons(studio);
    gap(1.0F);
    draw_histogram();
  }

  void draw_statistics(const Studio& studio, const std::string& unit) const {
    const ThemeTokens& t = theme();
    property_row("Last", plain_number(stats_.last), unit);
    property_row("Minimum", plain_number(stats_.minimum), unit);
    property_row("at step", grouped_number(stats_.minimum_step));
    property_row("Maximum", plain_number(stats_.maximum), unit);
    property_row("Median", plain_number(spread_.median), unit);
    property_row(
        "5 to 95 %",
        plain_number(spread_.percentile_5, 3) + " \u2013 " + plain_number(spread_.percentile_95, 3),
        unit);
    const bool is_falling = stats_.slope_per_step < 0.0;
    property_row("Slope", plain_number(stats_.slope_per_step, 2), "/step", is_falling ? t.ok : 0);
    property_row("Noise (1 σ)", plain_number(stats_.noise, 3), unit);
    property_row("Spikes > 4 σ", std::to_string(stats_.num_spikes));
    if (stats_.num_bad > 0)
      property_row("Not finite", grouped_number(stats_.num_bad), "", t.failure);
    const double validation = last_value(*studio.run, "val_loss");
    if (studio.selection.series == "train_loss" && std::isfinite(validation))
      property_row("Validation", plain_number(validation), "nats/token");
  }

  void draw_buttons(Studio& studio) const {
    ButtonOptions small;
    small.is_small = true;
    small.icon = Icon::kCopy;
    small.tooltip = "Copies the last value";
    if (button("Copy###inspector.copy", small))
      ImGui::SetClipboardText(plain_number(stats_.last, 9).c_str());
    PlotsFrame frame;
    small.icon = Icon::kExport;
    const std::pair<const char*, ExportFormat> kinds[] = {
        {"CSV###inspector.csv", ExportFormat::kCsv}, {"SVG###inspector.svg", ExportFormat::kSvg}};
    for (const auto& [label, format] : kinds) {
      ImGui::SameLine(0.0F, em(0.5F));
      const std::string where = "Saves it to " + studio.plots.export_folder;
      small.tooltip = where.c_str();
      if (!button(label, small)) continue;
      frame.scene = overlay_scene(studio.overlay, studio.run);
      export_cards(studio, frame, studio.selection.series, format);
    }
  }

  void draw_histogram() const {
    if (spread_.num_values < 2) return;
    const std::string count =
        grouped_number(static_cast<long long>(spread_.num_values)) + " values";
    panel_title("Value distribution", count);
    const float width = ImGui::GetContentRegionAvail().x, height = em(4.2F);
    const ImVec2 min = ImGui::GetCursorScreenPos();
    ImGui::Dummy({width, height});
    const std::string words =
        "From the 0.5 to the 99.5 percentile; values outside count in the "
        "end bars.";
    tooltip(words);
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float each = width / static_cast<float>(spread_.bins.size());
    const Color color = faded(theme().accent, 0.75F);
    for (std::size_t i = 0; i < spread_.bins.size(); ++i) {
      if (spread_.bins[i] <= 0.0F) continue;
      const float x = min.x + static_cast<float>(i) * each;
      const float tall = std::max(px(1), std::round(spread_.bins[i] * height));
      list->AddRectFilled({std::round(x), min.y + height - tall},
                          {std::round(x + each) - px(1), min.y + height},
                          color);
    }
    list->AddRectFilled(
        {min.x, min.y + height}, {min.x + width, min.y + height + px(1)}, theme().line2);
    const float y = min.y + height + em(0.35F);
    draw_text(list, Type::kDigitsCaption, {min.x, y}, theme().text3, plain_number(spread_.low, 3));
    draw_text_right(list,
                    Type::kDigitsCaption,
                    {min.x + width, y},
                    theme().text3,
                    plain_number(spread_.high, 3));
    ImGui::Dummy({width, em(1.5F)});
  }

  const Series* shown_ = nullptr;
  std::size_t shown_size_ = 0;
  std::pair<std::size_t, std::size_t> range_;
  SeriesStats stats_;
  Distribution spread_;
};

}  // namespace

std::unique_ptr<Panel> make_inspector_panel() {
  return std::make_unique<InspectorPanel>();
}

}  // namespace switchyard::ui
