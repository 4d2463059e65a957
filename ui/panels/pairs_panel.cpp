#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/model/probe_view.h"
#include "ui/panels/common.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/probe_parts.h"
#include "ui/panels/registry.h"
#include "ui/plot/heat_map.h"
#include "ui/plot/plot_frame.h"
#include "ui/plot/xy_plot.h"
#include "ui/shell/theme.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kGapEm = 0.46F;
constexpr std::size_t kMostPairs = 8;

/// Which experts are chosen together, where tokens go in the next layer, and how settled both are.
class PairsPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    if (draw_without_routing(*studio.run)) return;
    const store::ProbeSample* sample = probe_at(*studio.run, playback_step(studio));
    if (sample == nullptr) {
      draw_without_probe();
      return;
    }
    const int number = shown_layer(studio);
    draw_toolbar(studio, *sample);
    const routing::ProbeLayer* layer = probe_layer(*sample->probe, number);
    if (layer == nullptr) {
      draw_without_probe();
      return;
    }
    const PanelBody body("###pairs.body", {0.0F, 0.0F}, kGapEm, kGapEm);
    const ImVec2 start = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
    const float gap_px = em(kGapEm);
    const bool is_beside = avail.x > em(58);
    const float width = is_beside ? std::floor((avail.x - 2.0F * gap_px) / 3.0F) : avail.x;
    const float height = is_beside ? std::max(em(16), avail.y) : em(20);
    ImVec2 at = start;
    const auto next = [&] {
      if (is_beside)
        at.x += width + gap_px;
      else
        at.y += height + gap_px;
      ImGui::SetCursorScreenPos(at);
    };
    draw_together(studio, *layer, {width, height});
    next();
    draw_flow(*layer, {width, height});
    next();
    draw_saturation(studio, {width, height});
  }

 private:
  static void draw_toolbar(Studio& studio, const store::ProbeSample& sample) {
    Toolbar bar("pairs.toolbar");
    bar.label("Layer");
    bar.next(em(1.7F));
    layer_combo(studio, "###pairs.layer", em(4.6F));
    bar.label(probe_words(sample));
  }

  void draw_together(Studio& studio, const routing::ProbeLayer& layer, ImVec2 size) {
    const std::vector<float> values = coactivation_map(layer);
    const std::vector<routing::ExpertPair> pairs =
        routing::strongest_pairs(layer, kMostPairs, routing::kLeastOccurrences);
    const float list = em(1.75F) * static_cast<float>(pairs.size()) + em(2.4F);
    draw_share_card("###pairs.together",
                    "Co-activation",
                    "of a row's tokens, the share that the column took too",
                    together_,
                    values,
                    static_cast<int>(layer.num_experts),
                    size,
                    std::min(list, size.y * 0.5F),
                    [&] { draw_pairs(studio, pairs); });
  }

  static void draw_pairs(Studio& studio, const std::vector<routing::ExpertPair>& pairs) {
    const ThemeTokens& t = theme();
    panel_title("Strongest pairs", "share of the rarer one");
    for (const routing::ExpertPair& pair : pairs) {
      const ImVec2 min = ImGui::GetCursorScreenPos();
      const float width = ImGui::GetContentRegionAvail().x;
      const auto expert = static_cast<int>(pair.first);
      const std::string id = std::to_string(pair.first) + "." + std::to_string(pair.second);
      if (list_row(("###pairs.pair." + id).c_str(), studio.selection.expert == expert, 1.75F))
        studio.selection.expert = expert;
      ImDrawList* list = ImGui::GetWindowDrawList();
      const float y = std::round(min.y + (em(1.75F) - line_height(Type::kDigits)) * 0.5F);
      draw_text(list,
                Type::kDigits,
                {min.x + em(0.5F), y},
                t.text1,
                expert_name(expert) + " with " + expert_name(static_cast<int>(pair.second)));
      draw_text_right(list,
                      Type::kDigits,
                      {min.x + width - em(0.5F), y},
                      pair.share > 0.9 ? t.attention : t.text1,
                      plain_number(100.0 * pair.share, 3) + " %");
      ImGui::SetCursorScreenPos(min);
      ImGui::Dummy({width, em(1.75F)});
    }
  }

  void draw_flow(const routing::ProbeLayer& layer, ImVec2 size) {
    const std::string title = layer.next_layer < 0 ? "Flow"
                                                   : "Flow " + layer_name(layer.layer) + " → " +
                                                         layer_name(layer.next_layer);
    const std::vector<float> values = transition_map(layer);
    draw_share_card("###pairs.flow",
                    title,
                    "first choice here, first choice there",
                    flow_,
                    values,
                    static_cast<int>(layer.next_num_experts),
                    size,
                    em(2.6F),
                    [&] {
                      property_row("Mutual information",
                                   plain_number(routing::mutual_information_nats(
                                                    layer.transition, layer.next_num_experts),
                                                3),
                                   "nats");
                    });
  }

  /// A square of shares with what stands below it.
  template <typename Below>
  static void draw_share_card(const char* id,
                              std::string_view title,
                              std::string_view caption,
                              GridMap& map,
                              const std::vector<float>& values,
                              int num_columns,
                              ImVec2 size,
                              float below_height,
                              Below below) {
    MapScale scale;
    float most = 0.01F;
    for (const float value : values) {
      if (std::isfinite(value)) most = std::max(most, value);
    }
    scale.palette = Palette::kDeviation;
    scale.high = static_cast<double>(most);
    scale.high_label = plain_number(100.0 * scale.high, 2) + " %";
    CardOptions card;
    card.size = size;
    card.caption = caption;
    card.reserved_right = em(6.5F);
    begin_card(id, title, card);
    if (values.empty() || num_columns == 0) {
      const PanelBody body("###none", {0.0F, 0.0F}, 0.85F, 0.4F);
      note("Not counted: this is the last routed layer, or it has more than 1,024 experts.");
    } else {
      draw_legend({card_title_max().x, card_title_min().y},
                  em(6.5F),
                  scale,
                  scale_histogram(values, scale));
      const PanelBody body("###cells", {0.0F, 0.0F}, 0.85F, 0.2F);
      GridMapOptions options;
      options.num_columns = num_columns;
      options.num_rows = static_cast<int>(values.size()) / num_columns;
      options.scale = scale;
      options.row_name = options.column_name = expert_name;
      options.format = [](double share) { return plain_number(100.0 * share, 2); };
      const float room = std::max(em(6), ImGui::GetContentRegionAvail().y - below_height);
      options.max_cell = std::max(px(2), (room - em(1.6F)) / static_cast<float>(options.num_rows));
      const GridResult cells = map.draw(values, options);
      if (cells.hovered_row >= 0) {
        const float share = values[static_cast<std::size_t>(cells.hovered_row * num_columns +
                                                            cells.hovered_column)];
        const std::array lines = {ReadoutLine{
            "share",
            std::isfinite(share) ? plain_number(100.0 * static_cast<double>(share), 3) + " %" : "–",
            "",
            0}};
        draw_readout(ImGui::GetIO().MousePos,
                     expert_name(cells.hovered_row) + ", " + expert_name(cells.hovered_column),
                     lines);
      }
      gap(0.5F);
      below();
    }
    end_card();
  }

  static void draw_saturation(Studio& studio, ImVec2 size) {
    const ThemeTokens& t = theme();
    CardOptions card;
    card.size = size;
    card.caption = "experts kept, of all";
    begin_card("###pairs.saturation", "Router saturation", card);
    const std::vector<store::ProbeSample>& probes = studio.run->probes;
    const std::vector<SaturationCurve> curves = saturation_curves(*studio.run);
    if (probes.size() < 2) {
      const PanelBody body("###none", {0.0F, 0.0F}, 0.85F, 0.4F);
      note("Needs two probes: the second one comes at a later step.");
      end_card();
      return;
    }
    const ImVec2 legend = ImGui::GetCursorScreenPos();
    const Color before = t.accent, last = t.run(1);
    ImDrawList* list = ImGui::GetWindowDrawList();
    float x = legend.x + em(0.85F);
    x += draw_text(list, Type::kCaption, {x, legend.y}, before, "to the probe before") + em(1);
    draw_text(list, Type::kCaption, {x, legend.y}, last, "to the last");
    ImGui::SetCursorScreenPos({legend.x, legend.y + em(1.3F)});
    std::vector<XyLine> lines;
    for (const SaturationCurve& curve : curves) {
      const bool is_selected = curve.layer == studio.selection.layer;
      lines.push_back({curve.against_previous,
                       0.0,
                       with_alpha(before, is_selected ? 1.0F : 0.3F),
                       is_selected});
      lines.push_back(
          {curve.against_last, 0.0, with_alpha(last, is_selected ? 1.0F : 0.3F), is_selected});
    }
    XyPlotOptions options;
    options.x.max = static_cast<double>(probes.size() - 1);
    options.x_title = "step";
    options.x_name = [&](double value) {
      const auto at = static_cast<std::size_t>(std::max(0.0, std::round(value)));
      return at < probes.size() ? short_number(static_cast<double>(probes[at].at.step)) : "";
    };
    draw_xy_plot("###pairs.saturation_plot", lines, options);
    end_card();
  }

  GridMap together_{"pairs.grid_together"};
  GridMap flow_{"pairs.grid_flow"};
};

}  // namespace

std::unique_ptr<Panel> make_pairs_panel() {
  return std::make_unique<PairsPanel>();
}

}  // namespace switchyard::ui
