#pragma once

#include <cstdint>

#include "ui/panels/token_flow.h"

namespace switchyard::ui {

/// The card below a selected token: what else could have stood there, the route in the selected
/// layer, "Branch here" and "More like this". Stays until Esc or a click elsewhere.
class TokenPopover {
 public:
  /// Opens on a token that was activated, and draws at the selected token's place. `id`: names the
  /// card's items.
  void draw(Studio& studio, const Answer& answer, const FlowResult& flow, bool can_branch);

  void close() { answer_id_ = -1; }

  [[nodiscard]] bool is_open_on(std::int64_t answer_id) const { return answer_id_ == answer_id; }

 private:
  void draw_content(Studio& studio, const Answer& answer, const Token& token, bool can_branch);
  void draw_buttons(Studio& studio, const Answer& answer, const Token& token, bool can_branch);

  std::int64_t answer_id_ = -1;
  int token_ = -1;
  int picked_ = 0;
  bool wants_focus_ = false;
  float height_ = 0.0F;
};

}  // namespace switchyard::ui
