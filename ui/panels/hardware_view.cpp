#include "ui/panels/hardware_view.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "ui/panels/common.h"
#include "ui/shell/theme.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

struct Cell {
  float x, y, width, height;
};

struct Reading {
  std::string title, caption, value, unit;
  std::function<double(const HardwareSample&)> of;  ///< 0 to 1
  Color color;
};

std::string percent_text(double frac) {
  return std::isfinite(frac) ? std::to_string(std::lround(100.0 * frac)) : std::string("–");
}

/// The newest minutes as an area, newest at the right edge.
void draw_history(const HardwareView& view, const Reading& reading, ImVec2 min, ImVec2 max) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  for (int i = 0; i <= 2; ++i) {
    const float y = std::round(min.y + (max.y - min.y) * static_cast<float>(i) * 0.5F);
    list->AddRectFilled({min.x, y}, {max.x, y + px(1)}, with_alpha(t.text3, 0.16F));
  }
  const double end = view.samples.back().monotonic_seconds;
  const double span = std::max(60.0, end - view.samples.front().monotonic_seconds);
  std::vector<ImVec2> points;
  for (const HardwareSample& sample : view.samples) {
    const double value = reading.of(sample);
    if (!std::isfinite(value)) continue;
    const auto back = static_cast<float>((end - sample.monotonic_seconds) / span);
    const auto up = static_cast<float>(std::clamp(value, 0.0, 1.0));
    points.push_back({max.x - (max.x - min.x) * back, max.y - (max.y - min.y) * up});
  }
  if (points.empty()) return;
  for (std::size_t i = 1; i < points.size(); ++i)
    list->AddQuadFilled(points[i - 1],
                        points[i],
                        {points[i].x, max.y},
                        {points[i - 1].x, max.y},
                        with_alpha(reading.color, 0.16F));
  if (points.size() > 1)
    list->AddPolyline(
        points.data(), static_cast<int>(points.size()), reading.color, std::max(1.5F, px(1)));
  list->AddCircleFilled(points.back(), em(0.2F), reading.color);
}

void draw_cores(const HardwareSample& sample, ImVec2 min, ImVec2 max) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const auto count = static_cast<float>(sample.core_load_frac.size());
  if (count < 1.0F) return;
  const float air = count > 32.0F ? 0.0F : px(2);
  const float step = std::min(em(1.6F), (max.x - min.x + air) / count);
  for (std::size_t i = 0; i < sample.core_load_frac.size(); ++i) {
    const float x = std::round(min.x + step * static_cast<float>(i));
    const float right = std::max(x + 1.0F, std::round(x + step - air));
    const float load = std::clamp(sample.core_load_frac[i], 0.0F, 1.0F);
    list->AddRectFilled({x, min.y}, {right, max.y}, t.active);
    list->AddRectFilled({x, std::round(max.y - (max.y - min.y) * load)}, {right, max.y}, t.accent);
  }
}

void draw_reading(const HardwareView& view, const Reading& reading, const char* id, Cell cell) {
  CardOptions options;
  options.size = {cell.width, cell.height};
  options.caption = reading.caption;
  options.value = reading.value;
  options.unit = reading.unit;
  ImGui::SetCursorScreenPos({cell.x, cell.y});
  begin_card(id, reading.title, options);
  const ImVec2 min = ImGui::GetCursorScreenPos(), room = ImGui::GetContentRegionAvail();
  const bool has_cores = reading.title == "CPU" && room.y > em(5);
  const float low = min.y + room.y - em(0.7F) - (has_cores ? em(1.9F) : 0.0F);
  const float left = min.x + em(0.85F), right = min.x + room.x - em(0.85F);
  draw_history(view, reading, {left, min.y + em(0.3F)}, {right, low});
  if (has_cores) draw_cores(view.samples.back(), {left, low + em(0.6F)}, {right, low + em(1.9F)});
  end_card();
}

void add_gpu(const GpuSample& gpu, std::size_t index, std::vector<Reading>& readings) {
  const ThemeTokens& t = theme();
  const std::string name = "GPU " + std::to_string(index);
  readings.push_back({name,
                      gpu.name,
                      percent_text(gpu.load_frac),
                      "%",
                      [index](const HardwareSample& s) {
                        return index < s.gpus.size() ? s.gpus[index].load_frac : 0.0;
                      },
                      t.accent});
  std::string caption = "of " + bytes_text(gpu.memory_total_bytes);
  if (std::isfinite(gpu.temperature_celsius))
    caption += ", " + std::to_string(std::lround(gpu.temperature_celsius)) + "\xE2\x80\x89°C";
  if (std::isfinite(gpu.power_watts))
    caption += ", " + std::to_string(std::lround(gpu.power_watts)) + "\xE2\x80\x89W";
  readings.push_back({name + " memory",
                      caption,
                      bytes_text(gpu.memory_used_bytes),
                      "",
                      [index](const HardwareSample& s) {
                        if (index >= s.gpus.size()) return 0.0;
                        const GpuSample& at = s.gpus[index];
                        return at.memory_used_bytes / std::max(1.0, at.memory_total_bytes);
                      },
                      t.ok});
}

std::vector<Reading> readings_of(const HardwareView& view) {
  const ThemeTokens& t = theme();
  const HardwareSample& now = view.samples.back();
  std::vector<Reading> readings;
  const std::size_t cores = now.core_load_frac.size();
  readings.push_back({"CPU",
                      std::to_string(cores) + (cores == 1 ? " core" : " cores"),
                      percent_text(now.mean_load_frac()),
                      "%",
                      [](const HardwareSample& s) { return s.mean_load_frac(); },
                      t.accent});
  readings.push_back({"Memory",
                      "of " + bytes_text(now.memory_total_bytes),
                      bytes_text(now.memory_used_bytes),
                      "",
                      [](const HardwareSample& s) {
                        return s.memory_used_bytes / std::max(1.0, s.memory_total_bytes);
                      },
                      t.ok});
  for (std::size_t i = 0; i < now.gpus.size(); ++i) add_gpu(now.gpus[i], i, readings);
  return readings;
}

void draw_words(const HardwareView& view) {
  const HardwareSample& now = view.samples.back();
  const double seconds = now.monotonic_seconds - view.samples.front().monotonic_seconds;
  std::string words = "Disk: " + bytes_text(now.disk_free_bytes) + " free where runs are kept. ";
  if (!view.gpu_note.empty()) words += view.gpu_note + ". ";
  note(words + "Measured once a second while this is open; shown are the last " +
       duration_text(seconds) + ".");
}

}  // namespace

void HardwarePage::draw(Studio& studio) {
  const HardwareView& view = *studio.drawer.hardware;
  if (view.newest() == nullptr || view.newest()->core_load_frac.empty()) {
    const PanelBody body("###hardware.loading", {0.0F, 0.0F}, 0.5F, 0.5F);
    loading_state("Hardware", -1.0F, em(8));
    return;
  }
  const PanelBody body("###hardware.body", {0.0F, 0.0F}, 0.5F, 0.5F);
  const std::vector<Reading> readings = readings_of(view);
  const std::vector<PlotLine> recorded =
      scene_lines(overlay_scene(RunOverlay(), studio.run), "memory_bytes", studio.plots.group.axis);
  const std::size_t count = readings.size() + (recorded.empty() ? 0 : 1);
  const ImVec2 start = ImGui::GetCursorScreenPos(), room = ImGui::GetContentRegionAvail();
  const float air = em(0.46F);
  const auto columns = static_cast<std::size_t>(
      std::clamp(std::floor(room.x / em(18)), 1.0F, static_cast<float>(count)));
  const std::size_t rows = (count + columns - 1) / columns;
  const float width =
      std::floor((room.x - air * static_cast<float>(columns - 1)) / static_cast<float>(columns));
  const float height = std::max(em(8), (room.y - em(2.6F)) / static_cast<float>(rows) - air);
  const auto cell_of = [&](std::size_t i) {
    return Cell{start.x + static_cast<float>(i % columns) * (width + air),
                start.y + static_cast<float>(i / columns) * (height + air),
                width,
                height};
  };
  for (std::size_t i = 0; i < readings.size(); ++i)
    draw_reading(view, readings[i], ("###hardware." + std::to_string(i)).c_str(), cell_of(i));
  if (!recorded.empty()) {
    const Cell cell = cell_of(readings.size());
    ImGui::SetCursorScreenPos({cell.x, cell.y});
    LinePlotOptions options;
    options.title = "Memory of the run";
    options.caption = "peak a step";
    options.width = cell.width;
    options.height = cell.height;
    options.unit = "bytes";
    options.y.is_zero_based = options.is_filled = true;
    recorded_.draw(studio.plots.group, recorded, {}, options);
  }
  ImGui::SetCursorScreenPos({start.x, start.y + static_cast<float>(rows) * (height + air)});
  ImGui::Dummy({1.0F, em(0.2F)});
  draw_words(view);
}

}  // namespace switchyard::ui
