#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "ui/model/config_text.h"
#include "ui/panels/common.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/plot/ticks.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

using Kind = config::ModelPart::Kind;

constexpr float kMarginEm = 1.6F;
constexpr float kSmallestCellEm = 0.62F;

Icon icon_of(Kind kind) {
  switch (kind) {
    case Kind::kEmbedding:
      return Icon::kFile;
    case Kind::kMixer:
      return Icon::kShow;
    case Kind::kDense:
      return Icon::kLayers;
    case Kind::kRouter:
      return Icon::kRouting;
    case Kind::kExperts:
      return Icon::kGrid;
    case Kind::kHead:
      break;
  }
  return Icon::kPrompt;
}

std::string per_cent(double fraction) {
  const double value = fraction * 100.0;
  return plain_number(value, value < 9.95 ? 2 : 3) + " %";
}

std::string parameters_text(const ArchitectureBlock& block) {
  if (block.part.params_total == 0) return "no parameters of its own";
  std::string words = short_number(static_cast<double>(block.part.params_total));
  if (block.part.params_active != block.part.params_total)
    words += ", " + short_number(static_cast<double>(block.part.params_active)) + " active";
  return words;
}

/// The model as blocks from text to probabilities; follows the form with every key.
class ArchitecturePanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const ConfigState& config = studio.config;
    if (shown_draft(studio) == nullptr || !config.has_figures ||
        config.architecture.blocks.empty()) {
      empty_state(Icon::kArchitecture,
                  "No model to draw",
                  "A draft or an open run is drawn here, block by block, with what each costs.");
      return;
    }
    draw_summary(studio);
    const PanelBody body("###architecture.body", {0.0F, 0.0F}, kMarginEm, kMarginEm);
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetWindowPos();
    const ImVec2 size = ImGui::GetWindowSize();
    ImGui::GetWindowDrawList()->AddRectFilled(min, {min.x + size.x, min.y + size.y}, t.bg0);
    const float unit = em(1.0F);
    const ImVec2 origin = ImGui::GetCursorScreenPos();
    const ArchitectureLayout layout =
        layout_of(config.architecture, ImGui::GetContentRegionAvail().x / unit);
    for (std::size_t i = 0; i < layout.groups.size(); ++i)
      draw_group(config.architecture.groups[i], pixels(layout.groups[i], origin));
    for (const Arrow& arrow : layout.arrows) draw_arrow(arrow, origin);
    for (std::size_t i = 0; i < layout.blocks.size(); ++i)
      draw_block(studio, i, pixels(layout.blocks[i], origin));
    ImGui::SetCursorScreenPos(origin);
    ImGui::Dummy({layout.width * unit, layout.height * unit});
  }

 private:
  struct Rect {
    ImVec2 min, max;
  };

  static Rect pixels(const Box& box, ImVec2 origin) {
    const auto place = [&](float x, float y) {
      return ImVec2(std::round(origin.x + em(1.0F) * x), std::round(origin.y + em(1.0F) * y));
    };
    return {place(box.x, box.y), place(box.right(), box.bottom())};
  }

  static void draw_summary(const Studio& studio) {
    const Architecture& a = studio.config.architecture;
    Toolbar bar("architecture");
    const auto figure = [&](const char* label, const std::string& value) {
      bar.label(label);
      bar.next(line_height(Type::kDigitsStrong), 0.45F);
      text(Type::kDigitsStrong, theme().text1, value);
    };
    figure("Parameters", short_number(static_cast<double>(a.params_total)));
    figure("Active", short_number(static_cast<double>(a.params_active)));
    if (studio.config.figures.params_total == 0)
      bar.label("without the token table: its text is not here");
    figure("Forward pass", short_number(a.flops_per_token) + "FLOP a token");
  }

  static void draw_group(const ArchitectureGroup& group, const Rect& rect) {
    const ThemeTokens& t = theme();
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float rounding = em(0.7F);
    if (group.repeat > 1) {  // sheets behind say that there are more of these
      for (int i = 2; i >= 1; --i) {
        const float shift = em(0.32F) * static_cast<float>(i);
        list->AddRectFilled({rect.min.x + shift, rect.min.y - shift},
                            {rect.max.x + shift, rect.max.y - shift},
                            t.bg1,
                            rounding);
        list->AddRect({rect.min.x + shift, rect.min.y - shift},
                      {rect.max.x + shift, rect.max.y - shift},
                      t.line,
                      rounding,
                      px(1),
                      0);
      }
    }
    list->AddRectFilled(rect.min, rect.max, t.bg1, rounding);
    list->AddRect(rect.min, rect.max, t.line2, rounding, px(1), 0);
    const float y = rect.min.y + em(0.65F);
    draw_text(list, Type::kBodyStrong, {rect.min.x + em(1.1F), y}, t.text1, group.title);
    const std::string times = "× " + grouped_number(group.repeat);
    draw_text_right(list, Type::kDigitsStrong, {rect.max.x - em(1.1F), y}, t.link, times);
  }

  static void draw_arrow(const Arrow& arrow, ImVec2 origin) {
    const Color color = theme().text3;
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float unit = em(1.0F), head = em(0.34F);
    const ImVec2 from = {std::round(origin.x + arrow.x0 * unit),
                         std::round(origin.y + arrow.y0 * unit)};
    const ImVec2 to = {std::round(origin.x + arrow.x1 * unit),
                       std::round(origin.y + arrow.y1 * unit)};
    list->AddLine(from, to, color, px(1));
    if (from.x == to.x) {
      list->AddTriangleFilled(
          {to.x - head, to.y - head * 1.3F}, {to.x + head, to.y - head * 1.3F}, to, color);
    } else {
      list->AddTriangleFilled(
          {to.x - head * 1.3F, to.y - head}, to, {to.x - head * 1.3F, to.y + head}, color);
    }
  }

  static void explain(const ArchitectureBlock& block) {
    std::string body = block.help + "\n" + block.detail + ".";
    body += "\nParameters: " + parameters_text(block);
    if (block.part.repeat > 1) body += ", times " + grouped_number(block.part.repeat) + " layers";
    body += ".\nWork: " + short_number(block.part.flops_per_token) + "FLOP a token, " +
            per_cent(block.flop_share) + " of the forward pass.\nA click shows its settings.";
    help_tooltip(block.title, body, block.formula);
  }

  static void draw_block(Studio& studio, std::size_t index, const Rect& rect) {
    const ArchitectureBlock& block = studio.config.architecture.blocks[index];
    const ThemeTokens& t = theme();
    ImGui::SetCursorScreenPos(rect.min);
    const std::string id = block.title + "###architecture.block." + std::to_string(index);
    const ImVec2 size = {std::max(1.0F, rect.max.x - rect.min.x),
                         std::max(1.0F, rect.max.y - rect.min.y)};
    if (hit_area(id.c_str(), size)) studio.config.wanted_section = block.section;
    const bool is_hovered = ImGui::IsItemHovered();
    explain(block);
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float rounding = em(0.46F), pad = em(0.9F);
    list->AddRectFilled(rect.min, rect.max, is_hovered ? t.hover : t.bg2, rounding);
    list->AddRect(rect.min, rect.max, is_hovered ? t.line2 : t.line, rounding, px(1), 0);
    draw_focus_ring(rect.min, rect.max, rounding, ImGui::GetItemID());
    const float inner = size.x - 2.0F * pad, x = rect.min.x + pad;
    float y = rect.min.y + em(0.7F);
    draw_text(list, Type::kBody, {x, y}, t.text3, icon(icon_of(block.part.kind)));
    const std::string share = per_cent(block.flop_share);
    const float share_width = text_size(Type::kDigitsCaption, share).x;
    draw_text(list,
              Type::kBodyStrong,
              {x + em(1.5F), y},
              t.text1,
              block.title,
              std::max(em(2), inner - em(2.0F) - share_width));
    draw_text_right(list, Type::kDigitsCaption, {rect.max.x - pad, y + px(1)}, t.text2, share);
    y += em(1.4F);
    draw_text(list, Type::kCaption, {x, y}, t.text2, block.detail, inner);
    y += em(1.15F);
    draw_text(list, Type::kCaption, {x, y}, t.text3, parameters_text(block), inner);
    // The share of the work as a line at the foot.
    const float foot = rect.max.y - px(3);
    const float length = size.x * static_cast<float>(std::clamp(block.flop_share, 0.0, 1.0));
    list->PushClipRect({rect.min.x, foot}, {rect.min.x + length, rect.max.y}, true);
    list->AddRectFilled(rect.min, rect.max, t.run(0), rounding);
    list->PopClipRect();
    if (block.part.kind == Kind::kExperts)
      draw_experts(block, {x, y + em(1.5F)}, {rect.max.x - pad, rect.max.y - em(0.75F)});
  }

  /// One cell an expert; as many as a token uses are filled.
  static void draw_experts(const ArchitectureBlock& block, ImVec2 min, ImVec2 max) {
    const ThemeTokens& t = theme();
    const float width = (max.x - min.x) / em(1.0F), height = (max.y - min.y) / em(1.0F);
    if (width <= 0.5F || height <= 0.5F) return;
    const ExpertCells cells = expert_cells(block.num_experts, width, height, kSmallestCellEm);
    const float cell = std::min({(max.x - min.x) / static_cast<float>(cells.columns),
                                 (max.y - min.y) / static_cast<float>(cells.rows),
                                 em(2.4F)});
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float space = std::max(px(1), std::round(cell * 0.14F));
    for (std::int64_t e = 0; e < cells.num_shown; ++e) {
      const auto column = static_cast<float>(e % cells.columns);
      const auto row = static_cast<float>(e / cells.columns);
      const ImVec2 a = {std::round(min.x + column * cell), std::round(min.y + row * cell)};
      const ImVec2 b = {std::round(min.x + (column + 1.0F) * cell) - space,
                        std::round(min.y + (row + 1.0F) * cell) - space};
      const float rounding = std::min(em(0.2F), cell * 0.2F);
      if (e < block.top_k) {
        list->AddRectFilled(a, b, t.accent, rounding);
      } else {
        list->AddRectFilled(a, b, t.active, rounding);
      }
    }
  }
};

}  // namespace

std::unique_ptr<Panel> make_architecture_panel() {
  return std::make_unique<ArchitecturePanel>();
}

}  // namespace switchyard::ui
