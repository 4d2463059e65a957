// The window on folders that are no runs, or no whole ones: it says what is wrong and what to do,
// and touches nothing.
#include <algorithm>
#include <filesystem>

#include "tests/gui/app_driver.h"

namespace switchyard::test {
namespace {

using ui::RunState;

std::vector<std::string> entries_of(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    names.push_back(entry.path().string());
  std::sort(names.begin(), names.end());
  return names;
}

class Folders : public ::testing::Test {
 protected:
  /// Opens the window on `root` and expects a page with these words.
  void expect_problem(const std::string& root, const std::string& words) {
    const bool is_there = std::filesystem::exists(root);
    const auto before = is_there ? entries_of(root) : std::vector<std::string>();
    DrivenApp driven(root);
    ASSERT_TRUE(driven.play("open", [&](Hands& hands) {
      ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kDamaged; }, 30));
      ASSERT_TRUE(hands.run().problem.has_value());
      EXPECT_NE(hands.run().problem->message.find(words), std::string::npos)
          << hands.run().problem->message;
      EXPECT_FALSE(hands.run().problem->hint.empty());
      EXPECT_FALSE(hands.is_there("run.pause"));
      EXPECT_FALSE(hands.is_there("run.restart"));
      EXPECT_TRUE(hands.is_there("problem.again"));
      hands.click("problem.new");
      hands.frames(3);
      EXPECT_TRUE(hands.studio().gallery.is_open);
    }));
    EXPECT_EQ(is_there ? entries_of(root) : std::vector<std::string>(), before);
  }

  GuiWorkplace place;
};

TEST_F(Folders, ExplainsAnEmptyFolder) {
  std::filesystem::create_directories(place.folder / "empty");
  expect_problem(place.folder / "empty", "empty");
}

TEST_F(Folders, ExplainsAForeignFolder) {
  write_text(place.folder / "foreign/holiday.txt", "sun");
  expect_problem(place.folder / "foreign", "not a run folder");
}

TEST_F(Folders, ExplainsAFolderThatIsNotThere) {
  expect_problem(place.folder / "gone", "found nothing");
}

TEST_F(Folders, ExplainsARunWithoutItsConfiguration) {
  write_text(place.folder / "half/checkpoints/step_00000010/weights.safetensors", "x");
  expect_problem(place.folder / "half", "config.json is not here");
}

TEST_F(Folders, ExplainsARunWithoutItsDatabase) {
  write_text(place.folder / "half/config.json", "{}");
  write_text(place.folder / "half/checkpoints/step_00000010/weights.safetensors", "x");
  expect_problem(place.folder / "half", "run.db");
}

TEST_F(Folders, ExplainsADatabaseThatIsNone) {
  write_text(place.folder / "odd/config.json",
             test_preset("odd", place.folder / "text.txt", true, 10).dump());
  write_text(place.folder / "odd/run.db", "not a database at all, but long enough to be looked at");
  expect_problem(place.folder / "odd", "");
}

TEST_F(Folders, SaysWhyAnEngineCouldNotStart) {
  const ScopedEnvironment engine("SWITCHYARD_ENGINE", "/nowhere/switchyard-engine");
  DrivenApp driven;
  ASSERT_TRUE(driven.play("start", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait([&] { return hands.app().num_toasts() > 0; }, 20));
    EXPECT_TRUE(hands.studio().gallery.is_open);
  }));
}

}  // namespace
}  // namespace switchyard::test
