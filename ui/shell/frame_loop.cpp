#include "ui/shell/frame_loop.h"

#include <algorithm>
#include <limits>

#include <time.h>

#include <GLFW/glfw3.h>

namespace switchyard::ui {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kInputInterval = 1.0 / 60.0;
constexpr double kDataInterval = 0.1;
constexpr double kUnfocusedInterval = 0.25;
constexpr double kEcoInterval = 0.5;

FrameLoop* current_loop = nullptr;

/// Of all threads: a software rasteriser has its own.
double processor_seconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

}  // namespace

FrameLoop::FrameLoop(Window& window) : window_(window) {
  current_loop = this;
  glfwSetWindowUserPointer(window_.handle(), this);
  install_callbacks();
}

FrameLoop::~FrameLoop() {
  glfwSetWindowUserPointer(window_.handle(), nullptr);
  current_loop = nullptr;
}

FrameLoop* FrameLoop::current() {
  return current_loop;
}

void FrameLoop::install_callbacks() {
  // Dear ImGui's back end is set up later and chains to these.
  GLFWwindow* w = window_.handle();
  static constexpr auto input = [](GLFWwindow* window) {
    auto* self = static_cast<FrameLoop*>(glfwGetWindowUserPointer(window));
    if (self != nullptr) self->on_input();
  };
  glfwSetCursorPosCallback(w, [](GLFWwindow* window, double, double) { input(window); });
  glfwSetMouseButtonCallback(w, [](GLFWwindow* window, int, int, int) { input(window); });
  glfwSetScrollCallback(w, [](GLFWwindow* window, double, double) { input(window); });
  glfwSetKeyCallback(w, [](GLFWwindow* window, int, int, int, int) { input(window); });
  glfwSetCharCallback(w, [](GLFWwindow* window, unsigned) { input(window); });
  glfwSetCursorEnterCallback(w, [](GLFWwindow* window, int) { input(window); });
  glfwSetWindowFocusCallback(w, [](GLFWwindow* window, int) { input(window); });
  glfwSetFramebufferSizeCallback(w, [](GLFWwindow* window, int, int) { input(window); });
  glfwSetWindowRefreshCallback(w, [](GLFWwindow* window) { input(window); });
  glfwSetWindowCloseCallback(w, [](GLFWwindow* window) { input(window); });
  glfwSetWindowIconifyCallback(w, [](GLFWwindow* window, int) { input(window); });
  glfwSetDropCallback(w, [](GLFWwindow* window, int count, const char** paths) {
    auto* self = static_cast<FrameLoop*>(glfwGetWindowUserPointer(window));
    if (self == nullptr) return;
    self->dropped_.assign(paths, paths + count);
    self->on_input();
  });
  glfwSetWindowContentScaleCallback(w, [](GLFWwindow* window, float, float) { input(window); });
}

void FrameLoop::on_input() {
  pending_ = std::max(pending_, kFramesPerCause);
  const double now = glfwGetTime();
  timed_frames_[0] = now + 0.2;
  timed_frames_[1] = now + 0.5;
}

void FrameLoop::notify_data() {
  if (!has_data_.exchange(true)) glfwPostEmptyEvent();
}

void FrameLoop::request_frames(int count) {
  pending_ = std::max(pending_, count);
}

void FrameLoop::request_frame_after(double seconds) {
  const double at = glfwGetTime() + std::max(0.0, seconds);
  if (timed_frames_[2] < 0.0 || at < timed_frames_[2]) timed_frames_[2] = at;
}

double FrameLoop::data_interval() const {
  if (is_eco_) return kEcoInterval;
  return window_.is_focused() ? kDataInterval : kUnfocusedInterval;
}

double FrameLoop::next_due() const {
  if (window_.is_minimised()) return kNever;
  double due = kNever;
  if (pending_ > 0) due = last_frame_ + kInputInterval;
  if (has_data_) due = std::min(due, data_pace_.due(data_interval()));
  for (const double at : timed_frames_) {
    if (at >= 0.0) due = std::min(due, at);
  }
  return due;
}

bool FrameLoop::turn(const std::function<void()>& frame, const std::function<void()>& between) {
  const double now = glfwGetTime();
  if (next_due() > now) return false;
  bool has_other_cause = pending_ > 0;
  for (double& at : timed_frames_) {
    if (at < 0.0 || at > now) continue;
    at = -1.0;
    has_other_cause = true;
  }
  if (pending_ > 0) --pending_;
  last_frame_ = now;
  const bool has_data = has_data_.exchange(false);
  const double used_before = processor_seconds();
  if (between) between();
  window_.begin_frame();
  frame();
  window_.end_frame();
  if (has_data) data_pace_.drawn(now, has_other_cause ? 0.0 : processor_seconds() - used_before);
  recent_[static_cast<std::size_t>(frames_drawn_) % std::size(recent_)] = now;
  ++frames_drawn_;
  return true;
}

int FrameLoop::frames_per_second() const {
  const double now = glfwGetTime();
  const auto recent = std::min<std::int64_t>(frames_drawn_, std::ssize(recent_));
  return static_cast<int>(
      std::count_if(recent_, recent_ + recent, [&](double at) { return now - at <= 1.0; }));
}

void FrameLoop::run(const std::function<void()>& frame, const std::function<void()>& between) {
  while (!is_stopping_ && !window_.should_close()) {
    const double wait = next_due() - glfwGetTime();
    if (wait == kNever) {
      glfwWaitEvents();
    } else if (wait > 0.0) {
      glfwWaitEventsTimeout(wait);
    } else {
      glfwPollEvents();
    }
    turn(frame, between);
  }
}

}  // namespace switchyard::ui
