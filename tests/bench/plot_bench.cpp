// What drawing costs: twelve plots of four long runs, a large map.
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <imgui.h>

#include "tests/bench/bench.h"
#include "tests/bench/made_runs.h"
#include "ui/plot/heat_map.h"
#include "ui/plot/line_plot.h"
#include "ui/shell/theme.h"
#include "ui/shell/window.h"

namespace switchyard::bench {
namespace {

constexpr int kPlots = 12;
constexpr int kRuns = 4;
constexpr int kWidth = 1920, kHeight = 1080;

std::unique_ptr<ui::Window> open_window(Bench& bench, const char* what) {
  ui::WindowOptions options;
  options.is_visible = false;
  auto window = ui::Window::create(options);
  if (!window.ok()) {
    bench.skip(what, window.error().message);
    return nullptr;
  }
  (*window)->override_size(kWidth, kHeight);
  ui::apply_theme(ui::ThemeKind::kDark, 1.0F);
  return std::move(window).value();
}

/// Milliseconds of one frame.
struct FrameTime {
  double build = 0.0;  ///< processor time until it is handed to OpenGL
  double show = 0.0;   ///< uploads, drawing, swap
};

FrameTime draw_frame(ui::Window& window, const std::function<void()>& frame) {
  window.begin_frame();
  const double begun = thread_cpu_ms();
  ImGui::SetNextWindowPos({0, 0});
  ImGui::SetNextWindowSize({kWidth, kHeight});
  ImGui::Begin("###bench", nullptr, ImGuiWindowFlags_NoDecoration);
  frame();
  ImGui::End();
  ImGui::Render();
  FrameTime time;
  time.build = thread_cpu_ms() - begun;
  const auto built = Clock::now();
  window.end_frame();
  time.show = ms_since(built);
  return time;
}

struct Page {
  std::vector<std::vector<ui::PlotLine>> lines;
  std::vector<ui::LinePlot> plots;
  ui::PlotGroup group;
};

Page make_page(std::int64_t num_samples) {
  Page page;
  std::mt19937 random(7);
  std::normal_distribution<double> normal(0.0, 0.1);
  const std::vector<std::shared_ptr<ui::PositionPool>> pools = [] {  // as the metrics of a run
    std::vector<std::shared_ptr<ui::PositionPool>> list(kRuns);
    for (auto& pool : list) pool = std::make_shared<ui::PositionPool>();
    return list;
  }();
  for (int p = 0; p < kPlots; ++p) {
    page.plots.emplace_back("bench." + std::to_string(p));
    auto& lines = page.lines.emplace_back();
    for (int r = 0; r < kRuns; ++r) {
      ui::Series series("metric", pools[static_cast<std::size_t>(r)]);
      Steps steps;
      for (std::int64_t i = 0; i < num_samples; ++i) {
        const double level = 2.0 + 3.0 * std::exp(-5e-6 * static_cast<double>(i));
        series.append(steps.next(), level + normal(random));
      }
      ui::PlotLine line;
      line.name = "run-" + std::to_string(r);
      line.data = std::make_shared<const ui::Series>(std::move(series));
      line.color = ui::theme().run(r);
      line.is_own = r == 0;
      lines.push_back(std::move(line));
    }
  }
  return page;
}

double end_of(const Page& page) {
  const ui::Series& series = *page.lines[0][0].data;
  return series.x(page.group.axis, series.size() - 1);
}

void draw_page(Page& page) {
  page.group.begin_frame();
  page.group.include(0.0, end_of(page));
  page.group.update_range();
  const ImVec2 start = ImGui::GetCursorScreenPos();
  for (int p = 0; p < kPlots; ++p) {
    ui::LinePlotOptions options;
    options.title = "Metric";
    options.smoothing = 0.6;
    options.width = 470.0F;
    options.height = 350.0F;
    const auto column = static_cast<float>(p % 4), row = static_cast<float>(p / 4);
    ImGui::SetCursorScreenPos({start.x + column * 476.0F, start.y + row * 356.0F});
    const auto at = static_cast<std::size_t>(p);
    page.plots[at].draw(page.group, page.lines[at], {}, options);
  }
}

/// Draws until all lines are smoothed; the longest frame, and how many there were.
std::pair<double, int> smooth_all(ui::Window& window, Page& page) {
  double worst = 0.0;
  int num_frames = 0;
  for (bool is_smoothing = true; is_smoothing && num_frames < 5000; ++num_frames) {
    worst = std::max(worst, draw_frame(window, [&] { draw_page(page); }).build);
    is_smoothing = page.group.smoothing_budget < ui::PlotGroup::kSmoothingBudget;
  }
  return {worst, num_frames};
}

/// Frames that each show another part of the runs.
double moving_ms(ui::Window& window, Page& page) {
  const double end = end_of(page);
  std::vector<double> times;
  page.group.is_following = false;
  for (int i = 0; i < 100; ++i) {
    page.group.x_min = end * 0.003 * i;
    page.group.x_max = end * (1.0 - 0.002 * i);
    times.push_back(draw_frame(window, [&] { draw_page(page); }).build);
  }
  return quantile(times, 0.5);
}

}  // namespace

void measure_plots(Bench& bench) {
  const auto window = open_window(bench, "12 plots x 4 runs x 1 M points");
  if (window == nullptr) return;
  Page page = make_page(bench.is_quick ? 100'000 : 1'000'000);
  const auto begun = Clock::now();
  const auto [worst, num_frames] = smooth_all(*window, page);
  bench.add("12 plots x 4 runs x 1 M: longest frame while smoothing",
            worst,
            "ms",
            -1.0,
            std::to_string(num_frames) + " frames, " +
                std::to_string(std::lround(ms_since(begun) / 1000.0)) + " s until all is smooth");
  std::vector<double> still;
  int vertices = 0;
  for (int i = 0; i < 100; ++i) {
    still.push_back(draw_frame(*window, [&] { draw_page(page); }).build);
    vertices = ImGui::GetIO().MetricsRenderVertices;
  }
  bench.add("12 plots x 4 runs x 1 M: frame, view at rest",
            quantile(still, 0.5),
            "ms",
            4.0,
            "processor time to build the frame, 1920 x 1080");
  const std::string words = "lines take turns: PlotGroup::kColumnBudget";
  bench.add(
      "12 plots x 4 runs x 1 M: frame, view changing", moving_ms(*window, page), "ms", 4.0, words);
  page.group.set_axis(ui::XAxis::kSeconds);
  page.group.smoothing_unit = ui::smoothing_unit(ui::XAxis::kSeconds, *page.lines[0][0].data);
  smooth_all(*window, page);
  bench.add("12 plots x 4 runs x 1 M: frame, view changing, over time",
            moving_ms(*window, page),
            "ms",
            4.0,
            words + "; the axis in seconds, unevenly apart");
  bench.add("12 plots x 4 runs x 1 M: vertices", vertices, "", 400'000.0);
}

void measure_map(Bench& bench) {
  const auto window = open_window(bench, "512 x 512 map");
  if (window == nullptr) return;
  std::vector<float> values(512 * 512);
  std::mt19937 random(1);
  ui::GridMap map("bench.map");
  ui::GridMapOptions options;
  options.num_rows = options.num_columns = 512;
  options.scale.high = 1000.0;
  std::vector<double> dirty, clean, shown_dirty, shown_clean;
  for (int i = 0; i < 120; ++i) {
    const bool is_dirty = i % 2 == 0;
    if (is_dirty) {
      for (float& v : values) v = static_cast<float>(random() % 1000);
    }
    double ms = 0.0;
    const FrameTime time = draw_frame(*window, [&] {
      const double begun = thread_cpu_ms();
      map.draw(values, options);
      ms = thread_cpu_ms() - begun;
    });
    if (i < 20) continue;
    (is_dirty ? dirty : clean).push_back(ms);
    (is_dirty ? shown_dirty : shown_clean).push_back(time.show);
  }
  bench.add(
      "512 x 512 map, all cells new", quantile(dirty, 0.5), "ms", 0.5, "colours and the draw call");
  bench.add("512 x 512 map, nothing new", quantile(clean, 0.5), "ms");
  bench.add("512 x 512 map, upload of the texture",
            quantile(shown_dirty, 0.5) - quantile(shown_clean, 0.5),
            "ms",
            -1.0,
            "OpenGL's part: a frame with new cells less one without");
}

}  // namespace switchyard::bench
