// The kit to the pixel: lines and edges fall on whole pixels at every scale; pictures of every
// control in every state, in three themes and four scales.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <string>

#include "tests/gallery/pages.h"
#include "tests/gui/app_driver.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/tabs.h"

namespace switchyard::test {
namespace {

using ui::Color;
using ui::Picture;
using ui::ThemeKind;

constexpr float kScales[] = {1.0F, 1.25F, 1.5F, 2.0F};

class Kit : public GuiTest {};

/// Draws a page without the studio around it, until its sizes have settled.
Picture picture_of(DrivenApp& driven,
                   ThemeKind kind,
                   float scale,
                   ImVec2 size,
                   const std::function<void()>& page) {
  ui::Window& window = driven.app().window();
  window.override_size(static_cast<int>(size.x), static_cast<int>(size.y));
  Picture picture;
  for (int i = 0; i < 5; ++i) {
    ui::apply_theme(kind, scale);
    window.begin_frame();
    page();
    picture = window.end_frame_to_picture();
  }
  window.override_size(0, 0);
  return picture;
}

Color pixel(const Picture& picture, int x, int y) {
  const std::uint8_t* p = &picture.pixels[static_cast<std::size_t>(y * picture.width + x) * 4];
  return 0xFF000000U | (static_cast<Color>(p[2]) << 16) | (static_cast<Color>(p[1]) << 8) | p[0];
}

/// Lengths of the colours met going down a column: (colour, pixels).
std::vector<std::pair<Color, int>> runs_down(const Picture& picture, int x, int from, int to) {
  std::vector<std::pair<Color, int>> runs;
  for (int y = from; y < to; ++y) {
    const Color color = pixel(picture, x, y);
    if (runs.empty() || runs.back().first != color) runs.emplace_back(color, 0);
    ++runs.back().second;
  }
  return runs;
}

struct Placed {
  ImVec2 min, max;
};

Placed button_box, field_box, line_box;

/// Controls at places between the pixels, as layouts with fractions make them.
void draw_between_pixels() {
  ImGui::SetNextWindowPos({0, 0});
  ImGui::SetNextWindowSize(ImGui::GetMainViewport()->Size);
  ImGui::PushStyleColor(ImGuiCol_WindowBg, ui::theme().bg1);
  ImGui::Begin(
      "###kit.pixels", nullptr, ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoDocking);
  ImGui::PopStyleColor();
  ImGui::SetCursorScreenPos({20.3F, 21.6F});
  ui::ButtonOptions options;
  options.width = ui::em(8);
  ui::button("###kit.button", options);
  button_box = {ImGui::GetItemRectMin(), ImGui::GetItemRectMax()};
  ImGui::SetCursorScreenPos({20.7F, 90.4F});
  static std::string words;
  ui::FieldOptions field;
  field.width = ui::em(8);
  ui::text_field("###kit.field", &words, field);
  field_box = {ImGui::GetItemRectMin(), ImGui::GetItemRectMax()};
  ImGui::SetCursorScreenPos({20.2F, 150.5F});
  ui::hairline();
  line_box = {ImGui::GetItemRectMin(), ImGui::GetItemRectMax()};
  ImGui::End();
}

void expect_crisp_box(
    const Picture& picture, const Placed& box, Color border, Color fill, const std::string& what) {
  const int x = static_cast<int>((box.min.x + box.max.x) * 0.5F);
  const auto runs =
      runs_down(picture, x, static_cast<int>(box.min.y) - 4, static_cast<int>(box.max.y) + 5);
  ASSERT_EQ(runs.size(), 5U) << what << ": an edge is blurred over several pixels";
  EXPECT_EQ(runs[1].first, border) << what;
  EXPECT_EQ(runs[3].first, border) << what;
  EXPECT_EQ(runs[2].first, fill) << what;
  EXPECT_EQ(runs[1].second, runs[3].second) << what;
}

TEST_F(Kit, EdgesFallOnWholePixelsAtEveryScale) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("open", [](Hands& hands) { hands.frames(2); }));
  for (const ThemeKind kind : {ThemeKind::kDark, ThemeKind::kLight}) {
    for (const float scale : kScales) {
      const std::string at = " at scale " + std::to_string(scale);
      const Picture picture = picture_of(driven, kind, scale, {600, 220}, draw_between_pixels);
      const ui::ThemeTokens& t = ui::theme();
      expect_crisp_box(picture, button_box, t.line2, t.bg3, "button" + at);
      expect_crisp_box(picture, field_box, t.line2, t.bg3, "field" + at);
      const int y = static_cast<int>(line_box.min.y);
      const auto runs = runs_down(picture, 300, y - 6, y + 8);
      ASSERT_EQ(runs.size(), 3U) << "hairline" << at;
      EXPECT_EQ(runs[1].first, t.line) << at;
      EXPECT_EQ(runs[1].second, static_cast<int>(std::max(1.0F, std::round(scale)))) << at;
    }
  }
}

TEST_F(Kit, ShowsEveryControlInEveryThemeAndScale) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("open", [](Hands& hands) { hands.frames(2); }));
  std::filesystem::create_directories(gallery_folder());
  const std::pair<ThemeKind, const char*> themes[] = {
      {ThemeKind::kDark, "dark"}, {ThemeKind::kLight, "light"}, {ThemeKind::kContrast, "contrast"}};
  for (const auto& [kind, name] : themes) {
    for (const float scale : kScales) {
      char suffix[32];
      std::snprintf(suffix, sizeof suffix, "-%s@%gx.png", name, static_cast<double>(scale));
      const ImVec2 size = {1440 * scale, 900 * scale};
      const Picture first = picture_of(driven, kind, scale, size, ui::draw_kit_page);
      write_text(gallery_folder() + "/components" + suffix, first.png());
      const Picture second = picture_of(driven, kind, scale, size, ui::draw_overlay_page);
      write_text(gallery_folder() + "/overlays" + suffix, second.png());
      EXPECT_EQ(second.width, static_cast<int>(size.x));
    }
  }
}

}  // namespace
}  // namespace switchyard::test
