// What the Routing workspace computes: balance of layers, grids, ranks, scales, comparisons.
#include "ui/model/routing_view.h"

#include <cmath>

#include <gtest/gtest.h>

#include "ui/model/routing_compare.h"
#include "ui/model/routing_state.h"
#include "ui/model/run_view_builder.h"
#include "ui/model/studio.h"
#include "ui/plot/map_columns.h"

namespace switchyard::ui {
namespace {

store::Position at(std::int64_t step) {
  return {step, step * 10, 0.1 * static_cast<double>(step), 0.0};
}

/// Two layers of four experts at one step: one even, one with a dead and an overloaded expert.
std::shared_ptr<const RunView> two_layers() {
  RunViewBuilder builder("/runs/a");
  store::Delta delta;
  delta.vectors.push_back({"tokens_per_expert", 1, {{at(10), {10, 10, 10, 10}}}});
  delta.vectors.push_back({"tokens_per_expert", 3, {{at(10), {0, 5, 5, 30}}}});
  delta.vectors.push_back({"importance", 1, {{at(10), {4, 6, 4, 6}}}});
  delta.vectors.push_back({"importance", 3, {{at(10), {1, 1, 1, 1}}}});
  delta.vectors.push_back({"router_entropy_normalized", -1, {{at(10), {0.9F, 0.2F}}}});
  delta.vectors.push_back({"dropped_frac", -1, {{at(10), {0.0F, 0.03F}}}});
  delta.vectors.push_back({"top1_margin", -1, {{at(10), {0.4F, 0.1F}}}});
  builder.apply(delta, 1.0);
  return builder.publish({}, 1.0);
}

TEST(RoutingBalance, MeasuresEveryLayerAndFindsTheWorst) {
  const std::vector<LayerHealth> layers = layer_health(*two_layers(), 10);
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_DOUBLE_EQ(layers[0].load_cv, 0.0);
  EXPECT_NEAR(layers[0].importance_cv, 0.2, 1e-6);
  EXPECT_FALSE(layers[0].needs_attention);
  EXPECT_NEAR(layers[1].load_cv, std::sqrt((100 + 25 + 25 + 400) / 4.0) / 10.0, 1e-6);
  EXPECT_DOUBLE_EQ(layers[1].importance_cv, 0.0);
  EXPECT_EQ(layers[1].num_dead, 1);
  EXPECT_EQ(layers[1].num_overloaded, 1);
  EXPECT_NEAR(layers[1].dropped, 0.03, 1e-6);
  EXPECT_TRUE(layers[1].needs_attention);
  for (const LayerMetric& metric : layer_metrics())
    EXPECT_EQ(worst_layer(layers, metric), metric.metric.empty() ? 0 : 1) << metric.title;
  EXPECT_EQ(worst_layer({layers.data(), 1}, layer_metrics()[0]), -1) << "one has no worse one";
  EXPECT_TRUE(is_alarming(layer_metric("dropped_frac"), 0.02));
  EXPECT_FALSE(is_alarming(layer_metric("dropped_frac"), 0.005));
  EXPECT_TRUE(is_alarming(layer_metric("router_entropy_normalized"), 0.2));
  EXPECT_FALSE(is_alarming(layer_metric("top1_margin"), 0.0)) << "it has no alarm";
  EXPECT_EQ(layer_value_text(layer_metric("dropped_frac"), 0.03), "3.0 %");
}

TEST(RoutingBalance, NeverAveragesADeadExpertAway) {
  MapColumns columns;
  const int samples = static_cast<int>(MapColumns::kMaxColumns) * 4;
  for (int step = 0; step < samples; ++step)
    columns.append(at(step), std::vector<float>{step == 4321 ? 0.0F : 8.0F, 8.0F});
  ASSERT_GT(columns.stride, 1);
  EXPECT_EQ(load_at(columns, 4321)[0], 0.0);
  EXPECT_GT(load_at(columns, 4321)[1], 0.9);
  EXPECT_GT(load_at(columns, 4000)[0], 0.9);
  truncate_columns(columns, 1000);
  EXPECT_EQ(columns.zeros.size(), columns.mean.size());
}

TEST(RoutingGrid, HoldsAllLayersAndSortsTheirExperts) {
  const RoutingGrid grid = routing_grid(*two_layers(), RoutingQuantity::kLoad, 10);
  EXPECT_EQ(grid.layers, (std::vector<int>{1, 3}));
  EXPECT_EQ(grid.num_columns, 4);
  EXPECT_FLOAT_EQ(grid.row(1)[3], 3.0F);
  EXPECT_EQ(rank_curve(grid.row(1)), (std::vector<double>{3.0, 0.5, 0.5, 0.0}));
  const RoutingGrid importance = routing_grid(*two_layers(), RoutingQuantity::kImportance, 10);
  EXPECT_FLOAT_EQ(importance.row(0)[1], 1.2F);
}

TEST(LoadColors, KeepEndsInOrderAndFollowTheLoads) {
  LoadColors colors;
  colors.set_high(4.0);
  EXPECT_DOUBLE_EQ(colors.range().low, 0.25);
  const std::vector<float> loads = {0.0F, 0.5F, 2.0F};
  const MapScale fixed = load_scale(colors, loads);
  EXPECT_DOUBLE_EQ(fixed.high, 2.0);
  EXPECT_TRUE(fixed.is_dead(0.0));
  EXPECT_FLOAT_EQ(fixed.place(1.0), 0.5F);
  colors.is_fixed = false;
  EXPECT_DOUBLE_EQ(load_scale(colors, loads).high, 1.0);
  colors.kind = LoadColors::Kind::kLinear;
  EXPECT_DOUBLE_EQ(load_scale(colors, loads).low, 0.0);
  EXPECT_DOUBLE_EQ(load_scale(colors, loads).high, 2.0);
  colors.kind = LoadColors::Kind::kLog;
  EXPECT_DOUBLE_EQ(load_scale(colors, loads).low, -1.0);
  EXPECT_DOUBLE_EQ(load_scale(colors, loads).high, 1.0);
  colors.set_low(100.0);
  EXPECT_LT(colors.range().low, colors.range().high);
  colors.set_high(std::nan(""));
  EXPECT_TRUE(std::isfinite(colors.range().high));
  colors.set_high(50.0);
  EXPECT_LT(colors.range().low, colors.range().high);
}

TEST(RoutingState, ComesBackWithTheSession) {
  Studio before;
  before.routing.quantity = RoutingQuantity::kImportance;
  before.routing.colors.kind = LoadColors::Kind::kLog;
  before.routing.colors.palette = Palette::kMagma;
  before.routing.colors.set_high(16.0);
  before.routing.layer_metric = "load_cv";
  before.routing.fixed_ranges["load_cv"] = {0.0, 2.0};
  before.routing.is_log_rank = false;
  Studio after;
  restore_session(after, *parse_json(session_text(before), "session"));
  EXPECT_EQ(after.routing.quantity, before.routing.quantity);
  EXPECT_EQ(after.routing.colors, before.routing.colors);
  EXPECT_EQ(after.routing.layer_metric, "load_cv");
  EXPECT_EQ(after.routing.fixed_ranges, before.routing.fixed_ranges);
  EXPECT_FALSE(after.routing.is_log_rank);
  restore_routing(after.routing,
                  *parse_json(R"({"palette": 99, "ranges": [3], "colors": -1,
      "fixed_ranges": {"load_cv": {"low": 5, "high": 1}}})",
                              "session"));
  EXPECT_EQ(after.routing.colors.palette, Palette::kViridis);
  EXPECT_EQ(after.routing.fixed_ranges.at("load_cv").high, 2.0) << "a bad range is left out";
}

TEST(RoutingCompare, SaysWhatDiedCameBackAndMoved) {
  RoutingGrid a{{0, 1}, 4, {1, 1, 1, 1, 0, 2, 1, 1}};
  RoutingGrid b{{1, 2}, 4, {2, 0, 1, 1, 9, 9, 9, 9}};
  const RoutingGrid quotient = quotient_of(a, b);
  EXPECT_EQ(quotient.layers, std::vector<int>{1}) << "only what both have";
  EXPECT_FLOAT_EQ(quotient.values[0], 2.0F / static_cast<float>(kLeastCompared));
  EXPECT_EQ(quotient.values[1], 0.0F);
  EXPECT_EQ(quotient.values[2], 1.0F);
  EXPECT_DOUBLE_EQ(reach_of(quotient), 7.0);
  const RoutingChange change = change_of(a, b);
  EXPECT_EQ(change.num_died, 1);
  EXPECT_EQ(change.num_revived, 1);
  EXPECT_DOUBLE_EQ(change.moved_share, 0.5);
  EXPECT_EQ(change.most_changed_layer, 1);
  EXPECT_TRUE(std::isnan(change_of(a, {{7}, 4, {1, 1, 1, 1}}).moved_share));
}

TEST(RoutingCompare, OffersThePlayBackTheEndsAndEveryCheckpoint) {
  RunViewBuilder builder("/runs/a");
  store::Delta delta;
  delta.vectors.push_back({"tokens_per_expert", 0, {{at(10), {1, 1}}, {at(20), {1, 1}}}});
  delta.events.push_back({1, 10, 0.0, "checkpoint", Json::object()});
  delta.events.push_back({2, 20, 0.0, "checkpoint", Json::object()});
  builder.apply(delta, 1.0);
  const std::vector<MomentChoice> choices = moment_choices(*builder.publish({}, 1.0));
  ASSERT_EQ(choices.size(), 5U);
  EXPECT_EQ(choices[0].step, RoutingMoment::kHead);
  EXPECT_EQ(choices[3].name, "checkpoint 20");
  EXPECT_EQ(choices[4].step, 10);
}

}  // namespace
}  // namespace switchyard::ui
