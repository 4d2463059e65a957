// The plot board: what stands on it, how it is rearranged, where cards lie, what is kept.
#include "ui/model/plot_board.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "ui/model/run_view_builder.h"
#include "ui/model/text_filter.h"

namespace switchyard::ui {
namespace {

std::shared_ptr<const RunView> run_with(const std::vector<std::string>& metrics, bool is_routed) {
  RunViewBuilder builder("/runs/a-001");
  store::Delta delta;
  for (const std::string& metric : metrics) {
    delta.metrics.push_back({metric, "unit", "What it is.", false});
    store::ScalarSeries series;
    series.metric = metric;
    for (std::int64_t step = 1; step <= 4; ++step) {
      series.step.push_back(step);
      series.tokens.push_back(step);
      series.seconds.push_back(1.0);
      series.flops.push_back(1.0);
      series.value.push_back(2.0);
    }
    delta.scalars.push_back(series);
  }
  if (is_routed) {
    store::VectorSeries loads;
    loads.metric = "tokens_per_expert";
    loads.layer = 0;
    loads.samples.push_back({{1, 1, 1.0, 1.0}, {1.0F, 2.0F}});
    delta.vectors.push_back(loads);
  }
  builder.apply(delta, 1.0);
  return builder.publish({}, 1.0);
}

std::vector<std::string> names(const std::vector<PlotCard>& cards) {
  std::vector<std::string> result;
  for (const PlotCard& card : cards) result.push_back(card.metric);
  return result;
}

TEST(PlotBoard, FollowsWhatIsRecordedUntilItIsTouched) {
  PlotBoard board;
  const auto dense = run_with({"train_loss"}, false);
  EXPECT_EQ(names(board.cards(*dense)),
            (std::vector<std::string>{"train_loss",
                                      "train_perplexity",
                                      "tokens_per_second",
                                      "learning_rate",
                                      "grad_norm",
                                      "val_loss"}));
  const auto routed = run_with({"train_loss", "val_loss", "memory_bytes"}, true);
  const std::vector<std::string> all = names(board.cards(*routed));
  EXPECT_EQ(all[1], "val_perplexity");
  EXPECT_EQ(all[3], kUtilisationCard);
  EXPECT_EQ(all[4], kEntropyCard);
  EXPECT_EQ(all.back(), "memory_bytes");
  board.remove(*dense, "learning_rate");
  EXPECT_EQ(board.cards(*routed).size(), 5U) << "an arranged board stays as it was arranged";
  board.reset();
  EXPECT_EQ(names(board.cards(*routed)), all);
}

TEST(PlotBoard, AddsEveryMetricOnce) {
  PlotBoard board;
  const auto run = run_with({"train_loss", "router_z_loss"}, false);
  board.add(*run, "router_z_loss");
  board.add(*run, "router_z_loss");
  const std::vector<std::string> shown = names(board.cards(*run));
  EXPECT_EQ(std::count(shown.begin(), shown.end(), "router_z_loss"), 1);
  EXPECT_TRUE(board.contains(*run, "router_z_loss"));
}

TEST(PlotBoard, MovesCardsWithinTheirGroup) {
  PlotBoard board;
  const auto run = run_with({"train_loss"}, false);
  EXPECT_TRUE(board.move(*run, "val_loss", 0));
  EXPECT_EQ(board.cards(*run).front().metric, "val_loss");
  EXPECT_FALSE(board.move(*run, "val_loss", 0));
  board.set_pinned(*run, "grad_norm", true);
  EXPECT_EQ(board.cards(*run).front().metric, "grad_norm");
  EXPECT_FALSE(board.move(*run, "grad_norm", 4)) << "a pinned card stays before the others";
  board.move(*run, "learning_rate", 0);
  EXPECT_EQ(names(board.cards(*run))[1], "learning_rate") << "and no other passes it";
  board.set_pinned(*run, "grad_norm", false);
  EXPECT_FALSE(board.cards(*run).front().is_pinned);
  EXPECT_FALSE(board.move(*run, "nothing", 1));
}

TEST(PlotBoard, SurvivesASession) {
  PlotBoard board;
  const auto run = run_with({"train_loss"}, false);
  board.set_size(*run, "train_loss", CardSize::kSmall);
  board.set_pinned(*run, "val_loss", true);
  CardView& view = board.views["grad_norm"];
  view.axis = XAxis::kFlops;
  view.y_scale = YScaleKind::kSymlog;
  view.y_min = -1.5;
  view.is_clipped = true;
  PlotBoard restored;
  restore_board(restored, board_json(board));
  EXPECT_EQ(restored.cards(*run), board.cards(*run));
  EXPECT_EQ(restored.view("grad_norm"), view);
  restore_board(restored, Json::object({{"cards", "garbage"}, {"views", 7}}));
  EXPECT_FALSE(restored.arranged.has_value());
}

std::vector<PlotCard> cards_of(std::initializer_list<CardSize> sizes) {
  std::vector<PlotCard> cards;
  for (const CardSize size : sizes) cards.push_back({"m" + std::to_string(cards.size()), size});
  return cards;
}

void expect_apart_and_inside(const BoardLayout& layout, float width) {
  for (std::size_t i = 0; i < layout.boxes.size(); ++i) {
    const CardBox& a = layout.boxes[i];
    EXPECT_GT(a.width, 60.0F);
    EXPECT_GT(a.height, 60.0F);
    EXPECT_GE(a.x, 0.0F);
    EXPECT_LE(a.x + a.width, width + 0.5F);
    EXPECT_LE(a.y + a.height, layout.height + 0.5F);
    for (std::size_t j = 0; j < i; ++j) {
      const CardBox& b = layout.boxes[j];
      const bool is_apart = a.x >= b.x + b.width || b.x >= a.x + a.width || a.y >= b.y + b.height ||
                            b.y >= a.y + a.height;
      EXPECT_TRUE(is_apart) << i << " and " << j << " at width " << width;
    }
  }
}

TEST(BoardLayout, NeverOverlapsWhateverTheSizes) {
  using enum CardSize;
  const std::vector<std::vector<PlotCard>> boards = {
      cards_of({kLarge, kSmall, kSmall, kLarge, kMedium, kMedium, kMedium, kMedium}),
      cards_of({kSmall, kSmall, kSmall, kSmall, kSmall, kLarge}),
      cards_of({kLarge, kLarge, kLarge}),
      cards_of({kMedium}),
      cards_of({kLarge, kSmall, kMedium, kSmall, kSmall, kSmall, kSmall, kSmall, kSmall, kLarge}),
      {}};
  for (const auto& cards : boards) {
    for (const float width : {300.0F, 620.0F, 900.0F, 1800.0F}) {
      expect_apart_and_inside(arrange_board(cards, width, 700.0F, 13.0F, 6.0F), width);
    }
  }
}

TEST(BoardLayout, StandsAsTheTrainScreenDoes) {
  using enum CardSize;
  const auto cards = cards_of({kLarge, kSmall, kSmall, kLarge, kMedium, kMedium, kMedium, kMedium});
  const BoardLayout layout = arrange_board(cards, 900.0F, 700.0F, 13.0F, 6.0F);
  EXPECT_EQ(layout.height, 700.0F) << "fills what is there";
  EXPECT_EQ(layout.boxes[1].x, layout.boxes[2].x) << "two small ones above each other";
  EXPECT_EQ(layout.boxes[0].height, layout.boxes[2].y + layout.boxes[2].height);
  EXPECT_EQ(layout.boxes[4].y, layout.boxes[3].y);
  EXPECT_EQ(layout.boxes[5].y, layout.boxes[7].y) << "the rest in one band";
  const BoardLayout narrow = arrange_board(cards, 400.0F, 700.0F, 13.0F, 6.0F);
  EXPECT_GT(narrow.height, 700.0F) << "scrolls rather than squeezes";
  for (const CardBox& box : narrow.boxes) EXPECT_EQ(box.width, 400.0F);
}

TEST(MetricText, NamesEveryMetric) {
  const auto run = run_with({"train_loss", "router_z_loss"}, false);
  EXPECT_EQ(metric_text(*run, "router_z_loss").title, "Router z loss");
  EXPECT_EQ(metric_text(*run, "router_z_loss").help, "What it is.");
  EXPECT_EQ(metric_text(*run, "train_loss").title, "Loss");
  EXPECT_TRUE(metric_text(*run, "train_loss").may_be_log);
}

TEST(TextFilter, TakesWordsGlobsAndExpressions) {
  const auto matches = [](const char* filter, const char* name) {
    const auto parsed = TextFilter::parse(filter);
    return parsed.ok() && parsed.value().matches(name, "Gradient norm");
  };
  EXPECT_TRUE(matches("", "grad_norm"));
  EXPECT_TRUE(matches("NORM grad", "grad_norm"));
  EXPECT_TRUE(matches("gradient", "grad_norm"));
  EXPECT_FALSE(matches("norm loss", "grad_norm"));
  EXPECT_TRUE(matches("*norm", "grad_norm"));
  EXPECT_FALSE(matches("norm*", "grad_norm"));
  EXPECT_TRUE(matches("gr?d_*", "grad_norm"));
  EXPECT_TRUE(matches("/^(val|grad)_/", "grad_norm"));
  EXPECT_FALSE(matches("/^norm/", "grad_norm"));
  const auto bad = TextFilter::parse("/(open");
  ASSERT_FALSE(bad.ok());
  EXPECT_NE(bad.error().message.find("regular expression"), std::string::npos);
}

TEST(YScale, PlacesAndFindsTheSameValues) {
  for (const YScaleKind kind : {YScaleKind::kLinear, YScaleKind::kLog, YScaleKind::kSymlog}) {
    const double low = kind == YScaleKind::kLog ? 0.01 : -50.0;
    const YScale scale{kind, low, 1000.0, 0.5};
    EXPECT_NEAR(scale.place(low), 0.0, 1e-12);
    EXPECT_NEAR(scale.place(1000.0), 1.0, 1e-12);
    double before = -1.0;
    for (double p = 0.0; p <= 1.0; p += 0.05) {
      EXPECT_NEAR(scale.place(scale.value_at(p)), p, 1e-9);
      EXPECT_GT(scale.value_at(p), before < 0.0 ? -1e9 : scale.value_at(before));
      before = p;
    }
    for (const Tick& tick : scale.ticks(5)) {
      EXPECT_GE(tick.value, low - 1e-9);
      EXPECT_LE(tick.value, 1000.0 + 1e-9);
    }
    EXPECT_LE(scale.ticks(5).size(), 6U);
  }
}

TEST(YScale, KeepsManualLimitsAndShowsZeroInSymlog) {
  Extent extent;
  extent.add(-20.0);
  extent.add(3000.0);
  YFit fit;
  fit.kind = YScaleKind::kSymlog;
  const YScale symlog = fit_y_scale(extent, fit);
  EXPECT_LT(symlog.min, -20.0);
  EXPECT_GT(symlog.max, 3000.0);
  bool has_zero = false;
  for (const Tick& tick : symlog.ticks(7)) has_zero = has_zero || tick.value == 0.0;
  EXPECT_TRUE(has_zero);
  fit.kind = YScaleKind::kLinear;
  fit.min = 1.0;
  fit.max = 2.0;
  EXPECT_EQ(fit_y_scale(extent, fit).min, 1.0);
  EXPECT_EQ(fit_y_scale(extent, fit).max, 2.0);
  fit.max = 0.5;  // nonsense: the axis stays one that can be drawn
  EXPECT_GT(fit_y_scale(extent, fit).max, fit_y_scale(extent, fit).min);
  fit.kind = YScaleKind::kLog;
  fit.min = -3.0;
  EXPECT_GT(fit_y_scale(extent, fit).min, 0.0);
}

TEST(YScale, ClipsOutliersByPercentile) {
  std::vector<double> values(1000, 1.0);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0 + 0.001 * static_cast<double>(i);
  values[17] = 1e9;
  values[400] = -1e9;
  values[500] = std::nan("");
  const Extent clipped = clipped_extent(values, 1.0, 99.0);
  EXPECT_GT(clipped.min, 1.0);
  EXPECT_LT(clipped.max, 2.0);
  std::vector<double> none;
  EXPECT_TRUE(clipped_extent(none, 1.0, 99.0).empty());
}

}  // namespace
}  // namespace switchyard::ui
