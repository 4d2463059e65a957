#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <tuple>
#include <vector>

#include <imgui.h>

#include "ui/plot/heat_map.h"
#include "ui/plot/plot_frame.h"
#include "ui/shell/theme.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr int kMaxDrawnCells = 64;
constexpr float kNumbersFrom = 28.0F;

struct Grid {
  ImVec2 min;
  float cell_x = 0.0F, cell_y = 0.0F;

  [[nodiscard]] ImVec2 corner(int row, int column) const {
    return {min.x + cell_x * static_cast<float>(column), min.y + cell_y * static_cast<float>(row)};
  }
};

struct CellPainter {
  ImDrawList* list;
  const GridMapOptions& options;
  const ColorTable& table;
  Grid grid;

  void draw(int row, int column, double value) const {
    const ThemeTokens& t = theme();
    const ImVec2 a = grid.corner(row, column),
                 b = {a.x + grid.cell_x - px(1), a.y + grid.cell_y - px(1)};
    const bool has_numbers =
        grid.cell_x >= kNumbersFrom * ui_scale() && grid.cell_y >= 18.0F * ui_scale();
    if (options.scale.is_dead(value)) {
      list->AddRectFilled(a, b, with_alpha(t.dead, 0.22F));
      if (grid.cell_x >= px(12)) draw_hatch(list, a, b, with_alpha(t.dead, 0.8F));
      if (grid.cell_x < px(12)) list->AddRectFilled(a, b, t.dead);
      if (has_numbers) draw_text_centred(list, Type::kDigitsCaption, a, b, t.text1, "0");
      return;
    }
    if (std::isnan(value)) {
      list->AddRectFilled(a, b, t.no_data);
      return;
    }
    if (!std::isfinite(value)) {
      list->AddRect(a, b, t.failure, 0.0F, px(1), 0);
      if (has_numbers) draw_text_centred(list, Type::kDigitsCaption, a, b, t.failure, "NaN");
      return;
    }
    const float place = options.scale.place(value);
    const Color fill = palette_color(table, place);
    list->AddRectFilled(a, b, fill);
    if (!has_numbers) return;
    const bool is_quiet =
        options.scale.palette == Palette::kDiverging && std::abs(place - 0.5F) < 0.17F;
    const Color words =
        is_quiet && contrast_ratio(t.text2, fill) >= 3.0 ? t.text2 : readable_on(fill);
    draw_text_centred(list,
                      Type::kDigitsCaption,
                      a,
                      b,
                      words,
                      options.format ? options.format(value) : plain_number(value, 2));
  }
};

/// All that turns values into colours.
std::string settings_of(const GridMapOptions& options, int width, int height) {
  const MapScale& scale = options.scale;
  std::string settings;
  for (const int part : {width,
                         height,
                         options.num_rows,
                         options.num_columns,
                         static_cast<int>(scale.palette),
                         static_cast<int>(scale.is_log2),
                         static_cast<int>(scale.is_zero_dead),
                         static_cast<int>(theme().kind)})
    settings += std::to_string(part) + ' ';
  return settings + std::to_string(scale.low) + ' ' + std::to_string(scale.high);
}

/// NaN equals itself here.
bool has_same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

/// Colours of values, "no data" where they are not finite. Free of branches, so that the compiler
/// works on several values at once.
void fill_colors(std::span<const float> values,
                 const MapScale& scale,
                 const ColorTable& table,
                 std::span<Color> out) {
  constexpr int kTop = static_cast<int>(std::tuple_size_v<ColorTable>) - 1;
  constexpr int kNoData = kTop + 1, kDead = kTop + 2;
  std::array<Color, kTop + 3> colors{};
  std::copy(table.begin(), table.end(), colors.begin());
  colors[kNoData] = theme().no_data;
  colors[kDead] = scale.is_zero_dead ? theme().dead : palette_color(table, scale.place(0.0));
  const auto low = static_cast<float>(scale.low);
  const auto factor = static_cast<float>(kTop / (scale.high - scale.low));
  std::array<float, 256> scaled;
  std::array<int, 256> entry;
  while (!values.empty()) {
    const std::size_t count = std::min(values.size(), entry.size());
    for (std::size_t i = 0; i < count; ++i)
      scaled[i] = scale.is_log2 ? std::log2(std::max(values[i], 1e-12F)) : values[i];
    for (std::size_t i = 0; i < count; ++i) {
      const float value = values[i];
      float place = (scaled[i] - low) * factor + 0.5F;
      place = place > 0.0F ? place : 0.0F;
      place = place < static_cast<float>(kTop) ? place : static_cast<float>(kTop);
      const int known = value == 0.0F ? kDead : static_cast<int>(place);
      entry[i] = std::abs(value) <= std::numeric_limits<float>::max() ? known : kNoData;
    }
    for (std::size_t i = 0; i < count; ++i) out[i] = colors[static_cast<std::size_t>(entry[i])];
    values = values.subspan(count);
    out = out.subspan(count);
  }
}

/// The largest finite of the values that share a cell of the shown picture, so that no hot one is
/// lost; a dead one wins over all; -∞ where none is finite.
std::vector<float> pooled(std::span<const float> values,
                          const GridMapOptions& options,
                          int width,
                          int height) {
  std::vector<float> cells;
  cells.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    const int row_0 = y * options.num_rows / height, row_1 = (y + 1) * options.num_rows / height;
    for (int x = 0; x < width; ++x) {
      const int col_0 = x * options.num_columns / width,
                col_1 = (x + 1) * options.num_columns / width;
      float best = -std::numeric_limits<float>::infinity();
      bool is_dead = false;
      for (int row = row_0; row < row_1; ++row) {
        for (int column = col_0; column < col_1; ++column) {
          const float v =
              values[static_cast<std::size_t>(row) * static_cast<std::size_t>(options.num_columns) +
                     static_cast<std::size_t>(column)];
          if (std::isfinite(v)) best = std::max(best, v);
          is_dead = is_dead || options.scale.is_dead(static_cast<double>(v));
        }
      }
      cells.push_back(is_dead ? 0.0F : best);
    }
  }
  return cells;
}

void draw_names(ImDrawList* list, const Grid& grid, const GridMapOptions& options) {
  const ThemeTokens& t = theme();
  const float line = line_height(Type::kDigitsCaption);
  const int row_stride = std::max(1, static_cast<int>(std::ceil(line * 1.2F / grid.cell_y)));
  for (int row = 0; options.row_name && row < options.num_rows; row += row_stride) {
    const float y = grid.min.y + grid.cell_y * (static_cast<float>(row) + 0.5F) - line * 0.5F;
    draw_text_right(list,
                    Type::kDigitsCaption,
                    {grid.min.x - em(0.5F), y},
                    row == options.selected_row ? t.text1 : t.text3,
                    options.row_name(row));
  }
  if (!options.column_name || options.num_columns == 0) return;
  const float widest =
      text_size(Type::kDigitsCaption, options.column_name(options.num_columns - 1)).x + em(0.5F);
  const int stride = std::max(1, static_cast<int>(std::ceil(widest / grid.cell_x)));
  for (int column = 0; column < options.num_columns; column += stride) {
    const ImVec2 a = {grid.min.x + grid.cell_x * static_cast<float>(column),
                      grid.min.y - em(1.35F)};
    draw_text_centred(list,
                      Type::kDigitsCaption,
                      a,
                      {a.x + grid.cell_x, a.y + em(1.2F)},
                      column == options.selected_column ? t.text1 : t.text3,
                      options.column_name(column));
  }
}

}  // namespace

GridResult GridMap::draw(std::span<const float> values, const GridMapOptions& options) {
  GridResult result;
  const auto cells =
      static_cast<std::size_t>(options.num_rows) * static_cast<std::size_t>(options.num_columns);
  if (options.num_rows <= 0 || options.num_columns <= 0 || values.size() < cells) return result;
  const ThemeTokens& t = theme();
  const ColorTable& table = color_table(options.scale.palette, t.kind);
  const ImVec2 pos = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
  float names = 0.0F;
  for (int row = 0; options.row_name && row < options.num_rows; ++row) {
    names = std::max(names, text_size(Type::kDigitsCaption, options.row_name(row)).x + em(0.7F));
  }
  const float top = options.column_name ? em(1.45F) : 0.0F;
  const float limit = options.max_cell > 0.0F ? options.max_cell : em(2.4F);
  Grid grid;
  grid.min = {std::round(pos.x + names), std::round(pos.y + top)};
  const float fit_x =
      (avail.x - names - options.right_room) / static_cast<float>(options.num_columns);
  const float fit_y = (avail.y - top - px(2)) / static_cast<float>(options.num_rows);
  grid.cell_x = std::min(limit, fit_x);
  grid.cell_y = std::min(limit * 0.92F, std::max(fit_y, std::min(grid.cell_x, em(1.3F))));
  if (grid.cell_x >= 3.0F) grid.cell_x = std::floor(grid.cell_x);
  if (grid.cell_y >= 3.0F) grid.cell_y = std::floor(grid.cell_y);
  const ImVec2 size = {grid.cell_x * static_cast<float>(options.num_columns),
                       grid.cell_y * static_cast<float>(options.num_rows)};
  result.min = grid.min;
  result.cell = {grid.cell_x, grid.cell_y};
  ImDrawList* list = ImGui::GetWindowDrawList();
  ImGui::SetCursorScreenPos(grid.min);
  result.is_clicked = ImGui::InvisibleButton(("###" + id_).c_str(),
                                             {std::max(1.0F, size.x), std::max(1.0F, size.y)});
  const bool is_hovered = ImGui::IsItemHovered();
  if (options.num_rows <= kMaxDrawnCells && options.num_columns <= kMaxDrawnCells) {
    const CellPainter painter{list, options, table, grid};
    for (int row = 0; row < options.num_rows; ++row) {
      for (int column = 0; column < options.num_columns; ++column) {
        painter.draw(row,
                     column,
                     static_cast<double>(values[static_cast<std::size_t>(row) *
                                                    static_cast<std::size_t>(options.num_columns) +
                                                static_cast<std::size_t>(column)]));
      }
    }
  } else {
    const int width = std::min(options.num_columns, std::max(1, static_cast<int>(size.x)));
    const int height = std::min(options.num_rows, std::max(1, static_cast<int>(size.y)));
    const std::string settings = settings_of(options, width, height);
    if (settings != shown_settings_ || !has_same_bits(values, shown_)) {
      const bool is_whole = width == options.num_columns && height == options.num_rows;
      const std::vector<float> fewer =
          is_whole ? std::vector<float>() : pooled(values, options, width, height);
      fill_colors(is_whole ? values.first(cells) : fewer,
                  options.scale,
                  table,
                  texture_.renew(width, height));
      shown_.assign(values.begin(), values.end());
      shown_settings_ = settings;
    }
    texture_.draw(list, grid.min, {grid.min.x + size.x, grid.min.y + size.y});
  }
  draw_names(list, grid, options);
  if (options.selected_row >= 0 && options.selected_row < options.num_rows) {
    const ImVec2 a = grid.corner(options.selected_row, 0);
    list->AddRect(
        {a.x - px(1), a.y - px(1)}, {a.x + size.x, a.y + grid.cell_y}, t.text1, px(2), px(1), 0);
    if (options.selected_column >= 0 && options.selected_column < options.num_columns) {
      const ImVec2 c = grid.corner(options.selected_row, options.selected_column);
      const ImVec2 d = {c.x + grid.cell_x - px(1), c.y + grid.cell_y - px(1)};
      list->AddRect(
          {c.x - px(1), c.y - px(1)}, {d.x + px(1), d.y + px(1)}, rgb(0x000000), 0.0F, px(1), 0);
      list->AddRect(c, d, rgb(0xFFFFFF), 0.0F, px(1.5F), 0);
    }
  }
  if (is_hovered) {
    const ImVec2 mouse = ImGui::GetIO().MousePos;
    result.hovered_row =
        std::clamp(static_cast<int>((mouse.y - grid.min.y) / grid.cell_y), 0, options.num_rows - 1);
    result.hovered_column = std::clamp(
        static_cast<int>((mouse.x - grid.min.x) / grid.cell_x), 0, options.num_columns - 1);
    const ImVec2 a = grid.corner(result.hovered_row, result.hovered_column);
    list->AddRect(
        a, {a.x + grid.cell_x - px(1), a.y + grid.cell_y - px(1)}, t.text1, 0.0F, px(1), 0);
  }
  ImGui::SetCursorScreenPos({pos.x, grid.min.y + size.y});
  ImGui::Dummy({avail.x, px(1)});
  return result;
}

}  // namespace switchyard::ui
