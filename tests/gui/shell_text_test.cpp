// Text of all the world: scripts with fonts are drawn, what no font covers becomes a chip with its
// code point, and copies keep the true text.
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "tests/gui/app_driver.h"
#include "ui/shell/fonts.h"
#include "ui/shell/theme.h"
#include "ui/widgets/text.h"

namespace switchyard::test {
namespace {

using ui::Type;

class ShellText : public GuiTest {};

std::string shown(const std::string& text, Type type = Type::kBody) {
  std::string storage;
  return std::string(ui::drawable(type, text, storage));
}

struct Sample {
  const char* name;
  const char* text;
  bool needs_cjk = false;
  bool has_chips = false;
};

constexpr Sample kSamples[] = {
    {"Latin", "Łódź, naïve, Straße, “quotes”"},
    {"Greek", "ἦν ὁ λόγος, αβγδ"},
    {"Cyrillic", "Съешь ещё этих мягких французских булок"},
    {"Chinese", "天地玄黃，宇宙洪荒", true},
    {"Japanese", "いろはにほへと カタカナ", true},
    {"Korean", "나라말싸미 듕귁에 달아", true},
    {"Symbols", "∑ √ ≤ ≠ → ⇒ ½ × ÷ €"},
    {"Emoji", "smile \xF0\x9F\xA6\x80 rocket \xF0\x9F\x9A\x80", false, true},
    {"Cuneiform", "\xF0\x92\x80\x80\xF0\x92\x80\x81", false, true},
    {"Bytes", "half a character: \xC3, noise: \xFF\xFE", false, true},
};

void draw_page() {
  ImGui::SetNextWindowPos({0, 0});
  ImGui::SetNextWindowSize(ImGui::GetMainViewport()->Size);
  ImGui::PushStyleColor(ImGuiCol_WindowBg, ui::theme().bg1);
  ImGui::Begin("###text.page", nullptr, ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoDocking);
  ImGui::PopStyleColor();
  float y = ui::em(1.2F);
  ImDrawList* list = ImGui::GetWindowDrawList();
  for (const Sample& sample : kSamples) {
    ui::draw_text(list, Type::kBody, {ui::em(1.5F), y}, ui::theme().text3, sample.name);
    ui::draw_text(list, Type::kBody, {ui::em(9), y}, ui::theme().text1, sample.text);
    ui::draw_text(list, Type::kMono, {ui::em(42), y}, ui::theme().text1, sample.text);
    y += ui::em(1.9F);
  }
  ImGui::End();
}

TEST_F(ShellText, DrawsScriptsWithFontsAndChipsForTheRest) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("open", [](Hands& hands) { hands.frames(4); }));
  const bool has_cjk = ui::font(Type::kBody)->IsGlyphInFont(0x5929);
  for (const Sample& sample : kSamples) {
    if (sample.has_chips || (sample.needs_cjk && !has_cjk)) continue;
    EXPECT_EQ(shown(sample.text), sample.text) << sample.name;
    EXPECT_EQ(shown(sample.text, Type::kMono), sample.text) << sample.name;
  }
  EXPECT_EQ(shown("\xF0\x92\x80\x80!"), "‹U+12000›!");
  EXPECT_EQ(shown("a\xFFz"), "a‹FF›z");
  EXPECT_EQ(shown("plain"), "plain");
  EXPECT_FLOAT_EQ(ui::text_size(Type::kBody, "a\xFFz").x, ui::text_size(Type::kBody, "a‹FF›z").x);
  const auto start = std::chrono::steady_clock::now();
  ui::Window& window = driven.app().window();
  window.override_size(1100, 300);
  window.begin_frame();
  draw_page();
  window.end_frame();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  std::printf("first frame with CJK text%s: %.0f ms\n", has_cjk ? "" : " (no font)", took.count());
  window.begin_frame();
  draw_page();
  const ui::Picture picture = window.end_frame_to_picture();
  window.override_size(0, 0);
  std::filesystem::create_directories(gallery_folder());
  write_text(gallery_folder() + "/text-dark.png", picture.png());
}

TEST_F(ShellText, CopiesTheTrueText) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("copy", [](Hands& hands) {
    hands.frames(4);
    const std::string truth = "a 天 \xF0\x92\x80\x80";
    hands.studio().notices.push_back({ui::NoticeKind::kInfo, truth});
    hands.frames(4);
    hands.click("shell.notices");
    hands.frames(10);
    hands.click("notices.item.0");
    EXPECT_EQ(std::string(ImGui::GetClipboardText()), truth + "\n");
  }));
}

}  // namespace
}  // namespace switchyard::test
