#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/model/probe_view.h"
#include "ui/model/prompt.h"
#include "ui/panels/choice.h"
#include "ui/panels/common.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/probe_parts.h"
#include "ui/panels/registry.h"
#include "ui/panels/token_flow.h"
#include "ui/plot/heat_map.h"
#include "ui/plot/plot_frame.h"
#include "ui/shell/theme.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kGapEm = 0.46F;
constexpr float kRowEm = 2.1F;
constexpr std::size_t kMostFound = 200;

/// What each expert of a layer is for: its tokens with their share, and its places in a text.
class SpecialisationPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    if (draw_without_routing(*studio.run)) return;
    const int number = shown_layer(studio);
    const store::ProbeSample* sample = probe_at(*studio.run, playback_step(studio));
    const routing::ProbeLayer* layer =
        sample == nullptr ? nullptr : probe_layer(*sample->probe, number);
    if (layer == nullptr) {
      draw_without_probe();
      return;
    }
    draw_toolbar(studio, *sample);
    const PanelBody body("###special.body", {0.0F, 0.0F}, kGapEm, kGapEm);
    const ImVec2 start = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
    const bool is_beside = avail.x > em(48);
    const float gap_px = em(kGapEm);
    const float width = is_beside ? std::round((avail.x - gap_px) * 0.6F) : avail.x;
    const float height = is_beside ? std::max(em(14), avail.y) : em(18);
    draw_tokens(studio, *layer, {width, height});
    if (is_beside)
      ImGui::SetCursorScreenPos({start.x + width + gap_px, start.y});
    else
      ImGui::SetCursorScreenPos({start.x, start.y + height + gap_px});
    draw_positions(studio, *layer, {is_beside ? avail.x - width - gap_px : avail.x, height});
  }

 private:
  void draw_toolbar(Studio& studio, const store::ProbeSample& sample) {
    Toolbar bar("special.toolbar");
    bar.next(em(1.7F));
    search_field("###special.search", &search_, "A token: its experts", nullptr, em(13));
    bar.label("Layer");
    bar.next(em(1.7F));
    layer_combo(studio, "###special.layer", em(4.6F));
    bar.next(em(1.85F));
    static constexpr const char* kLists[] = {"by share", "by count", "next token"};
    int list = static_cast<int>(list_);
    if (choice("special.list", kLists, &list, em(20))) list_ = static_cast<TokenList>(list);
    tooltip(
        "Share: of the token's occurrences, the part that this expert took. Next token: by what "
        "comes after.");
    bar.label(probe_words(sample));
  }

  static std::span<const std::string> vocabulary_of(const Studio& studio) {
    const auto& vocabulary = studio.prompt.facts->vocabulary;
    return vocabulary == nullptr ? std::span<const std::string>() : *vocabulary;
  }

  static std::string token_text(const Studio& studio, std::int32_t id) {
    const auto vocabulary = vocabulary_of(studio);
    return static_cast<std::size_t>(id) < vocabulary.size()
               ? drawable_text(shown_text(vocabulary[static_cast<std::size_t>(id)]))
               : "#" + std::to_string(id);
  }

  void draw_tokens(Studio& studio, const routing::ProbeLayer& layer, ImVec2 size) {
    CardOptions card;
    card.size = size;
    const std::string caption = search_.empty() ? "top tokens of each expert, share in %"
                                                : "experts of \"" + search_ + "\"";
    card.caption = caption;
    begin_card("###special.tokens", "Vocabulary", card);
    {
      const PanelBody body("###special.rows", {0.0F, 0.0F}, 0.0F, 0.2F);
      if (search_.empty())
        draw_experts(studio, layer);
      else
        draw_found(studio, layer);
    }
    end_card();
  }

  void draw_experts(Studio& studio, const routing::ProbeLayer& layer) {
    const auto& tokens = tokens_of(layer, list_);
    ImGuiListClipper clipper;
    clipper.Begin(static_cast<int>(tokens.size()), em(kRowEm));
    while (clipper.Step()) {
      for (int expert = clipper.DisplayStart; expert < clipper.DisplayEnd; ++expert)
        draw_expert(studio, expert, tokens[static_cast<std::size_t>(expert)]);
    }
  }

  static void draw_expert(Studio& studio,
                          int expert,
                          const std::vector<routing::TokenUse>& tokens) {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x, height = em(kRowEm);
    if (list_row((expert_name(expert) + "###special.expert." + std::to_string(expert)).c_str(),
                 studio.selection.expert == expert,
                 kRowEm))
      studio.selection.expert = expert;
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float y = std::round(min.y + (height - line_height(Type::kMono)) * 0.5F);
    draw_text(list, Type::kDigits, {min.x + em(0.9F), y}, t.text2, expert_name(expert));
    float x = min.x + em(4.2F);
    if (tokens.empty()) draw_text(list, Type::kCaption, {x, y}, t.text3, "no token often enough");
    for (const routing::TokenUse& use : tokens) {
      const std::string token = token_text(studio, use.token);
      const std::string share = plain_number(100.0 * use.share(), 2);
      const float token_width = text_size(Type::kMono, token).x + em(0.7F);
      const float share_width = text_size(Type::kDigitsCaption, share).x;
      if (x + token_width + share_width + em(0.4F) > min.x + width - em(0.5F)) break;
      const ImVec2 chip = {std::round(x), min.y + em(0.3F)};
      const float strength = 0.10F + 0.45F * static_cast<float>(use.share());
      list->AddRectFilled(chip,
                          {chip.x + token_width, min.y + height - em(0.3F)},
                          over(with_alpha(t.accent, strength), t.bg1),
                          em(0.3F));
      draw_text(list, Type::kMono, {chip.x + em(0.35F), y}, t.text1, token);
      draw_text(list, Type::kDigitsCaption, {chip.x + token_width + em(0.25F), y}, t.text3, share);
      x += token_width + share_width + em(1.1F);
    }
    ImGui::SetCursorScreenPos(min);
    ImGui::Dummy({width, height});
  }

  void draw_found(Studio& studio, const routing::ProbeLayer& layer) {
    const ThemeTokens& t = theme();
    const std::vector<TokenExpert> found =
        experts_of_token(layer, list_, search_, vocabulary_of(studio));
    if (found.empty()) {
      const PanelBody body("###special.none", {0.0F, 0.0F}, 0.9F, 0.4F);
      note("No expert lists such a token: lists hold the first 20 that occur 8 times or more.");
      return;
    }
    for (std::size_t i = 0; i < std::min(found.size(), kMostFound); ++i) {
      const TokenExpert& one = found[i];
      const ImVec2 min = ImGui::GetCursorScreenPos();
      const float width = ImGui::GetContentRegionAvail().x;
      const std::string id = std::to_string(one.expert) + "." + std::to_string(one.use.token);
      if (list_row(
              ("###special.found." + id).c_str(), studio.selection.expert == one.expert, kRowEm))
        studio.selection.expert = one.expert;
      ImDrawList* list = ImGui::GetWindowDrawList();
      const float y = std::round(min.y + (em(kRowEm) - line_height(Type::kMono)) * 0.5F);
      draw_text(list, Type::kDigits, {min.x + em(0.9F), y}, t.text2, expert_name(one.expert));
      draw_text(
          list, Type::kMono, {min.x + em(4.2F), y}, t.text1, token_text(studio, one.use.token));
      const float left = min.x + em(11), right = min.x + width - em(10);
      if (right - left > em(3)) {
        const float bar = min.y + em(0.85F);
        list->AddRectFilled({left, bar}, {right, bar + em(0.4F)}, t.active, em(0.2F));
        const float part = static_cast<float>(one.use.share());
        list->AddRectFilled(
            {left, bar}, {left + (right - left) * part, bar + em(0.4F)}, t.accent, em(0.2F));
      }
      draw_text_right(list,
                      Type::kDigits,
                      {min.x + width - em(0.9F), y},
                      t.text1,
                      plain_number(100.0 * one.use.share(), 3) + " % of " +
                          grouped_number(one.use.occurrences));
      ImGui::SetCursorScreenPos(min);
      ImGui::Dummy({width, em(kRowEm)});
    }
  }

  void draw_positions(Studio& studio, const routing::ProbeLayer& layer, ImVec2 size) {
    const std::vector<float> values = position_map(layer);
    MapScale scale = load_scale(studio.routing.colors, values);
    scale.is_zero_dead = false;
    CardOptions card;
    card.size = size;
    card.caption = "place in the text × expert";
    card.reserved_right = em(6.5F);
    begin_card("###special.positions", "Positions", card);
    draw_legend(
        {card_title_max().x, card_title_min().y}, em(6.5F), scale, scale_histogram(values, scale));
    {
      const PanelBody body("###cells", {0.0F, 0.0F}, 0.85F, 0.2F);
      property_row(
          "Mutual information",
          plain_number(routing::mutual_information_nats(layer.position_counts, layer.num_experts),
                       3),
          "nats");
      property_row(
          "Vocabulary specialisation", plain_number(layer.vocabulary_specialization, 3), "of 1");
      gap(0.4F);
      GridMapOptions options;
      options.num_rows = static_cast<int>(routing::kNumPositionBuckets);
      options.num_columns = static_cast<int>(layer.num_experts);
      options.scale = scale;
      options.row_name = [](int bucket) { return std::to_string(bucket + 1) + "/16"; };
      options.column_name = expert_name;
      options.format = load_text;
      options.selected_column = studio.selection.expert;
      const GridResult cells = positions_.draw(values, options);
      if (cells.hovered_row >= 0) {
        const float value = values[static_cast<std::size_t>(
            cells.hovered_row * options.num_columns + cells.hovered_column)];
        const std::array lines = {
            ReadoutLine{"÷ fair share", load_text(static_cast<double>(value)), "", 0}};
        draw_readout(ImGui::GetIO().MousePos,
                     expert_name(cells.hovered_column) + ", part " +
                         std::to_string(cells.hovered_row + 1) + " of 16",
                     lines);
        if (cells.is_clicked) studio.selection.expert = cells.hovered_column;
      }
    }
    end_card();
  }

  std::string search_;
  TokenList list_ = TokenList::kInputByShare;
  GridMap positions_{"special.grid"};
};

}  // namespace

std::unique_ptr<Panel> make_specialisation_panel() {
  return std::make_unique<SpecialisationPanel>();
}

}  // namespace switchyard::ui
