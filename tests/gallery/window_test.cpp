// The window's own promises: quiet when idle, honest without a display, exact to the pixel.
#include "ui/shell/window.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <GLFW/glfw3.h>
#include <gtest/gtest.h>
#include <imgui.h>

#include "tests/gallery/pages.h"
#include "tests/support/temporary_folder.h"
#include "ui/model/studio.h"
#include "ui/plot/heat_map.h"
#include "ui/plot/line_plot.h"
#include "ui/shell/dock_shell.h"
#include "ui/shell/frame_loop.h"
#include "ui/shell/state_writer.h"
#include "ui/shell/theme.h"

namespace switchyard::ui {
namespace {

class WindowTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* display = std::getenv("DISPLAY");
    if (display == nullptr || *display == '\0') GTEST_SKIP() << "no display";
    WindowOptions options;
    options.is_visible = false;
    auto created = Window::create(options);
    ASSERT_TRUE(created.ok()) << created.error().text();
    window = std::move(created).value();
    window->override_size(800, 500);
    apply_theme(ThemeKind::kDark, 1.0F);
  }

  /// Draws `frame` into a window of the given size a few times; returns the last picture.
  Picture picture_of(const std::function<void()>& frame, int num_frames = 4) {
    Picture picture;
    for (int i = 0; i < num_frames; ++i) {
      window->begin_frame();
      ImGui::SetNextWindowPos({0, 0});
      ImGui::SetNextWindowSize({800, 500});
      ImGui::Begin("###test", nullptr, ImGuiWindowFlags_NoDecoration);
      frame();
      ImGui::End();
      picture = window->end_frame_to_picture();
    }
    return picture;
  }

  std::unique_ptr<Window> window;
};

Color pixel(const Picture& picture, int x, int y) {
  const std::uint8_t* p = &picture.pixels[static_cast<std::size_t>(y * picture.width + x) * 4];
  return 0xFF000000U | (static_cast<Color>(p[2]) << 16) | (static_cast<Color>(p[1]) << 8) | p[0];
}

int count_of(const Picture& picture, Color color) {
  int count = 0;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) count += pixel(picture, x, y) == color ? 1 : 0;
  }
  return count;
}

TEST(Window, SaysWhatToDoWithoutADisplay) {
  const char* display = std::getenv("DISPLAY");
  const std::string kept = display == nullptr ? "" : display;
  const char* wayland = std::getenv("WAYLAND_DISPLAY");
  const std::string kept_wayland = wayland == nullptr ? "" : wayland;
  unsetenv("DISPLAY");
  unsetenv("WAYLAND_DISPLAY");
  const auto window = Window::create({});
  ASSERT_FALSE(window.ok());
  EXPECT_EQ(window.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(window.error().hint.find("switchyard-engine"), std::string::npos);
  if (!kept.empty()) setenv("DISPLAY", kept.c_str(), 1);
  if (!kept_wayland.empty()) setenv("WAYLAND_DISPLAY", kept_wayland.c_str(), 1);
}

TEST_F(WindowTest, DrawsNothingWhileIdle) {
  FrameLoop loop(*window);
  const auto frame = [] { ImGui::ShowFontSelector("fonts"); };
  const auto turn_for = [&](double seconds) {
    for (const double end = glfwGetTime() + seconds; glfwGetTime() < end;) {
      glfwWaitEventsTimeout(0.05);
      loop.turn(frame);
    }
  };
  turn_for(1.0);
  const std::int64_t settled = loop.frames_drawn();
  EXPECT_GE(settled, FrameLoop::kFramesPerCause);
  turn_for(5.0);
  EXPECT_EQ(loop.frames_drawn(), settled);
}

TEST_F(WindowTest, CapsTheFramesOfNewData) {
  FrameLoop loop(*window);
  std::atomic<bool> is_done{false};
  std::thread writer([&] {
    while (!is_done) {
      loop.notify_data();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  const double end = glfwGetTime() + 2.0;
  while (glfwGetTime() < end) {
    glfwWaitEventsTimeout(0.02);
    loop.turn([] {});
  }
  is_done = true;
  writer.join();
  EXPECT_GE(loop.frames_drawn(), 5);
  EXPECT_LE(loop.frames_drawn(), 2 * 10 + FrameLoop::kFramesPerCause + 1);
}

TEST_F(WindowTest, DrawsFewerFramesOfNewDataWhereTheyCostMuch) {
  FrameLoop loop(*window);
  const auto costly = [] {  // 60 ms of processor time, however busy the machine is
    const std::clock_t end = std::clock() + CLOCKS_PER_SEC * 60 / 1000;
    while (std::clock() < end) continue;
  };
  const auto turn_for = [&](double seconds, const auto& cause, const std::function<void()>& frame) {
    const std::int64_t before = loop.frames_drawn();
    for (const double end = glfwGetTime() + seconds; glfwGetTime() < end;) {
      cause();
      loop.turn(frame);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return loop.frames_drawn() - before;
  };
  const auto data = [&] { loop.notify_data(); };
  turn_for(1.5, data, costly);  // the first frames, and what may be spent at once
  const std::int64_t watched = turn_for(2.0, data, costly);
  EXPECT_GE(watched, 3);
  EXPECT_LE(watched, 6);
  EXPECT_GE(turn_for(
                1.0, [&] { loop.request_frames(); }, [] {}),
            8)
      << "input does not wait";
}

TEST_F(WindowTest, DrawsTheSamePictureTwice) {
  window->override_size(1440, 900);
  const auto draw = [] { draw_kit_page(); };
  Picture first, second;
  for (int i = 0; i < 4; ++i) {
    window->begin_frame();
    draw();
    first = window->end_frame_to_picture();
    window->begin_frame();
    draw();
    second = window->end_frame_to_picture();
  }
  EXPECT_EQ(first.pixels, second.pixels);
}

TEST_F(WindowTest, RemembersThemeZoomAndLayout) {
  const test::TemporaryFolder folder;
  Studio studio;
  const auto draw = [&](DockShell& shell) {
    for (int i = 0; i < 6; ++i) {
      shell.before_frame(1.0F);
      window->begin_frame();
      shell.draw(studio, {});
      window->end_frame();
    }
  };
  {
    StateWriter writer(folder.path());
    DockShell shell(plot_page_panels(), &writer);
    draw(shell);
    shell.set_theme(ThemeKind::kLight);
    shell.set_zoom(1.5F);
    shell.set_panel_open("gallery.samples", false);
    draw(shell);
    EXPECT_FALSE(writer.take_problem().has_value());
  }
  StateWriter writer(folder.path());
  DockShell shell(plot_page_panels(), &writer);
  EXPECT_EQ(shell.theme_kind(), ThemeKind::kLight);
  EXPECT_FLOAT_EQ(shell.zoom(), 1.5F);
  EXPECT_FALSE(shell.is_panel_open("gallery.samples"));
  EXPECT_TRUE(shell.is_panel_open("gallery.plots"));
  draw(shell);
}

TEST_F(WindowTest, SetsABrokenLayoutAside) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path() + "/layout.json") << "{\"version\": 1, \"ini\": ";
  StateWriter writer(folder.path());
  const DockShell shell(plot_page_panels(), &writer);
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/layout.json.broken"));
  EXPECT_TRUE(writer.take_problem().has_value());
  EXPECT_EQ(shell.theme_kind(), ThemeKind::kDark);
}

TEST_F(WindowTest, ColoursEveryKindOfCellOfALargeGrid) {
  const float inf = HUGE_VALF;
  MapScale linear;
  linear.high = 10.0;
  linear.is_zero_dead = true;
  const auto cells_of = [&](const MapScale& scale, float value, Color color) {
    GridMap map("grid");
    GridMapOptions options;
    options.num_rows = 128;  // a texture
    options.num_columns = 4;
    options.scale = scale;
    const std::vector<float> values(128 * 4, value);
    return count_of(picture_of([&] { map.draw(values, options); }), color);
  };
  const auto color = [&](const MapScale& scale, double value) {
    return palette_color(color_table(scale.palette, ThemeKind::kDark), scale.place(value));
  };
  const MapScale fair = fair_share_scale();
  for (const float value : {1e-3F, 2.5F, 7.3F, 10.0F, 30.0F, -5.0F}) {
    EXPECT_GT(cells_of(linear, value, color(linear, static_cast<double>(value))), 400) << value;
    EXPECT_GT(cells_of(fair, value, color(fair, static_cast<double>(value))), 400) << value;
  }
  EXPECT_GT(cells_of(linear, 0.0F, theme().dead), 400);
  EXPECT_GT(cells_of(MapScale{}, 0.0F, color(MapScale{}, 0.0)), 400) << "zero is a value";
  for (const float value : {inf, -inf, inf - inf})
    EXPECT_GT(cells_of(linear, value, theme().no_data), 400) << value;
}

TEST_F(WindowTest, ShowsADeadExpertAtItsTime) {
  auto columns = std::make_shared<MapColumns>();
  for (int step = 0; step < 100; ++step) {
    std::vector<float> load(4, 1.0F);
    if (step >= 50 && step < 60) load[2] = 0.0F;
    columns->append({step, step, 0.0, 0.0}, load);
  }
  TimeMap map("map");
  PlotGroup group;
  TimeMapOptions options;
  options.scale = fair_share_scale();
  options.title = "Load";
  const Picture picture = picture_of([&] {
    group.begin_frame();
    group.include(0, 100);
    group.update_range();
    map.draw(group, columns, options);
  });
  const Color dead = theme().dead;
  int first = picture.width, last = 0, left = picture.width, right = 0;
  for (int y = 40; y < picture.height - 30; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const Color color = pixel(picture, x, y);
      if (color == dead) first = std::min(first, x), last = std::max(last, x);
      if (color == color_table(Palette::kDiverging, ThemeKind::kDark)[128])
        left = std::min(left, x), right = std::max(right, x);
    }
  }
  ASSERT_LT(left, right);
  const double per_step = (right - left + 1) / 100.0;
  EXPECT_NEAR(first, left + 50 * per_step, 1.5);
  EXPECT_NEAR(last + 1, left + 60 * per_step, 1.5);
}

TEST_F(WindowTest, KeepsOneHotExpertOfManyVisible) {
  std::vector<float> values(512 * 512, 1.0F);
  values[300 * 512 + 77] = 100.0F;
  GridMap map("grid");
  GridMapOptions options;
  options.num_rows = options.num_columns = 512;
  options.scale.high = 100.0;
  const Picture picture = picture_of([&] {
    ImGui::BeginChild("###small", {200, 200});
    map.draw(values, options);
    ImGui::EndChild();
  });
  EXPECT_GE(count_of(picture, color_table(Palette::kViridis, ThemeKind::kDark).back()), 1);
}

TEST_F(WindowTest, DrawsAMillionSamplesWithFewVertices) {
  auto series = std::make_shared<Series>("loss");
  for (int i = 0; i < 1'000'000; ++i)
    series->append({i, 0, 0.0, 0.0}, std::sin(i * 0.001) + 0.1 * std::sin(i * 1.7));
  PlotLine line;
  line.name = "run";
  line.data = series;
  line.color = theme().run(0);
  LinePlot plot("plot");
  PlotGroup group;
  LinePlotOptions options;
  options.title = "Loss";
  options.smoothing = 0.9;
  int vertices = 0;
  picture_of([&] {
    group.begin_frame();
    group.include(0, 1e6);
    group.update_range();
    plot.draw(group, std::span(&line, 1), {}, options);
    vertices = ImGui::GetIO().MetricsRenderVertices;
  });
  EXPECT_LT(vertices, 30'000);
}

}  // namespace
}  // namespace switchyard::ui
