#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "ui/model/config_text.h"
#include "ui/panels/common.h"
#include "ui/panels/config_view.h"
#include "ui/plot/ticks.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kEstimateEm = 9.1F;
constexpr float kButtonsEm = 3.0F;
constexpr float kConfirmEm = 2.5F;

std::string count_text(std::int64_t number) {
  return number > 0 ? short_number(static_cast<double>(number)) : std::string("–");
}

/// Colours of the bar's parts: one hue, fading.
Color part_color(std::size_t index) {
  const ThemeTokens& t = theme();
  static constexpr std::array<float, 7> kStrength = {1.0F, 0.84F, 0.7F, 0.57F, 0.46F, 0.36F, 0.27F};
  return mix(t.bg2, t.run(0), kStrength[std::min(index, kStrength.size() - 1)]);
}

Tone fit_tone(Fit fit) {
  switch (fit) {
    case Fit::kFits:
      return Tone::kOk;
    case Fit::kTight:
      return Tone::kAttention;
    case Fit::kTooLarge:
      return Tone::kFailure;
    case Fit::kUnknown:
      break;
  }
  return Tone::kNeutral;
}

Icon fit_icon(Fit fit) {
  switch (fit) {
    case Fit::kFits:
      return Icon::kCheck;
    case Fit::kTight:
      return Icon::kAttention;
    case Fit::kTooLarge:
      return Icon::kFailure;
    case Fit::kUnknown:
      break;
  }
  return Icon::kInfo;
}

/// The memory that the step needs, as measured when it was, else by formula.
double memory_needed(const ConfigState& config, const ProbeReport* probe) {
  return probe != nullptr ? probe->peak_bytes : config.figures.memory.total_bytes;
}

/// The worse of memory and disk.
Fit fit_of_draft(const Studio& studio, const ProbeReport* probe) {
  const Fit memory = fit_of(memory_needed(studio.config, probe), memory_available(studio));
  const Fit disk = fit_of(studio.config.figures.disk_bytes,
                          static_cast<double>(studio.machine->disk_free_bytes));
  return disk == Fit::kTooLarge || disk == Fit::kTight ? std::max(memory, disk) : memory;
}

std::string memory_help(const ConfigState& config) {
  std::string help;
  for (const MemoryPart& part : config.figures.memory.parts)
    help += part.name + ": " + bytes_text(part.bytes) + " = " + part.formula + "\n";
  help += "By formula, without libraries. Probe measures a real step.";
  return help;
}

void draw_time(const ConfigDraft& draft, const ProbeReport* probe) {
  if (probe == nullptr) {
    key_figure("Time", "–", "probe", 0, Type::kDigitsCard);
    return;
  }
  const TimeRange range = run_time(draft.resolved(), probe->ms_min, probe->ms_p95);
  const double middle = 0.5 * (range.low_seconds + range.high_seconds);
  const double spread = 0.5 * (range.high_seconds - range.low_seconds);
  key_figure("Time", duration_text(middle), "± " + duration_text(spread), 0, Type::kDigitsCard);
}

void draw_figures(const Studio& studio, const ConfigDraft& draft, const ProbeReport* probe) {
  const DraftFigures& figures = studio.config.figures;
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x;
  const auto column = [&](float fraction) {
    ImGui::SetCursorScreenPos({std::round(at.x + width * fraction), at.y});
  };
  std::int64_t total = figures.params_total, active = figures.params_active;
  if (total == 0 && is_run_shown(studio)) {  // its text is gone, but it has counted itself
    total = studio.run->params_total;
    active = studio.run->params_active;
  }
  key_figure("Parameters", count_text(total), "", 0, Type::kDigitsCard);
  column(0.3F);
  key_figure("Active", count_text(active), "", 0, Type::kDigitsCard);
  column(0.56F);
  draw_time(draft, probe);
  ImGui::SetCursorScreenPos({at.x, at.y + em(2.95F)});
}

/// Parts of the need, stacked against what the machine has, with a mark where a probe measured.
void draw_memory_bar(const Studio& studio, const ProbeReport* probe) {
  const ThemeTokens& t = theme();
  const ConfigState& config = studio.config;
  const MemoryEstimate& estimate = config.figures.memory;
  const double available = memory_available(studio);
  const double needed = memory_needed(config, probe);
  const double whole = std::max({available, estimate.total_bytes, needed, 1.0});
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x, bar = em(0.55F);
  hit_area("###config.memory", {width, em(3.5F)});
  help_tooltip("Memory of a training step", memory_help(config));
  ImDrawList* list = ImGui::GetWindowDrawList();
  draw_focus_ring(min, {min.x + width, min.y + em(3.5F)}, em(0.3F), ImGui::GetItemID());
  const bool has_gpu = !studio.machine->gpus.empty();
  draw_text(list, Type::kCaption, min, t.text3, has_gpu ? "GPU memory" : "Memory");
  std::string value = needed > 0.0 ? bytes_text(needed) : "–";
  if (available > 0.0) value += " of " + bytes_text(available);
  const float right = min.x + width;
  draw_text_right(list, Type::kDigitsStrong, {right, min.y - px(1)}, t.text1, value);
  const float value_x = right - text_size(Type::kDigitsStrong, value).x - em(0.6F);
  draw_text_right(list,
                  Type::kCaption,
                  {value_x, min.y},
                  probe != nullptr ? t.ok : t.text3,
                  probe != nullptr ? "measured" : "formula");
  const float y = std::round(min.y + em(1.3F));
  list->AddRectFilled({min.x, y}, {right, y + bar}, t.active, px(2));
  float x = min.x;
  for (std::size_t i = 0; i < estimate.parts.size(); ++i) {
    const float next = x + width * static_cast<float>(estimate.parts[i].bytes / whole);
    if (next - x >= 1.0F) list->AddRectFilled({x, y}, {next, y + bar}, part_color(i));
    x = next;
  }
  if (probe != nullptr) {
    const float mark = std::round(min.x + width * static_cast<float>(probe->peak_bytes / whole));
    list->AddRectFilled({mark, y - px(2)}, {mark + px(2), y + bar + px(2)}, t.text1);
  }
  // Legend: what fits, and the formula's total when the measured one stands above.
  const float line = std::round(y + bar + em(0.5F));
  float legend_right = right;
  if (probe != nullptr) {
    const std::string words = "formula " + bytes_text(estimate.total_bytes);
    draw_text_right(list, Type::kCaption, {right, line}, t.text3, words);
    legend_right -= text_size(Type::kCaption, words).x + em(0.7F);
  }
  x = min.x;
  for (std::size_t i = 0; i < estimate.parts.size(); ++i) {
    const std::string& name = estimate.parts[i].name;
    const float need = em(0.85F) + text_size(Type::kCaption, name).x;
    if (x + need > legend_right) break;
    const float radius = em(0.27F), middle = line + line_height(Type::kCaption) * 0.5F;
    list->AddCircleFilled({x + radius, middle}, radius, part_color(i));
    draw_text(list, Type::kCaption, {x + em(0.85F), line}, t.text3, name);
    x += need + em(0.7F);
  }
}

void draw_confirmations(Studio& studio) {
  for (const PendingSetting& setting : pending_settings(studio)) {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x, height = em(kConfirmEm);
    ImDrawList* list = ImGui::GetWindowDrawList();
    list->AddRectFilled(min, {min.x + width, min.y + height}, t.selection, em(0.38F));
    ButtonOptions yes;
    yes.kind = ButtonKind::kPrimary;
    yes.is_small = true;
    ButtonOptions no;
    no.is_small = true;
    no.kind = ButtonKind::kGhost;
    const std::string key = dotted_path(setting.pointer);
    const std::string change = "Change###config.confirm." + key;
    const std::string keep = "Keep###config.keep." + key;
    const float buttons = button_width(change.c_str(), yes) + button_width(keep.c_str(), no);
    const float y = min.y + (height - line_height(Type::kBody)) * 0.5F;
    const float room = width - buttons - em(1.6F);
    draw_text(list, Type::kBody, {min.x + em(0.6F), y}, t.text1, setting.question, room);
    ImGui::SetCursorScreenPos(
        {min.x + width - buttons - em(0.6F), min.y + (height - button_height(true)) * 0.5F});
    if (button(change.c_str(), yes)) confirm_setting(studio, setting);
    tooltip(setting.question);
    ImGui::SameLine(0.0F, em(0.2F));
    const bool is_kept = button(keep.c_str(), no);
    ImGui::SetCursorScreenPos({min.x, min.y + height + em(0.3F)});
    if (is_kept) {
      drop_settings(studio);
      return;
    }
  }
}

void draw_probe_button(Studio& studio, const ConfigDraft& draft) {
  ButtonOptions options;
  options.icon = Icon::kProbe;
  if (studio.config.is_probing) {
    options.icon = Icon::kStop;
    options.tooltip = "Ends the measurement";
    if (button("Probing###config.probe", options)) studio.send(ConfigCommand(CancelProbe{}));
    return;
  }
  options.tooltip =
      "Measures memory and speed: ten real steps in a process of its own (switchyard-engine bench "
      "step)";
  if (!draft.is_valid()) options.disabled_reason = "correct the marked settings first";
  if (button("Probe###config.probe", options)) probe_draft(studio);
}

void draw_queue_button(Studio& studio, const ConfigDraft& draft) {
  ButtonOptions options;
  options.width = button_height();
  if (!draft.is_valid())
    options.disabled_reason = "Add to queue: correct the marked settings first";
  const char* help = "Add to queue: trains when the runs before it ended";
  if (icon_button("Add to queue###config.queue", Icon::kClock, help, options)) queue_draft(studio);
}

void draw_buttons(Studio& studio, const ConfigDraft& draft) {
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x;
  draw_probe_button(studio, draft);
  const float x = ImGui::GetItemRectMax().x + em(0.6F);
  ImGui::SetCursorScreenPos({x, min.y});
  ButtonOptions options;
  options.width = min.x + width - x;
  if (is_run_shown(studio)) {
    options.icon = Icon::kDraft;
    options.tooltip = "Begins a draft with this run's settings";
    if (button("Edit as new run###config.edit", options)) edit_run_as_new(studio);
    return;
  }
  options.kind = ButtonKind::kPrimary;
  options.icon = Icon::kStart;
  options.width -= button_height() + em(0.6F);
  if (!draft.is_valid()) options.disabled_reason = "correct the marked settings first";
  if (studio.config.is_starting) options.disabled_reason = "the engine checks the draft";
  if (button("Train as new run###config.train", options)) train_draft(studio);
  ImGui::SameLine(0.0F, em(0.6F));
  draw_queue_button(studio, draft);
}

void cost_row(const char* label,
              const std::string& value,
              const char* unit,
              std::string_view help) {
  property_row(label, value, unit);
  if (!help.empty()) help_tooltip(label, help);
}

}  // namespace

double memory_available(const Studio& studio) {
  // Of a GPU the files of the machine name the model only; a probe says whether it fits.
  return studio.machine->gpus.empty() ? static_cast<double>(studio.machine->memory_bytes) : 0.0;
}

float config_foot_height(const Studio& studio) {
  float height = kEstimateEm + kButtonsEm + 0.9F;
  height += (kConfirmEm + 0.3F) * static_cast<float>(pending_settings(studio).size());
  const ConfigState& config = studio.config;
  const bool has_note = !config.train_problems.empty() ||
                        (config.probe.has_value() && !config.probe->problem.empty());
  return height + (has_note ? 3.9F : 0.0F);
}

void draw_config_foot(Studio& studio, ConfigDraft& draft, float pad_em) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float height = em(config_foot_height(studio));
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float left = ImGui::GetWindowPos().x, right = left + ImGui::GetWindowSize().x;
  list->AddRectFilled({left, min.y}, {right, min.y + height}, t.bg2);
  list->AddRectFilled({left, min.y}, {right, min.y + px(1)}, t.line);
  const PanelBody body("###config.foot", {0.0F, height}, pad_em, 0.7F, false);
  const ProbeReport* probe = probe_of(studio.config, draft.resolved());
  draw_confirmations(studio);
  const ImVec2 title = ImGui::GetCursorScreenPos();
  panel_title("Estimate");
  const Fit fit = fit_of_draft(studio, probe);
  const float inner = ImGui::GetContentRegionAvail().x;
  const float badge_width = text_size(Type::kCaption, fit_name(fit)).x +
                            text_size(Type::kCaption, icon(Icon::kCheck)).x + em(1.7F);
  ImGui::SetCursorScreenPos({title.x + inner - badge_width, title.y});
  badge(fit_name(fit), fit_tone(fit), fit_icon(fit));
  ImGui::SetCursorScreenPos({title.x, title.y + em(1.95F)});
  draw_figures(studio, draft, probe);
  draw_memory_bar(studio, probe);
  const ConfigState& config = studio.config;
  std::string problem;
  if (config.probe.has_value() && !config.probe->problem.empty() && !config.probe->is_cancelled)
    problem = "Probe: " + config.probe->problem;
  if (!config.train_problems.empty()) problem = config.train_problems.front();
  if (!problem.empty()) {
    const ImVec2 at = ImGui::GetCursorScreenPos();
    {
      const PanelBody words("###config.refused", {0.0F, em(3.7F)}, 0.0F, 0.0F);
      text_wrapped(Type::kCaption, t.failure, problem);
    }
    tooltip(problem);
    ImGui::SetCursorScreenPos({at.x, at.y + em(3.9F)});
  }
  gap(0.45F);
  draw_buttons(studio, draft);
}

void draw_costs(const Studio& studio, const ConfigDraft& draft) {
  const ConfigState& config = studio.config;
  const DraftFigures& f = config.figures;
  const DataFacts* data = config.data.get();
  const auto number = [](double value) {
    return value > 0.0 ? short_number(value) : std::string("–");
  };
  cost_row("Work",
           number(f.flops_per_token) + "FLOP",
           "a token",
           "Forward and backward pass of one token: 6 for each active parameter in a matrix, and "
           "attention's scores.");
  cost_row("Batch",
           grouped_number(std::llround(f.tokens_per_step)),
           "tokens a step",
           "micro_batch_size × grad_accum_steps × seq_len");
  cost_row("Budget", number(f.tokens_total), "tokens", "tokens a step × max_steps");
  const std::string epochs = f.epochs > 0.0 ? plain_number(f.epochs, 3) : "–";
  const std::string per_epoch =
      data != nullptr && data->num_train_tokens > 0
          ? "The training part has " + grouped_number(data->num_train_tokens) + " tokens."
          : "";
  cost_row(
      "Epochs", epochs, "", "How often the budget goes through the training part. " + per_epoch);
  cost_row("Checkpoint",
           f.checkpoint_bytes > 0.0 ? bytes_text(f.checkpoint_bytes) : "–",
           "",
           "Weights and two moments in float32: 12 B for each parameter.");
  const std::string kept =
      f.disk_bytes > 0.0 ? bytes_text(f.disk_bytes) + " of " +
                               bytes_text(static_cast<double>(studio.machine->disk_free_bytes))
                         : "–";
  cost_row("Disk", kept, "free", "The newest keep_last checkpoints and the best one.");
  for (const MemoryPart& part : f.memory.parts) {
    std::string label = "Memory: " + part.name;
    cost_row(label.c_str(), bytes_text(part.bytes), "", part.formula);
  }
  if (const ProbeReport* probe = probe_of(config, draft.resolved()); probe != nullptr) {
    cost_row("Measured speed", number(probe->tokens_per_second), "tok/s", "Median of eight steps.");
    cost_row("Measured step", plain_number(probe->ms, 4), "ms", "Median of eight steps.");
  }
}

}  // namespace switchyard::ui
