#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/model/run_scatter.h"
#include "ui/panels/common.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/panels/run_compare_panels.h"
#include "ui/panels/run_row.h"
#include "ui/plot/line_plot.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

struct CurveSpec {
  const char* metric;
  const char* title;
  const char* unit;
  bool has_points;
};

constexpr std::array kCurves = {CurveSpec{"val_loss", "Validation loss", "nats/token", true},
                                CurveSpec{"train_loss", "Training loss", "nats/token", false},
                                CurveSpec{"val_perplexity", "Validation perplexity", "", true},
                                CurveSpec{"tokens_per_second", "Throughput", "tok/s", false},
                                CurveSpec{"memory_bytes", "Memory", "bytes", false}};

/// The ticked runs on one axis, named at their ends.
class RunCurvesPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const std::vector<ComparedRun> runs = compared_runs(studio);
    if (runs.empty()) {
      empty_state(
          Icon::kTrain, "No run chosen", "Tick runs in the table to see them side by side.");
      return;
    }
    draw_toolbar(studio);
    const CurveSpec& spec = kCurves[static_cast<std::size_t>(metric_)];
    const std::vector<PlotLine> lines = lines_of(studio, runs, spec.metric);
    if (lines.empty()) {
      const bool is_reading = std::any_of(
          runs.begin(), runs.end(), [](const ComparedRun& run) { return run.view == nullptr; });
      if (is_reading)
        loading_state(spec.title, -1.0F);
      else
        empty_state(Icon::kTrain, "Not recorded", "None of these runs has recorded this yet.");
      return;
    }
    include(lines);
    const PanelBody body("###curves.body", {0.0F, 0.0F}, 0.4F, 0.3F, false);
    LinePlotOptions options;
    options.title = spec.title;
    options.unit = spec.unit;
    options.use_points = spec.has_points;
    options.show_raw = false;
    options.y.kind = is_log_y_ ? YScaleKind::kLog : YScaleKind::kLinear;
    options.show_line_ends = true;
    options.smoothing = spec.has_points ? 0.0 : 0.6;
    plot_.draw(group_, lines, {}, options);
  }

 private:
  void draw_toolbar(Studio& studio) {
    Toolbar bar("curves.toolbar");
    bar.next(em(1.7F));
    std::array<const char*, kCurves.size()> titles{};
    for (std::size_t i = 0; i < kCurves.size(); ++i) titles[i] = kCurves[i].title;
    FieldOptions field;
    field.width = em(12.5F);
    combo("###curves.metric", titles, &metric_, field);
    bar.next(em(1.85F));
    static constexpr const char* kAxes[] = {"Steps", "Tokens", "Time", "FLOPs"};
    int axis = static_cast<int>(group_.axis);
    if (segmented("curves.x_axis", kAxes, &axis)) {
      group_.set_axis(static_cast<XAxis>(axis));
    }
    tooltip(
        "FLOPs count the parameters that a token uses, so that sparse and dense runs compare "
        "fairly.");
    bar.next(em(1.1F));
    bool is_log_x = group_.is_log_x;
    if (checkbox("Log x###curves.log_x", &is_log_x)) group_.set_log_x(is_log_x);
    bar.next(em(1.1F));
    checkbox("Log y###curves.log_y", &is_log_y_);
    bar.next(em(1.1F));
    if (checkbox("Align at fork###curves.align", &studio.overlay.is_aligned_at_fork)) group_.fit();
    tooltip("A fork goes on where its parent was, instead of beginning at its own zero.");
  }

  std::vector<PlotLine> lines_of(const Studio& studio,
                                 const std::vector<ComparedRun>& runs,
                                 const char* metric) const {
    std::vector<ShownRun> shown;
    for (const ComparedRun& run : runs) {
      ShownRun one;
      one.root = run.root;
      one.name = run.name;
      one.view = run.view;
      shown.push_back(std::move(one));
    }
    std::vector<double> shifts(shown.size(), 0.0);
    if (studio.overlay.is_aligned_at_fork) shifts = fork_shifts(shown, group_.axis);
    std::vector<PlotLine> lines;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (runs[i].view == nullptr || runs[i].view->scalar(metric) == nullptr) continue;
      const auto& series = runs[i].view->series.at(metric).data;
      if (series->empty()) continue;
      PlotLine line;
      line.key = runs[i].root;
      line.name = runs[i].name;
      line.x_shift = shifts[i];
      const std::string& hovered = studio.overlay.hovered_root;
      line.is_hovered = hovered == runs[i].root;
      line.is_muted = !hovered.empty() && !line.is_hovered;
      line.data = series;
      line.color = runs[i].color;
      line.is_own = runs[i].root == studio.run->root;
      lines.push_back(std::move(line));
    }
    return lines;
  }

  void include(const std::vector<PlotLine>& lines) {
    group_.begin_frame();
    for (const PlotLine& line : lines) {
      const Column x = x_column(*line.data, group_.axis);
      const double first = x[0] + line.x_shift, last = x[x.size() - 1] + line.x_shift;
      group_.include(group_.is_log_x ? std::max(first, last * 1e-4) : first, last);
    }
    group_.update_range();
  }

  LinePlot plot_{"runs.curves.plot"};
  PlotGroup group_;
  int metric_ = 0;
  bool is_log_y_ = false;
};

/// Any two numbers of all shown runs against each other.
class RunScatterPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    draw_toolbar();
    refresh(studio);
    const PanelBody body("###scatter.body", {0.0F, 0.0F}, 0.6F, 0.5F, false);
    if (points_.empty()) {
      empty_state(Icon::kGrid, "No run has both", "Choose other axes, or train a run.");
      return;
    }
    draw_points(studio);
  }

 private:
  static std::vector<const char*> titles() {
    std::vector<const char*> result;
    for (const ScatterAxis& axis : scatter_axes()) result.push_back(axis.title.data());
    return result;
  }

  void draw_toolbar() {
    Toolbar bar("scatter.toolbar");
    const std::vector<const char*> names = titles();
    FieldOptions field;
    field.width = em(11.5F);
    bar.label("x");
    bar.next(em(1.7F));
    if (combo("###scatter.x", names, &x_, field))
      is_log_x_ = scatter_axes()[static_cast<std::size_t>(x_)].is_log_natural;
    bar.label("y");
    bar.next(em(1.7F));
    if (combo("###scatter.y", names, &y_, field))
      is_log_y_ = scatter_axes()[static_cast<std::size_t>(y_)].is_log_natural;
    bar.next(em(1.1F));
    checkbox("Log x###scatter.log_x", &is_log_x_);
    bar.next(em(1.1F));
    checkbox("Log y###scatter.log_y", &is_log_y_);
  }

  void refresh(const Studio& studio) {
    const std::string key = std::to_string(studio.runs->revision) + " " +
                            std::to_string(studio.marks.revision()) + " " + std::to_string(x_) +
                            " " + std::to_string(y_) + (is_log_x_ ? " x" : "") +
                            (is_log_y_ ? " y" : "") + " " + studio.runs_state.filter;
    if (key == key_) return;
    key_ = key;
    points_ = scatter_points(*studio.runs,
                             build_run_table(*studio.runs, studio.marks, studio.runs_state),
                             scatter_axes()[static_cast<std::size_t>(x_)].key,
                             scatter_axes()[static_cast<std::size_t>(y_)].key,
                             is_log_x_,
                             is_log_y_);
    std::vector<double> xs, ys;
    for (const ScatterPoint& point : points_) xs.push_back(point.x), ys.push_back(point.y);
    range_x_ = scatter_range(xs, is_log_x_);
    range_y_ = scatter_range(ys, is_log_y_);
  }

  static std::vector<Tick> ticks_of(const ScatterRange& range, int count) {
    return range.is_log ? log_ticks(range.min, range.max, count)
                        : linear_ticks(range.min, range.max, count);
  }

  void draw_axes(ImVec2 min, ImVec2 max) const {
    const ThemeTokens& t = theme();
    ImDrawList* list = ImGui::GetWindowDrawList();
    const Color grid = with_alpha(t.text3, 0.16F);
    const float half = line_height(Type::kDigitsCaption) * 0.5F;
    for (const Tick& tick : ticks_of(range_y_, 6)) {
      const float y =
          std::round(max.y - (max.y - min.y) * static_cast<float>(range_y_.place(tick.value)));
      list->AddLine({min.x, y}, {max.x, y}, grid, px(1));
      draw_text_right(
          list, Type::kDigitsCaption, {min.x - em(0.45F), y - half}, t.text3, tick.label);
    }
    for (const Tick& tick : ticks_of(range_x_, 6)) {
      const float x =
          std::round(min.x + (max.x - min.x) * static_cast<float>(range_x_.place(tick.value)));
      list->AddLine({x, min.y}, {x, max.y}, grid, px(1));
      const float width = text_size(Type::kDigitsCaption, tick.label).x;
      draw_text(
          list, Type::kDigitsCaption, {x - width * 0.5F, max.y + em(0.35F)}, t.text3, tick.label);
    }
  }

  void draw_points(Studio& studio) {
    const ImVec2 start = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
    const ImVec2 min = {start.x + em(4.2F), start.y + em(0.4F)};
    const ImVec2 max = {start.x + avail.x - em(1), start.y + avail.y - em(1.9F)};
    if (max.x - min.x < em(4) || max.y - min.y < em(3)) return;
    ImGui::PushClipRect(start, {start.x + avail.x, start.y + avail.y}, true);
    draw_axes(min, max);
    ImDrawList* list = ImGui::GetWindowDrawList();
    for (const ScatterPoint& point : points_) {
      const store::RunOverview& run = studio.runs->runs[point.index];
      const ImVec2 at = {min.x + (max.x - min.x) * static_cast<float>(range_x_.place(point.x)),
                         max.y - (max.y - min.y) * static_cast<float>(range_y_.place(point.y))};
      const bool is_strong =
          studio.runs_state.is_selected(run.root) || run.root == studio.run->root;
      const Color color = run_color(studio, run.root, run.name);
      list->AddCircleFilled(
          at, em(is_strong ? 0.38F : 0.3F), is_strong ? color : faded(color, 0.55F));
      if (is_strong) list->AddCircle(at, em(0.38F) + px(1), theme().bg1, 0, px(1));
      ImGui::SetCursorScreenPos({at.x - em(0.5F), at.y - em(0.5F)});
      const std::string label = run.name + "###scatter.point." + run.name;
      if (hit_area(label.c_str(), {em(1), em(1)})) studio.runs_state.focused = run.root;
      if (ImGui::IsItemHovered() && ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left))
        studio.send(OpenRun{run.root});
      tooltip(run.name + ": " + plain_number(point.x, 5) + ", " + plain_number(point.y, 5));
      if (is_strong) draw_label(run.name, at, max.x, color);
    }
    ImGui::PopClipRect();
    ImGui::SetCursorScreenPos(start);
    ImGui::Dummy(avail);
  }

  static void draw_label(const std::string& name, ImVec2 at, float right, Color color) {
    const float width = text_size(Type::kCaption, name).x;
    const float x = at.x + em(0.7F) + width > right ? at.x - em(0.7F) - width : at.x + em(0.7F);
    draw_text(ImGui::GetWindowDrawList(),
              Type::kCaption,
              {x, at.y - line_height(Type::kCaption) * 0.5F},
              color,
              name);
  }

  std::vector<ScatterPoint> points_;
  ScatterRange range_x_, range_y_;
  std::string key_ = "-";
  int x_ = 0;
  int y_ = 7;  ///< validation loss
  bool is_log_x_ = true;
  bool is_log_y_ = false;
};

}  // namespace

std::unique_ptr<Panel> make_run_curves_panel() {
  return std::make_unique<RunCurvesPanel>();
}

std::unique_ptr<Panel> make_run_scatter_panel() {
  return std::make_unique<RunScatterPanel>();
}

}  // namespace switchyard::ui
