#include "ui/panels/playback_bar.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "ui/panels/common.h"
#include "ui/shell/frame_loop.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr std::array<const char*, 5> kSpeedNames = {"1×", "4×", "16×", "64×", "256×"};
constexpr std::array<std::int64_t, 5> kSpeeds = {1, 4, 16, 64, 256};

void handle_keys(Playback& playback, const std::vector<std::int64_t>& steps, double now) {
  if (!ImGui::IsWindowFocused(ImGuiFocusedFlags_RootAndChildWindows)) return;
  if (ImGui::GetIO().WantTextInput) return;
  if (ImGui::IsKeyPressed(ImGuiKey_Comma)) playback.move_by(steps, -1);
  if (ImGui::IsKeyPressed(ImGuiKey_Period)) playback.move_by(steps, 1);
  if (ImGui::IsKeyPressed(ImGuiKey_P, false)) playback.toggle(steps, now);
  if (ImGui::IsKeyPressed(ImGuiKey_End, false)) playback.go_live();
}

void draw_speed(Playback& playback) {
  int chosen = 0;
  for (std::size_t i = 0; i < kSpeeds.size(); ++i) {
    if (kSpeeds[i] == playback.speed) chosen = static_cast<int>(i);
  }
  FieldOptions options;
  options.width = em(4.6F);
  if (combo("###playback.speed", kSpeedNames, &chosen, options))
    playback.speed = kSpeeds[static_cast<std::size_t>(chosen)];
  tooltip("Recorded samples shown in a tenth of a second");
}

/// Triangles below the track where checkpoints were saved.
void draw_checkpoints(const RunView& run,
                      const std::vector<std::int64_t>& steps,
                      ImVec2 min,
                      ImVec2 max) {
  const double first = static_cast<double>(steps.front());
  const double span = std::max(1.0, static_cast<double>(steps.back()) - first);
  ImDrawList* list = ImGui::GetWindowDrawList();
  for (const store::Event& event : run.events) {
    if (event.kind != "checkpoint") continue;
    const double part = (static_cast<double>(event.step) - first) / span;
    if (part < 0.0 || part > 1.0) continue;
    const float x = std::round(min.x + static_cast<float>(part) * (max.x - min.x));
    list->AddTriangleFilled({x, max.y},
                            {x + em(0.32F), max.y + em(0.5F)},
                            {x - em(0.32F), max.y + em(0.5F)},
                            theme().text3);
  }
}

void draw_scrubber(Studio& studio, const std::vector<std::int64_t>& steps, float width) {
  const ImVec2 min = ImGui::GetCursorScreenPos();
  auto head = static_cast<double>(studio.playback.head(steps));
  if (slider("###playback.scrub",
             &head,
             static_cast<double>(steps.front()),
             static_cast<double>(std::max(steps.back(), steps.front() + 1)),
             width)) {
    studio.playback.is_playing = false;
    studio.playback.seek(steps, std::llround(head));
  }
  const ImVec2 max = ImGui::GetItemRectMax();
  draw_checkpoints(*studio.run, steps, min, {min.x + width, max.y - em(0.25F)});
  ImGui::SetCursorScreenPos({min.x + width, min.y});
}

}  // namespace

void draw_playback_bar(Studio& studio) {
  const std::vector<std::int64_t> steps = routing_steps(*studio.run);
  if (steps.empty()) return;
  Playback& playback = studio.playback;
  handle_keys(playback, steps, studio.now);
  if (playback.advance(steps, studio.now) && FrameLoop::current() != nullptr)
    FrameLoop::current()->request_frame_after(Playback::kSecondsPerSample);
  const ThemeTokens& t = theme();
  const ImVec2 start = ImGui::GetCursorScreenPos();
  const float right = start.x + ImGui::GetContentRegionAvail().x - em(0.6F);
  const float middle = start.y + em(kPlaybackBarEm) * 0.5F;
  float x = start.x + em(0.6F);
  const auto place = [&](float width, float height) {
    ImGui::SetCursorScreenPos({std::round(x), std::round(middle - height * 0.5F)});
    x += width + em(0.45F);
  };
  ButtonOptions plain;
  plain.kind = ButtonKind::kGhost;
  plain.is_small = true;
  const float small = button_height(true);
  place(small, small);
  if (icon_button("Sample back###playback.back", Icon::kPrevious, "One sample back (comma)", plain))
    playback.move_by(steps, -1);
  ButtonOptions primary;
  primary.kind = ButtonKind::kPrimary;
  primary.is_small = true;
  place(small, small);
  const bool is_playing = playback.is_playing;
  if (icon_button(is_playing ? "Stop###playback.play" : "Play###playback.play",
                  is_playing ? Icon::kPause : Icon::kStart,
                  is_playing ? "Stands still (P)" : "Plays the recorded routing (P)",
                  primary))
    playback.toggle(steps, studio.now);
  place(small, small);
  if (icon_button("Sample forth###playback.forth", Icon::kNext, "One sample on (point)", plain))
    playback.move_by(steps, 1);
  place(em(4.6F), em(1.7F));
  draw_speed(playback);
  ButtonOptions live;
  live.is_small = true;
  live.icon = Icon::kLive;
  live.tooltip = "Follows the newest sample (End)";
  live.is_selected = playback.is_live;
  const float live_width = button_width("Live###playback.live", live);
  const std::string now_text = "step " + grouped_number(playback.head(steps));
  const std::string end_text = " / " + grouped_number(steps.back());
  const float words = text_size(Type::kDigitsCard, "step " + grouped_number(steps.back())).x +
                      text_size(Type::kDigits, end_text).x;
  const float scrub_end = right - live_width - words - em(2.0F);
  if (scrub_end - x > em(6)) {
    place(0.0F, em(1.7F));
    draw_scrubber(studio, steps, scrub_end - x);
    const float y = std::round(middle - line_height(Type::kDigitsCard) * 0.5F);
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float used =
        draw_text(list, Type::kDigitsCard, {scrub_end + em(0.9F), y}, t.text1, now_text);
    draw_text(list, Type::kDigits, {scrub_end + em(0.9F) + used, y + px(1)}, t.text3, end_text);
  }
  ImGui::SetCursorScreenPos({right - live_width, std::round(middle - small * 0.5F)});
  if (button("Live###playback.live", live)) playback.go_live();
  ImGui::SetCursorScreenPos(start);
  ImGui::Dummy({right - start.x, em(kPlaybackBarEm)});
}

}  // namespace switchyard::ui
