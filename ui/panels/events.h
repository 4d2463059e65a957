#pragma once

#include "engine/base/store/run_store.h"
#include "ui/model/studio.h"
#include "ui/shell/fonts.h"
#include "ui/widgets/overlays.h"

namespace switchyard::ui {

/// An event in words: icon, title, what stands below it.
struct EventText {
  Icon icon = Icon::kInfo;
  Tone tone = Tone::kNeutral;
  std::string title;
  std::string detail;
};

EventText event_text(const store::Event& event);

/// The newest events first, at most `limit` (0: all). Evaluations are left out unless `has_evals`.
/// A click selects an event, which marks it on the plots. `scroll_to`: sequence of the event to
/// bring into sight; -1: none.
void draw_event_list(Studio& studio,
                     std::size_t limit,
                     bool has_evals,
                     std::int64_t scroll_to = -1);

}  // namespace switchyard::ui
