#include "ui/panels/notice_popover.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "ui/model/run_index.h"
#include "ui/panels/common.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr const char* kPopup = "###notices.list";

Icon notice_icon(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::kOk:
      return Icon::kOkFilled;
    case NoticeKind::kAttention:
      return Icon::kAttention;
    case NoticeKind::kFailure:
      return Icon::kFailure;
    case NoticeKind::kInfo:
      break;
  }
  return Icon::kInfo;
}

float row_height(const Notice& notice, float text_width) {
  const float detail =
      notice.detail.empty() ? 0.0F : wrapped_height(Type::kCaption, notice.detail, text_width);
  return em(2.2F) + detail;
}

void draw_notice(const PastNotice& past, int index, double wall_now) {
  const ThemeTokens& t = theme();
  const Notice& notice = past.notice;
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x, text = width - em(2.6F);
  const std::string age = age_text(wall_now - past.wall_time);
  const float age_width = text_size(Type::kCaption, age).x + em(0.8F);
  const float height = row_height(notice, text);
  const std::string id = notice.title + "###notices.item." + std::to_string(index);
  if (list_row(id.c_str(), false, height / em(1)))
    ImGui::SetClipboardText((notice.title + "\n" + notice.detail).c_str());
  if (ImGui::IsItemHovered()) tooltip("Click copies the text");
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float x = min.x + em(2.0F), y = min.y + em(0.45F);
  draw_text(list,
            Type::kBody,
            {min.x + em(0.5F), y},
            tone_color(tone_of(notice.kind)),
            icon(notice_icon(notice.kind)));
  draw_text(list, Type::kBody, {x, y}, t.text1, notice.title, text - age_width);
  draw_text_right(list, Type::kCaption, {min.x + width - em(0.6F), y + px(1)}, t.text3, age);
  draw_paragraph(list, Type::kCaption, {x, y + em(1.35F)}, t.text3, notice.detail, text);
  ImGui::SetCursorScreenPos(min);
  ImGui::Dummy({width, height});
}

void draw_list(Studio& studio) {
  NoticeList& notices = studio.past_notices;
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(em(0.5F), 0.0F));
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x;
  panel_title("Notices");
  if (notices.items().empty()) {
    note("Nothing has happened yet. What a message at the lower right said is kept here.");
  } else {
    const ImVec2 after = ImGui::GetCursorScreenPos();
    ImGui::SetCursorScreenPos(
        {at.x + width - text_size(Type::kBody, "Clear").x - em(0.4F), at.y + em(0.25F)});
    const bool is_cleared = link("Clear###notices.clear");
    ImGui::SetCursorScreenPos(after);
    float rows = 0.0F;
    for (const PastNotice& past : notices.items())
      rows += row_height(past.notice, width - em(2.6F));
    const float room = ImGui::GetMainViewport()->Size.y - em(9);
    {
      const PanelBody body("###notices.body", {0.0F, std::min({room, rows, em(30)})}, 0.0F, 0.0F);
      int index = 0;
      for (auto past = notices.items().rbegin(); past != notices.items().rend(); ++past)
        draw_notice(*past, index++, studio.wall_now);
    }
    if (is_cleared) notices.clear();
  }
  ImGui::PopStyleVar();
}

}  // namespace

void draw_bell(Studio& studio) {
  const std::size_t unread = studio.past_notices.num_unread();
  const std::string help =
      unread == 0 ? std::string("Notices")
                  : std::to_string(unread) + (unread == 1 ? " new notice" : " new notices");
  if (icon_button("Notices###shell.notices", Icon::kBell, help.c_str())) {
    open_popover(kPopup);
    studio.past_notices.mark_read();
  }
  const ImVec2 min = ImGui::GetItemRectMin(), max = ImGui::GetItemRectMax();
  if (unread > 0) {
    const ImVec2 centre = {std::round(max.x - em(0.62F)), std::round(min.y + em(0.62F))};
    ImDrawList* list = ImGui::GetWindowDrawList();
    list->AddCircleFilled(centre, em(0.32F), theme().bg1);
    list->AddCircleFilled(centre, em(0.22F), theme().attention);
  }
  if (begin_popover(kPopup, 30.0F)) {
    draw_list(studio);
    end_popover();
  }
}

}  // namespace switchyard::ui
