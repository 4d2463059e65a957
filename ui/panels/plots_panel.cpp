#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <imgui_internal.h>

#include "ui/panels/common.h"
#include "ui/panels/failure_card.h"
#include "ui/panels/fork_popover.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/plots_parts.h"
#include "ui/panels/registry.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kGapEm = 0.46F;
constexpr const char* kMenu = "###plots.menu";
constexpr const char* kDragged = "plots.card";

/// All curves and maps of the run, as the user arranged them.
class PlotsPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const RunView& run = *studio.run;
    if (run.root.empty()) {
      if (empty_state(Icon::kTrain,
                      "No run open",
                      "Pick a preset and press Train.",
                      "Presets###plots.presets",
                      Icon::kPlus))
        studio.gallery.is_open = true;
      return;
    }
    studio.overlay.take_colors(studio.marks, run.root);
    studio.overlay.keep_colors_apart(run.root);
    studio.overlay.take_colors(studio.marks, run.root);  // two may share one if the person says so
    PlotsFrame frame;
    frame.scene = overlay_scene(studio.overlay, studio.run);
    hovered_before_ = studio.overlay.hovered_root;
    studio.overlay.begin_frame();
    toolbar_.draw(studio, frame);
    begin_groups(studio, frame);
    {
      const PanelBody body("###plots.body", {0.0F, 0.0F}, kGapEm, kGapEm);
      draw_board(studio, frame);
      draw_menu(studio, frame);
    }
    handle_keys(studio);
    end_groups(studio);
    apply_moves(studio);
    draw_failure_card(studio);
  }

 private:
  PlotGroup& group_of(Studio& studio, XAxis axis) {
    return axis == studio.plots.group.axis ? studio.plots.group : other_groups_[axis];
  }

  static void include_runs(PlotGroup& group, const OverlayScene& scene) {
    group.is_growing = std::any_of(scene.runs.begin(), scene.runs.end(), [](const ShownRun& run) {
      return run.is_drawn && run.view != nullptr && run.view->state == RunState::kRunning;
    });
    const std::vector<double> shifts = scene.shifts(group.axis);
    for (std::size_t i = 0; i < scene.runs.size(); ++i) {
      const ShownRun& run = scene.runs[i];
      if (run.view == nullptr || !run.is_drawn) continue;
      const Series* loss = run.view->scalar("train_loss");
      if (loss == nullptr || loss->empty()) continue;
      group.include(loss->x(group.axis, 0) + shifts[i],
                    loss->x(group.axis, loss->size() - 1) + shifts[i]);
    }
    group.update_range();
  }

  /// The axis of all plots, and one for each axis that single plots chose; one crosshair for all.
  void begin_groups(Studio& studio, const PlotsFrame& frame) {
    PlotGroup& all = studio.plots.group;
    const Series* loss = studio.run->scalar("train_loss");
    const bool has_loss = loss != nullptr && !loss->empty();
    all.begin_frame();
    if (has_loss) all.smoothing_unit = smoothing_unit(all.axis, *loss);
    include_runs(all, frame.scene);
    for (auto& [axis, group] : other_groups_) {
      group.axis = axis;
      group.id = "plots." + std::to_string(static_cast<int>(axis));
      group.begin_frame();
      if (has_loss) group.smoothing_unit = smoothing_unit(axis, *loss);
      if (has_loss && !group.has_cursor() && all.has_cursor())
        group.cursor = x_on_axis(*loss, all.axis, axis, all.cursor);
      include_runs(group, frame.scene);
    }
  }

  void end_groups(Studio& studio) {
    PlotGroup& all = studio.plots.group;
    const Series* loss = studio.run->scalar("train_loss");
    if (loss == nullptr || loss->empty()) return;
    for (auto& [axis, group] : other_groups_) {
      if (group.next_cursor == group.next_cursor)
        all.next_cursor = x_on_axis(*loss, axis, all.axis, group.next_cursor);
    }
  }

  void draw_board(Studio& studio, PlotsFrame& frame) {
    const ImVec2 start = ImGui::GetCursorScreenPos();
    const ImVec2 avail = ImGui::GetContentRegionAvail();
    const float gap = em(kGapEm);
    cards_ = studio.plots.board.cards(*studio.run);
    if (cards_.empty()) {
      if (empty_state(Icon::kTrain,
                      "No plots on the board",
                      "Add metrics with the plus above, or take the usual ones.",
                      "Usual plots###plots.reset_empty",
                      Icon::kRevert))
        studio.plots.board.reset();
      return;
    }
    frame.board_width_em = avail.x / em(1);
    const BoardLayout layout = arrange_board(cards_, avail.x, avail.y - gap, em(1), gap);
    focused_.clear();
    hovered_.clear();
    for (std::size_t i = 0; i < cards_.size(); ++i) {
      const CardBox& box = layout.boxes[i];
      const ImVec2 min = {start.x + box.x, start.y + box.y};
      ImGui::SetCursorScreenPos(min);
      if (!ImGui::IsRectVisible(min, {min.x + box.width, min.y + box.height}) &&
          focus_next_ != cards_[i].metric) {
        // Out of sight: keeps its place for scrolling and the keyboard, draws nothing.
        draw_placeholder(cards_[i], box);
        continue;
      }
      draw_card(studio, frame, i, box);
      accept_drop({min, {min.x + box.width, min.y + box.height}}, i);
    }
    ImGui::SetCursorScreenPos(start);
    ImGui::Dummy({avail.x, layout.height});
  }

  static std::string card_id(const std::string& metric) { return "plots.card." + metric; }

  void draw_placeholder(const PlotCard& card, const CardBox& box) {
    hit_area(("###" + card_id(card.metric)).c_str(), {box.width, box.height});
    if (ImGui::IsItemFocused()) focus_next_ = card.metric;
  }

  void draw_card(Studio& studio, const PlotsFrame& frame, std::size_t index, const CardBox& box) {
    const PlotCard& card = cards_[index];
    CardHandle handle;
    handle.id = card_id(card.metric);
    handle.on_item = [&] { handle_title(studio, index); };
    bool is_menu = false;
    if (card.metric == kUtilisationCard) {
      is_menu = draw_utilisation_map(studio, utilisation_, box.width, box.height, &handle);
    } else if (card.metric == kEntropyCard) {
      is_menu =
          draw_layer_map(studio, entropy_, layer_metrics().front(), box.width, box.height, &handle);
    } else {
      is_menu = draw_plot(studio, frame, card, box, handle);
    }
    if (is_menu) open_menu_of_ = card.metric;
  }

  /// The title row of a card: a click shows it in the inspector, arrows move the crosshair, Ctrl
  /// and arrows or dragging move the card.
  void handle_title(Studio& studio, std::size_t index) {
    const std::string& metric = cards_[index].metric;
    const bool is_scalar = studio.run->series.count(metric) != 0;
    const unsigned id = ImGui::GetItemID();
    const ImGuiContext& g = *ImGui::GetCurrentContext();
    if (focus_next_ == metric) {
      ImGui::FocusItem();
      ImGui::SetNavCursorVisible(true);
      focus_next_.clear();
    }
    if (ImGui::IsItemActivated() && is_scalar) studio.selection.series = metric;
    if (ImGui::IsItemClicked(ImGuiMouseButton_Right)) open_menu_of_ = metric;
    if (ImGui::BeginDragDropSource(ImGuiDragDropFlags_SourceNoHoldToOpenOthers)) {
      ImGui::SetDragDropPayload(kDragged, metric.c_str(), metric.size() + 1);
      ImGui::TextUnformatted(metric_text(*studio.run, metric).title.c_str());
      ImGui::EndDragDropSource();
    }
    if (cards_[index].is_pinned) {
      const ImVec2 min = ImGui::GetItemRectMin();
      draw_text(ImGui::GetWindowDrawList(),
                Type::kCaption,
                {min.x + px(1), min.y + px(1)},
                theme().accent,
                icon(Icon::kPinned));
    }
    if (g.NavId != id || !g.NavCursorVisible) return;
    focused_ = metric;
    take_keys(studio, index, id);
  }

  void take_keys(Studio& studio, std::size_t index, unsigned id) {
    const ImGuiIO& io = ImGui::GetIO();
    for (const ImGuiKey key : {ImGuiKey_LeftArrow, ImGuiKey_RightArrow, ImGuiKey_Menu})
      ImGui::SetKeyOwner(key, id);
    const int step = (ImGui::IsKeyPressed(ImGuiKey_RightArrow) ? 1 : 0) -
                     (ImGui::IsKeyPressed(ImGuiKey_LeftArrow) ? 1 : 0);
    const std::string& metric = cards_[index].metric;
    PlotGroup& group = group_of(studio, card_style(studio, metric).axis);
    if (step != 0 && io.KeyCtrl) {
      move_metric_ = metric;
      const auto to = static_cast<std::ptrdiff_t>(index) + step;
      move_to_ = static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, to));
    } else if (step != 0) {
      group.step_cursor(io.KeyShift ? 10 * step : step);
    }
    group.hold_cursor();
    if (ImGui::IsKeyPressed(ImGuiKey_Menu, false) ||
        (io.KeyShift && ImGui::IsKeyPressed(ImGuiKey_F10, false)))
      open_menu_of_ = metric;
  }

  void accept_drop(const ImRect& box, std::size_t index) {
    const unsigned id = ImGui::GetID(("###plots.drop." + cards_[index].metric).c_str());
    if (!ImGui::BeginDragDropTargetCustom(box, id)) return;
    if (const ImGuiPayload* payload = ImGui::AcceptDragDropPayload(kDragged)) {
      move_metric_ = static_cast<const char*>(payload->Data);
      move_to_ = index;
    }
    ImGui::EndDragDropTarget();
  }

  /// After the cards were drawn: the board changes between frames only.
  void apply_moves(Studio& studio) {
    if (move_metric_.empty()) return;
    studio.plots.board.move(*studio.run, move_metric_, move_to_);
    move_metric_.clear();
  }

  bool draw_plot(Studio& studio,
                 const PlotsFrame& frame,
                 const PlotCard& card,
                 const CardBox& box,
                 const CardHandle& handle) {
    const CardStyle style = card_style(studio, card.metric);
    PlotGroup& group = group_of(studio, style.axis);
    LinePlotOptions options;
    options.title = style.text.title;
    options.caption = style.text.caption;
    options.unit = style.text.unit;
    options.width = box.width;
    options.height = box.height;
    options.y = style.y;
    options.is_clipped = style.is_clipped;
    options.show_raw = studio.plots.shows_raw;
    options.use_points = style.text.has_points;
    options.is_filled = style.text.is_filled;
    options.smoothing = style.smoothing;
    options.show_line_ends = studio.plots.has_line_ends;
    options.handle = &handle;
    options.is_focused = focused_before_ == card.metric;
    const RunView& run = *studio.run;
    if (run.state == RunState::kRunning && run.last_sample_time > 0.0)
      options.stale_seconds = studio.now - run.last_sample_time;
    const std::vector<PlotLine> lines =
        scene_lines(frame.scene, card.metric, style.axis, hovered_before_);
    const bool has_marks = card.metric == "train_loss" || card.size == CardSize::kLarge;
    const std::vector<PlotMark> marks =
        has_marks ? event_marks(run, style.axis, studio.selection.event) : std::vector<PlotMark>();
    LinePlot& plot = plots_.try_emplace(card.metric, "train.plots." + card.metric).first->second;
    const PlotResult result = plot.draw(group, lines, marks, options);
    if (result.is_hovered) hovered_ = card.metric;
    if (!result.hovered_line.empty()) studio.overlay.hovered_root = result.hovered_line;
    if (menu_metric_ != card.metric || !ImGui::IsPopupOpen(kMenu))
      readings_[card.metric] = {plot.value_at_cursor().first, result.y};
    if (result.clicked_mark >= 0)
      select_event(studio, marks[static_cast<std::size_t>(result.clicked_mark)].event);
    if (result.y_limits.has_value()) {
      CardView& view = studio.plots.board.views[card.metric];
      view.y_min = result.y_limits->first;
      view.y_max = result.y_limits->second;
    }
    return result.is_menu_clicked || result.is_context_clicked;
  }

  static void select_event(Studio& studio, std::int64_t sequence) {
    studio.selection.event = sequence;
    studio.wants_panel = "train.events";
  }

  void draw_menu(Studio& studio, const PlotsFrame& frame) {
    if (!open_menu_of_.empty()) {
      menu_metric_ = std::exchange(open_menu_of_, {});
      menu_readings_ = readings_[menu_metric_];
      menu_step_ = step_at_crosshair(studio);
      ImGui::OpenPopup(kMenu);
    }
    if (!begin_popover(kMenu, 17.0F)) return;
    draw_card_menu(studio, frame, menu_metric_, menu_readings_);
    if (run_buttons(*studio.run).fork.is_enabled) {
      const std::string where =
          menu_step_ < 0 ? "from a checkpoint" : "near step " + grouped_number(menu_step_);
      if (menu_item(("Fork " + where + "…###plots.menu.fork").c_str()))
        ask_to_fork(studio, studio.run->root, menu_step_);
    }
    end_popover();
  }

  /// −1 without a crosshair.
  static std::int64_t step_at_crosshair(const Studio& studio) {
    const PlotGroup& group = studio.plots.group;
    const Series* loss = studio.run->scalar("train_loss");
    if (!group.has_cursor() || loss == nullptr || loss->empty()) return -1;
    return std::llround(x_on_axis(*loss, group.axis, XAxis::kSteps, group.cursor));
  }

  /// R fits, L and Shift+L switch the axes, + and − zoom: on the plot under the mouse, else the one
  /// with the focus, else on all.
  void handle_keys(Studio& studio) {
    const ImGuiIO& io = ImGui::GetIO();
    const std::string target = !hovered_.empty() ? hovered_ : focused_;
    focused_before_ = focused_;
    const bool is_here = !target.empty() || ImGui::IsWindowFocused(ImGuiFocusedFlags_ChildWindows);
    if (!is_here || io.WantTextInput || io.KeyCtrl || io.KeyAlt) return;
    PlotGroup& group =
        target.empty() ? studio.plots.group : group_of(studio, card_style(studio, target).axis);
    if (ImGui::IsKeyPressed(ImGuiKey_R, false)) {
      group.fit();
      if (!target.empty()) {
        CardView& view = studio.plots.board.views[target];
        view.y_min = view.y_max = std::nullopt;
      }
    }
    if (ImGui::IsKeyPressed(ImGuiKey_L, false)) {
      if (io.KeyShift) {
        group.set_log_x(!group.is_log_x);
      } else {
        switch_log_y(studio, target);
      }
    }
    const bool is_closer =
        ImGui::IsKeyPressed(ImGuiKey_Equal) || ImGui::IsKeyPressed(ImGuiKey_KeypadAdd);
    const bool is_wider =
        ImGui::IsKeyPressed(ImGuiKey_Minus) || ImGui::IsKeyPressed(ImGuiKey_KeypadSubtract);
    if (is_closer != is_wider) group.zoom(is_closer ? 0.8 : 1.25, group.cursor);
  }

  static void switch_log_y(Studio& studio, const std::string& metric) {
    const auto flipped = [](YScaleKind kind) {
      return kind == YScaleKind::kLinear ? YScaleKind::kLog : YScaleKind::kLinear;
    };
    if (metric.empty() || studio.run->series.count(metric) == 0) {
      studio.plots.y_scale = flipped(studio.plots.y_scale);
    } else {
      studio.plots.board.views[metric].y_scale = flipped(card_style(studio, metric).y.kind);
    }
  }

  PlotsToolbar toolbar_;
  std::vector<PlotCard> cards_;  ///< of this frame
  std::map<std::string, LinePlot> plots_;
  std::map<XAxis, PlotGroup> other_groups_;
  TimeMap utilisation_{"train.plots.utilisation"};
  TimeMap entropy_{"train.plots.entropy"};
  std::string focused_, focused_before_, hovered_, hovered_before_, focus_next_;
  std::string open_menu_of_, menu_metric_, move_metric_;
  std::size_t move_to_ = 0;
  std::map<std::string, CardReadings> readings_;
  CardReadings menu_readings_;
  std::int64_t menu_step_ = -1;  ///< where the crosshair was when the menu was opened
};

}  // namespace

std::unique_ptr<Panel> make_plots_panel() {
  return std::make_unique<PlotsPanel>();
}

}  // namespace switchyard::ui
