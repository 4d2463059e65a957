// Menus, popovers, toasts, tags, confirmations and tabs: the part of the kit that stands above or
// between panels.
#include <array>
#include <string>

#include <imgui.h>

#include "tests/gallery/pages.h"
#include "ui/shell/fonts.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/states.h"
#include "ui/widgets/tabs.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

void at(float x, float y) {
  ImGui::SetCursorScreenPos({px(x), px(y)});
}

void heading(float x, float y, const char* words) {
  draw_text(ImGui::GetWindowDrawList(), Type::kHeading, {px(x), px(y)}, theme().text1, words);
}

/// A box as popups have one, for content that is drawn without opening a popup.
void box(float x, float y, float width, float height) {
  draw_popup_box(ImGui::GetWindowDrawList(), {px(x), px(y)}, {px(x + width), px(y + height)});
}

void draw_menu() {
  heading(28, 28, "Context menu");
  box(28, 56, 200, 128);
  at(34, 62);
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(0.0F, 0.0F));
  ImGui::BeginChild("###menu", {px(188), px(116)});
  menu_item("Copy value###menu.copy", "Ctrl C");
  menu_item("Copy as CSV###menu.csv");
  menu_item("Save as SVG…###menu.svg", nullptr, false);
  menu_item("Open log here###menu.log", "L");
  ImGui::EndChild();
  ImGui::PopStyleVar();
  heading(260, 28, "Popover");
  box(260, 56, 230, 128);
  at(274, 68);
  ImGui::BeginChild("###popover", {px(202), px(108)});
  panel_title("Columns");
  static bool has_loss = true, has_speed = false;
  checkbox("Validation loss###columns.loss", &has_loss);
  checkbox("Throughput###columns.speed", &has_speed);
  link("Default columns###columns.reset");
  ImGui::EndChild();
}

void draw_tags() {
  heading(28, 214, "Tags");
  at(28, 240);
  tag_chip("baseline###tag.first");
  for (const char* tag : {"long warm-up", "图"}) {
    ImGui::SameLine(0.0F, px(6));
    tag_chip((std::string(tag) + "###tag." + tag).c_str());
  }
  heading(28, 292, "Tabs");
  static int tab = 1;
  static constexpr std::array kTabs = {
      TabLine{"Log", Icon::kLog}, TabLine{"Events", Icon::kFlag}, TabLine{"Hardware"}};
  at(28, 316);
  tabs("page.tabs", kTabs, &tab);
  static int compact = 0;
  at(300, 316);
  tabs("page.compact", kTabs, &compact, true);
}

void draw_confirmations() {
  heading(28, 372, "Confirm");
  at(28, 398);
  ImGui::BeginChild("###confirm", {px(462), px(60)});
  confirm_row("Move 3 runs to the trash?", "Move###confirm.yes", "Keep###confirm.no");
  ImGui::EndChild();
  heading(28, 478, "Changed settings");
  at(28, 504);
  ImGui::BeginChild("###changed", {px(300), px(110)});
  static std::int64_t experts = 64, width = 768;
  static double rate = 6e-4;
  bool is_reverted = false;
  FieldOptions options;
  options.width = form_row("e", "Experts", true, &is_reverted);
  integer_field("###changed.experts", &experts, 1, 4096, options);
  options.width = form_row("w", "Width", false, &is_reverted);
  integer_field("###changed.width", &width, 1, 65536, options);
  options.unit = "1/step";
  options.width = form_row("r", "Learning rate", true, &is_reverted);
  real_field("###changed.rate", &rate, 0.0, 1.0, options);
  ImGui::EndChild();
}

void draw_states() {
  heading(560, 28, "Empty, small");
  at(560, 56);
  ImGui::BeginChild("###small", {px(240), px(130)}, ImGuiChildFlags_Borders);
  empty_state(Icon::kLog, "The log is empty", "Milestones and warnings appear here.");
  ImGui::EndChild();
  heading(560, 214, "Loading, unknown length");
  at(560, 240);
  ImGui::BeginChild("###loading.page", {px(400), px(130)});
  loading_state("Routing entropy", -1.0F);
  ImGui::EndChild();
  heading(560, 398, "Error without a way out");
  at(560, 424);
  ImGui::BeginChild("###error.page", {px(400), px(150)});
  int selected = 0;
  error_card("###plain_error",
             "The run folder cannot be read",
             "run.db",
             "It was written by a newer version. Nothing was changed.",
             {},
             nullptr,
             &selected);
  ImGui::EndChild();
  heading(560, 600, "Long texts");
  at(560, 626);
  ImGui::BeginChild("###long", {px(240), px(80)});
  property_row("A label that is much too long for its row", "2,147,483,647", "tokens");
  text_ellipsis(Type::kBody, theme().text2, "This sentence ends before its end is reached");
  ImGui::EndChild();
}

}  // namespace

void draw_overlay_page() {
  const ImGuiViewport* view = ImGui::GetMainViewport();
  ImGui::SetNextWindowPos(view->Pos);
  ImGui::SetNextWindowSize(view->Size);
  ImGui::PushStyleColor(ImGuiCol_WindowBg, theme().bg1);
  ImGui::Begin(
      "###overlays",
      nullptr,
      ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoDocking);
  ImGui::PopStyleColor();
  draw_menu();
  draw_tags();
  draw_confirmations();
  draw_states();
  ImGui::End();
  static Toasts toasts;
  static bool has_toasts = false;
  if (!has_toasts) {
    toasts.add(Tone::kFailure, "The engine stopped answering", "moe-small-042, step 12,340");
    toasts.add(Tone::kAttention, "Layer 7: 3 experts dead", "step 7,710");
    toasts.add(Tone::kFailure, "moe-small-042 is in the trash", "Nothing is deleted yet.", "Undo");
    has_toasts = true;
  }
  toasts.draw(view->Pos.y + view->Size.y - em(1));
}

}  // namespace switchyard::ui
