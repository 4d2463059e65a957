#include <algorithm>
#include <cmath>
#include <string>

#include "ui/panels/common.h"
#include "ui/panels/run_bar.h"
#include "ui/shell/frame_loop.h"
#include "ui/shell/theme.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr double kFreshSeconds = 30.0;
constexpr int kIdleFrames = 3;

/// Words from the right edge to the left, with short rules between.
class RightAligned {
 public:
  RightAligned(float right, float top, float height) : right_(right), top_(top), height_(height) {}

  void add(std::string_view words, Color color) {
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float y = std::round(top_ + (height_ - line_height(Type::kDigitsCaption)) * 0.5F);
    draw_text_right(list, Type::kDigitsCaption, {right_, y}, color, words);
    right_ -= text_size(Type::kDigitsCaption, words).x + em(0.9F);
    list->AddRectFilled({std::round(right_), top_ + em(0.6F)},
                        {std::round(right_) + px(1), top_ + height_ - em(0.6F)},
                        theme().line2);
    right_ -= em(0.9F);
  }

  void dot(Color color) {
    const float radius = em(0.26F);
    ImGui::GetWindowDrawList()->AddCircleFilled(
        {right_ + em(0.45F) - radius, std::round(top_ + height_ * 0.5F)}, radius, color);
    right_ -= em(0.4F);
  }

  [[nodiscard]] float left() const { return right_; }

 private:
  float right_, top_, height_;
};

std::string freshness(const Studio& studio, Color* color) {
  const RunView& run = *studio.run;
  *color = theme().text2;
  if (run.last_sample_time <= 0.0) return "no samples yet";
  const double age = std::max(0.0, studio.now - run.last_sample_time);
  if (is_training(run.state) && age > kFreshSeconds && run.state != RunState::kPaused)
    *color = theme().attention;
  char words[32];
  std::snprintf(words, sizeof words, "%.1f\xE2\x80\x89s", age);
  return "updated " + (age < 10.0 ? std::string(words) : duration_text(age)) + " ago";
}

std::string closing_note(const RunView& run) {
  if (run.root.empty()) return "No run open";
  if (run.is_engine_alive)
    return run.state == RunState::kStopping ? "The engine is stopping"
                                            : "Training goes on when this window closes";
  switch (run.state) {
    case RunState::kCompleted:
      return "Done. Everything is in " + run.root;
    case RunState::kStarting:
      return "The engine is starting";
    case RunState::kDamaged:
      return "This folder cannot be shown as a run";
    default:
      return "No engine. Resume goes on from the last checkpoint";
  }
}

}  // namespace

void draw_status_strip(const Studio& studio) {
  const RunView& run = *studio.run;
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  RightAligned words(min.x + size.x - em(1.0F), min.y, size.y);
  FrameLoop* loop = FrameLoop::current();
  const int frames = loop == nullptr ? 0 : loop->frames_per_second();
  const bool is_idle = frames <= kIdleFrames;
  words.add(is_idle ? "idle, 0 fps" : std::to_string(frames) + " fps", t.text3);
  // Once more when the burst has passed, so that the word is true while nothing is drawn.
  if (!is_idle && loop != nullptr) loop->request_frame_after(1.1);
  if (studio.machine->disk_free_bytes > 0)
    words.add("disk " + bytes_text(static_cast<double>(studio.machine->disk_free_bytes)) + " free",
              t.text3);
  if (!run.device.empty()) words.add(run.device, t.text3);
  if (run.is_engine_alive) {
    words.dot(run.is_engine_attached ? t.ok : t.attention);
    words.add((run.is_engine_attached ? "engine " : "engine not answering, ") +
                  std::to_string(run.engine_pid) + (run.is_engine_attached ? " attached" : ""),
              run.is_engine_attached ? t.text2 : t.attention);
  }
  if (!run.root.empty() && run.state != RunState::kDamaged) {
    Color color = t.text2;
    const std::string fresh = freshness(studio, &color);
    words.add(fresh, color);
  }
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = std::round(min.y + (size.y - line_height(Type::kBody)) * 0.5F);
  float x = min.x + em(1.0F);
  const Icon name = run.is_engine_alive ? Icon::kLive : Icon::kInfo;
  x += draw_text(list, Type::kBody, {x, y}, t.text3, icon(name)) + em(0.6F);
  const float room = words.left() - x - em(1.0F);
  if (room > em(8)) draw_text(list, Type::kBody, {x, y}, t.text2, closing_note(run), room);
}

}  // namespace switchyard::ui
