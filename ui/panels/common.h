#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <imgui.h>

#include "ui/model/run_state.h"
#include "ui/model/studio.h"
#include "ui/plot/line_plot.h"
#include "ui/shell/fonts.h"
#include "ui/widgets/overlays.h"

namespace switchyard::ui {

/// A padded, scrolling area inside a panel; begins in the constructor, ends in the destructor.
/// Items in it follow each other without space: rows carry their own, `gap` makes more.
class PanelBody {
 public:
  explicit PanelBody(const char* id,
                     ImVec2 size = {0.0F, 0.0F},
                     float pad_x_em = 1.0F,
                     float pad_y_em = 0.9F,
                     bool can_scroll = true);
  ~PanelBody();
  PanelBody(const PanelBody&) = delete;
  PanelBody& operator=(const PanelBody&) = delete;
};

/// Empty space between two items of a PanelBody, whose items follow each other without any.
void gap(float height_em);

/// The bar of controls at the top of a panel: rows 2.9 em high, with a hairline below. `next`
/// places the cursor for an item of the given height, in the next row where the item does not fit;
/// a label stays with the item behind it.
class Toolbar {
 public:
  explicit Toolbar(const char* id);
  ~Toolbar();
  Toolbar(const Toolbar&) = delete;
  Toolbar& operator=(const Toolbar&) = delete;

  void next(float height, float gap_em = 0.9F);
  void label(std::string_view words);

 private:
  static ImGuiStorage& widths();
  void keep_width();
  void place(float height, float gap_em, float wanted);

  ImVec2 min_;
  float height_;
  int count_ = 0;
  int row_ = 0;
  bool follows_label_ = false;
};

Tone tone_of(StateTone tone);
Tone tone_of(NoticeKind kind);
Color run_color(std::string_view run_name);

/// Icon of a run's state; the word beside it says the same.
Icon state_icon(RunState state);

/// Draws icon and word of a state, `pos` at the left end of the line's top. Returns the width.
float draw_state(ImDrawList* list, ImVec2 pos, RunState state, Type type);

/// A scalar of all runs of a scene that are drawn and record it, the open run first. What every
/// plot that compares runs draws.
std::vector<PlotLine> scene_lines(const OverlayScene& scene,
                                  const std::string& metric,
                                  XAxis axis,
                                  std::string_view hovered_root = {});

/// Checkpoints, changed settings, guard actions, errors, pins, gaps and forks as marks on the time
/// axis. `selected`: sequence of the selected event.
std::vector<PlotMark> event_marks(const RunView& run, XAxis axis, std::int64_t selected = -1);

/// The last value of a scalar; NaN when there is none.
double last_value(const RunView& run, const std::string& metric);

/// "e17", "L3".
std::string expert_name(int expert);
std::string layer_name(int layer);

/// A line of small grey words that wraps; for notes below fields and titles.
void note(std::string_view words);

}  // namespace switchyard::ui
