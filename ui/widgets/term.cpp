#include "ui/widgets/term.h"

#include <imgui_internal.h>

#include "ui/model/glossary.h"
#include "ui/widgets/overlays.h"

namespace switchyard::ui {
namespace {

struct Hovered {
  std::string key;
  int frame = -1;
};

Hovered hovered;

}  // namespace

void term_help(std::string_view name, ImVec2 min, ImVec2 max) {
  if (!ImGui::IsMouseHoveringRect(min, max) || !ImGui::IsWindowHovered()) return;
  const GlossaryTerm* term = find_term(name);
  if (term == nullptr) return;
  const ImGuiContext& g = *ImGui::GetCurrentContext();
  hovered = {std::string(term->key), g.FrameCount};
  if (g.MouseStationaryTimer < g.Style.HoverStationaryDelay || ImGui::IsAnyItemActive()) return;
  plain_help(term->term, term->definition, term->formula);
}

const std::string& term_under_mouse() {
  static const std::string none;
  return hovered.frame == ImGui::GetFrameCount() ? hovered.key : none;
}

}  // namespace switchyard::ui
