#include "ui/panels/glossary_view.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ui/model/glossary.h"
#include "ui/model/words.h"
#include "ui/panels/common.h"
#include "ui/shell/theme.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

std::string whole_text(const GlossaryTerm& term) {
  std::string text = std::string(term.term) + ": " + std::string(term.definition);
  if (!term.formula.empty()) text += " " + std::string(term.formula) + ".";
  if (!term.source.empty()) text += " " + std::string(term.source) + ".";
  return text;
}

void draw_term(const GlossaryTerm& term, bool is_marked) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x - em(2.2F);
  const float body = wrapped_height(Type::kBody, term.definition, width);
  const float formula =
      term.formula.empty() ? 0.0F : wrapped_height(Type::kMono, term.formula, width) + em(0.3F);
  const float height = em(2.2F) + body + formula + (term.source.empty() ? 0.0F : em(1.4F));
  const std::string id = std::string(term.term) + "###glossary." + std::string(term.key);
  if (list_row(id.c_str(), is_marked, height / em(1)))
    ImGui::SetClipboardText(whole_text(term).c_str());
  if (is_marked) ImGui::SetScrollFromPosY(min.y - ImGui::GetWindowPos().y, 0.2F);
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float x = min.x + em(1.1F);
  float y = min.y + em(0.45F);
  const float used = draw_text(list, Type::kBodyStrong, {x, y}, t.text1, term.term, width);
  if (width - used > em(10))
    draw_text(list, Type::kMono, {x + used + em(0.8F), y}, t.text3, term.key, width - used - em(1));
  y += em(1.4F);
  y += draw_paragraph(list, Type::kBody, {x, y}, t.text2, term.definition, width);
  if (!term.formula.empty())
    y += draw_paragraph(list, Type::kMono, {x, y + em(0.2F)}, t.text1, term.formula, width) +
         em(0.3F);
  if (!term.source.empty())
    draw_text(list, Type::kCaption, {x, y + em(0.1F)}, t.text3, term.source, width);
  ImGui::SetCursorScreenPos(min);
  ImGui::Dummy({width, height});
}

}  // namespace

void draw_glossary_controls(Studio& studio, float right, float top, float height) {
  const float width = std::min(em(15), ImGui::GetWindowSize().x * 0.35F);
  ImGui::SetCursorScreenPos(
      {std::round(right - width), std::round(top + (height - em(1.85F)) * 0.5F)});
  if (studio.drawer.wants_search) ImGui::SetKeyboardFocusHere();
  studio.drawer.wants_search = false;
  search_field("###glossary.search", &studio.drawer.glossary_search, "Find a term", nullptr, width);
}

void draw_glossary(Studio& studio) {
  DrawerState& drawer = studio.drawer;
  const PanelBody body("###glossary.body", {0.0F, 0.0F}, 0.0F, 0.3F);
  const std::vector<std::string> words = lower_words(drawer.glossary_search);
  bool has_any = false;
  for (const GlossaryTerm& term : glossary()) {
    const bool is_wanted = drawer.glossary_term == term.key;
    if (!is_wanted && !words.empty() && !has_every_word(whole_text(term), words)) continue;
    draw_term(term, is_wanted);
    has_any = true;
  }
  if (ImGui::IsMouseClicked(ImGuiMouseButton_Left) || ImGui::GetIO().MouseWheel != 0.0F)
    drawer.glossary_term.clear();
  if (!has_any && empty_state(Icon::kSearch,
                              "No such term",
                              "The glossary explains every metric and term of this window.",
                              "Show all###glossary.show_all"))
    drawer.glossary_search.clear();
}

}  // namespace switchyard::ui
