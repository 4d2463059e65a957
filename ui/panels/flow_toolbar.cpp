#include "ui/panels/flow_toolbar.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "ui/model/answer_export.h"
#include "ui/panels/choice.h"
#include "ui/panels/common.h"
#include "ui/panels/maps.h"
#include "ui/panels/token_flow.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

void copy(Studio& studio, const std::string& text, const char* what) {
  ImGui::SetClipboardText(text.c_str());
  studio.notices.push_back({NoticeKind::kOk, what, ""});
}

void draw_menu(Studio& studio, const std::string& id, const Answer& answer) {
  const std::string& run = studio.run->name;
  if (menu_item(("Copy as text###" + id + ".copy_text").c_str()))
    copy(studio, answer_as_text(answer), "Copied as text");
  if (menu_item(("Copy as Markdown###" + id + ".copy_markdown").c_str()))
    copy(studio, answer_as_markdown(answer, run), "Copied as Markdown");
  if (menu_item(("Copy as JSON###" + id + ".copy_json").c_str()))
    copy(studio, answer_as_json(answer, run).dump(2) + "\n", "Copied as JSON");
  const bool is_plain = studio.prompt.shows_plain_text;
  if (menu_item(((is_plain ? "Show tokens###" : "Show as plain text###") + id + ".plain").c_str()))
    studio.prompt.shows_plain_text = !is_plain;
}

}  // namespace

void draw_flow_toolbar(Studio& studio, const char* id, const Answer* answer) {
  PromptState& prompt = studio.prompt;
  const std::string name = id;
  const float right = ImGui::GetCursorScreenPos().x + ImGui::GetContentRegionAvail().x - em(0.9F);
  const float room = ImGui::GetContentRegionAvail().x - em(6);
  Toolbar bar(id);
  static constexpr const char* kTints[] = {"Probability", "Top expert", "Entropy"};
  const float height = em(1.85F);
  int tint = static_cast<int>(prompt.tint);
  bar.label("Shade");
  bar.next(height);
  if (choice((name + ".shade").c_str(), kTints, &tint, room))
    prompt.tint = static_cast<PromptState::Tint>(tint);
  static constexpr const char* kRows[] = {"Routes", "Off"};
  int rows = prompt.shows_routes ? 0 : 1;
  if (has_routing(*studio.run)) {
    bar.label("Rows");
    bar.next(height);
    if (choice((name + ".rows").c_str(), kRows, &rows, room)) prompt.shows_routes = rows == 0;
    bar.label("Layer");
    bar.next(em(1.7F));
    layer_combo(studio, ("###" + name + ".layer").c_str(), em(4.6F));
  }
  if (answer == nullptr) return;
  ButtonOptions options;
  options.icon = Icon::kCopy;
  options.is_small = true;
  options.tooltip = "Copies prompt and answer as text";
  const std::string label = "Copy###" + name + ".copy";
  const float side = button_height(true);
  bar.next(side);
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float wanted = right - side - em(0.3F) - button_width(label.c_str(), options);
  ImGui::SetCursorScreenPos({std::round(std::max(pos.x, wanted)), pos.y});
  if (button(label.c_str(), options)) copy(studio, answer_as_text(*answer), "Copied as text");
  bar.next(side, 0.3F);
  ButtonOptions small;
  small.is_small = true;
  const std::string menu = "###" + name + ".menu_popup";
  if (icon_button(("More###" + name + ".menu").c_str(), Icon::kMore, "Copy as …", small))
    open_popover(menu.c_str());
  if (begin_popover(menu.c_str(), 14.0F)) {
    draw_menu(studio, name, *answer);
    end_popover();
  }
}

void draw_flow_legend(const Studio& studio, const Answer& answer, bool has_routes) {
  using Tint = PromptState::Tint;
  const ThemeTokens& t = theme();
  const int layer = studio.selection.layer, expert = studio.selection.expert;
  std::string words = "text: violet = unlikely";
  if (studio.prompt.tint == Tint::kTopExpert)
    words = "text: first expert in layer " + std::to_string(layer);
  if (studio.prompt.tint == Tint::kEntropy) {
    const bool is_known = std::any_of(answer.tokens.begin(),
                                      answer.tokens.end(),
                                      [](const Token& token) { return token.entropy_nats >= 0.0; });
    words = is_known ? "text: bright = many tokens were possible"
                     : "this engine does not tell the entropy of its choices";
  }
  const bool has_rows = has_routes && answer.num_layers() > 0;
  if (has_rows) words += "   rows: first expert, strength = weight";
  const float chip_width = has_rows && expert >= 0 ? em(6) : 0.0F;
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  ImGui::SetCursorScreenPos(
      {pos.x, std::round(pos.y + (em(1.5F) - line_height(Type::kCaption)) * 0.5F)});
  text_ellipsis(Type::kCaption,
                t.text3,
                words,
                std::max(em(4), ImGui::GetContentRegionAvail().x - chip_width));
  if (chip_width <= 0.0F) return;
  ImGui::SetCursorScreenPos({ImGui::GetItemRectMax().x + em(0.8F), pos.y});
  color_chip(expert_name(expert), ExpertColors(studio).of(expert));
}

}  // namespace switchyard::ui
