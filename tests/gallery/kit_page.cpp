#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include <imgui.h>

#include "tests/gallery/pages.h"
#include "ui/plot/heat_map.h"
#include "ui/plot/palette.h"
#include "ui/shell/fonts.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr std::array kLooks = {Look::kRest, Look::kHover, Look::kPressed, Look::kFocus};

void at(float x, float y) {
  ImGui::SetCursorScreenPos({px(x), px(y)});
}

void heading(float x, float y, const char* words) {
  draw_text(ImGui::GetWindowDrawList(), Type::kHeading, {px(x), px(y)}, theme().text1, words);
}

void caption(float x, float y, const char* words) {
  draw_text(ImGui::GetWindowDrawList(), Type::kCaption, {px(x), px(y)}, theme().text3, words);
}

void draw_buttons() {
  heading(28, 28, "Buttons");
  constexpr std::array kStates = {"rest", "hover", "pressed", "focus", "disabled"};

  struct Row {
    const char* label;
    Icon name;
    ButtonKind kind;
  };

  constexpr std::array kRows = {Row{"Pause", Icon::kPause, ButtonKind::kSecondary},
                                Row{"Train", Icon::kStart, ButtonKind::kPrimary},
                                Row{"Mute", Icon::kBell, ButtonKind::kGhost},
                                Row{"Discard", Icon::kTrash, ButtonKind::kDanger}};
  for (std::size_t column = 0; column < kStates.size(); ++column) {
    const float x = 28.0F + 96.0F * static_cast<float>(column);
    caption(x, 58, kStates[column]);
    for (std::size_t row = 0; row < kRows.size(); ++row) {
      ButtonOptions options;
      options.kind = kRows[row].kind;
      options.icon = kRows[row].name;
      options.width = px(84);
      if (column < kLooks.size()) options.look = kLooks[column];
      if (column == kLooks.size()) options.disabled_reason = "No run is open";
      at(x, 74.0F + 38.0F * static_cast<float>(row));
      button((std::string(kRows[row].label) + "###b" + std::to_string(column * 8 + row)).c_str(),
             options);
    }
  }
}

void draw_fields() {
  heading(28, 242, "Fields");
  constexpr std::array kStates = {"rest", "hover", "focus", "disabled", "error"};
  static std::array<std::int64_t, 5> values = {64, 64, 64, 64, 0};
  static std::array<int, 4> choices{};
  constexpr std::array<const char*, 2> kItems = {"Top-k", "Expert choice"};
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    const float x = 28.0F + 96.0F * static_cast<float>(i);
    caption(x, 272, kStates[i]);
    FieldOptions options;
    options.width = px(84);
    if (i == 1) options.look = Look::kHover;
    if (i == 2) options.look = Look::kFocus;
    if (i == 3) options.disabled_reason = "Needs routed experts";
    options.has_error = i == 4;
    at(x, 289);
    integer_field(("###int" + std::to_string(i)).c_str(), &values[i], 0, 4096, options);
    if (i == 4) continue;
    at(x, 319);
    combo(("###combo" + std::to_string(i)).c_str(), kItems, &choices[i], options);
  }
  at(28, 347);
  field_error("Experts must be at least 1", "Set to 64###fix");
}

void draw_choice() {
  heading(28, 382, "Choice");
  static bool off = false, on = true, off_2 = false, on_2 = true;
  static int axis = 1;
  constexpr std::array<const char*, 3> kItems = {"Steps", "Tokens", "Time"};
  at(28, 411);
  checkbox("###check.off", &off);
  at(54, 411);
  checkbox("###check.on", &on);
  at(88, 411);
  toggle("###toggle.off", &off_2);
  at(124, 411);
  toggle("###toggle.on", &on_2);
  at(168, 406);
  segmented("axis", kItems, &axis);
  at(358, 410);
  kbd({"Ctrl", "Shift", "P"});
  static double smooth = 0.9;
  static std::string words;
  at(28, 440);
  slider("Smooth###slider", &smooth, 0.0, 0.999, px(200), px(52));
  at(260, 438);
  search_field("###search", &words, "Find in 148 settings", "Ctrl F", px(228));
}

void draw_badges() {
  heading(28, 478, "Run states and badges");
  const auto next = [] { ImGui::SameLine(0.0F, px(8)); };
  at(28, 502);
  badge("Draft", Tone::kNeutral, Icon::kDraft), next();
  badge("Starting", Tone::kAccent, Icon::kAgain), next();
  badge("Running", Tone::kOk, Icon::kStart), next();
  badge("Paused", Tone::kAccent, Icon::kPause), next();
  badge("Stopping", Tone::kNeutral, Icon::kStop), next();
  badge("Done", Tone::kNeutral, Icon::kCheck), next();
  badge("Failed", Tone::kFailure, Icon::kFailure);
  at(28, 532);
  badge("L7: 3 dead", Tone::kAttention, Icon::kAttention), next();
  badge("not responding, 14 s", Tone::kAttention, Icon::kClock), next();
  badge("disk 2 GB", Tone::kFailure, Icon::kDisk), next();
  chip("1,240 samples per pixel"), next();
  color_chip("e5 .67", theme().expert(5));
  heading(28, 574, "Progress");
  at(28, 600);
  text(Type::kBody, theme().text2, "determinate");
  at(138, 604);
  progress_bar(0.25F, px(350));
  at(28, 622);
  text(Type::kBody, theme().text2, "indeterminate");
  at(138, 626);
  progress_bar(-1.0F, px(350), 0, 0.5F);
  at(28, 648);
  key_figure("Loss", "3.214", "nats");
  at(128, 648);
  key_figure("Throughput", "182 k", "tok/s");
  at(248, 648);
  key_figure("Time left", "1 h 52", "\xE2\x80\x93 2 h 05");
  at(368, 652);
  run_chip("moe-small-042", theme().run(0), false, true);
  at(368, 674);
  run_chip("dense-067", theme().run(9), true, false);
}

void draw_rows() {
  heading(28, 706, "Rows");
  at(28, 728);
  ImGui::BeginChild("###rows", {px(228), px(150)});
  property_row("Last", "3.214", "nats");
  property_row("A label that is much too long for its row", "2,147,483,647", "tokens");
  static bool is_open = true, is_closed = false;
  section_header("Model###section.model", &is_open, "3 changed");
  bool is_reverted = false;
  static std::int64_t experts = 64;
  FieldOptions options;
  options.width = form_row("experts", "Experts", true, &is_reverted, 6.5F);
  integer_field("###experts", &experts, 1, 64, options);
  section_header("Data and tokenizer###section.data", &is_closed);
  ImGui::EndChild();
  at(276, 728);
  ImGui::BeginChild("###list", {px(212), px(130)});
  for (int i = 0; i < 3; ++i) {
    const ImVec2 row = ImGui::GetCursorScreenPos();
    list_row(("###row" + std::to_string(i)).c_str(), i == 1);
    ImGui::SetCursorScreenPos(
        {row.x + em(0.9F), row.y + (em(2.3F) - line_height(Type::kBody)) * 0.5F});
    text(Type::kBody, theme().text1, i == 1 ? "moe-small-042" : "dense-067");
    ImGui::SetCursorScreenPos({row.x, row.y + em(2.3F)});
  }
  ImGui::Dummy({1, 1});
  ImGui::EndChild();
}

void draw_states() {
  heading(530, 28, "Empty");
  ImGui::PushStyleColor(ImGuiCol_ChildBg, theme().bg0);
  ImGui::PushStyleColor(ImGuiCol_Border, theme().line);
  at(530, 54);
  ImGui::BeginChild("###empty", {px(410), px(142)}, ImGuiChildFlags_Borders);
  empty_state(Icon::kRouting,
              "No router in this model",
              "Dense runs show attention entropy and activation norms.",
              "Show attention entropy###empty.do",
              Icon::kSpike);
  ImGui::EndChild();
  ImGui::PopStyleColor(2);
  heading(530, 224, "Loading");
  at(530, 250);
  ImGui::BeginChild("###load", {px(410), px(114)});
  loading_state("Loss", 0.62F);
  ImGui::EndChild();
  heading(530, 392, "Error");
  at(530, 418);
  static int remedy = 0;
  constexpr std::array<Remedy, 3> kRemedies = {
      Remedy{"Micro-batch 4 \xC3\x97 accumulation 8###r0", "16.2 GB"},
      Remedy{"Recompute activations###r1", "14.8 GB, 22 % slower"},
      Remedy{"Sequence 1,024 \xE2\x86\x92 768###r2", "18.9 GB"}};
  ImGui::BeginChild("###errors", {px(410), px(210)});
  error_card("###error",
             "Out of GPU memory",
             "step 8,112, backward",
             "Needed 25.1 GB, the card has 24.0 GB. Nothing was lost: the checkpoint of step 8,000 "
             "is verified.",
             kRemedies,
             "Resume with this###error.do",
             &remedy);
  ImGui::EndChild();
  heading(530, 644, "Context menu and tooltip");
  ImDrawList* list = ImGui::GetWindowDrawList();
  draw_popup_box(list, {px(530), px(670)}, {px(726), px(792)});
  at(535, 675);
  ImGui::BeginChild("###menu", {px(186), px(112)});
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(0, px(2)));
  menu_item("Copy value###m0", "Ctrl C");
  menu_item("Copy as CSV###m1");
  menu_item("Save as SVG\xE2\x80\xA6###m2", nullptr, false);
  menu_item("Open log here###m3", "L");
  ImGui::PopStyleVar();
  ImGui::EndChild();
  draw_popup_box(list, {px(744), px(670)}, {px(940), px(756)});
  draw_text(list, Type::kBodyStrong, {px(756), px(682)}, theme().text1, "Routing entropy");
  draw_text(list, Type::kBody, {px(756), px(701)}, theme().text2, "How evenly tokens are");
  draw_text(list, Type::kBody, {px(756), px(717)}, theme().text2, "spread; 1 = uniform.");
  draw_text(
      list, Type::kMono, {px(756), px(736)}, theme().text3, "\xE2\x88\x92\xCE\xA3 p log p / log E");
}

void swatch(float x, float y, Color color, const char* name) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled({px(x), px(y)}, {px(x + 48), px(y + 30)}, color, px(5));
  list->AddRect({px(x), px(y)}, {px(x + 48), px(y + 30)}, theme().line2, px(5), px(1), 0);
  const float width = text_size(Type::kCaption, name).x;
  draw_text(list, Type::kCaption, {px(x + 24) - width * 0.5F, px(y + 36)}, theme().text3, name);
}

void draw_colors() {
  const ThemeTokens& t = theme();
  heading(980, 28, "Surfaces, text, status");
  const std::array<std::pair<Color, const char*>, 8> surfaces = {{{t.bg0, "bg0"},
                                                                  {t.bg1, "bg1"},
                                                                  {t.bg2, "bg2"},
                                                                  {t.bg3, "bg3"},
                                                                  {t.hover, "hover"},
                                                                  {t.active, "active"},
                                                                  {t.line, "line"},
                                                                  {t.line2, "line2"}}};
  const std::array<std::pair<Color, const char*>, 8> inks = {{{t.text1, "text"},
                                                              {t.text2, "text2"},
                                                              {t.text3, "text3"},
                                                              {t.accent, "accent"},
                                                              {t.ok, "ok"},
                                                              {t.attention, "attention"},
                                                              {t.failure, "failure"},
                                                              {t.dead, "dead"}}};
  for (std::size_t i = 0; i < 8; ++i) {
    swatch(980.0F + 54.0F * static_cast<float>(i), 58, surfaces[i].first, surfaces[i].second);
    swatch(980.0F + 54.0F * static_cast<float>(i), 124, inks[i].first, inks[i].second);
  }
  heading(980, 194, "Runs");
  ImDrawList* list = ImGui::GetWindowDrawList();
  for (int i = 0; i < kNumRunColors; ++i) {
    const float y = 230.0F + 17.0F * static_cast<float>(i);
    draw_text(
        list, Type::kDigitsCaption, {px(980), px(y) - em(0.45F)}, t.text3, std::to_string(i + 1));
    std::array<ImVec2, 80> wave;
    for (std::size_t k = 0; k < wave.size(); ++k) {
      const float u = static_cast<float>(k) / 79.0F;
      wave[k] = {px(1006 + u * 330),
                 ui_scale() * (y + 5.0F * std::sin(u * 7.0F + static_cast<float>(i)))};
    }
    list->AddPolyline(wave.data(), static_cast<int>(wave.size()), t.run(i), px(2));
    list->AddRectFilled({px(1356), px(y - 5)}, {px(1404), px(y + 5)}, t.run(i), px(4));
  }
  heading(980, 374, "Colour maps");
  const std::array<std::pair<Palette, const char*>, 5> maps = {
      {{Palette::kViridis, "viridis: counts, scores"},
       {Palette::kEntropy, "entropy: healthy end recedes"},
       {Palette::kCividis, "cividis: colour-blind option"},
       {Palette::kMagma, "magma: print"},
       {Palette::kDiverging, "diverging: load \xC3\xB7 fair share"}}};
  for (std::size_t m = 0; m < maps.size(); ++m) {
    const float y = 404.0F + 39.0F * static_cast<float>(m);
    for (int i = 0; i < 256; ++i) {
      const float x = 980.0F + 432.0F * static_cast<float>(i) / 256.0F;
      list->AddRectFilled({px(x), px(y)},
                          {px(x + 432.0F / 256.0F + 1.0F), px(y + 14)},
                          color_table(maps[m].first, t.kind)[static_cast<std::size_t>(i)]);
    }
    caption(980, y + 20, maps[m].second);
  }
  list->AddRectFilled({px(980), px(598)}, {px(1040), px(612)}, t.no_data);
  list->AddRectFilled({px(1060), px(598)}, {px(1120), px(612)}, with_alpha(t.dead, 0.22F));
  draw_hatch(list, {px(1060), px(598)}, {px(1120), px(612)}, t.dead);
  list->AddRect({px(1140), px(598)}, {px(1200), px(612)}, t.failure, 0.0F, px(1), 0);
  draw_text_centred(
      list, Type::kCaption, {px(1140), px(598)}, {px(1200), px(612)}, t.failure, "NaN");
  caption(980, 618, "no data");
  caption(1060, 618, "dead");
  caption(1140, 618, "not finite");
}

void draw_types() {
  heading(980, 650, "Type");
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ThemeTokens& t = theme();
  draw_text(list, Type::kDisplay, {px(980), px(676)}, t.text1, "Display 22");
  draw_text(list, Type::kRunName, {px(980), px(712)}, t.text1, "Run name 14 semibold");
  draw_text(list, Type::kControl, {px(980), px(736)}, t.text1, "Control, section 13 medium");
  draw_text(list, Type::kBody, {px(980), px(758)}, t.text2, "Label and body 12");
  draw_text(list, Type::kCaption, {px(980), px(782)}, t.text3, "Caption, unit 11");
  draw_text(list, Type::kDigitsBar, {px(980), px(802)}, t.text1, "0123456789  3.214  182 k");
  draw_text(list, Type::kDigits, {px(980), px(828)}, t.text2, "0123456789  12,340 / 50,000");
  draw_text(list, Type::kMono, {px(980), px(850)}, t.text1, "tokens, keys, log 0O 1lI");
}

}  // namespace

void draw_kit_page() {
  const ImGuiViewport* view = ImGui::GetMainViewport();
  ImGui::SetNextWindowPos(view->Pos);
  ImGui::SetNextWindowSize(view->Size);
  ImGui::Begin(
      "###kit",
      nullptr,
      ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoDocking);
  draw_buttons();
  draw_fields();
  draw_choice();
  draw_badges();
  draw_rows();
  draw_states();
  draw_colors();
  draw_types();
  ImGui::End();
  static Toasts toasts;
  static bool has_toast = false;
  if (!has_toast) {
    toasts.add(
        Tone::kFailure, "The engine stopped answering", "moe-small-042, step 12,340", "Reattach");
    has_toast = true;
  }
  toasts.draw(view->Pos.y + view->Size.y - em(1));
}

}  // namespace switchyard::ui
