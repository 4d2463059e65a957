// What the reader thread makes of packed chunks: wishes, roll-backs, ten million samples.
#include <cmath>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "ui/model/run_view_builder.h"
#include "ui/model/series_stats.h"
#include "ui/plot/decimate.h"

namespace switchyard::ui {
namespace {

constexpr auto kBlock = static_cast<std::int64_t>(kSeriesBlock);

/// `count` samples from `step` on, one step apart.
store::PackedSamples chunk(std::int64_t step,
                           std::int64_t count,
                           const std::vector<double>& value) {
  std::vector<std::int64_t> steps, tokens;
  std::vector<double> seconds, flops;
  for (std::int64_t i = 0; i < count; ++i) {
    steps.push_back(step + i);
    tokens.push_back((step + i) * 768);
    seconds.push_back(static_cast<double>(step + i));
    flops.push_back(static_cast<double>(step + i) * 1e9);
  }
  using store::PackedColumn;
  return {PackedColumn::of_integers(steps),
          PackedColumn::of_integers(steps),
          PackedColumn::of_integers(tokens),
          PackedColumn::of_reals(seconds),
          PackedColumn::of_reals(flops),
          PackedColumn::of_reals(value)};
}

store::ScalarSeries packed(const std::string& metric, store::PackedSamples samples) {
  store::ScalarSeries series;
  series.metric = metric;
  series.packed = std::move(samples);
  return series;
}

TEST(RunViewBuilder, NamesMetricsBeforeTheirSamplesAreRead) {
  RunViewBuilder builder("/runs/a-001");
  store::Delta delta;
  delta.metrics.push_back({"grad_norm", "", "norm of the gradient", false});
  delta.metrics.push_back({"never", "", "", false});
  delta.available = {"grad_norm", "val_loss"};
  builder.apply(delta, 1.0);
  const auto view = builder.publish({}, 1.0);
  EXPECT_EQ(builder.wanted(), std::vector<std::string>{"train_loss"});
  EXPECT_EQ(view->scalar("never"), nullptr);
  EXPECT_EQ(view->series.size(), 3U);
  EXPECT_EQ(builder.wanted().size(), 1U) << "a list of names asks for nothing";
  ASSERT_NE(view->scalar("val_perplexity"), nullptr);
  ASSERT_NE(view->scalar("grad_norm"), nullptr);
  EXPECT_TRUE(view->scalar("grad_norm")->empty());
  EXPECT_EQ(view->series.at("grad_norm").info.help, "norm of the gradient");
  // The newest wish first; a perplexity is read as its loss.
  EXPECT_EQ(builder.wanted(), (std::vector<std::string>{"train_loss", "grad_norm", "val_loss"}));
}

TEST(SeriesRequests, TellsOfTheFirstWishOnly) {
  SeriesRequests requests;
  int num_calls = 0;
  requests.on_new([&] { ++num_calls; });
  for (int frame = 0; frame < 5; ++frame) {
    requests.ask("a");
    requests.ask("b");
  }
  EXPECT_EQ(num_calls, 2);
  requests.on_new({});
  requests.ask("c");
  EXPECT_EQ(requests.wanted(), (std::vector<std::string>{"c", "b", "a"}));
}

TEST(RunViewBuilder, TakesChunksAndRowsToTheSameSeries) {
  std::vector<double> value(kSeriesBlock);
  for (std::size_t i = 0; i < value.size(); ++i) value[i] = std::sin(static_cast<double>(i));
  RunViewBuilder builder("/runs/a-001");
  store::Delta delta;
  delta.scalars.push_back(packed("train_loss", chunk(0, kBlock, value)));
  delta.scalars.push_back(packed("train_loss", chunk(kBlock, kBlock, value)));
  store::ScalarSeries row;
  row.metric = "train_loss";
  row.step = {2 * kBlock}, row.tokens = {1}, row.seconds = {2.0}, row.flops = {3.0};
  row.value = {4.0};
  delta.scalars.push_back(row);
  delta.scalars.push_back(packed("train_loss", chunk(2 * kBlock + 1, kBlock, value)));
  builder.apply(delta, 1.0);
  const auto view = builder.publish({}, 1.0);
  const Series& loss = *view->scalar("train_loss");
  const Series& perplexity = *view->scalar("train_perplexity");
  ASSERT_EQ(loss.size(), 3 * kSeriesBlock + 1);
  ASSERT_EQ(perplexity.size(), loss.size());
  for (std::size_t i = 0; i < loss.size(); ++i) {
    ASSERT_EQ(loss.step(i), static_cast<std::int64_t>(i));
    ASSERT_EQ(perplexity.step(i), loss.step(i));
    ASSERT_DOUBLE_EQ(perplexity.value(i), std::exp(loss.value(i)));
  }
  EXPECT_EQ(loss.value(2 * kSeriesBlock), 4.0);
  EXPECT_EQ(view->step, 3 * kBlock);
}

TEST(RunViewBuilder, AChunkThatGoesBackHidesWhatCameAfter) {
  const std::vector<double> low(kSeriesBlock, 1.0), high(kSeriesBlock, 2.0);
  RunViewBuilder builder("/runs/a-001");
  store::Delta delta;
  delta.scalars.push_back(packed("val_loss", chunk(0, kBlock, low)));
  delta.scalars.push_back(packed("val_loss", chunk(1000, kBlock, high)));
  builder.apply(delta, 1.0);
  const auto view = builder.publish({}, 1.0);
  const Series& loss = *view->scalar("val_loss");
  ASSERT_EQ(loss.size(), 1000 + kSeriesBlock);
  EXPECT_EQ(loss.value(999), 1.0);
  EXPECT_EQ(loss.value(1000), 2.0);
  EXPECT_EQ(view->scalar("val_perplexity")->size(), loss.size());
  EXPECT_DOUBLE_EQ(view->scalar("val_perplexity")->value(1000), std::exp(2.0));
}

TEST(RunViewBuilder, CopiesLargeMapsLessOftenButNotNever) {
  RunViewBuilder builder("/runs/a-001");
  const auto add = [&](std::int64_t step) {
    store::Delta delta;
    delta.vectors.push_back({"tokens_per_expert", 0, {}});
    for (std::int64_t i = 0; i < 100; ++i)
      delta.vectors[0].samples.push_back(
          {{step + i, 0, 0.0, 0.0}, std::vector<float>(20'000, 1.0F)});
    builder.apply(delta, 1.0);
  };
  const auto columns = [&](double now) {
    return builder.publish({}, now)->map("tokens_per_expert", 0)->columns->num_columns();
  };
  add(0);
  EXPECT_EQ(columns(1.0), 100U);
  add(100);
  EXPECT_EQ(columns(1.1), 100U);
  EXPECT_TRUE(builder.is_behind());
  EXPECT_EQ(columns(1.6), 200U);
  EXPECT_FALSE(builder.is_behind());
}

TEST(RunViewBuilder, KeepsTenMillionSamplesWithHolesUsable) {
  constexpr std::int64_t kChunks = 2442;  // 10,002,432 samples
  std::vector<double> value(kSeriesBlock);
  for (std::size_t i = 0; i < value.size(); ++i)
    value[i] = i % 1000 == 999 ? std::nan("") : 2.0 + 0.001 * static_cast<double>(i % 7);
  RunViewBuilder builder("/runs/long-001");
  const store::PackedSamples first = chunk(0, kBlock, value);
  store::Delta delta;
  for (std::int64_t c = 0; c < kChunks; ++c) {
    store::PackedSamples samples = first;
    std::vector<std::int64_t> steps(kSeriesBlock);
    for (std::int64_t i = 0; i < kBlock; ++i) steps[static_cast<std::size_t>(i)] = c * kBlock + i;
    samples.step = store::PackedColumn::of_integers(steps);
    if (c == 1234) {
      std::vector<double> spiked = value;
      spiked[100] = 50.0;
      samples.value = store::PackedColumn::of_reals(spiked);
    }
    delta.scalars.push_back(packed("grad_norm", std::move(samples)));
  }
  builder.apply(delta, 1.0);
  const auto view = builder.publish({}, 1.0);
  const Series& series = *view->scalar("grad_norm");
  ASSERT_EQ(series.size(), static_cast<std::size_t>(kChunks * kBlock));
  EXPECT_LE(series.memory_bytes(), series.size() * 16);
  Decimated out;
  const ViewRange all = {0.0, static_cast<double>(kChunks * kBlock), 1000, false};
  decimate({series, XAxis::kSteps}, series.values(), all, out);
  EXPECT_LE(out.x.size(), 6'100U);
  EXPECT_EQ(out.visible.max, 50.0);
  EXPECT_EQ(out.visible.num_bad, 4U * kChunks);
  const SeriesStats stats = series_stats(series);
  EXPECT_EQ(stats.maximum, 50.0);
  EXPECT_EQ(stats.minimum_step, 0);
  EXPECT_EQ(stats.num_bad, 4 * kChunks);
  // One more sample costs as much as in a short run: the old snapshot stays, nothing is copied.
  store::Delta more;
  store::ScalarSeries row;
  row.metric = "grad_norm";
  row.step = {kChunks * kBlock}, row.tokens = {0}, row.seconds = {0.0}, row.flops = {0.0};
  row.value = {1.0};
  more.scalars.push_back(row);
  builder.apply(more, 2.0);
  EXPECT_EQ(builder.publish({}, 2.0)->scalar("grad_norm")->size(), series.size() + 1);
}

}  // namespace
}  // namespace switchyard::ui
