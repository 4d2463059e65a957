#include "ui/panels/pinned_rows.h"

#include <algorithm>
#include <cmath>

#include "ui/panels/common.h"
#include "ui/panels/token_flow.h"
#include "ui/shell/theme.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {

std::vector<AnswerAt> rows_over_training(Studio& studio,
                                         const std::string& prompt,
                                         std::int64_t seed) {
  std::vector<AnswerAt> rows;
  for (const PinnedPrompt& pin : studio.prompt.pins.of(*studio.run)) {
    if (pin.prompt == prompt && pin.settings.seed == seed) rows = pin.answers;
  }
  add_replays(studio.prompt.answers, prompt, seed, studio.run->scalar("val_loss"), &rows);
  return rows;
}

void draw_pinned_rows(const std::vector<AnswerAt>& rows,
                      const char* id,
                      std::size_t limit,
                      std::int64_t* selected_step) {
  const ThemeTokens& t = theme();
  const float width = ImGui::GetContentRegionAvail().x;
  const float step_right = em(4.6F), loss_right = em(8.2F), text_left = em(9.2F);
  std::size_t count = 0;
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    if (limit != 0 && count++ == limit) return;
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float height = em(1.95F);
    const bool is_selected = selected_step != nullptr && *selected_step == row->step;
    const std::string label = std::string("###") + id + "." + std::to_string(row->step);
    if (list_row(label.c_str(), is_selected, 1.95F)) {
      if (selected_step != nullptr) {
        *selected_step = row->step;
      } else {
        ImGui::SetClipboardText(row->text.c_str());
      }
    }
    if (selected_step == nullptr) tooltip("Click copies this answer.");
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float y = std::round(min.y + (height - line_height(Type::kDigits)) * 0.5F);
    draw_text_right(
        list, Type::kDigits, {min.x + step_right, y}, t.text1, grouped_number(row->step));
    draw_text_right(list,
                    Type::kDigits,
                    {min.x + loss_right, y},
                    t.text3,
                    std::isnan(row->val_loss) ? "–" : plain_number(row->val_loss, 3));
    std::string words = row->text;
    std::replace(words.begin(), words.end(), '\n', ' ');
    if (row->is_open && words.empty()) words = "…";
    const bool has_failed = !row->problem.empty();
    if (has_failed) words = std::string(icon(Icon::kFailure)) + "  " + row->problem;
    draw_text(list,
              has_failed ? Type::kBody : Type::kMono,
              {min.x + text_left, y},
              has_failed ? t.failure : (row->is_open ? t.text3 : t.text2),
              has_failed ? words : drawable_text(words),
              std::max(em(2), width - text_left - em(0.4F)));
    list->AddRectFilled({min.x, min.y + height - px(1)}, {min.x + width, min.y + height}, t.line);
    ImGui::SetCursorScreenPos(min);
    ImGui::Dummy({width, height});
  }
}

}  // namespace switchyard::ui
