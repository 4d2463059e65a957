#include "ui/panels/sampling_form.h"

#include <algorithm>
#include <cmath>

#include "ui/panels/common.h"
#include "ui/panels/token_flow.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

/// Fields shrink with the panel, labels do not.
float field_em() {
  return std::min(17.6F, ImGui::GetContentRegionAvail().x / em(1) - 7.0F);
}

bool slider_row(
    const char* label, const char* id, double* value, double min, double max, int decimals) {
  const float width = form_row(id, label, false, nullptr, field_em());
  const bool is_changed = slider(id, value, min, max, width, em(4.4F), decimals);
  gap(0.3F);
  return is_changed;
}

/// Puts the cursor right of the field before, so that a small button stands centred beside it.
void place_button() {
  const ImVec2 min = ImGui::GetItemRectMin(), max = ImGui::GetItemRectMax();
  ImGui::SetCursorScreenPos(
      {max.x + em(0.25F), std::round((min.y + max.y - button_height(true)) * 0.5F)});
}

void draw_seed(PromptState& prompt) {
  FieldOptions field;
  const float width = form_row("###prompt.seed_row", "Seed", false, nullptr, field_em());
  field.width = width - em(2.1F);
  integer_field("###prompt.seed", &prompt.settings.seed, 0, std::int64_t{1} << 53, field);
  const ImVec2 after = ImGui::GetCursorScreenPos();
  place_button();
  ButtonOptions small;
  small.is_small = true;
  small.is_selected = prompt.is_seed_locked;
  const bool is_locked = prompt.is_seed_locked;
  if (icon_button("Lock the seed###prompt.seed_lock",
                  is_locked ? Icon::kSeed : Icon::kUnlocked,
                  is_locked ? "Locked: every answer uses this seed"
                            : "Open: each answer takes the next seed",
                  small))
    prompt.is_seed_locked = !is_locked;
  ImGui::SetCursorScreenPos(after);
  gap(0.3F);
}

/// A stop text as a chip that a click removes. True when it was clicked.
bool stop_chip(const std::string& words, std::size_t index, float room) {
  const ThemeTokens& t = theme();
  const std::string shown = fitted(Type::kMono, words, room - em(2.4F));
  const ImVec2 size = {text_size(Type::kMono, shown).x + em(2.2F), em(1.6F)};
  const ImVec2 min = ImGui::GetCursorScreenPos(), max = {min.x + size.x, min.y + size.y};
  const bool is_clicked = hit_area(("###prompt.stop_text." + std::to_string(index)).c_str(), size);
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(min, max, ImGui::IsItemHovered() ? t.hover : t.chip, em(0.3F));
  list->AddRect(min, max, t.line2, em(0.3F), px(1), 0);
  draw_focus_ring(min, max, em(0.3F), ImGui::GetItemID());
  const float y = std::round(min.y + (size.y - line_height(Type::kMono)) * 0.5F);
  draw_text(list, Type::kMono, {min.x + em(0.5F), y}, t.text1, shown);
  draw_text_right(list, Type::kCaption, {max.x - em(0.4F), y}, t.text3, icon(Icon::kClose));
  tooltip("Removes this stop text");
  return is_clicked;
}

void draw_stops(PromptState& prompt, std::string* problem) {
  FieldOptions field;
  const float width = form_row("###prompt.stop_row", "Stop at", false, nullptr, field_em());
  const ImVec2 left = ImGui::GetCursorScreenPos();
  field.width = width - em(2.1F);
  field.is_mono = true;
  field.hint = "\\n\\n";
  field.has_error = !problem->empty();
  if (text_field("###prompt.stop_field", &prompt.stop_text, field)) problem->clear();
  bool wants_add = ImGui::IsItemDeactivatedAfterEdit() && ImGui::IsKeyPressed(ImGuiKey_Enter);
  const ImVec2 after = ImGui::GetCursorScreenPos();
  place_button();
  ButtonOptions small;
  small.is_small = true;
  if (icon_button("Add a stop text###prompt.stop_add",
                  Icon::kPlus,
                  "Ends answers before this text; \\n is a line end",
                  small))
    wants_add = true;
  if (wants_add && add_stop(prompt.settings, prompt.stop_text, problem)) prompt.stop_text.clear();
  ImGui::SetCursorScreenPos(after);
  gap(0.05F);
  if (!problem->empty()) {
    gap(0.3F);
    field_error(problem->c_str());
  }
  std::vector<std::string>& stops = prompt.settings.stop;
  if (stops.empty()) return;
  gap(0.4F);
  float x = left.x;
  const float right = left.x + width;
  for (std::size_t i = 0; i < stops.size(); ++i) {
    const std::string words = drawable_text(escapes_from_text(stops[i]));
    const float needed = std::min(width, text_size(Type::kMono, words).x + em(2.2F));
    if (x > left.x && x + needed > right) {
      gap(0.3F);
      x = left.x;
    } else if (x > left.x) {
      ImGui::SameLine(0.0F, em(0.35F));
    }
    if (x == left.x) ImGui::SetCursorScreenPos({x, ImGui::GetCursorScreenPos().y});
    if (stop_chip(words, i, width)) {
      stops.erase(stops.begin() + static_cast<std::ptrdiff_t>(i));
      return;
    }
    x += needed + em(0.35F);
  }
}

}  // namespace

void draw_sampling(PromptState& prompt, std::string* stop_problem) {
  SamplingSettings& s = prompt.settings;
  const ImVec2 title = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x;
  panel_title("Sampling");
  gap(0.2F);
  const ImVec2 after = ImGui::GetCursorScreenPos();
  if (!(s == SamplingSettings{})) {
    ImGui::SetCursorScreenPos(
        {title.x + width - text_size(Type::kBody, "Reset").x, title.y + em(0.2F)});
    if (link("Reset###prompt.reset")) s = SamplingSettings{};
    ImGui::SetCursorScreenPos(after);
  }
  slider_row("Temperature", "###prompt.temperature", &s.temperature, 0.0, 2.0, 2);
  auto top_k = static_cast<double>(s.top_k);
  if (slider_row("Top-k", "###prompt.top_k", &top_k, 0.0, 100.0, 0)) s.top_k = std::llround(top_k);
  slider_row("Top-p", "###prompt.top_p", &s.top_p, 0.0, 1.0, 2);
  slider_row("Min-p", "###prompt.min_p", &s.min_p, 0.0, 0.5, 2);
  slider_row("Repetition", "###prompt.repetition_penalty", &s.repetition_penalty, 1.0, 2.0, 2);
  draw_seed(prompt);
  FieldOptions field;
  field.width = form_row("###prompt.max_row", "Max tokens", false, nullptr, field_em());
  integer_field("###prompt.max_tokens", &s.max_tokens, 1, 100'000, field);
  gap(0.3F);
  draw_stops(prompt, stop_problem);
  gap(0.5F);
  note("Top-k 0, top-p 1, min-p 0 and repetition 1 are off.");
}

}  // namespace switchyard::ui
