#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "ui/model/routing_view.h"
#include "ui/panels/common.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/plot/map_columns.h"
#include "ui/shell/theme.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/states.h"

namespace switchyard::ui {
namespace {

constexpr float kGapEm = 0.46F;

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
    include_data(studio);
    const PanelBody body("###routing.body", {0.0F, 0.0F}, kGapEm, kGapEm);
    const ImVec2 avail = ImGui::GetContentRegionAvail();
    const float gap = em(kGapEm);
    const auto layers = static_cast<float>(routed_layers(run).size());
    const float grid = std::clamp(em(5.2F) + layers * em(2.6F), em(10), avail.y * 0.42F);
    const float rest = std::max(em(22), avail.y - grid - 2.0F * gap);
    draw_grid(studio, grid);
    ImGui::SetCursorPosY(ImGui::GetCursorPosY() + gap - ImGui::GetStyle().ItemSpacing.y);
    draw_utilisation_map(studio, utilisation_, 0.0F, std::round(rest * 0.58F));
    ImGui::SetCursorPosY(ImGui::GetCursorPosY() + gap - ImGui::GetStyle().ItemSpacing.y);
    draw_entropy_map(studio, entropy_, 0.0F, rest - std::round(rest * 0.58F));
  }

 private:
  static void include_data(Studio& studio) {
    PlotGroup& group = studio.plots.group;
    group.begin_frame();
    if (const store::ScalarSeries* loss = studio.run->scalar("train_loss");
        loss != nullptr && !loss->step.empty()) {
      const Column x = x_column(*loss, group.axis);
      group.include(x[0], x[x.size() - 1]);
    }
    group.update_range();
  }

  /// Load ÷ fair share of every expert in the newest sample, one row per layer.
  void draw_grid(Studio& studio, float height) {
    const RunView& run = *studio.run;
    const std::vector<int> layers = routed_layers(run);
    std::vector<std::vector<double>> loads;
    std::size_t columns = 0;
    for (const int layer : layers) {
      loads.push_back(newest_load(*run.map("tokens_per_expert", layer)->columns));
      columns = std::max(columns, loads.back().size());
    }
    std::vector<float> values(layers.size() * columns, std::numeric_limits<float>::quiet_NaN());
    for (std::size_t row = 0; row < loads.size(); ++row) {
      for (std::size_t e = 0; e < loads[row].size(); ++e)
        values[row * columns + e] = static_cast<float>(loads[row][e]);
    }
    CardOptions card;
    card.size = {0.0F, height};
    card.caption = "load ÷ fair share, newest sample";
    card.reserved_right = em(14);
    begin_card("###routing.now", "Layer × expert", card);
    GridMapOptions options;
    options.num_rows = static_cast<int>(layers.size());
    options.num_columns = static_cast<int>(columns);
    options.scale = fair_share_scale();
    options.scale.is_zero_dead = true;
    draw_legend({card_title_max().x, card_title_min().y + em(0.45F)}, em(9.5F), options.scale);
    options.row_name = [&layers](int row) {
      return layer_name(layers[static_cast<std::size_t>(row)]);
    };
    options.column_name = expert_name;
    options.format = load_text;
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

  GridMap grid_{"routing.grid"};
  TimeMap utilisation_{"routing.utilisation"};
  TimeMap entropy_{"routing.entropy"};
};

}  // namespace

std::unique_ptr<Panel> make_routing_panel() {
  return std::make_unique<RoutingPanel>();
}

}  // namespace switchyard::ui
