#include "ui/panels/start_screen.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/base/core/file_system.h"
#include "ui/model/config_text.h"
#include "ui/panels/common.h"
#include "ui/panels/file_browser_view.h"
#include "ui/panels/preset_glyph.h"
#include "ui/panels/start_sidebar.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kSidebarEm = 17.5F;
constexpr float kCardEm = 18.2F;
constexpr float kGlyphEm = 7.2F;
constexpr float kGapEm = 1.25F;

std::string params_text(const SizedPreset& preset) {
  if (preset.size.params_total <= 0) return "–";
  return short_number(static_cast<double>(preset.size.params_total), 2) + " / " +
         short_number(static_cast<double>(preset.size.params_active), 2);
}

std::string loss_text(const SizedPreset& preset) {
  return preset.card.expected_val_loss > 0.0 ? plain_number(preset.card.expected_val_loss, 3) : "–";
}

std::string time_text(const SizedPreset& preset, const MachineInfo& machine) {
  if (!machine.gpus.empty() && !preset.card.time_gpu.empty())
    return preset.card.time_gpu + " (GPU)";
  if (!preset.card.time_cpu.empty()) return preset.card.time_cpu;
  return preset.card.time_gpu.empty() ? "not measured" : preset.card.time_gpu + " (GPU)";
}

void stat(
    ImDrawList* list, ImVec2 pos, std::string_view label, std::string_view value, float width) {
  draw_text(list, Type::kCaption, pos, theme().text3, label, width);
  draw_text(list, Type::kDigits, {pos.x, pos.y + em(1.15F)}, theme().text1, value, width);
}

/// Why the preset cannot be trained now; empty when it can.
std::string obstacle(const SizedPreset& preset) {
  if (!preset.problem.empty()) return preset.problem;
  return preset.has_data ? std::string() : preset.data_note;
}

void draw_card_frame(ImVec2 min, ImVec2 max, bool is_selected, bool is_hovered, unsigned id) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float rounding = em(0.7F), glyph_bottom = std::round(min.y + em(kGlyphEm));
  list->AddRectFilled(min, max, t.bg1, rounding);
  list->AddRectFilled(min,
                      {max.x, glyph_bottom},
                      is_hovered ? mix(t.bg0, t.hover, 0.35F) : t.bg0,
                      rounding,
                      ImDrawFlags_RoundTop);
  list->AddRectFilled({min.x, glyph_bottom - px(1)}, {max.x, glyph_bottom}, t.line);
  const Color border = is_selected ? t.accent : (is_hovered ? t.line2 : t.line);
  list->AddRect(min, max, border, rounding, is_selected ? px(2) : px(1), 0);
  if (!is_selected) draw_focus_ring(min, max, rounding, id);
}

void draw_default_badge(ImVec2 card_min, float card_right) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float width = text_size(Type::kCaption, "Default").x + em(1.1F);
  const ImVec2 min = {card_right - width - em(0.8F), card_min.y + em(0.65F)};
  const ImVec2 max = {card_right - em(0.8F), min.y + em(1.35F)};
  list->AddRectFilled(min, max, over(with_alpha(t.accent, 0.18F), t.bg1), em(0.3F));
  draw_text_centred(list, Type::kCaption, min, max, t.link, "Default");
}

void train(Studio& studio, const std::string& preset) {
  studio.gallery.selected = preset;
  studio.send(TrainPreset{preset});
}

void draw_card(Studio& studio, const SizedPreset& preset, bool is_selected, ImVec2 size) {
  const ThemeTokens& t = theme();
  const std::string& name = preset.card.name;
  const ImVec2 min = ImGui::GetCursorScreenPos(), max = {min.x + size.x, min.y + size.y};
  ImGui::SetNextItemAllowOverlap();
  if (hit_area((name + "###preset." + name).c_str(), size)) studio.gallery.selected = name;
  draw_card_frame(min, max, is_selected, ImGui::IsItemHovered(), ImGui::GetItemID());
  ImDrawList* list = ImGui::GetWindowDrawList();
  draw_preset_glyph(list, min, {max.x, min.y + em(kGlyphEm)}, preset.card.glyph, preset.facts);
  if (preset.card.is_default) draw_default_badge(min, max.x);
  const float x = min.x + em(1.1F), inner = size.x - em(2.2F);
  float y = min.y + em(kGlyphEm + 1.0F);
  draw_text(list, Type::kHeading, {x, y}, t.text1, name, inner);
  y += em(1.5F);
  draw_text(list, Type::kCaption, {x, y}, t.text3, preset.card.summary, inner);
  y += em(2.05F);
  stat(list, {x, y}, "Parameters, active", params_text(preset), inner * 0.42F);
  stat(
      list, {x + inner * 0.46F, y}, "Steps", grouped_number(preset.facts.max_steps), inner * 0.24F);
  stat(list, {x + inner * 0.74F, y}, "Val loss", loss_text(preset), inner * 0.26F);
  const std::string why = obstacle(preset);
  ButtonOptions options;
  options.icon = Icon::kStart;
  options.kind = is_selected ? ButtonKind::kPrimary : ButtonKind::kSecondary;
  options.width = em(6.2F);
  if (!why.empty()) options.disabled_reason = why.c_str();
  const float button_y = max.y - em(0.9F) - button_height();
  ImGui::SetCursorScreenPos({max.x - em(1.1F) - options.width, button_y});
  if (button(("Train###preset." + name + ".train").c_str(), options)) train(studio, name);
  ButtonOptions edit;
  const float edit_x = max.x - em(1.1F) - options.width - em(0.35F) - button_height();
  ImGui::SetCursorScreenPos({edit_x, button_y});
  if (icon_button(("Customise###preset." + name + ".edit").c_str(),
                  Icon::kSliders,
                  "Customise: edit its settings before it trains",
                  edit))
    customise_preset(studio, name);
  const float text_y = std::round(button_y + (button_height() - line_height(Type::kBody)) * 0.5F);
  const Icon mark = why.empty() ? Icon::kClock : Icon::kAttention;
  const float used =
      draw_text(list, Type::kBody, {x, text_y}, why.empty() ? t.text3 : t.attention, icon(mark));
  draw_text(list,
            Type::kBody,
            {x + used + em(0.55F), text_y},
            t.text2,
            why.empty() ? time_text(preset, *studio.machine) : std::string("data missing"),
            inner - options.width - button_height() - em(2.5F));
  ImGui::SetCursorScreenPos(min);
  ImGui::Dummy(size);
}

void draw_cards(Studio& studio, const std::string& group, const std::string& selected) {
  const float width = ImGui::GetContentRegionAvail().x, gap = em(kGapEm);
  const int columns = std::clamp(static_cast<int>((width + gap) / (em(24.0F) + gap)), 1, 3);
  const float card =
      std::floor((width - gap * static_cast<float>(columns - 1)) / static_cast<float>(columns));
  const ImVec2 start = ImGui::GetCursorScreenPos();
  int index = 0;
  for (const SizedPreset& preset : studio.presets->presets) {
    if (preset.card.group != group) continue;
    const auto column = static_cast<float>(index % columns),
               row = static_cast<float>(index / columns);
    ImGui::SetCursorScreenPos({std::round(start.x + column * (card + gap)),
                               std::round(start.y + row * (em(kCardEm) + gap))});
    draw_card(studio, preset, preset.card.name == selected, {card, em(kCardEm)});
    ++index;
  }
  const auto rows = static_cast<float>((index + columns - 1) / columns);
  ImGui::SetCursorScreenPos(start);
  ImGui::Dummy({width, rows * (em(kCardEm) + gap)});
}

struct DetailRow {
  const char* label;
  std::string value;
  const char* unit;
};

void draw_detail_column(const char* id,
                        float width,
                        float height,
                        std::initializer_list<DetailRow> rows) {
  const PanelBody body(id, {width, height}, 1.25F, 0.75F, false);
  for (const DetailRow& row : rows) property_row(row.label, row.value, row.unit);
}

/// The data set, or the file of the person's own.
std::string data_name(const SizedPreset& preset) {
  const Json& data = preset.config["data"];
  const std::string& file = data["text_file"].as_string();
  return file.empty() ? data["dataset"].as_string() : base_name(file);
}

std::string number_or_dash(std::int64_t value) {
  return value > 0 ? grouped_number(value) : std::string("–");
}

void draw_details(const SizedPreset& preset) {
  const ThemeTokens& t = theme();
  const ModelFacts& f = preset.facts;
  const float head = em(4.4F), rows = em(8.3F), foot = em(3.0F);
  CardOptions options;
  options.size = {0.0F, head + rows + foot};
  begin_card("###start.details", "", options);
  const ImVec2 min = ImGui::GetWindowPos();
  const float width = ImGui::GetWindowSize().x;
  ImDrawList* list = ImGui::GetWindowDrawList();
  draw_text(
      list, Type::kHeading, {min.x + em(1.25F), min.y + em(0.95F)}, t.text1, preset.card.name);
  draw_text(list,
            Type::kBody,
            {min.x + em(1.25F), min.y + em(2.45F)},
            t.text3,
            preset.card.summary,
            width - em(2.5F));
  const auto rule = [&](ImVec2 a, ImVec2 b) { list->AddRectFilled(a, b, t.line); };
  rule({min.x, min.y + head}, {min.x + width, min.y + head + px(1)});
  const float third = std::floor(width / 3.0F);
  const bool is_moe = f.num_experts > 0;
  ImGui::SetCursorScreenPos({min.x, min.y + head});
  draw_detail_column(
      "###model",
      third,
      rows,
      {{"Layers × width", std::to_string(f.num_layers) + " × " + std::to_string(f.d_model), ""},
       {"Experts per layer",
        is_moe ? std::to_string(f.num_experts) + ", " + std::to_string(f.top_k) + " active"
               : "none, dense",
        ""},
       {"Router", is_moe ? f.router : "–", ""},
       {"Balance loss", is_moe ? plain_number(f.load_balance_coef, 2) : "–", ""}});
  ImGui::SetCursorScreenPos({min.x + third, min.y + head});
  draw_detail_column(
      "###train",
      third,
      rows,
      {{"Steps", number_or_dash(f.max_steps), ""},
       {"Batch", grouped_number(f.tokens_per_step), "tokens a step"},
       {"Context", number_or_dash(f.seq_len), "tokens"},
       {"Learning rate", config_value_text(preset.config["optimizer"]["learning_rate"]), ""}});
  ImGui::SetCursorScreenPos({min.x + 2.0F * third, min.y + head});
  draw_detail_column("###facts",
                     width - 2.0F * third,
                     rows,
                     {{"Parameters, active", params_text(preset), ""},
                      {"Work",
                       preset.size.flops_per_token_step > 0.0
                           ? short_number(preset.size.flops_per_token_step) + "FLOP"
                           : "–",
                       "a token"},
                      {"Data", data_name(preset), preset.has_data ? "here" : "missing"},
                      {"Expected", preset.card.expected, ""}});
  for (const float x : {third, 2.0F * third})
    rule({min.x + std::round(x), min.y + head},
         {min.x + std::round(x) + px(1), min.y + head + rows});
  rule({min.x, min.y + head + rows}, {min.x + width, min.y + head + rows + px(1)});
  const float y = min.y + head + rows;
  const float line = std::round(y + (foot - line_height(Type::kMono)) * 0.5F);
  draw_text(list, Type::kBody, {min.x + em(1.25F), line}, t.text3, icon(Icon::kLog));
  const float used =
      draw_text(list, Type::kMono, {min.x + em(2.9F), line}, t.text1, preset.command);
  ImGui::SetCursorScreenPos({min.x + em(3.3F) + used, y + (foot - button_height(true)) * 0.5F});
  ButtonOptions copy;
  copy.is_small = true;
  if (icon_button("Copy###start.copy_command", Icon::kCopy, "Copies the command", copy))
    ImGui::SetClipboardText(preset.command.c_str());
  const float note_x = min.x + em(6.0F) + used;
  const std::string source = preset.card.source;
  if (min.x + width - note_x > em(8))
    draw_text_right(list,
                    Type::kCaption,
                    {min.x + width - em(1.25F), line},
                    t.text3,
                    fitted(Type::kCaption, source, min.x + width - em(1.25F) - note_x));
  end_card();
}

/// The field that opens a run standing elsewhere.
void draw_open_popover(Studio& studio) {
  if (!begin_popover("start.open_popup", 32.0F)) return;
  {
    const PanelBody body("###start.open_body", {em(31.0F), em(5.6F)}, 0.6F, 0.5F, false);
    text(Type::kCaption, theme().text3, "Path of a run folder (the one with config.json)");
    gap(0.4F);
    FieldOptions field;
    field.is_mono = true;
    field.hint = "/home/you/runs/name-001";
    field.width = em(24.5F) - browse_width();
    text_field("###start.open_path", &studio.runs_state.path, field);
    const bool is_chosen =
        browse_button(studio, "start.open_path", FileKind::kRunFolder, &studio.runs_state.path);
    ImGui::SameLine();
    ButtonOptions open;
    open.kind = ButtonKind::kPrimary;
    open.is_small = true;
    if (studio.runs_state.path.empty()) open.disabled_reason = "type a path first";
    if (button("Open###start.open_go", open) || is_chosen) {
      studio.send(OpenRun{studio.runs_state.path});
      ImGui::CloseCurrentPopup();
    }
  }
  end_popover();
}

void draw_header(Studio& studio) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x;
  ImDrawList* list = ImGui::GetWindowDrawList();
  ButtonOptions options;
  options.icon = Icon::kFolder;
  const char* label = "Open run folder###start.open_folder";
  const float button_x = min.x + width - button_width(label, options);
  draw_text(list, Type::kDisplay, min, t.text1, "Pick a preset, press Train");
  draw_text(list,
            Type::kBody,
            {min.x, min.y + em(2.4F)},
            t.text3,
            "Each trains on this machine. Close the window at any time: training goes on.",
            button_x - min.x - em(1));
  ImGui::SetCursorScreenPos({button_x, min.y + em(0.3F)});
  if (button(label, options)) open_popover("start.open_popup");
  draw_open_popover(studio);
  ImGui::SetCursorScreenPos(min);
  ImGui::Dummy({width, em(4.6F)});
}

}  // namespace

void draw_start_screen(Studio& studio) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const PresetList& presets = *studio.presets;
  const std::vector<std::string> groups = presets.groups();
  if (studio.gallery.group.empty() && !groups.empty()) studio.gallery.group = groups.front();
  const SizedPreset* selected = presets.find(studio.gallery.selected);
  if (selected == nullptr) selected = presets.find(presets.default_name());
  const float sidebar = em(kSidebarEm);
  list->AddRectFilled(min, {min.x + sidebar, min.y + size.y}, t.bg1);
  list->AddRectFilled({min.x + sidebar, min.y}, {min.x + sidebar + px(1), min.y + size.y}, t.line);
  list->AddRectFilled({min.x + sidebar + px(1), min.y}, {min.x + size.x, min.y + size.y}, t.bg0);
  ImGui::SetCursorScreenPos(min);
  draw_start_sidebar(studio, {sidebar, size.y});
  ImGui::SetCursorScreenPos({min.x + sidebar + px(1), min.y});
  const PanelBody body("###start.body", {size.x - sidebar - px(1), size.y}, 2.2F, 2.3F);
  draw_header(studio);
  if (!presets.problem.empty()) {
    empty_state(Icon::kFailure, "The presets could not be read", presets.problem);
    return;
  }
  if (selected == nullptr) {
    loading_state("Presets", -1.0F, em(16));
    return;
  }
  draw_cards(studio, studio.gallery.group, selected->card.name);
  draw_details(*selected);
}

void draw_problem_page(Studio& studio) {
  const RunView& run = *studio.run;
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  ImGui::GetWindowDrawList()->AddRectFilled(min, {min.x + size.x, min.y + size.y}, theme().bg0);
  Error problem = run.problem.value_or(Error{});
  if (!problem.message.empty() && problem.message[0] >= 'a' && problem.message[0] <= 'z')
    problem.message[0] = static_cast<char>(problem.message[0] - 'a' + 'A');
  const float width = std::min(em(46.0F), size.x - em(4)), height = em(15.0F);
  ImGui::SetCursorScreenPos({std::round(min.x + (size.x - width) * 0.5F),
                             std::round(min.y + std::max(em(1), (size.y - height) * 0.38F))});
  CardOptions options;
  options.size = {width, height};
  options.bar = Tone::kFailure;
  begin_card("###problem", "This folder cannot be shown as a run", options);
  {
    const PanelBody body("###problem.body", {0.0F, 0.0F}, 0.85F, 0.4F);
    text_wrapped(Type::kMono, theme().text2, run.root);
    gap(0.75F);
    text_wrapped(Type::kBody, theme().text1, problem.message);
    gap(0.75F);
    text_wrapped(Type::kBody, theme().text2, problem.hint);
    gap(1.2F);
    ButtonOptions primary;
    primary.kind = ButtonKind::kPrimary;
    primary.icon = Icon::kPlus;
    if (button("Pick a preset###problem.new", primary)) studio.gallery.is_open = true;
    ImGui::SameLine(0.0F, em(0.6F));
    ButtonOptions again;
    again.icon = Icon::kAgain;
    if (button("Look again###problem.again", again)) studio.send(OpenRun{run.root});
  }
  end_card();
}

}  // namespace switchyard::ui
