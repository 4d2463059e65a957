// Random hands on the real window with a live engine: nothing may crash, get stuck or be lost.
//
// SY_MONKEY_SECONDS: how long (20); SY_MONKEY_SEED: which hands (7). Meant for the asan preset too.
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>

#include <signal.h>

#include <GLFW/glfw3.h>

#include "engine/base/store/run_folder.h"
#include "tests/gui/app_driver.h"

namespace switchyard::test {
namespace {

using Clock = std::chrono::steady_clock;

double number_from_environment(const char* name, double fallback) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != '\0' ? std::strtod(text, nullptr) : fallback;
}

/// One pair of hands: every choice comes from the seed, so a finding can be repeated.
class RandomHands {
 public:
  RandomHands(ui::StudioApp& app, std::uint64_t seed) : app_(app), random_(seed) {}

  /// One gesture: the mouse most of the time, then keys, sizes, themes, zoom.
  void act() {
    const int choice = below(100);
    if (choice < 45) {
      move();
      press(choice < 40 ? ImGuiMouseButton_Left : ImGuiMouseButton_Right);
    } else if (choice < 55) {
      drag();
    } else if (choice < 65) {
      ImGui::GetIO().AddMouseWheelEvent(0.0F, static_cast<float>(below(7) - 3));
    } else if (choice < 85) {
      key();
    } else if (choice < 92) {
      type();
    } else if (choice < 96) {
      glfwSetWindowSize(app_.window().handle(), 640 + below(1100), 400 + below(700));
    } else if (choice < 98) {
      app_.shell().set_theme(static_cast<ui::ThemeKind>(below(3)));
    } else {
      app_.shell().set_zoom(0.75F + 0.25F * static_cast<float>(below(6)));
    }
  }

 private:
  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }

  void move() {
    const ImVec2 size = ImGui::GetIO().DisplaySize;
    x_ = static_cast<float>(below(std::max(1, static_cast<int>(size.x))));
    y_ = static_cast<float>(below(std::max(1, static_cast<int>(size.y))));
    ImGui::GetIO().AddMousePosEvent(x_, y_);
    app_.loop().request_frames(2);
    app_.turn();
  }

  void press(int button) {
    ImGui::GetIO().AddMouseButtonEvent(button, true);
    app_.loop().request_frames(1);
    app_.turn();
    ImGui::GetIO().AddMouseButtonEvent(button, false);
  }

  void drag() {
    move();
    ImGui::GetIO().AddMouseButtonEvent(ImGuiMouseButton_Left, true);
    for (int i = 0; i < 4; ++i) {
      x_ += static_cast<float>(below(121) - 60);
      y_ += static_cast<float>(below(121) - 60);
      ImGui::GetIO().AddMousePosEvent(x_, y_);
      app_.loop().request_frames(1);
      app_.turn();
    }
    ImGui::GetIO().AddMouseButtonEvent(ImGuiMouseButton_Left, false);
  }

  void key() {
    static constexpr std::array kKeys = {
        ImGuiKey_Tab,       ImGuiKey_Tab,     ImGuiKey_Enter,     ImGuiKey_Space,
        ImGuiKey_Escape,    ImGuiKey_UpArrow, ImGuiKey_DownArrow, ImGuiKey_LeftArrow,
        ImGuiKey_Backspace, ImGuiKey_Delete,  ImGuiKey_Home,      ImGuiKey_End,
        ImGuiKey_PageDown,  ImGuiKey_F1,      ImGuiKey_F2,        ImGuiKey_K,
        ImGuiKey_S,         ImGuiKey_Z,       ImGuiKey_Y,         ImGuiKey_F,
        ImGuiKey_R,         ImGuiKey_L,       ImGuiKey_1,         ImGuiKey_2,
        ImGuiKey_3,         ImGuiKey_4,       ImGuiKey_Equal,     ImGuiKey_Minus,
        ImGuiKey_A,         ImGuiKey_C,       ImGuiKey_V,         ImGuiKey_GraveAccent};
    static constexpr std::array kModifiers = {
        ImGuiMod_None, ImGuiMod_None, ImGuiMod_Ctrl, ImGuiMod_Shift, ImGuiMod_Alt};
    const ImGuiKey name = kKeys[static_cast<std::size_t>(below(std::ssize(kKeys)))];
    const auto modifier =
        static_cast<ImGuiKey>(kModifiers[static_cast<std::size_t>(below(std::ssize(kModifiers)))]);
    ImGuiIO& io = ImGui::GetIO();
    for (const bool is_down : {true, false}) {
      if (modifier != ImGuiKey_None) io.AddKeyEvent(modifier, is_down);
      io.AddKeyEvent(name, is_down);
      app_.loop().request_frames(1);
      app_.turn();
    }
  }

  void type() {
    static constexpr std::array<const char*, 8> kTexts = {"the king",
                                                          "0",
                                                          "-1e999",
                                                          "99999999999999999999",
                                                          "\xE4\xB8\xAD\xE6\x96\x87",
                                                          "../../etc",
                                                          "loss<3 tag:x",
                                                          "%s%n"};
    ImGui::GetIO().AddInputCharactersUTF8(kTexts[static_cast<std::size_t>(below(8))]);
  }

  ui::StudioApp& app_;
  std::mt19937_64 random_;
  float x_ = 0.0F, y_ = 0.0F;
};

class Monkey : public GuiTest {
 protected:
  /// At most `most` engines live: hands that press Train all the time must not eat the machine, and
  /// an engine that is killed under the window is one more thing it must bear.
  void keep_few_engines(std::size_t most) const {
    std::vector<std::int64_t> alive;
    for (const std::string& name : place.run_names()) {
      const std::int64_t pid = GuiWorkplace::engine_of(place.runs() + "/" + name);
      if (pid > 0) alive.push_back(pid);
    }
    for (std::size_t i = 0; i + most < alive.size(); ++i)
      kill(static_cast<pid_t>(alive[i]), SIGKILL);
  }
};

TEST_F(Monkey, BreaksNothing) {
  const double seconds = number_from_environment("SY_MONKEY_SECONDS", 20.0);
  const auto seed = static_cast<std::uint64_t>(number_from_environment("SY_MONKEY_SEED", 7.0));
  place.set_default_steps(100'000);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("start", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().step >= 4; }, 240));
  }));
  RandomHands hands(driven.app(), seed);
  const auto start = Clock::now();
  auto next_look = start;
  std::int64_t num_gestures = 0;
  while (std::chrono::duration<double>(Clock::now() - start).count() < seconds) {
    glfwPollEvents();
    hands.act();
    ++num_gestures;
    driven.app().loop().request_frames(1);
    driven.app().turn();
    if (Clock::now() < next_look) continue;
    next_look = Clock::now() + std::chrono::seconds(1);
    keep_few_engines(2);
  }
  RecordProperty("gestures", std::to_string(num_gestures));
  std::printf("%lld gestures, seed %llu\n",
              static_cast<long long>(num_gestures),
              static_cast<unsigned long long>(seed));
  // Not stuck: keys lead to every workspace, and a run can still be opened.
  glfwSetWindowSize(driven.app().window().handle(), 1440, 900);
  driven.app().shell().set_zoom(1.0F);
  ASSERT_FALSE(place.run_names().empty());
  const std::string root = place.runs() + "/" + place.run_names().front();
  ASSERT_TRUE(driven.play("after", [&](Hands& calm) {
    for (int i = 0; i < 4; ++i) calm.key(ImGuiKey_Escape);
    calm.studio().send(ui::OpenRun{root});
    EXPECT_TRUE(calm.wait([&] { return calm.run().root == root; }, 30));
    calm.key(ImGuiMod_Ctrl | ImGuiKey_1);
    EXPECT_EQ(calm.app().shell().workspace(), ui::Workspace::kTrain);
  }));
  kill_engines(place.runs());
  for (const std::string& name : place.run_names()) {
    const auto report = store::verify_run(place.runs() + "/" + name);
    ASSERT_TRUE(report.ok()) << name << ": " << report.error().text();
    EXPECT_TRUE(report.value().problems.empty()) << name << ": " << report.value().problems.front();
  }
}

}  // namespace
}  // namespace switchyard::test
