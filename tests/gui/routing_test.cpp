// The Routing workspace: play-back over a recorded run, by mouse and by keys.
#include "tests/gui/app_driver.h"

namespace switchyard::test {
namespace {

class Routing : public GuiTest {};

TEST_F(Routing, PlaysTheRecordedRunBack) {
  place.set_default_steps(200);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("train", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == ui::RunState::kCompleted; }, 240));
    hands.click("workspace.1");
    hands.frames(6);
  }));
  ASSERT_TRUE(driven.play("scrub", [](Hands& hands) {
    ui::Playback& playback = hands.studio().playback;
    const std::vector<std::int64_t> steps = ui::routing_steps(hands.run());
    ASSERT_GT(steps.size(), 10U);
    EXPECT_TRUE(playback.is_live);
    EXPECT_EQ(playback.head(steps), steps.back());
    hands.click("playback.scrub");  // the middle of the track
    EXPECT_FALSE(playback.is_live);
    EXPECT_NEAR(static_cast<double>(playback.head(steps)),
                0.5 * static_cast<double>(steps.front() + steps.back()),
                0.1 * static_cast<double>(steps.back()));
    const std::int64_t middle = playback.head(steps);
    hands.click("playback.forth");
    EXPECT_GT(playback.head(steps), middle);
    hands.key(ImGuiKey_Comma);
    EXPECT_EQ(playback.head(steps), middle);
    hands.key(ImGuiKey_P);
    EXPECT_TRUE(playback.is_playing);
    ASSERT_TRUE(hands.wait([&] { return !playback.is_playing; }, 60));
    EXPECT_EQ(playback.head(steps), steps.back());
    EXPECT_FALSE(playback.is_live) << "the end of the play-back is a place, not the live view";
    hands.key(ImGuiKey_End);
    EXPECT_TRUE(playback.is_live);
    hands.click("playback.scrub");
    hands.frames(4);
  }));
  driven.save_picture("routing-playback-dark");
  driven.app().shell().set_theme(ui::ThemeKind::kLight);
  driven.save_picture("routing-playback-light");
  driven.save_picture("routing-playback-small-light", 1024, 640);
}

}  // namespace
}  // namespace switchyard::test
