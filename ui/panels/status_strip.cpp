#include <algorithm>
#include <cmath>
#include <string>

#include "ui/panels/common.h"
#include "ui/panels/run_bar.h"
#include "ui/shell/frame_loop.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr double kFreshSeconds = 30.0;
constexpr int kIdleFrames = 3;
constexpr float kWordsFromEm = 62.0F;  ///< width of the window from which the buttons have words

/// Words from the right edge to the left, with short rules between; what does not fit is left out.
class RightAligned {
 public:
  RightAligned(float right, float left, float top, float height)
      : right_(right), left_(left), top_(top), height_(height) {}

  void add(std::string_view words, Color color, bool has_dot = false, Color dot = 0) {
    const float width = text_size(Type::kDigitsCaption, words).x;
    const float dot_width = has_dot ? em(1.0F) : 0.0F;
    if (right_ - width - dot_width - em(1.4F) < left_) return;
    ImDrawList* list = ImGui::GetWindowDrawList();
    if (has_words_) {
      right_ -= em(0.7F);
      list->AddRectFilled({std::round(right_), top_ + em(0.6F)},
                          {std::round(right_) + px(1), top_ + height_ - em(0.6F)},
                          theme().line2);
      right_ -= em(0.7F);
    }
    const float y = std::round(top_ + (height_ - line_height(Type::kDigitsCaption)) * 0.5F);
    draw_text_right(list, Type::kDigitsCaption, {right_, y}, color, words);
    right_ -= width;
    if (has_dot) {
      list->AddCircleFilled({right_ - em(0.6F), std::round(top_ + height_ * 0.5F)}, em(0.26F), dot);
      right_ -= dot_width;
    }
    has_words_ = true;
  }

 private:
  float right_, left_, top_, height_;
  bool has_words_ = false;
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

struct StripButton {
  const char* label;
  Icon icon;
  std::string count;  ///< behind the word; empty: none
  const char* help;
  bool is_on = false;
  bool is_alarming = false;
};

/// A flat button as high as the strip; true when pressed.
bool strip_button(const StripButton& item, float top, float height, bool has_words) {
  const ThemeTokens& t = theme();
  const std::string_view word = visible_label(item.label);
  const float pad = em(0.6F), icon_width = text_size(Type::kBody, icon(item.icon)).x;
  const float word_width = has_words ? text_size(Type::kBody, word).x + em(0.5F) : 0.0F;
  const float count_width =
      item.count.empty() ? 0.0F : text_size(Type::kDigits, item.count).x + em(0.45F);
  const float width = std::round(2.0F * pad + icon_width + word_width + count_width);
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const bool is_clicked = hit_area(item.label, {width, height});
  const bool is_hovered = ImGui::IsItemHovered();
  tooltip(item.help);
  ImDrawList* list = ImGui::GetWindowDrawList();
  if (is_hovered || item.is_on)
    list->AddRectFilled(
        {min.x, top + px(1)}, {min.x + width, top + height}, is_hovered ? t.hover : t.active);
  const float y = std::round(top + (height - line_height(Type::kBody)) * 0.5F);
  const Color tint = item.is_alarming ? t.attention : (item.is_on ? t.text1 : t.text3);
  float x = min.x + pad;
  draw_text(list, Type::kBody, {x, y}, tint, icon(item.icon));
  x += icon_width;
  if (has_words)
    draw_text(list, Type::kBody, {x + em(0.5F), y}, item.is_on ? t.text1 : t.text2, word);
  if (!item.count.empty())
    draw_text(list, Type::kDigits, {x + word_width + em(0.45F), y}, tint, item.count);
  ImGui::SameLine(0.0F, px(2));
  return is_clicked;
}

std::size_t count_alerts(const RunView& run) {
  return static_cast<std::size_t>(
      std::count_if(run.events.begin(), run.events.end(), [](const store::Event& event) {
        return event.kind == "guard" || event.kind == "error" || event.kind == "alert";
      }));
}

/// The left end of the strip: what the drawer can show. Returns where it ends.
float draw_buttons(Studio& studio, ImVec2 min, ImVec2 size) {
  DrawerState& drawer = studio.drawer;
  const RunView& run = *studio.run;
  const bool has_words = size.x >= em(kWordsFromEm);
  const std::size_t alerts = count_alerts(run);
  const auto count = [](std::size_t n) { return n == 0 ? std::string() : std::to_string(n); };
  ImGui::SetCursorScreenPos({min.x + em(0.4F), min.y});
  const auto tab_button = [&](StripButton item, DrawerTab tab) {
    item.is_on = drawer.shows(tab);
    if (strip_button(item, min.y, size.y, has_words)) drawer.toggle(tab);
  };
  tab_button({"Log###status.log", Icon::kLog, "", "The engine's log (Ctrl+`)"}, DrawerTab::kLog);
  tab_button({"Events###status.events", Icon::kFlag, count(run.events.size()), "What happened"},
             DrawerTab::kEvents);
  StripButton alarm{"Alerts###status.alerts",
                    alerts == 0 ? Icon::kOk : Icon::kAttention,
                    count(alerts),
                    alerts == 0 ? "Nothing needs attention" : "What the guard found"};
  alarm.is_alarming = alerts > 0;
  if (strip_button(alarm, min.y, size.y, has_words)) {
    drawer.has_evaluations = false;
    drawer.toggle(DrawerTab::kEvents);
  }
  tab_button({"Hardware###status.hardware", Icon::kHardware, "", "Cores, memory, disk, GPUs"},
             DrawerTab::kHardware);
  return ImGui::GetCursorScreenPos().x;
}

std::string gpu_text(const HardwareSample* sample) {
  if (sample == nullptr || sample->gpus.empty()) return "";
  const double celsius = sample->gpus.front().temperature_celsius;
  return std::isfinite(celsius)
             ? "GPU 0  " + std::to_string(std::lround(celsius)) + "\xE2\x80\x89°C"
             : "GPU 0";
}

void draw_words(const Studio& studio, float left, ImVec2 min, ImVec2 size) {
  const RunView& run = *studio.run;
  const ThemeTokens& t = theme();
  RightAligned words(min.x + size.x - em(1.0F), left, min.y, size.y);
  FrameLoop* loop = FrameLoop::current();
  const int frames = loop == nullptr ? 0 : loop->frames_per_second();
  const bool is_idle = frames <= kIdleFrames;
  words.add(is_idle ? "idle, 0 fps" : std::to_string(frames) + " fps", t.text3);
  // Once more when the burst has passed, so that the word is true while nothing is drawn.
  if (!is_idle && loop != nullptr) loop->request_frame_after(1.1);
  if (studio.machine->disk_free_bytes > 0)
    words.add("disk " + bytes_text(static_cast<double>(studio.machine->disk_free_bytes)) + " free",
              t.text3);
  const std::string gpu = gpu_text(studio.drawer.hardware->newest());
  if (!gpu.empty()) words.add(gpu, t.text3);
  if (run.is_engine_alive)
    words.add(run.is_engine_attached ? "engine attached" : "engine not answering",
              run.is_engine_attached ? t.text2 : t.attention,
              true,
              run.is_engine_attached ? t.ok : t.attention);
  if (!run.root.empty() && run.state != RunState::kDamaged) {
    Color color = t.text2;
    const std::string fresh = freshness(studio, &color);
    words.add(fresh, color);
  }
  if (run.is_engine_alive && run.state != RunState::kStopping)
    words.add("the window may be closed, training goes on", t.text3);
}

}  // namespace

void draw_status_strip(Studio& studio) {
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  const float left = draw_buttons(studio, min, size);
  draw_words(studio, left, min, size);
}

}  // namespace switchyard::ui
