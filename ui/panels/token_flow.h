#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <imgui.h>

#include "ui/model/studio.h"
#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {

/// What a flow reports of the frame.
struct FlowResult {
  int activated = -1;         ///< token that was clicked or chosen by key
  bool has_selected = false;  ///< the selected token was drawn at:
  ImVec2 selected_min, selected_max;
};

/// Tokens as tinted chips in lines, each line with the routes of its tokens below: one row per
/// routed layer, the selected layer higher. A click selects a token; dragging or Shift marks a
/// range of text; Ctrl+C (by the panel) copies it.
///
/// Only lines in sight are drawn; widths are measured once per token.
class TokenFlow {
 public:
  FlowResult draw(Studio& studio, const Answer& answer, bool has_routes);

 private:
  struct Block;
  Block block_of(const Studio& studio, const Answer& answer, bool has_routes) const;
  void measure(const Answer& answer, float line_width);
  void draw_line(Studio& studio, const Answer& answer, const Block& block, FlowResult* result);
  void draw_chip(
      Studio& studio, const Answer& answer, const Block& block, int index, FlowResult* result);
  static void draw_routes(const Studio& studio,
                          const Block& block,
                          const Token& token,
                          ImVec2 min,
                          float right,
                          bool is_lit);
  void mark_range(Studio& studio, const Answer& answer, const Block& block, int index) const;
  [[nodiscard]] int token_at(const Block& block, ImVec2 mouse) const;

  std::int64_t answer_id_ = -1;
  float line_width_ = -1.0F;
  float scale_ = 0.0F;
  std::vector<float> widths_;
  std::vector<std::string> shown_;
  std::vector<ChipPlace> places_;
};

/// Colours of experts: their own where at most 16 are shown, else grey, the selected one accent.
class ExpertColors {
 public:
  explicit ExpertColors(const Studio& studio);
  [[nodiscard]] Color of(int expert) const;

 private:
  bool has_own_ = true;
  int selected_ = -1;
};

/// What a chip shows: characters that no font has become their code point, "U+1F600".
std::string drawable_text(const std::string& shown);

/// Strength of the entropy tint. Math: H / ln V, with the vocabulary's size where it is known.
float entropy_tint(const Studio& studio, const Token& token);

}  // namespace switchyard::ui
