#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/model/routing_compare.h"
#include "ui/panels/common.h"
#include "ui/panels/load_grid.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/shell/theme.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kGapEm = 0.46F;

/// Two moments, of one run or of two, side by side on one scale, and their quotient.
class RoutingComparePanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    if (draw_without_routing(*studio.run)) return;
    shown_layer(studio);
    draw_toolbar(studio);
    RoutingState& state = studio.routing;
    const std::shared_ptr<const RunView> from = view_of(studio, state.compared_from.root);
    const std::shared_ptr<const RunView> to = view_of(studio, state.compared_to.root);
    if (from == nullptr || to == nullptr) {
      loading_state("Routing of the other run", -1.0F);
      return;
    }
    const RoutingGrid a =
        routing_grid(*from, state.quantity, step_of(studio, *from, state.compared_from));
    const RoutingGrid b =
        routing_grid(*to, state.quantity, step_of(studio, *to, state.compared_to));
    const RoutingGrid quotient = quotient_of(a, b);
    const PanelBody body("###compare.body", {0.0F, 0.0F}, kGapEm, kGapEm);
    if (quotient.layers.empty() || quotient.num_columns == 0) {
      empty_state(Icon::kRouting,
                  "Nothing in common",
                  "The two have no routed layer of the same number: choose other runs.");
      return;
    }
    draw_summary(a, b);
    draw_cards(studio, a, b, quotient);
  }

 private:
  static std::shared_ptr<const RunView> view_of(const Studio& studio, const std::string& root) {
    if (root.empty() || root == studio.run->root) return studio.run;
    const auto found = studio.overlay.views.find(root);
    return found == studio.overlay.views.end() ? nullptr : found->second;
  }

  static std::int64_t step_of(const Studio& studio, const RunView& run, const RoutingMoment& at) {
    if (at.step == RoutingMoment::kHead && !studio.playback.is_live) return studio.playback.step;
    if (at.step < 0) return std::max<std::int64_t>(run.step, 0);
    return at.step;
  }

  void draw_toolbar(Studio& studio) {
    Toolbar bar("compare.toolbar");
    bar.label("A");
    draw_moment(bar, studio, "compare.from", &studio.routing.compared_from);
    bar.label("B");
    draw_moment(bar, studio, "compare.to", &studio.routing.compared_to);
    draw_color_controls(bar, studio.routing, "compare");
  }

  /// A run, which is read as an overlay when it is not the open one, and a moment of it.
  static void draw_moment(Toolbar& bar,
                          Studio& studio,
                          const std::string& id,
                          RoutingMoment* moment) {
    std::vector<std::string> roots = {""};
    std::vector<std::string> names = {"this run"};
    for (const store::RunOverview& run : studio.runs->runs) {
      if (run.root == studio.run->root) continue;
      roots.push_back(run.root);
      names.push_back(run.name);
    }
    const auto chosen = std::find(roots.begin(), roots.end(), moment->root);
    int index = chosen == roots.end() ? 0 : static_cast<int>(chosen - roots.begin());
    if (chosen == roots.end()) moment->root.clear();
    FieldOptions options;
    options.width = em(8.6F);
    bar.next(em(1.7F));
    if (combo_of(id + ".run", names, &index, options)) {
      moment->root = roots[static_cast<std::size_t>(index)];
      moment->step = RoutingMoment::kNewest;
    }
    // A run that is not shown yet is read from now on.
    if (!moment->root.empty() && !studio.overlay.contains(moment->root))
      studio.overlay.add(moment->root);
    const std::shared_ptr<const RunView> run = view_of(studio, moment->root);
    if (run == nullptr) return;
    const std::vector<MomentChoice> choices = moment_choices(*run);
    std::vector<std::string> moments;
    int at = 1;
    for (std::size_t i = 0; i < choices.size(); ++i) {
      moments.push_back(choices[i].name);
      if (choices[i].step == moment->step) at = static_cast<int>(i);
    }
    options.width = em(10.4F);
    bar.next(em(1.7F), 0.5F);
    if (combo_of(id + ".step", moments, &at, options))
      moment->step = choices[static_cast<std::size_t>(at)].step;
  }

  static bool combo_of(const std::string& id,
                       const std::vector<std::string>& names,
                       int* selected,
                       const FieldOptions& options) {
    std::vector<const char*> items;
    for (const std::string& name : names) items.push_back(name.c_str());
    return combo(("###" + id).c_str(), items, selected, options);
  }

  static void draw_summary(const RoutingGrid& a, const RoutingGrid& b) {
    const RoutingChange change = change_of(a, b);
    std::string words = "From A to B no load moved. ";
    if (change.moved_share > 0.0)
      words = "From A to B " + plain_number(100.0 * change.moved_share, 2) +
              " % of the load moved, most in layer " + std::to_string(change.most_changed_layer) +
              ". ";
    words +=
        change.num_died == 0 ? "No expert died" : std::to_string(change.num_died) + " experts died";
    if (change.num_revived > 0) words += ", " + std::to_string(change.num_revived) + " came back";
    text_wrapped(Type::kBody, theme().text2, words + ".");
    gap(0.5F);
  }

  void draw_cards(Studio& studio,
                  const RoutingGrid& a,
                  const RoutingGrid& b,
                  const RoutingGrid& quotient) {
    const ImVec2 start = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
    const float gap_px = em(kGapEm);
    std::vector<float> both = a.values;
    both.insert(both.end(), b.values.begin(), b.values.end());
    LoadGridOptions options;
    options.scale = load_scale(studio.routing.colors, both);
    options.format = load_text;
    LoadGridOptions change;
    change.scale = ratio_scale(reach_of(quotient));
    change.scale.is_zero_dead = true;
    change.scale.middle_label = "same";
    change.format = &change_text;
    change.value_name = "B ÷ A";
    const bool is_beside = avail.x > em(58);
    const float width = is_beside ? std::floor((avail.x - 2.0F * gap_px) / 3.0F) : avail.x;
    const float cells = em(2.9F) * static_cast<float>(a.layers.size()) + em(5);
    const float height = is_beside ? std::max(em(11), avail.y) : std::max(em(11), cells);
    ImVec2 at = start;
    const auto card = [&](GridMap& map,
                          const char* id,
                          const char* title,
                          const std::string& caption,
                          const RoutingGrid& grid,
                          const LoadGridOptions& how) {
      ImGui::SetCursorScreenPos(at);
      draw_card(studio, map, id, title, caption, grid, how, {width, height});
      if (is_beside)
        at.x += width + gap_px;
      else
        at.y += height + gap_px;
    };
    card(from_, "###compare.a", "A", words_of(studio, studio.routing.compared_from), a, options);
    card(to_, "###compare.b", "B", words_of(studio, studio.routing.compared_to), b, options);
    card(change_, "###compare.change", "B ÷ A", "what changed", quotient, change);
  }

  static std::string change_text(double ratio) {
    if (ratio == 0.0) return "died";
    if (ratio > 0.95 && ratio < 1.05) return "same";
    return load_text(ratio);
  }

  static std::string words_of(const Studio& studio, const RoutingMoment& moment) {
    const std::shared_ptr<const RunView> run = view_of(studio, moment.root);
    return (moment.root.empty() ? "" : run->name + ", ") + "step " +
           grouped_number(step_of(studio, *run, moment));
  }

  static void draw_card(Studio& studio,
                        GridMap& map,
                        const char* id,
                        const char* title,
                        const std::string& caption,
                        const RoutingGrid& grid,
                        const LoadGridOptions& options,
                        ImVec2 size) {
    const float legend = em(6.5F);
    CardOptions card;
    card.size = size;
    card.caption = caption;
    card.reserved_right = legend;
    begin_card(id, title, card);
    MapScale scale = options.scale;
    scale.is_zero_dead = false;  // no room for the chip beside three legends
    draw_legend({card_title_max().x, card_title_min().y},
                legend,
                scale,
                scale_histogram(grid.values, options.scale));
    {
      const PanelBody body("###cells", {0.0F, 0.0F}, 0.85F, 0.2F);
      draw_load_grid(studio, map, grid, options);
    }
    end_card();
  }

  GridMap from_{"compare.grid_a"};
  GridMap to_{"compare.grid_b"};
  GridMap change_{"compare.grid_change"};
};

}  // namespace

std::unique_ptr<Panel> make_routing_compare_panel() {
  return std::make_unique<RoutingComparePanel>();
}

}  // namespace switchyard::ui
