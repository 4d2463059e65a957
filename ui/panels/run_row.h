#pragma once

#include <string>
#include <vector>

#include "ui/model/studio.h"
#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {

inline constexpr float kRunRowEm = 2.3F;

/// Where the cells of the runs table stand. Units: pixels, from the left of the table.
struct RunRowLayout {
  struct Cell {
    RunColumn column;
    float x = 0.0F;
    float width = 0.0F;
  };

  std::vector<Cell> cells;
  float width = 0.0F;  ///< of a row; wider than the window where the columns need it
};

/// An area that scrolls sideways where its rows are wider than the panel; rows scroll inside it.
class WideBody {
 public:
  explicit WideBody(const char* id);
  ~WideBody();
  WideBody(const WideBody&) = delete;
  WideBody& operator=(const WideBody&) = delete;
};

/// For the window in use: columns share what room there is. Where it is too little the default
/// columns give way, least telling first; chosen ones make the table scroll.
RunRowLayout run_row_layout(const RunsState& state);

/// Titles of the columns; a click sorts, a second one turns the order round.
void draw_run_header(RunsState& state, const RunRowLayout& layout);

void draw_run_group(const RunTableRow& row, const RunRowLayout& layout);

struct RunRowResult {
  bool is_ticked = false;   ///< the box was
  bool is_pressed = false;  ///< the row was, by mouse or key
  bool is_opened = false;   ///< by a double click
  bool is_focused = false;  ///< the keyboard is at it
  bool is_hovered = false;  ///< by the mouse
  bool wants_menu = false;
};

RunRowResult draw_run_row(const Studio& studio,
                          const store::RunOverview& run,
                          bool is_best,
                          const RunRowLayout& layout);

/// Brings the keyboard to the row that was drawn last, and scrolls it into sight.
void focus_run_row(const store::RunOverview& run);

/// The colour of a run with the person's choice.
Color run_color(const Studio& studio, const std::string& root, const std::string& name);

}  // namespace switchyard::ui
