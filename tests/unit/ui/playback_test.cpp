// Play-back of the recorded routing: where the head stands and how it moves.
#include "ui/model/playback.h"

#include <gtest/gtest.h>

#include "ui/model/routing_view.h"
#include "ui/model/run_view_builder.h"
#include "ui/plot/map_columns.h"

namespace switchyard::ui {
namespace {

const std::vector<std::int64_t> kSteps = {10, 20, 30, 40, 50};

TEST(Playback, FollowsTheNewestSampleUntilAPersonSeeks) {
  Playback playback;
  EXPECT_EQ(playback.head(kSteps), 50);
  EXPECT_EQ(playback.head({}), 0);
  playback.seek(kSteps, 34);
  EXPECT_FALSE(playback.is_live);
  EXPECT_EQ(playback.head(kSteps), 30);
  EXPECT_EQ(playback.head({10, 20, 30, 40, 50, 60}), 30) << "new samples do not move the head";
  playback.seek(kSteps, -5);
  EXPECT_EQ(playback.head(kSteps), 10);
  playback.go_live();
  EXPECT_EQ(playback.head(kSteps), 50);
}

TEST(Playback, MovesSampleBySampleAndStopsAtTheEnds) {
  Playback playback;
  playback.move_by(kSteps, -1);
  EXPECT_EQ(playback.head(kSteps), 40);
  playback.move_by(kSteps, -10);
  EXPECT_EQ(playback.head(kSteps), 10);
  playback.move_by(kSteps, 100);
  EXPECT_EQ(playback.head(kSteps), 50);
  EXPECT_FALSE(playback.is_live);
}

TEST(Playback, PlaysByTheClockAndEndsAtTheLastSample) {
  Playback playback;
  playback.speed = 1;
  playback.toggle(kSteps, 100.0);  // at the end: begins again
  EXPECT_EQ(playback.head(kSteps), 10);
  EXPECT_TRUE(playback.advance(kSteps, 100.05));
  EXPECT_EQ(playback.head(kSteps), 10);
  EXPECT_TRUE(playback.advance(kSteps, 100.21));
  EXPECT_EQ(playback.head(kSteps), 30);
  playback.toggle(kSteps, 100.3);
  EXPECT_FALSE(playback.advance(kSteps, 200.0));
  EXPECT_EQ(playback.head(kSteps), 30);
  playback.toggle(kSteps, 300.0);
  EXPECT_EQ(playback.head(kSteps), 30) << "goes on where it stood";
  EXPECT_FALSE(playback.advance(kSteps, 1e6)) << "a long pause of the window is no overrun";
  EXPECT_EQ(playback.head(kSteps), 50);
}

TEST(Playback, ShowsTheLoadsOfThatTime) {
  RunViewBuilder builder("/runs/a");
  store::Delta delta;
  delta.vectors.push_back({"tokens_per_expert",
                           0,
                           {{{10, 0, 0.0, 0.0}, {4.0F, 4.0F}}, {{20, 0, 0.0, 0.0}, {8.0F, 0.0F}}}});
  builder.apply(delta, 1.0);
  const auto run = builder.publish({}, 1.0);
  EXPECT_EQ(routing_steps(*run), (std::vector<std::int64_t>{10, 20}));
  const MapColumns& columns = *run->map("tokens_per_expert", 0)->columns;
  EXPECT_EQ(load_at(columns, 19), (std::vector<double>{1.0, 1.0}));
  EXPECT_EQ(load_at(columns, 20), (std::vector<double>{2.0, 0.0}));
  EXPECT_EQ(load_at(columns, 3), (std::vector<double>{1.0, 1.0}));
  EXPECT_EQ(layer_health(*run, 10)[0].num_dead, 0);
  EXPECT_EQ(layer_health(*run, 25)[0].num_dead, 1);
}

}  // namespace
}  // namespace switchyard::ui
