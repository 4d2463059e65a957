#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

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

constexpr float kFiguresEm = 3.9F;
constexpr float kBarEm = 1.35F;
constexpr float kWideEm = 46.0F;  ///< narrower: cards stand above each other

/// A bar with its label at the left and a number at the right.
void bar_row(const std::string& label, std::int64_t count, double fraction, float label_width) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x, height = em(kBarEm);
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = min.y + (height - line_height(Type::kDigitsCaption)) * 0.5F;
  const std::string number = grouped_number(count);
  const float number_width = em(5.2F);
  draw_text(list, Type::kMono, {min.x, y}, t.text1, label, label_width - em(0.4F));
  draw_text_right(list, Type::kDigitsCaption, {min.x + width, y}, t.text2, number);
  const float x = min.x + label_width;
  const float room = std::max(0.0F, width - label_width - number_width);
  const float length = std::max(px(1), room * static_cast<float>(fraction));
  list->AddRectFilled({x, min.y + em(0.25F)},
                      {x + length, min.y + height - em(0.25F)},
                      with_alpha(t.run(0), 0.75F),
                      px(2));
  ImGui::Dummy({width, height});
}

/// The text of the data section beside its tokens, and what can be counted in it.
class DataPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const ConfigDraft* draft = shown_draft(studio);
    const DataFacts* facts = studio.config.data.get();
    if (draft == nullptr) {
      empty_state(Icon::kFile, "No data", "A draft or an open run shows its text here.");
      return;
    }
    const bool is_current = facts != nullptr && facts->key == data_key(draft->resolved()["data"]);
    if (!is_current) {
      loading_state("Data", -1.0F);
      return;
    }
    if (!facts->problem.empty()) {
      empty_state(Icon::kAttention, facts->problem, facts->hint);
      return;
    }
    draw_figures(studio, *facts);
    const PanelBody body("###data.body", {0.0F, 0.0F}, 0.62F, 0.62F);
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
    ImGui::GetWindowDrawList()->AddRectFilled(min, {min.x + size.x, min.y + size.y}, t.bg0);
    const float width = ImGui::GetContentRegionAvail().x;
    const float height = ImGui::GetContentRegionAvail().y;
    if (width >= em(kWideEm)) {
      draw_wide(*facts, width, height);
    } else {
      draw_preview(*facts, {0.0F, em(20)});
      gap(0.46F);
      draw_tokens(*facts, {0.0F, em(20)});
      gap(0.46F);
      draw_frequencies(*facts, {0.0F, em(34)});
      gap(0.46F);
      draw_lines(*facts, {0.0F, em(17)});
    }
  }

 private:
  static void draw_wide(const DataFacts& facts, float width, float height) {
    const float space = em(0.46F);
    const float third = std::floor((width - 2.0F * space) * 0.36F);
    const float rest = width - 2.0F * (third + space);
    const ImVec2 at = ImGui::GetCursorScreenPos();
    draw_preview(facts, {third, height});
    ImGui::SetCursorScreenPos({at.x + third + space, at.y});
    draw_tokens(facts, {third, height});
    const float x = at.x + 2.0F * (third + space);
    const float lines = std::min(em(17.0F), std::floor(height * 0.36F));
    ImGui::SetCursorScreenPos({x, at.y});
    draw_frequencies(facts, {rest, height - lines - space});
    ImGui::SetCursorScreenPos({x, at.y + height - lines});
    draw_lines(facts, {rest, lines});
  }

  static void draw_figures(const Studio& studio, const DataFacts& facts) {
    const PanelBody body("###data.figures", {0.0F, em(kFiguresEm)}, 1.1F, 0.75F, false);
    const DraftFigures& figures = studio.config.figures;

    struct Figure {
      const char* label;
      std::string value;
      const char* unit;
    };

    const std::string ratio =
        facts.num_tokens > 0
            ? plain_number(
                  static_cast<double>(facts.num_chars) / static_cast<double>(facts.num_tokens), 3)
            : "–";
    const std::vector<Figure> row = {
        {"Characters", grouped_number(facts.num_chars), ""},
        {"Tokens", grouped_number(facts.num_tokens), ""},
        {"Different", grouped_number(facts.num_distinct), "tokens"},
        {"Characters a token", ratio, ""},
        {"One epoch", grouped_number(facts.num_train_tokens), "tokens"},
        {"This budget", plain_number(figures.epochs, 3), "epochs"},
    };
    const ImVec2 at = ImGui::GetCursorScreenPos();
    float x = at.x;
    const float right = at.x + ImGui::GetContentRegionAvail().x;
    for (const Figure& figure : row) {
      if (x + em(6.5F) > right) break;  // on narrow panels the first ones say most
      ImGui::SetCursorScreenPos({x, at.y});
      const float used = key_figure(figure.label, figure.value, figure.unit, 0, Type::kDigitsCard);
      x += std::max(em(7.0F), used + em(1.8F));
    }
    ImGui::SetCursorScreenPos({at.x, at.y + em(2.7F)});
    ImGui::Dummy({1.0F, 0.0F});
    const float bottom = ImGui::GetWindowPos().y + ImGui::GetWindowSize().y;
    const float left = ImGui::GetWindowPos().x;
    ImGui::GetWindowDrawList()->AddRectFilled(
        {left, bottom - px(1)}, {left + ImGui::GetWindowSize().x, bottom}, theme().line);
  }

  static CardOptions card(ImVec2 size, std::string_view caption) {
    CardOptions options;
    options.size = size;
    options.caption = caption;
    return options;
  }

  static void draw_preview(const DataFacts& facts, ImVec2 size) {
    begin_card("###data.text", "Text", card(size, facts.title));
    {
      const PanelBody body("###data.text.body", {0.0F, 0.0F}, 0.85F, 0.5F);
      text_wrapped(Type::kBody, theme().text1, facts.preview);
    }
    end_card();
  }

  /// Tokens as chips in reading order, each with its number in a tooltip.
  static void draw_tokens(const DataFacts& facts, ImVec2 size) {
    const ThemeTokens& t = theme();
    begin_card("###data.tokens", "Tokens", card(size, "number on hover"));
    {
      const PanelBody body("###data.tokens.body", {0.0F, 0.0F}, 0.85F, 0.5F);
      ImDrawList* list = ImGui::GetWindowDrawList();
      const ImVec2 start = ImGui::GetCursorScreenPos();
      const float right = start.x + ImGui::GetContentRegionAvail().x, row = em(1.65F);
      ImVec2 at = start;
      for (std::size_t i = 0; i < facts.tokens.size(); ++i) {
        const std::string label = shown_text(facts.tokens[i].text);
        const float width = std::round(text_size(Type::kMono, label).x + em(0.42F));
        if (at.x + width > right) at = {start.x, at.y + row};
        const ImVec2 max = {at.x + width, at.y + em(1.45F)};
        const bool is_blank = facts.tokens[i].text == " " || facts.tokens[i].text == "\n";
        ImGui::SetCursorScreenPos(at);
        ImGui::Dummy({width, em(1.45F)});
        const bool is_hovered = ImGui::IsItemHovered();
        list->AddRectFilled(at, max, is_hovered ? t.active : (i % 2 == 0 ? t.bg3 : t.bg2), px(3));
        draw_text_centred(list, Type::kMono, at, max, is_blank ? t.text3 : t.text1, label);
        if (is_hovered) tooltip(label + " is token " + std::to_string(facts.tokens[i].id));
        at.x = max.x + px(1);
        if (facts.tokens[i].text == "\n") at = {start.x, at.y + row};
      }
      ImGui::SetCursorScreenPos({start.x, at.y + row});
      ImGui::Dummy({1.0F, 1.0F});
    }
    end_card();
  }

  static void draw_frequencies(const DataFacts& facts, ImVec2 size) {
    begin_card("###data.frequent", "Most frequent tokens", card(size, ""));
    {
      const PanelBody body("###data.frequent.body", {0.0F, 0.0F}, 0.85F, 0.2F);
      const double most =
          facts.most_frequent.empty() ? 1.0 : static_cast<double>(facts.most_frequent[0].count);
      for (const TokenCount& token : facts.most_frequent)
        bar_row(token.text, token.count, static_cast<double>(token.count) / most, em(2.2F));
    }
    end_card();
  }

  static void draw_lines(const DataFacts& facts, ImVec2 size) {
    begin_card("###data.lines", "Line lengths", card(size, "characters"));
    {
      const PanelBody body("###data.lines.body", {0.0F, 0.0F}, 0.85F, 0.2F);
      const std::int64_t most =
          *std::max_element(facts.line_lengths.begin(), facts.line_lengths.end());
      for (std::size_t i = 0; i < facts.line_lengths.size(); ++i) {
        const std::size_t low = 10 * i;
        const bool is_last = i + 1 == facts.line_lengths.size();
        const std::string label = is_last ? std::to_string(low) + "+"
                                          : std::to_string(low) + "–" + std::to_string(low + 9);
        bar_row(label,
                facts.line_lengths[i],
                static_cast<double>(facts.line_lengths[i]) /
                    static_cast<double>(std::max<std::int64_t>(1, most)),
                em(4.0F));
      }
    }
    end_card();
  }
};

}  // namespace

std::unique_ptr<Panel> make_data_panel() {
  return std::make_unique<DataPanel>();
}

}  // namespace switchyard::ui
