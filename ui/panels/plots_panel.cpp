#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "ui/panels/common.h"
#include "ui/panels/maps.h"
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

constexpr float kGapEm = 0.46F;
constexpr float kSmallestRowEm = 11.0F;

struct PlotSpec {
  const char* metric;
  const char* title;
  const char* caption;
  const char* unit;
  bool is_smoothed = true;
  bool may_be_log = false;
  bool has_points = false;
  bool has_marks = false;
  bool is_zero_based = false;
};

/// Where the cards of one row stand. Units: pixels.
struct Cell {
  float x, y, width, height;
};

/// All curves and maps of the run on one time axis.
class PlotsPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const RunView& run = *studio.run;
    if (run.root.empty()) {
      if (empty_state(Icon::kTrain,
                      "No run open",
                      "Pick a preset and press Train.",
                      "Presets###plots.presets",
                      Icon::kPlus))
        studio.gallery.is_open = true;
      return;
    }
    draw_toolbar(studio);
    include_data(studio);
    const PanelBody body("###plots.body", {0.0F, 0.0F}, kGapEm, kGapEm);
    draw_grid(studio);
  }

 private:
  static void draw_toolbar(Studio& studio) {
    PlotSettings& plots = studio.plots;
    Toolbar bar("plots.toolbar");
    bar.label("x axis");
    bar.next(em(1.85F));
    static constexpr const char* kAxes[] = {"Steps", "Tokens", "Time"};
    int axis = static_cast<int>(plots.group.axis);
    if (segmented("plots.x_axis", kAxes, &axis)) {
      plots.group.axis = static_cast<XAxis>(axis);
      plots.group.fit();
    }
    bar.label("Smooth");
    bar.next(em(1.7F));
    slider("###plots.smoothing", &plots.smoothing, 0.0, 0.99, em(12.5F), em(3.6F), 2);
    bar.next(em(1.1F));
    checkbox("Raw###plots.raw", &plots.shows_raw);
    bar.next(em(1.1F));
    checkbox("Log y###plots.log_y", &plots.is_log_y);
    bar.next(em(1.1F));
    if (checkbox("Follow###plots.follow", &plots.group.is_following) && plots.group.is_following)
      plots.group.fit();
    if (has_routing(*studio.run)) {
      bar.label("Layer");
      bar.next(em(1.7F));
      layer_combo(studio, "###plots.layer", em(4.6F));
    }
  }

  static void include_data(Studio& studio) {
    PlotGroup& group = studio.plots.group;
    group.begin_frame();
    if (const Series* loss = studio.run->scalar("train_loss"); loss != nullptr && !loss->empty()) {
      const Column x = x_column(*loss, group.axis);
      group.include(x[0], x[x.size() - 1]);
    }
    group.update_range();
  }

  void draw_grid(Studio& studio) {
    const ImVec2 start = ImGui::GetCursorScreenPos();
    const ImVec2 avail = ImGui::GetContentRegionAvail();
    const float gap = em(kGapEm);
    const float room = std::max(avail.y - em(kGapEm), em(kSmallestRowEm) * 3.4F + 2.0F * gap);
    const float top = std::round((room - 2.0F * gap) * 0.40F);
    const float middle = std::round((room - 2.0F * gap) * 0.35F);
    const float bottom = room - 2.0F * gap - top - middle;
    const float wide = std::round((avail.x - gap) * 0.635F);
    const float narrow = avail.x - gap - wide;
    float y = start.y;
    draw_plot(
        studio,
        loss_,
        {"train_loss", "Loss", "training, cross-entropy", "nats/token", true, true, false, true},
        {start.x, y, wide, top});
    const float half = std::round((top - gap) * 0.5F);
    draw_perplexity(studio, {start.x + wide + gap, y, narrow, half});
    draw_plot(studio,
              throughput_,
              {"tokens_per_second", "Throughput", "", "tok/s", true, false, false, false, true},
              {start.x + wide + gap, y + half + gap, narrow, top - half - gap});
    y += top + gap;
    ImGui::SetCursorScreenPos({start.x, y});
    draw_utilisation_map(studio, utilisation_, wide, middle);
    ImGui::SetCursorScreenPos({start.x + wide + gap, y});
    draw_entropy_map(studio, entropy_, narrow, middle);
    y += middle + gap;
    const float third = std::floor((avail.x - 2.0F * gap) / 3.0F);
    draw_plot(studio,
              rate_,
              {"learning_rate", "Learning rate", "", "", false, false, false, false, true},
              {start.x, y, third, bottom});
    draw_plot(studio,
              gradient_,
              {"grad_norm", "Gradient norm", "before clipping", "", true, true},
              {start.x + third + gap, y, third, bottom});
    draw_last(studio, {start.x + 2.0F * (third + gap), y, avail.x - 2.0F * (third + gap), bottom});
    ImGui::SetCursorScreenPos(start);
    ImGui::Dummy({avail.x, room});
  }

  /// Validation loss where it is recorded, else the balance loss.
  void draw_last(Studio& studio, Cell cell) {
    const PlotSpec validation = {
        "val_loss", "Validation loss", "held-out text", "nats/token", false, true, true};
    draw_plot(studio, validation_, validation, cell);
  }

  static LinePlotOptions options_for(const Studio& studio, const PlotSpec& spec, Cell cell) {
    LinePlotOptions options;
    options.title = spec.title;
    options.caption = spec.caption;
    options.unit = spec.unit;
    options.width = cell.width;
    options.height = cell.height;
    options.is_log_y = spec.may_be_log && studio.plots.is_log_y;
    options.show_raw = studio.plots.shows_raw;
    options.use_points = spec.has_points;
    options.is_zero_based = spec.is_zero_based;
    options.smoothing = spec.is_smoothed ? studio.plots.smoothing : 0.0;
    const RunView& run = *studio.run;
    if (run.state == RunState::kRunning && run.last_sample_time > 0.0)
      options.stale_seconds = studio.now - run.last_sample_time;
    return options;
  }

  static void draw_plot(Studio& studio, LinePlot& plot, const PlotSpec& spec, Cell cell) {
    ImGui::SetCursorScreenPos({cell.x, cell.y});
    const std::vector<PlotLine> lines = own_line(*studio.run, spec.metric);
    const std::vector<PlotMark> marks = spec.has_marks
                                            ? event_marks(*studio.run, studio.plots.group.axis)
                                            : std::vector<PlotMark>();
    const PlotResult result =
        plot.draw(studio.plots.group, lines, marks, options_for(studio, spec, cell));
    if (result.is_menu_clicked) studio.selection.series = spec.metric;
  }

  void draw_perplexity(Studio& studio, Cell cell) {
    const bool has_validation = studio.run->scalar("val_perplexity") != nullptr &&
                                studio.run->scalar("val_perplexity")->size() > 1;
    const PlotSpec spec =
        has_validation
            ? PlotSpec{"val_perplexity", "Perplexity", "validation", "", false, true, true}
            : PlotSpec{"train_perplexity", "Perplexity", "training", "", true, true};
    draw_plot(studio, perplexity_, spec, cell);
  }

  LinePlot loss_{"train.plots.loss"};
  LinePlot perplexity_{"train.plots.perplexity"};
  LinePlot throughput_{"train.plots.throughput"};
  LinePlot rate_{"train.plots.learning_rate"};
  LinePlot gradient_{"train.plots.grad_norm"};
  LinePlot validation_{"train.plots.val_loss"};
  TimeMap utilisation_{"train.plots.utilisation"};
  TimeMap entropy_{"train.plots.entropy"};
};

}  // namespace

std::unique_ptr<Panel> make_plots_panel() {
  return std::make_unique<PlotsPanel>();
}

}  // namespace switchyard::ui
