#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "ui/model/routing_view.h"
#include "ui/panels/common.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/playback_bar.h"
#include "ui/panels/registry.h"
#include "ui/plot/map_columns.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/states.h"

namespace switchyard::ui {
namespace {

constexpr float kGapEm = 0.46F;
constexpr int kExpertsBeside = 16;

/// Layer × expert now, and both maps over time.
class RoutingPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const RunView& run = *studio.run;
    if (!has_routing(run)) {
      empty_state(Icon::kRouting,
                  "No routing to show",
                  model_facts(run.config).num_experts > 0 || run.root.empty()
                      ? "The maps fill with the first routing sample of a run with experts."
                      : "This model is dense: every token takes the same way.");
      return;
    }
    draw_toolbar(studio);
    include_data(studio);
    // The bar, its hairline, and the space that Dear ImGui puts between the three items.
    const float below = em(kPlaybackBarEm) + px(1) + 2.0F * ImGui::GetStyle().ItemSpacing.y;
    const float room = ImGui::GetContentRegionAvail().y - below;
    {
      const PanelBody body("###routing.body", {0.0F, std::max(em(8), room)}, kGapEm, kGapEm);
      draw_maps(studio);
    }
    hairline();
    draw_playback_bar(studio);
  }

 private:
  void draw_toolbar(Studio& studio) {
    Toolbar bar("routing.toolbar");
    bar.label("x axis");
    bar.next(em(1.85F));
    static constexpr const char* kAxes[] = {"Steps", "Tokens", "Time"};
    int axis = std::min(static_cast<int>(studio.plots.group.axis), 2);
    if (segmented("routing.x_axis", kAxes, &axis)) {
      studio.plots.group.axis = static_cast<XAxis>(axis);
      studio.plots.group.fit();
    }
    bar.label("Layer");
    bar.next(em(1.7F));
    layer_combo(studio, "###routing.layer", em(4.6F));
    bar.next(em(1.1F));
    checkbox("Fix scale###routing.fix_scale", &has_fixed_scale_);
    tooltip("The same colours at all times and in all layers: 1/8 to 8 times the fair share");
  }

  void draw_maps(Studio& studio) {
    const RunView& run = *studio.run;
    const ImVec2 start = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
    const float gap_px = em(kGapEm);
    const int experts = num_experts(run);
    const auto layers = static_cast<float>(routed_layers(run).size());
    // Few experts: the grid stands beside the entropy map. Many: it takes the whole width.
    const bool is_beside = experts <= kExpertsBeside;
    const float grid_width = is_beside ? std::round((avail.x - gap_px) * 0.46F) : avail.x;
    const float cell =
        std::min(em(4.4F), (grid_width - em(4.5F)) / static_cast<float>(std::max(1, experts)));
    const float wanted = em(4.6F) + layers * cell;
    const float top = std::round(std::clamp(wanted, em(13), std::max(em(13), avail.y * 0.46F)));
    draw_grid(studio, {start.x, start.y, grid_width, top}, cell);
    if (is_beside) {
      ImGui::SetCursorScreenPos({start.x + grid_width + gap_px, start.y});
      draw_entropy_map(studio, entropy_, avail.x - grid_width - gap_px, top, nullptr, true);
    }
    const float rest = std::max(em(14), avail.y - top - gap_px);
    const float main = is_beside ? rest : std::round(rest * 0.6F);
    ImGui::SetCursorScreenPos({start.x, start.y + top + gap_px});
    draw_utilisation_map(studio, utilisation_, avail.x, main, nullptr, true);
    if (!is_beside) {
      ImGui::SetCursorScreenPos({start.x, start.y + top + main + 2.0F * gap_px});
      draw_entropy_map(studio, entropy_, avail.x, rest - main - gap_px, nullptr, true);
    }
  }

  struct Place {
    float x, y, width, height;
  };

  static int num_experts(const RunView& run) {
    std::size_t most = 0;
    for (const int layer : routed_layers(run))
      most = std::max(
          most, static_cast<std::size_t>(run.map("tokens_per_expert", layer)->columns->num_rows));
    return static_cast<int>(most);
  }

  static void include_data(Studio& studio) {
    PlotGroup& group = studio.plots.group;
    group.begin_frame();
    group.is_growing = studio.run->state == RunState::kRunning;
    if (const Series* loss = studio.run->scalar("train_loss"); loss != nullptr && !loss->empty()) {
      const Column x = x_column(*loss, group.axis);
      group.include(x[0], x[x.size() - 1]);
    }
    group.update_range();
  }

  /// Load ÷ fair share of every expert at the head of the play-back, one row per layer.
  void draw_grid(Studio& studio, Place place, float cell) {
    const RunView& run = *studio.run;
    const std::vector<int> layers = routed_layers(run);
    const std::int64_t step = playback_step(studio);
    std::vector<std::vector<double>> loads;
    std::size_t columns = 0;
    for (const int layer : layers) {
      loads.push_back(load_at(*run.map("tokens_per_expert", layer)->columns, step));
      columns = std::max(columns, loads.back().size());
    }
    std::vector<float> values(layers.size() * columns, std::numeric_limits<float>::quiet_NaN());
    for (std::size_t row = 0; row < loads.size(); ++row) {
      for (std::size_t e = 0; e < loads[row].size(); ++e)
        values[row * columns + e] = static_cast<float>(loads[row][e]);
    }
    CardOptions card;
    card.size = {place.width, place.height};
    ImGui::SetCursorScreenPos({place.x, place.y});
    const std::string caption =
        "load ÷ fair share, " +
        (studio.playback.is_live ? std::string("now") : "step " + grouped_number(step));
    card.caption = caption;
    card.reserved_right = em(14);
    begin_card("###routing.now", "Layer × expert", card);
    GridMapOptions options;
    options.num_rows = static_cast<int>(layers.size());
    options.num_columns = static_cast<int>(columns);
    options.scale = load_scale(has_fixed_scale_, values);
    draw_legend({card_title_max().x, card_title_min().y},
                em(9.5F),
                options.scale,
                scale_histogram(values, options.scale));
    options.row_name = [&layers](int row) {
      return layer_name(layers[static_cast<std::size_t>(row)]);
    };
    options.column_name = expert_name;
    options.format = load_text;
    options.max_cell = cell;
    options.selected_column = studio.selection.expert;
    const auto at = std::find(layers.begin(), layers.end(), studio.selection.layer);
    options.selected_row = at == layers.end() ? -1 : static_cast<int>(at - layers.begin());
    {
      const PanelBody body("###routing.grid", {0.0F, 0.0F}, 0.85F, 0.2F);
      const GridResult result = grid_.draw(values, options);
      if (result.is_clicked && result.hovered_row >= 0) {
        studio.selection.layer = layers[static_cast<std::size_t>(result.hovered_row)];
        studio.selection.expert = result.hovered_column;
      }
    }
    end_card();
  }

  bool has_fixed_scale_ = true;
  GridMap grid_{"routing.grid"};
  TimeMap utilisation_{"routing.utilisation"};
  TimeMap entropy_{"routing.entropy"};
};

}  // namespace

std::unique_ptr<Panel> make_routing_panel() {
  return std::make_unique<RoutingPanel>();
}

}  // namespace switchyard::ui
