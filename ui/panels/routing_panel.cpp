#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/panels/common.h"
#include "ui/panels/load_grid.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/plot/plot_frame.h"
#include "ui/plot/xy_plot.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kGapEm = 0.46F;
constexpr int kExpertsBeside = 64;
constexpr float kSpreadEm = 5.2F;  ///< bars of the spread beside the cells

/// Layer × expert at the head of the play-back, and how unequal the experts of a layer are.
class RoutingPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    if (draw_without_routing(*studio.run)) return;
    shown_layer(studio);
    draw_toolbar(studio);
    const RoutingGrid grid =
        routing_grid(*studio.run, studio.routing.quantity, playback_step(studio));
    const PanelBody body("###routing.body", {0.0F, 0.0F}, kGapEm, kGapEm);
    const ImVec2 start = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
    const float gap_px = em(kGapEm);
    const bool is_beside = grid.num_columns <= kExpertsBeside && avail.x > em(44);
    const float height = std::max(em(13), avail.y);
    if (is_beside) {
      const float wide = std::round((avail.x - gap_px) * 0.64F);
      draw_grid(studio, grid, {wide, height});
      ImGui::SetCursorScreenPos({start.x + wide + gap_px, start.y});
      draw_ranks(studio, grid, {avail.x - wide - gap_px, height});
      return;
    }
    const float top = std::max(em(13), std::round(avail.y * 0.56F));
    draw_grid(studio, grid, {avail.x, top});
    ImGui::SetCursorScreenPos({start.x, start.y + top + gap_px});
    draw_ranks(studio, grid, {avail.x, std::max(em(13), avail.y - top - gap_px)});
  }

 private:
  void draw_toolbar(Studio& studio) {
    Toolbar bar("routing.toolbar");
    bar.next(em(1.85F));
    static constexpr const char* kQuantities[] = {"Load", "Importance"};
    int quantity = static_cast<int>(studio.routing.quantity);
    if (segmented("routing.quantity", kQuantities, &quantity))
      studio.routing.quantity = static_cast<RoutingQuantity>(quantity);
    tooltip("Load counts the tokens of an expert, importance sums the weights of its outputs");
    draw_color_controls(bar, studio.routing, "routing");
  }

  void draw_grid(Studio& studio, const RoutingGrid& grid, ImVec2 size) {
    const bool is_load = studio.routing.quantity == RoutingQuantity::kLoad;
    LoadGridOptions options;
    options.scale = load_scale(studio.routing.colors, grid.values);
    options.format = load_text;
    options.max_cell = em(4.4F);
    options.right_room = em(kSpreadEm);
    const float legend = em(9.5F);
    CardOptions card;
    card.size = size;
    const std::string caption =
        std::string(is_load ? "load" : "importance") + " ÷ fair share, " + playback_words(studio);
    card.caption = caption;
    card.reserved_right = legend_width(legend, options.scale);
    begin_card("###routing.now", "Layer × expert", card);
    draw_legend({card_title_max().x, card_title_min().y},
                legend,
                options.scale,
                scale_histogram(grid.values, options.scale));
    {
      const PanelBody body("###routing.grid", {0.0F, 0.0F}, 0.85F, 0.2F);
      const GridResult cells = draw_load_grid(studio, grid_, grid, options);
      draw_spreads(studio, grid, cells);
    }
    end_card();
  }

  /// How unequal each layer's experts are, as bars beside its cells; the worst one in amber where
  /// it is alarming.
  static void draw_spreads(const Studio& studio, const RoutingGrid& grid, const GridResult& cells) {
    const ThemeTokens& t = theme();
    ImDrawList* list = ImGui::GetWindowDrawList();
    const std::vector<LayerHealth> layers = layer_health(*studio.run, playback_step(studio));
    const bool is_load = studio.routing.quantity == RoutingQuantity::kLoad;
    const float left = cells.min.x + cells.cell.x * static_cast<float>(grid.num_columns) + em(1.1F);
    const float width = em(kSpreadEm - 1.6F);
    draw_text(list, Type::kDigitsCaption, {left, cells.min.y - em(1.25F)}, t.text3, "CV");
    for (std::size_t row = 0; row < layers.size() && row < grid.layers.size(); ++row) {
      const double cv = is_load ? layers[row].load_cv : layers[row].importance_cv;
      const float middle =
          std::round(cells.min.y + cells.cell.y * (static_cast<float>(row) + 0.5F));
      const float thick = std::min(em(0.45F), cells.cell.y - px(1));
      const ImVec2 min = {left, std::round(middle - thick * 0.5F)};
      list->AddRectFilled(min, {left + width, min.y + thick}, t.active, em(0.2F));
      if (!std::isfinite(cv)) continue;
      const float part = std::clamp(static_cast<float>(cv), 0.02F, 1.0F);
      list->AddRectFilled(min,
                          {left + width * part, min.y + thick},
                          cv > 1.0 || layers[row].needs_attention ? t.attention : t.text2,
                          em(0.2F));
    }
  }

  /// Experts sorted by load: the selected layer strong, all others faint.
  void draw_ranks(Studio& studio, const RoutingGrid& grid, ImVec2 size) {
    const ThemeTokens& t = theme();
    RoutingState& state = studio.routing;
    CardOptions card;
    card.size = size;
    const std::string caption = layer_name(studio.selection.layer) + " of " +
                                std::to_string(grid.layers.size()) + ", ÷ fair share";
    card.caption = caption;
    card.reserved_right = em(5.2F);
    begin_card("###routing.ranks", "Rank–frequency", card);
    const ImVec2 body = ImGui::GetCursorScreenPos();
    ImGui::SetCursorScreenPos({card_title_max().x - em(5), card_title_min().y + em(0.5F)});
    checkbox("Log-log###routing.rank_log", &state.is_log_rank);
    tooltip("A straight line on two logarithmic axes is a power law");
    ImGui::SetCursorScreenPos(body);
    std::vector<std::vector<double>> curves;
    std::vector<XyLine> lines;
    double least = 1.0, most = 1.5;
    for (std::size_t row = 0; row < grid.layers.size(); ++row) {
      curves.push_back(rank_curve(grid.row(row)));
      for (const double load : curves.back()) {
        if (load > 0.0) least = std::min(least, load);
        most = std::max(most, load);
      }
    }
    for (std::size_t row = 0; row < grid.layers.size(); ++row) {
      const bool is_selected = grid.layers[row] == studio.selection.layer;
      lines.push_back(
          {curves[row], 1.0, is_selected ? t.accent : with_alpha(t.text3, 0.45F), is_selected});
    }
    XyPlotOptions options;
    const YScaleKind kind = state.is_log_rank ? YScaleKind::kLog : YScaleKind::kLinear;
    options.x.kind = options.y.kind = kind;
    options.x.min = 1.0;
    options.x.max = std::max(2.0, static_cast<double>(grid.num_columns));
    options.y.min = state.is_log_rank ? least / 1.2 : 0.0;
    options.y.max = most * 1.1;
    options.fair = 1.0;
    options.x_title = "rank";
    const double rank = draw_xy_plot("###routing.rank_plot", lines, options);
    if (std::isfinite(rank)) draw_rank_readout(studio, grid, curves, rank);
    end_card();
  }

  static void draw_rank_readout(const Studio& studio,
                                const RoutingGrid& grid,
                                const std::vector<std::vector<double>>& curves,
                                double rank) {
    const auto at = static_cast<std::size_t>(std::max(1.0, rank)) - 1;
    for (std::size_t row = 0; row < curves.size(); ++row) {
      if (grid.layers[row] != studio.selection.layer || at >= curves[row].size()) continue;
      const std::span<const float> loads = grid.row(row);
      const auto expert =
          std::find(loads.begin(), loads.end(), static_cast<float>(curves[row][at]));
      std::vector<ReadoutLine> lines;
      lines.push_back({"÷ fair share", load_text(curves[row][at]), "", 0});
      draw_readout(ImGui::GetIO().MousePos,
                   "rank " + std::to_string(at + 1) + ": " +
                       expert_name(static_cast<int>(expert - loads.begin())),
                   lines);
    }
  }

  GridMap grid_{"routing.grid"};
};

}  // namespace

std::unique_ptr<Panel> make_routing_panel() {
  return std::make_unique<RoutingPanel>();
}

}  // namespace switchyard::ui
