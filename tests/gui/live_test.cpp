// New points come by themselves, and old ones are told by their age.
#include <signal.h>

#include "tests/gui/app_driver.h"

namespace switchyard::test {
namespace {

class Live : public GuiTest {};

double age_of_newest(Hands& hands) {
  return hands.studio().now - hands.run().last_sample_time;
}

TEST_F(Live, ShowsNewPointsByItselfAndTheAgeOfOldOnes) {
  place.set_default_steps(100'000);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("train", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().step >= 4; }, 240));
    // Nobody touches anything: points arrive and the newest is young.
    for (int i = 0; i < 5; ++i) {
      const std::int64_t step = hands.run().step;
      ASSERT_TRUE(hands.wait([&] { return hands.run().step > step; }, 60));
      EXPECT_LT(age_of_newest(hands), 2.0);
    }
    const auto engine = static_cast<pid_t>(GuiWorkplace::engine_of(hands.run().root));
    ASSERT_GT(engine, 0);
    ASSERT_EQ(kill(engine, SIGSTOP), 0);
    EXPECT_TRUE(hands.wait([&] { return age_of_newest(hands) > 3.0; }, 30));
    EXPECT_EQ(hands.run().state, ui::RunState::kRunning) << "silence is no death: the lock decides";
    ASSERT_EQ(kill(engine, SIGCONT), 0);
    EXPECT_TRUE(hands.wait([&] { return age_of_newest(hands) < 1.0; }, 30));
  }));
}

}  // namespace
}  // namespace switchyard::test
