#include <string>

#include <imgui_internal.h>

#include "ui/widgets/fields.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kFieldHeightEm = 1.7F;

}  // namespace

bool field_error(const char* reason, const char* fix_label) {
  const ThemeTokens& t = theme();
  text(Type::kBody, t.failure, icon(Icon::kFailure));
  ImGui::SameLine(0.0F, em(0.5F));
  if (fix_label == nullptr) {
    text_wrapped(Type::kBody, t.failure, reason);
    return false;
  }
  text(Type::kBody, t.failure, reason);
  ImGui::SameLine(0.0F, em(0.7F));
  return link(fix_label);
}

float form_row(
    const char* id, const char* label, bool is_changed, bool* is_reverted, float field_width_em) {
  const ThemeTokens& t = theme();
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float right = pos.x + ImGui::GetContentRegionAvail().x;
  const float field = em(field_width_em), height = em(kFieldHeightEm);
  ImDrawList* list = ImGui::GetWindowDrawList();
  if (is_changed) {  // at the edge of the panel, also when the form scrolls in a child of it
    const ImGuiWindow* panel = ImGui::GetCurrentWindow()->RootWindow;
    const float edge = panel->Pos.x;
    const ImRect clip = ImGui::GetCurrentWindow()->ClipRect;
    list->PushClipRect({edge, clip.Min.y}, {clip.Max.x, clip.Max.y}, false);
    list->AddRectFilled({edge, pos.y}, {edge + px(2), pos.y + height}, t.accent);
    list->PopClipRect();
  }
  const float revert = is_reverted != nullptr ? em(1.9F) : 0.0F;
  const float room = right - field - pos.x - revert - em(0.5F);
  ImGui::SetCursorScreenPos({pos.x, pos.y + (height - line_height(Type::kBody)) * 0.5F});
  text_ellipsis(Type::kBody, is_changed ? t.text1 : t.text2, label, room);
  if (is_reverted != nullptr) {
    *is_reverted = false;
    if (is_changed) {
      ButtonOptions small;
      small.is_small = true;
      ImGui::SetCursorScreenPos(
          {right - field - revert, pos.y + (height - button_height(true)) * 0.5F});
      const std::string revert_id = std::string("Revert###") + id + ".revert";
      *is_reverted =
          icon_button(revert_id.c_str(), Icon::kRevert, "Back to the preset's value", small);
    }
  }
  ImGui::SetCursorScreenPos({right - field, pos.y});
  return field;
}

}  // namespace switchyard::ui
