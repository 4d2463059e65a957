#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/model/series_stats.h"
#include "ui/panels/common.h"
#include "ui/panels/events.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

/// The series as text for a spreadsheet, at full resolution.
std::string csv_of(const Series& series) {
  std::string csv = "step,tokens,seconds," + series.metric() + "\n";
  for (std::size_t i = 0; i < series.size(); ++i) {
    char line[128];
    std::snprintf(line,
                  sizeof line,
                  "%lld,%lld,%.6g,%.9g\n",
                  static_cast<long long>(series.step(i)),
                  static_cast<long long>(series.tokens(i)),
                  series.seconds(i),
                  series.value(i));
    csv += line;
  }
  return csv;
}

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
    draw_event_list(run, 12, false);
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

  static void draw_series(Studio& studio) {
    const ThemeTokens& t = theme();
    const RunView& run = *studio.run;
    pick_series(studio);
    const SeriesView& view = run.series.at(studio.selection.series);
    const Series& series = *view.data;
    const SeriesStats stats = series_stats(series);
    gap(0.6F);
    note(run.name + ", " + grouped_number(stats.num_samples) + " samples");
    if (!view.info.help.empty()) note(view.info.help);
    gap(0.6F);
    const std::string& unit = view.info.unit;
    property_row("Last", plain_number(stats.last), unit);
    property_row("Minimum", plain_number(stats.minimum), unit);
    property_row("at step", grouped_number(stats.minimum_step));
    property_row("Maximum", plain_number(stats.maximum), unit);
    const bool is_falling = stats.slope_per_step < 0.0;
    property_row("Slope", plain_number(stats.slope_per_step, 2), "/step", is_falling ? t.ok : 0);
    property_row("Noise (1 σ)", plain_number(stats.noise, 3), unit);
    property_row("Spikes > 4 σ", std::to_string(stats.num_spikes));
    if (stats.num_bad > 0) property_row("Not finite", grouped_number(stats.num_bad), "", t.failure);
    const double validation = last_value(run, "val_loss");
    if (studio.selection.series == "train_loss" && std::isfinite(validation))
      property_row("Validation", plain_number(validation), "nats/token");
    gap(0.8F);
    ButtonOptions small;
    small.is_small = true;
    small.icon = Icon::kCopy;
    small.tooltip = "Copies the last value";
    if (button("Copy###inspector.copy", small))
      ImGui::SetClipboardText(plain_number(stats.last, 9).c_str());
    ImGui::SameLine(0.0F, em(0.5F));
    small.icon = Icon::kExport;
    small.tooltip = "Copies all samples as CSV";
    if (button("CSV###inspector.csv", small)) ImGui::SetClipboardText(csv_of(series).c_str());
  }
};

}  // namespace

std::unique_ptr<Panel> make_inspector_panel() {
  return std::make_unique<InspectorPanel>();
}

}  // namespace switchyard::ui
