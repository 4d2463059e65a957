#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>

#include <imgui.h>
#include <implot.h>

#include "ui/plot/heat_map.h"
#include "ui/plot/plot_frame.h"
#include "ui/shell/theme.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

/// Row shown at line `y` of `height` lines.
int row_at(int y, int height, int num_rows, bool is_first_on_top) {
  const int row = static_cast<int>(static_cast<std::int64_t>(y) * num_rows / height);
  return is_first_on_top ? row : num_rows - 1 - row;
}

/// Columns of the map seen under each pixel: [first, last) per pixel; empty before the first
/// sample.
struct PixelColumns {
  std::vector<std::size_t> first, last;
};

PixelColumns columns_under_pixels(const PlotGroup& group, const MapColumns& map, int width) {
  PixelColumns result;
  result.first.assign(static_cast<std::size_t>(width), 0);
  result.last.assign(static_cast<std::size_t>(width), 0);
  const ViewRange view = {group.x_min, group.x_max, width, group.is_log_x};
  const std::size_t n = map.num_columns();
  std::size_t column = 0;
  double typical = n > 1 ? (x_of(map.last[n - 1], group.axis) - x_of(map.first[0], group.axis)) /
                               static_cast<double>(n - 1)
                         : 0.0;
  for (int i = 0; i < width; ++i) {
    const double left = view.edge(i), right = view.edge(i + 1);
    // A column covers the time from its first sample to the next column's first sample.
    while (column + 1 < n && x_of(map.first[column + 1], group.axis) <= left) ++column;
    if (n == 0 || right <= x_of(map.first[0], group.axis)) continue;
    if (column + 1 == n && left > x_of(map.last[n - 1], group.axis) + typical) break;
    std::size_t end = column + 1;
    while (end < n && x_of(map.first[end], group.axis) < right) ++end;
    result.first[static_cast<std::size_t>(i)] = column;
    result.last[static_cast<std::size_t>(i)] = end;
  }
  return result;
}

std::string default_row_name(int row) {
  return std::to_string(row);
}

}  // namespace

/// Values of a map as they are shown.
struct TimeMap::Shape {
  const MapColumns& columns;
  const TimeMapOptions& options;
  std::vector<double> factors = std::vector<double>(columns.num_columns(), -1.0);

  /// What cells of a column are multiplied with. Computed once per column: it needs all its cells.
  [[nodiscard]] double factor(std::size_t column) {
    if (!options.is_relative) return 1.0;
    double& known = factors[column];
    if (known < 0.0) {
      const std::span<const float> cells = columns.mean_of(column);
      const double total = std::accumulate(cells.begin(), cells.end(), 0.0);
      known = total > 0.0 ? static_cast<double>(cells.size()) / total
                          : std::numeric_limits<double>::quiet_NaN();
    }
    return known;
  }

  [[nodiscard]] double value(std::size_t column, int row) {
    const auto at = static_cast<std::size_t>(row);
    // Dead once is dead, however many samples share the column.
    if (options.scale.is_zero_dead && columns.zeros_of(column)[at] > 0) return 0.0;
    const std::span<const float> cells =
        options.use_max ? columns.max_of(column) : columns.mean_of(column);
    return static_cast<double>(cells[at]) * factor(column);
  }

  /// The value that stands for the samples under one pixel: the one farthest from the middle of the
  /// scale wins, a dead one wins over all; not finite when none is.
  [[nodiscard]] double chosen(std::size_t first, std::size_t last, int row) {
    const bool is_diverging = options.scale.palette == Palette::kDiverging;
    const bool is_low_notable = options.scale.palette == Palette::kEntropy;
    float best = -1.0F;
    double result = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t column = first; column < last; ++column) {
      const double v = value(column, row);
      if (options.scale.is_dead(v)) return v;
      if (!std::isfinite(v)) continue;
      const float place = options.scale.place(v);
      const float weight =
          is_diverging ? std::abs(place - 0.5F) : (is_low_notable ? 1.0F - place : place);
      if (weight > best) best = weight, result = v;
    }
    return result;
  }

  [[nodiscard]] Color color(double v, const ColorTable& table) const {
    const ThemeTokens& t = theme();
    if (options.scale.is_dead(v)) return t.dead;
    if (!std::isfinite(v)) return t.failure;
    return palette_color(table, options.scale.place(v));
  }
};

std::array<float, 2> TimeMap::extent(const std::shared_ptr<const MapColumns>& columns,
                                     bool is_relative) {
  if (columns == measured_ && is_relative == is_measured_relative_) return extent_;
  measured_ = columns;
  is_measured_relative_ = is_relative;
  extent_ = {};
  if (columns == nullptr) return extent_;
  TimeMapOptions options;
  options.is_relative = is_relative;
  Shape shape{*columns, options};
  float low = std::numeric_limits<float>::max(), high = 0.0F;
  for (std::size_t column = 0; column < columns->num_columns(); ++column) {
    const double factor = shape.factor(column);
    for (const float cell : columns->mean_of(column)) {
      const auto value = static_cast<float>(static_cast<double>(cell) * factor);
      if (!(value > 0.0F) || !std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (high > 0.0F) extent_ = {low, high};
  return extent_;
}

void TimeMap::fill(const PlotGroup& group,
                   const MapColumns& columns,
                   const TimeMapOptions& options) {
  const ThemeTokens& t = theme();
  const ColorTable& table = color_table(options.scale.palette, t.kind);
  const PixelColumns under = columns_under_pixels(group, columns, width_);
  Shape shape{columns, options};
  const std::span<Color> pixels = texture_.renew(width_, height_);
  std::fill(pixels.begin(), pixels.end(), 0);
  std::vector<float> values;
  std::size_t previous_first = 0, previous_last = 0;
  for (int x = 0; x < width_; ++x) {
    const std::size_t first = under.first[static_cast<std::size_t>(x)],
                      last = under.last[static_cast<std::size_t>(x)];
    if (first == last) continue;  // nothing yet: the card shows through
    const bool is_repeated = x > 0 && first == previous_first && last == previous_last;
    int previous_row = -1;
    for (int y = 0; y < height_; ++y) {
      const auto at = static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
                      static_cast<std::size_t>(x);
      const int row = row_at(y, height_, columns.num_rows, options.is_first_row_on_top);
      if (is_repeated) {
        pixels[at] = pixels[at - 1];
      } else if (row == previous_row) {
        pixels[at] = pixels[at - static_cast<std::size_t>(width_)];
      } else {
        const double v = shape.chosen(first, last, row);
        values.push_back(static_cast<float>(v));
        pixels[at] = shape.color(v, table);
      }
      previous_row = row;
    }
    previous_first = first, previous_last = last;
  }
  histogram_ = scale_histogram(values, options.scale);
}

void TimeMap::draw_hover(const PlotGroup& group,
                         const MapColumns& columns,
                         const TimeMapOptions& options,
                         int row) {
  const std::size_t n = columns.num_columns();
  std::size_t column = n;
  for (std::size_t i = 0; i < n && x_of(columns.first[i], group.axis) <= group.cursor; ++i)
    column = i;
  if (column >= n) return;
  Shape shape{columns, options};
  const double value = shape.value(column, row);
  const auto write = [&](double v) {
    if (!std::isfinite(v)) return std::string("not finite");
    return options.format ? options.format(v) : plain_number(v, 3);
  };
  std::vector<ReadoutLine> lines;
  const std::string name = options.row_name ? options.row_name(row) : default_row_name(row);
  lines.push_back({name, options.scale.is_dead(value) ? "no tokens" : write(value), "", 0});
  if (options.is_relative) {
    lines.push_back(
        {"raw",
         plain_number(static_cast<double>(columns.mean_of(column)[static_cast<std::size_t>(row)]),
                      4),
         "",
         0});
  }
  if (columns.count[column] > 1) {
    lines.push_back({"samples merged", grouped_number(columns.count[column]), "", 0});
    const std::uint32_t zeros = columns.zeros_of(column)[static_cast<std::size_t>(row)];
    if (options.scale.is_zero_dead && zeros > 0)
      lines.push_back({"of these without tokens", grouped_number(zeros), "", 0});
  }
  const std::string title = "step " + grouped_number(columns.first[column].step);
  draw_readout(ImGui::GetIO().MousePos, title, lines);
}

MapResult TimeMap::draw(PlotGroup& group,
                        const std::shared_ptr<const MapColumns>& columns,
                        const TimeMapOptions& options) {
  const ThemeTokens& t = theme();
  CardOptions card;
  card.size = {options.width, options.height};
  card.caption = options.caption;
  card.has_menu = true;
  card.handle = options.handle;
  const float legend = em(9.5F);
  card.reserved_right = legend_width(legend, options.scale) + em(1);
  MapResult result;
  result.is_menu_clicked = begin_card(("###" + id_).c_str(), options.title, card);
  const ImVec2 title_max = card_title_max(), title_min = card_title_min();
  draw_legend({title_max.x - em(1), title_min.y}, legend, options.scale, histogram_);
  ImDrawList* window_list = ImGui::GetWindowDrawList();
  if (!columns || columns->num_rows == 0 || columns->num_columns() == 0) {
    const ImVec2 min = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
    draw_text_centred(window_list,
                      Type::kBody,
                      min,
                      {min.x + avail.x, min.y + avail.y},
                      t.text3,
                      "No samples yet");
    end_card();
    return result;
  }
  const int rows = columns->num_rows;
  std::vector<Tick> names;
  const float room = ImGui::GetContentRegionAvail().y;
  const int max_names = std::clamp(static_cast<int>(room / em(2.2F)), 2, 6);
  const int stride = std::max(1, (rows + max_names - 2) / std::max(1, max_names - 1));
  for (int row = 0; row < rows; row += stride) {
    const bool is_near_end = row != rows - 1 && rows - 1 - row <= stride / 2;
    if (is_near_end) continue;
    const double centre = options.is_first_row_on_top ? rows - row - 0.5 : row + 0.5;
    names.push_back({centre, options.row_name ? options.row_name(row) : default_row_name(row)});
  }
  if (rows > 1 && (rows - 1) % stride != 0) {
    const double centre = options.is_first_row_on_top ? 0.5 : rows - 0.5;
    names.push_back(
        {centre, options.row_name ? options.row_name(rows - 1) : default_row_name(rows - 1)});
  }
  PlotFrame frame = place_plot(group, names, 2.2F);
  // Whole pixels per row where there are enough.
  int height = static_cast<int>(frame.max.y - frame.min.y);
  if (height >= rows) height -= height % rows;
  frame.max.y = frame.min.y + static_cast<float>(height);
  PlotFrameOptions axes;
  axes.y.max = rows;
  axes.has_grid = false;
  axes.y_ticks = names;
  if (begin_plot_frame("##map", group, frame, axes)) {
    std::array<char, 256> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%p %zu %lld %.17g %.17g %d %d %d %d %d %d %d %g %g",
                  static_cast<const void*>(columns.get()),
                  columns->num_columns(),
                  static_cast<long long>(columns->count.back()),
                  group.x_min,
                  group.x_max,
                  frame.columns(),
                  height,
                  static_cast<int>(group.axis) * 2 + (group.is_log_x ? 1 : 0),
                  static_cast<int>(t.kind),
                  static_cast<int>(options.scale.palette),
                  options.use_max ? 1 : 0,
                  (options.scale.is_log2 ? 2 : 0) + (options.scale.is_zero_dead ? 1 : 0),
                  options.scale.low,
                  options.scale.high);
    if (signature_ != text.data()) {
      signature_ = text.data();
      width_ = std::max(1, frame.columns());
      height_ = std::max(1, height);
      fill(group, *columns, options);
    }
    ImPlot::PushPlotClipRect();
    ImDrawList* list = ImPlot::GetPlotDrawList();
    texture_.draw(list, frame.min, frame.max);
    const float row_height = static_cast<float>(height) / static_cast<float>(rows);
    const auto top_of = [&](int row) {
      return frame.min.y +
             row_height * static_cast<float>(options.is_first_row_on_top ? row : rows - 1 - row);
    };
    if (options.play_head >= 0.0) {
      const float x = std::round(x_pixel(group, frame, options.play_head));
      list->AddRectFilled({x, frame.min.y}, frame.max, with_alpha(t.bg1, 0.52F));
      list->AddRectFilled({x - px(1), frame.min.y}, {x + px(1), frame.max.y}, t.accent);
    }
    if (options.selected_row >= 0 && options.selected_row < rows) {
      const float y = top_of(options.selected_row);
      list->AddRect({frame.min.x, y}, {frame.max.x, y + row_height}, t.text1, 0.0F, px(1), 0);
    }
    if (frame.is_hovered) {
      const float y = ImGui::GetIO().MousePos.y - frame.min.y;
      result.hovered_row = std::clamp(
          row_at(static_cast<int>(y), height, rows, options.is_first_row_on_top), 0, rows - 1);
      if (ImGui::IsMouseReleased(ImGuiMouseButton_Left) &&
          ImGui::GetIO().MouseDragMaxDistanceSqr[0] < px(4) * px(4)) {
        result.clicked_row = result.hovered_row;
      }
    }
    ImPlot::PopPlotClipRect();
    // Rows that are dead at the end carry a mark beside the map.
    Shape shape{*columns, options};
    for (int row = 0; row < rows && options.scale.is_zero_dead; ++row) {
      if (!options.scale.is_dead(shape.value(columns->num_columns() - 1, row))) continue;
      const float y = top_of(row) + (row_height - line_height(Type::kCaption)) * 0.5F;
      draw_text(window_list, Type::kCaption, {frame.max.x + em(0.7F), y}, t.dead, "\xC3\x97");
    }
    if (result.hovered_row >= 0 && group.has_cursor())
      draw_hover(group, *columns, options, result.hovered_row);
    end_plot_frame(group, frame, axes);
  }
  end_card();
  return result;
}

}  // namespace switchyard::ui
