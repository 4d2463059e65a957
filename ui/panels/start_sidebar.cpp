#include "ui/panels/start_sidebar.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "ui/panels/common.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/sidebar.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kRecentRuns = 6;

std::string run_line(const store::RunSummary& run, RunState state) {
  char percent[32];
  if (is_training(state) && run.max_steps > 0) {
    const double part = 100.0 * static_cast<double>(run.step) / static_cast<double>(run.max_steps);
    std::snprintf(percent, sizeof percent, ", %.1f\xE2\x80\x89%%", part);
    return std::string(run_state_word(state)) + percent;
  }
  if (state == RunState::kFailed && !run.detail.empty()) return "failed: " + run.detail;
  const double loss = std::isfinite(run.val_loss) ? run.val_loss : run.train_loss;
  if (std::isfinite(loss))
    return plain_number(loss, 4) + " after " + grouped_number(run.step) +
           (state == RunState::kCompleted ? "" : ", " + std::string(run_state_word(state)));
  return std::string(run_state_word(state));
}

void recent_run(Studio& studio, const store::RunSummary& run) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const ImVec2 size = {ImGui::GetContentRegionAvail().x, em(3.35F)};
  if (hit_area((run.name + "###recent." + run.name).c_str(), size)) studio.send(OpenRun{run.root});
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImVec2 max = {min.x + size.x, min.y + size.y};
  if (ImGui::IsItemHovered()) list->AddRectFilled(min, max, t.hover, em(0.38F));
  draw_focus_ring(min, max, em(0.38F), ImGui::GetItemID());
  const float x = min.x + em(0.6F);
  list->AddRectFilled({x, min.y + em(0.45F)}, {x + px(3), max.y - em(0.45F)}, run_color(run.name));
  const RunState state = run_state_from_word(run.state);
  const Tone tone = tone_of(run_state_tone(state));
  const bool is_plain = tone == Tone::kNeutral || state == RunState::kCompleted;
  draw_text(
      list, Type::kBody, {x + em(0.9F), min.y + em(0.45F)}, t.text1, run.name, size.x - em(2));
  draw_text(list,
            Type::kDigitsCaption,
            {x + em(0.9F), min.y + em(1.8F)},
            is_plain ? t.text3 : tone_color(tone),
            run_line(run, state),
            size.x - em(2));
}

void machine_row(
    ImVec2* at, float width, Icon name, std::string_view label, std::string_view value) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  draw_text(list, Type::kBody, *at, t.text3, icon(name));
  draw_text(list,
            Type::kBody,
            {at->x + em(1.6F), at->y},
            t.text2,
            label,
            width - em(2.2F) - text_size(Type::kDigits, value).x);
  draw_text_right(list, Type::kDigits, {at->x + width, at->y}, t.text1, value);
  at->y += em(1.7F);
}

void draw_machine(const MachineInfo& machine, float bottom) {
  const ThemeTokens& t = theme();
  const ImVec2 start = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x;
  const float height = em(machine.gpus.empty() ? 7.0F : 8.4F);
  const ImVec2 min = {start.x, bottom - height};
  const ImVec2 max = {start.x + width, bottom};
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(min, max, t.bg2, em(0.46F));
  list->AddRect(min, max, t.line, em(0.46F), px(1), 0);
  draw_text(
      list, Type::kBodyStrong, {min.x + em(0.85F), min.y + em(0.75F)}, t.text1, "This machine");
  draw_text_right(
      list, Type::kBody, {max.x - em(0.85F), min.y + em(0.75F)}, t.ok, icon(Icon::kOkFilled));
  ImVec2 at = {min.x + em(0.85F), min.y + em(2.4F)};
  const float inner = width - em(1.7F);
  if (!machine.gpus.empty())
    machine_row(
        &at, inner, Icon::kGpu, machine.gpus.front(), "×" + std::to_string(machine.gpus.size()));
  machine_row(&at,
              inner,
              Icon::kHardware,
              std::to_string(machine.num_cores) + (machine.num_cores == 1 ? " core" : " cores"),
              bytes_text(static_cast<double>(machine.memory_bytes)));
  machine_row(&at,
              inner,
              Icon::kDisk,
              "Disk",
              bytes_text(static_cast<double>(machine.disk_free_bytes)) + " free");
  if (machine.gpus.empty()) {
    draw_text(list,
              Type::kCaption,
              {at.x, at.y - em(0.1F)},
              t.text3,
              "No GPU: CPU presets train well",
              inner);
  }
}

void draw_recent(Studio& studio, float room) {
  const RunIndex& index = *studio.runs;
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x;
  ImGui::GetWindowDrawList()->AddRectFilled({pos.x + em(0.6F), pos.y + em(0.9F)},
                                            {pos.x + width - em(0.6F), pos.y + em(0.9F) + px(1)},
                                            theme().line);
  gap(1.9F);
  const ImVec2 title = ImGui::GetCursorScreenPos();
  sidebar_caption("Recent runs");
  if (!index.runs.empty()) {
    const std::string all = "All " + std::to_string(index.runs.size());
    ImGui::SetCursorScreenPos(
        {title.x + width - text_size(Type::kBody, all).x - em(0.6F), title.y - px(1)});
    if (link((all + "###start.all_runs").c_str())) studio.wants_runs_workspace = true;
    ImGui::SetCursorScreenPos({title.x, title.y + em(1.5F)});
  }
  if (index.is_scanned && index.runs.empty()) {
    ImGui::SetCursorScreenPos({title.x + em(0.6F), title.y + em(1.6F)});
    note("None yet. Your first run will stand here.");
    return;
  }
  const auto fits = static_cast<std::size_t>(std::max(0.0F, (room - em(5)) / em(3.35F)));
  const std::size_t count = std::min({index.runs.size(), kRecentRuns, fits});
  for (std::size_t i = 0; i < count; ++i) recent_run(studio, index.runs[i]);
}

}  // namespace

void draw_start_sidebar(Studio& studio, ImVec2 size) {
  const PanelBody body("###start.sidebar", size, 0.65F, 1.4F, false);
  const float bottom = ImGui::GetWindowPos().y + size.y - em(0.9F);
  sidebar_caption("Presets");
  for (const std::string& group : studio.presets->groups()) {
    int count = 0;
    for (const SizedPreset& preset : studio.presets->presets)
      count += preset.card.group == group ? 1 : 0;
    const std::string label = group + "###group." + group, note = std::to_string(count);
    if (sidebar_row({label.c_str(), Icon::kCount, note, group == studio.gallery.group}))
      studio.gallery.group = group;
  }
  draw_recent(studio, bottom - em(9.5F) - ImGui::GetCursorScreenPos().y);
  draw_machine(*studio.machine, bottom);
}

}  // namespace switchyard::ui
