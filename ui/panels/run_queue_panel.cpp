#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/panels/common.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kRowEm = 3.0F;

/// Configurations that are trained one after another, also while no window is open.
class RunQueuePanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const RunsFeed& feed = *studio.runs_feed;
    draw_toolbar(studio);
    const PanelBody body("###queue.body", {0.0F, 0.0F}, 0.0F, 0.0F);
    if (feed.queue.empty() && feed.ended.empty()) {
      empty_state(Icon::kClock,
                  "Nothing waits",
                  "Add presets or configurations: they train one after another, also while the "
                  "window is closed.");
      return;
    }
    std::size_t position = 0;
    for (const QueueItem& item : feed.queue) {
      draw_item(studio, item, position);
      if (!item.is_running) ++position;
    }
    if (!feed.ended.empty()) draw_ended(studio, feed);
  }

 private:
  void draw_toolbar(Studio& studio) {
    const RunsFeed& feed = *studio.runs_feed;
    std::vector<const char*> names;
    std::vector<const SizedPreset*> presets;
    for (const SizedPreset& preset : studio.presets->presets) {
      if (!preset.has_data || !preset.problem.empty() || !preset.config.is_object()) continue;
      presets.push_back(&preset);
      names.push_back(preset.card.name.c_str());
    }
    Toolbar bar("queue.toolbar");
    bar.label("Preset");
    bar.next(em(1.7F));
    FieldOptions field;
    field.width = em(18);
    if (names.empty()) field.disabled_reason = "no preset has its data here";
    chosen_ = std::clamp(chosen_, 0, std::max(0, static_cast<int>(names.size()) - 1));
    combo("###queue.preset", names, &chosen_, field);
    bar.next(button_height(true));
    ButtonOptions add;
    add.is_small = true;
    add.icon = Icon::kPlus;
    add.kind = ButtonKind::kPrimary;
    if (presets.empty()) add.disabled_reason = "no preset has its data here";
    if (button("Add to queue###queue.add", add)) {
      const SizedPreset& preset = *presets[static_cast<std::size_t>(chosen_)];
      studio.send(RunsOrder(QueueAdd{preset.card.name, preset.config}));
    }
    bar.next(button_height(true), 0.5F);
    ButtonOptions again;
    again.is_small = true;
    again.tooltip = "Its settings wait as a new run; the run itself stays as it is";
    const RunView& open = *studio.run;
    if (!open.config.is_object()) again.disabled_reason = "no run is open";
    if (button("Add the open run's settings###queue.add_run", again))
      studio.send(RunsOrder(QueueAdd{open.config["name"].as_string(), open.config}));
    const bool is_waiting = std::any_of(feed.queue.begin(),
                                        feed.queue.end(),
                                        [](const QueueItem& item) { return !item.is_running; });
    if (is_waiting && !feed.is_queue_running) {
      bar.next(button_height(true));
      ButtonOptions start;
      start.is_small = true;
      start.icon = Icon::kStart;
      if (button("Start the queue###queue.start", start)) studio.send(RunsOrder(QueueStart{}));
    } else if (feed.is_queue_running) {
      bar.label("It goes on when the window is closed.");
    }
  }

  /// Steps of the entry that trains, as the list of runs knows them.
  static std::string what_of(const Studio& studio, const QueueItem& item) {
    std::string what = item.preset;
    const store::RunOverview* run = item.is_running ? studio.runs->find(item.run) : nullptr;
    if (run != nullptr) what = run->name + ", " + grouped_number(run->step) + " of";
    if (item.max_steps > 0)
      what += (run != nullptr ? " " : ", ") + grouped_number(item.max_steps) + " steps";
    return what;
  }

  static void draw_item(Studio& studio, const QueueItem& item, std::size_t position) {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x, height = em(kRowEm);
    const bool is_pressed =
        list_row((item.name + "###queue.item." + item.id).c_str(), item.is_running, kRowEm);
    if (is_pressed && item.is_running) studio.send(OpenRun{item.run});
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float first = min.y + em(0.5F), second = min.y + em(1.75F);
    const std::string place = item.is_running ? "" : std::to_string(position + 1);
    if (item.is_running)
      draw_state(list, {min.x + em(1.0F), first}, RunState::kRunning, Type::kBody);
    else
      draw_text(list, Type::kDigits, {min.x + em(1.2F), first}, t.text3, place);
    const float x = min.x + em(8.5F), room = width - em(20.0F);
    draw_text(list, Type::kBodyStrong, {x, first}, t.text1, item.name, room);
    draw_text(list, Type::kCaption, {x, second}, t.text3, what_of(studio, item), room);
    draw_buttons(studio, item, position, min.x + width - em(0.9F), min.y);
    list->AddRectFilled(
        {min.x, min.y + height - px(1)}, {min.x + width, min.y + height}, with_alpha(t.line, 0.6F));
    ImGui::SetCursorScreenPos(min);
    ImGui::Dummy({width, height});
  }

  static void draw_buttons(
      Studio& studio, const QueueItem& item, std::size_t position, float right, float top) {
    ButtonOptions small;
    small.is_small = true;
    small.kind = ButtonKind::kGhost;
    const auto place = [&](float width) {
      right -= width;
      ImGui::SetCursorScreenPos({right, top + (em(kRowEm) - button_height(true)) * 0.5F});
      right -= em(0.4F);
    };
    ButtonOptions remove = small, up = small, down = small;
    if (item.is_running) remove.disabled_reason = "it trains: stop the run instead";
    if (item.is_running) down.disabled_reason = "it trains";
    if (item.is_running || position == 0) up.disabled_reason = "it is the next one";
    place(button_height(true));
    if (icon_button(("Remove###queue.remove." + item.id).c_str(), Icon::kTrash, "Remove", remove))
      studio.send(RunsOrder(QueueRemove{item.id}));
    place(button_width("Later", down));
    if (button(("Later###queue.down." + item.id).c_str(), down))
      studio.send(RunsOrder(QueueMove{item.id, position + 1}));
    place(button_width("Earlier", up));
    if (button(("Earlier###queue.up." + item.id).c_str(), up))
      studio.send(RunsOrder(QueueMove{item.id, position - 1}));
  }

  static void draw_ended(Studio& studio, const RunsFeed& feed) {
    const ThemeTokens& t = theme();
    gap(0.6F);
    {
      const PanelBody head("###queue.ended_head", {0.0F, em(2.2F)}, 0.9F, 0.3F, false);
      panel_title("Ended");
    }
    for (std::size_t i = 0; i < feed.ended.size(); ++i) {
      const QueueEnd& end = feed.ended[i];
      const ImVec2 min = ImGui::GetCursorScreenPos();
      const float width = ImGui::GetContentRegionAvail().x, height = em(2.3F);
      const std::string label = end.name + "###queue.ended." + std::to_string(i);
      if (list_row(label.c_str(), false, 2.3F) && !end.run.empty()) studio.send(OpenRun{end.run});
      ImDrawList* list = ImGui::GetWindowDrawList();
      const float y = std::round(min.y + (height - line_height(Type::kBody)) * 0.5F);
      draw_state(list, {min.x + em(1.0F), y}, run_state_from_word(end.state), Type::kBody);
      draw_text(list, Type::kBody, {min.x + em(8.5F), y}, t.text1, end.name, em(16));
      draw_text(list,
                Type::kCaption,
                {min.x + em(25.0F), y + px(1)},
                t.text3,
                end.message,
                std::max(em(2), width - em(34)));
      draw_text_right(list,
                      Type::kDigitsCaption,
                      {min.x + width - em(0.9F), y + px(1)},
                      t.text3,
                      age_text(studio.wall_now - end.wall_time));
      ImGui::SetCursorScreenPos(min);
      ImGui::Dummy({width, height});
    }
  }

  int chosen_ = 0;
};

}  // namespace

std::unique_ptr<Panel> make_run_queue_panel() {
  return std::make_unique<RunQueuePanel>();
}

}  // namespace switchyard::ui
