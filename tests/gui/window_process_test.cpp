// The window as a program: killed again and again while training goes on, and without a display.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/base/store/run_folder.h"
#include "tests/gui/gui_workplace.h"
#include "tests/gui/window_titles.h"
#include "ui/client/launcher.h"

namespace switchyard::test {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

pid_t start_window(const std::vector<std::string>& arguments) {
  const std::string program = window_program();
  const pid_t pid = fork();
  if (pid != 0) return pid;
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), program);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  execv(program.c_str(), pointers.data());
  _exit(127);
}

class WindowProcess : public ::testing::Test {
 protected:
  void SetUp() override {
    if (window_program().empty() || access(window_program().c_str(), X_OK) != 0)
      GTEST_SKIP() << "no switchyard";
  }

  void TearDown() override { kill_engines(place.runs()); }

  GuiWorkplace place;
};

TEST_F(WindowProcess, LeavesTrainingUnharmedWhenKilledTwentyTimes) {
  if (engine_program().empty() || access(engine_program().c_str(), X_OK) != 0)
    GTEST_SKIP() << "no engine";
  place.set_default_steps(200'000);
  const std::string root = place.runs() + "/kept-001", title = "kept-001 - Switchyard";
  std::filesystem::create_directories(place.runs());
  auto engine = ui::launch_detached(
      {engine_program(), "train", "--preset", "tiny-moe", "--run", root}, root + ".log");
  ASSERT_TRUE(engine.ok());
  for (int i = 0; i < 1200 && store::summarize_run(root).step < 4; ++i) usleep(50'000);
  const std::int64_t pid = GuiWorkplace::engine_of(root);
  ASSERT_GT(pid, 0) << ui::log_tail(root + ".log");
  std::int64_t step = store::summarize_run(root).step;
  double slowest = 0.0, sum = 0.0;
  for (int round = 0; round < 20; ++round) {
    const auto start = Clock::now();
    // From the second start on the window finds the run by itself: the same screen.
    const pid_t window =
        start_window(round == 0 ? std::vector<std::string>{root} : std::vector<std::string>{});
    while (!has_window_titled(title) && seconds_since(start) < 30) usleep(5'000);
    const double seconds = seconds_since(start);
    EXPECT_LT(seconds, 30) << "round " << round;
    slowest = std::max(slowest, seconds);
    sum += seconds;
    usleep(round == 0 ? 2'500'000 : 20'000U * static_cast<unsigned>(round));
    kill(window, SIGKILL);
    int status = 0;
    waitpid(window, &status, 0);
    ASSERT_EQ(GuiWorkplace::engine_of(root), pid) << "round " << round;
    const std::int64_t now = store::summarize_run(root).step;
    EXPECT_GE(now, step);
    step = now;
    while (has_window_titled(title)) usleep(2'000);
  }
  std::printf("reopened after SIGKILL: mean %.2f s, slowest %.2f s\n", sum / 20.0, slowest);
  const std::int64_t at_end = step;
  for (int i = 0; i < 600 && store::summarize_run(root).step <= at_end; ++i) usleep(50'000);
  EXPECT_GT(store::summarize_run(root).step, at_end);
  ASSERT_EQ(kill(static_cast<pid_t>(pid), SIGINT), 0);
  for (int i = 0; i < 1200 && GuiWorkplace::engine_of(root) != 0; ++i) usleep(50'000);
  EXPECT_EQ(store::summarize_run(root).state, "stopped");
  const auto report = store::verify_run(root);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report.value().problems.empty()) << report.value().problems.front();
}

TEST_F(WindowProcess, SaysInOneLineThatThereIsNoDisplay) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    unsetenv("DISPLAY");
    unsetenv("WAYLAND_DISPLAY");
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    execl(window_program().c_str(), "switchyard", static_cast<char*>(nullptr));
    _exit(127);
  }
  close(ends[1]);
  std::string words;
  std::array<char, 512> buffer{};
  for (ssize_t got = 0; (got = read(ends[0], buffer.data(), buffer.size())) > 0;)
    words.append(buffer.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_NE(WEXITSTATUS(status), 0);
  EXPECT_NE(words.find("display"), std::string::npos) << words;
  EXPECT_NE(words.find("switchyard-engine train"), std::string::npos) << words;
  EXPECT_EQ(std::count(words.begin(), words.end(), '\n'), 1) << words;
}

}  // namespace
}  // namespace switchyard::test
