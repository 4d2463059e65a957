#include "ui/panels/run_bar_parts.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "ui/model/run_health.h"
#include "ui/panels/common.h"
#include "ui/panels/run_row.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kMostRecent = 9;
constexpr float kMemoryEm = 8.6F;
constexpr double kTight = 0.92;  ///< share of the memory from which the bar turns amber

void draw_recent_run(Studio& studio, const store::RunOverview& run) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x, height = em(2.2F);
  const std::string label = run.name + "###run.recent." + run.name;
  if (list_row(label.c_str(), run.root == studio.run->root, 2.2F)) {
    studio.send(OpenRun{run.root});
    ImGui::CloseCurrentPopup();
  }
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = std::round(min.y + (height - line_height(Type::kBody)) * 0.5F);
  list->AddRectFilled({min.x + em(0.6F), min.y + em(0.55F)},
                      {min.x + em(0.6F) + px(3), min.y + height - em(0.55F)},
                      run_color(studio, run.root, run.name));
  const float right = em(7.5F);
  draw_text(list, Type::kBody, {min.x + em(1.4F), y}, t.text1, run.name, width - em(2) - right);
  draw_state(list, {min.x + width - right, y}, run_state_from_word(run.state), Type::kBody);
  ImGui::SetCursorScreenPos(min);
  ImGui::Dummy({width, height});
}

}  // namespace

void draw_run_switcher(Studio& studio, ImVec2 pos) {
  ImGui::SetCursorScreenPos(pos);
  ButtonOptions small;
  small.is_small = true;
  if (icon_button("Other runs###run.switch", Icon::kChevronDown, "Open another run", small))
    open_popover("run.switch_popup");
  if (!begin_popover("run.switch_popup", 25.0F)) return;
  const std::vector<store::RunOverview>& runs = studio.runs->runs;
  std::size_t shown = 0;
  for (const store::RunOverview& run : runs) {
    if (studio.marks.of(run.root).is_archived) continue;
    draw_recent_run(studio, run);
    if (++shown == kMostRecent) break;
  }
  if (shown == 0) note("No runs yet.");
  gap(0.3F);
  if (menu_item(("All " + std::to_string(runs.size()) + " runs###run.all").c_str(), "Ctrl 4"))
    studio.wants_runs_workspace = true;
  if (menu_item("New run###run.switch_new")) studio.gallery.is_open = true;
  end_popover();
}

float draw_health(const Studio& studio, ImVec2 pos, float width) {
  const std::vector<HealthNote> notes = health_of(*studio.run, *studio.machine, studio.now);
  if (notes.empty() || width < em(4)) return 0.0F;
  const ThemeTokens& t = theme();
  const HealthNote& first = notes.front();
  const Color color = first.is_failure ? t.failure : t.attention;
  std::string words = first.words;
  if (notes.size() > 1) words += " +" + std::to_string(notes.size() - 1);
  const float height = em(1.35F);
  const std::string shown = fitted(Type::kCaption, words, width - em(2.1F));
  const float used = text_size(Type::kCaption, shown).x + em(2.1F);
  ImGui::SetCursorScreenPos({pos.x, std::round(pos.y - em(0.12F))});
  hit_area("###run.health", {used, height});
  const ImVec2 min = ImGui::GetItemRectMin(), max = ImGui::GetItemRectMax();
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(min, max, with_alpha(color, t.soft), em(0.3F));
  const float y = std::round(min.y + (height - line_height(Type::kCaption)) * 0.5F);
  draw_text(list,
            Type::kCaption,
            {min.x + em(0.4F), y},
            color,
            icon(first.is_failure ? Icon::kFailure : Icon::kAttention));
  draw_text(list, Type::kCaption, {min.x + em(1.6F), y}, color, shown);
  std::string all;
  for (const HealthNote& one : notes) all += (all.empty() ? "" : "\n") + one.words + ": " + one.why;
  tooltip(all);
  return used;
}

void draw_stop_popover(Studio& studio, const char* id) {
  if (!begin_popover(id, 23.0F)) return;
  bool& is_sure = studio.runs_state.is_discarding;
  if (ImGui::IsWindowAppearing()) is_sure = false;
  if (menu_item("Stop and save###run.stop_save"))
    studio.send(EngineOrder{EngineOrder::Kind::kStopAndSave});
  note("Writes a checkpoint first; Resume goes on from exactly here.");
  gap(0.5F);
  if (!is_sure) {
    ImGui::PushItemFlag(ImGuiItemFlags_AutoClosePopups, false);
    if (menu_item("Stop and discard…###run.stop_discard")) is_sure = true;
    ImGui::PopItemFlag();
  } else {
    const RunView& run = *studio.run;
    std::int64_t saved = -1;
    for (const store::Event& event : run.events) {
      if (event.kind == "checkpoint") saved = std::max(saved, event.step);
    }
    note(saved < 0 ? "Nothing has been saved yet: all " + grouped_number(run.step) +
                         " steps would be lost."
                   : "The " + grouped_number(std::max<std::int64_t>(0, run.step - saved)) +
                         " steps after the checkpoint of step " + grouped_number(saved) +
                         " would be lost.");
    gap(0.4F);
    ButtonOptions danger;
    danger.kind = ButtonKind::kDanger;
    danger.is_small = true;
    danger.icon = Icon::kTrash;
    if (button("Discard and stop###run.stop_discard_sure", danger)) {
      studio.send(EngineOrder{EngineOrder::Kind::kStopAndDiscard});
      ImGui::CloseCurrentPopup();
    }
    ImGui::SameLine(0.0F, em(0.6F));
    ButtonOptions plain;
    plain.is_small = true;
    if (button("Train on###run.stop_keep", plain)) ImGui::CloseCurrentPopup();
  }
  end_popover();
}

float draw_memory_figure(const Studio& studio, ImVec2 pos, bool is_measured_only) {
  const MemoryUse use = memory_use(*studio.run, *studio.machine);
  if (!std::isfinite(use.used_bytes)) return 0.0F;
  const float width = em(kMemoryEm);
  if (is_measured_only) return width;
  const ThemeTokens& t = theme();
  ImGui::SetCursorScreenPos({pos.x, pos.y + em(0.72F)});
  const std::string used = bytes_text(use.used_bytes);
  const std::size_t unit = used.find("\xE2\x80\x89");  // the thin space before it
  const std::string number = used.substr(0, unit);
  std::string rest = unit == std::string::npos ? "" : used.substr(unit + 3);
  if (use.total_bytes > 0.0) rest += " / " + bytes_text(use.total_bytes);
  key_figure(use.is_gpu ? "GPU memory" : "Memory", number, rest);
  if (use.total_bytes <= 0.0) return width;
  const float share = static_cast<float>(std::clamp(use.used_bytes / use.total_bytes, 0.0, 1.0));
  const float y = pos.y + em(3.35F), bar = width - em(1.6F), height = em(0.26F);
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled({pos.x, y}, {pos.x + bar, y + height}, t.active, height * 0.5F);
  list->AddRectFilled({pos.x, y},
                      {pos.x + std::max(px(2), bar * share), y + height},
                      share > static_cast<float>(kTight) ? t.attention : t.ok,
                      height * 0.5F);
  return width;
}

}  // namespace switchyard::ui
