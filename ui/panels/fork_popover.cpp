#include "ui/panels/fork_popover.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/core/file_system.h"
#include "ui/model/fork.h"
#include "ui/panels/common.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr const char* kPopup = "run.fork_popup";
constexpr std::size_t kMostSettings = 6;
constexpr double kListInterval = 1.0;  ///< seconds

void draw_checkpoint_choice(ForkState& fork, std::span<const CheckpointItem> checkpoints) {
  std::vector<std::string> labels;
  int chosen = 0;
  for (std::size_t i = checkpoints.size(); i-- > 0;) {  // the newest first
    if (checkpoints[i].step == fork.step) chosen = static_cast<int>(labels.size());
    labels.push_back("step " + grouped_number(checkpoints[i].step) +
                     (checkpoints[i].is_best ? ", best" : ""));
  }
  std::vector<const char*> items;
  for (const std::string& label : labels) items.push_back(label.c_str());
  text(Type::kCaption, theme().text3, "From the checkpoint of");
  if (!combo("###fork.checkpoint", items, &chosen)) return;
  fork.step = checkpoints[checkpoints.size() - 1 - static_cast<std::size_t>(chosen)].step;
  fork.has_chosen = true;
}

void draw_settings(ForkState& fork) {
  text(Type::kCaption, theme().text3, "With other settings (may be none)");
  if (fork.settings.empty()) fork.settings.emplace_back();
  const float width = ImGui::GetContentRegionAvail().x;
  for (std::size_t i = 0; i < fork.settings.size(); ++i) {
    FieldOptions path;
    path.is_mono = true;
    path.hint = "optimizer.learning_rate";
    path.width = width * 0.62F;
    text_field(("###fork.path." + std::to_string(i)).c_str(), &fork.settings[i].path, path);
    ImGui::SameLine(0.0F, em(0.4F));
    FieldOptions value;
    value.is_mono = true;
    value.hint = "0.0005";
    text_field(("###fork.value." + std::to_string(i)).c_str(), &fork.settings[i].value, value);
    gap(0.35F);
  }
  if (fork.settings.size() < kMostSettings && !fork.settings.back().path.empty() &&
      link("Another setting###fork.more"))
    fork.settings.emplace_back();
}

void draw_content(Studio& studio) {
  ForkState& fork = studio.fork;
  const RunsFeed& feed = *studio.runs_feed;
  // A run that trains retires old checkpoints: the list is looked at again.
  if (studio.now - fork.asked_at > kListInterval) {
    fork.asked_at = studio.now;
    studio.send(RunsOrder(ListCheckpoints{fork.root}));
  }
  const bool is_listed = feed.checkpoints_of == fork.root;
  if (is_listed && nearest_checkpoint(feed.checkpoints, fork.step) != fork.step)
    fork.has_chosen = false;
  if (is_listed && !fork.has_chosen)
    fork.step = nearest_checkpoint(feed.checkpoints, fork.wanted_step);
  text(Type::kBodyStrong, theme().text1, "Fork " + base_name(fork.root));
  note(
      "A child run starts from the weights, the optimizer and the place in the data that a "
      "checkpoint holds. This run stays as it is.");
  gap(0.5F);
  if (is_listed && !feed.checkpoints.empty()) {
    draw_checkpoint_choice(fork, feed.checkpoints);
    if (fork.wanted_step >= 0 && fork.step != fork.wanted_step)
      note("The nearest one to step " + grouped_number(fork.wanted_step) + ".");
  }
  gap(0.5F);
  draw_settings(fork);
  const std::string problem =
      fork_problem(fork.settings, fork.root == studio.run->root ? studio.run->config : Json());
  if (!problem.empty()) field_error(problem.c_str());
  gap(0.4F);
  ButtonOptions start;
  start.kind = ButtonKind::kPrimary;
  start.icon = Icon::kFork;
  if (!is_listed) start.disabled_reason = "the checkpoints are being listed";
  if (is_listed && feed.checkpoints.empty())
    start.disabled_reason = "there is no checkpoint yet: press Save first";
  if (!problem.empty()) start.disabled_reason = problem.c_str();
  const std::vector<std::string> assignments = fork_assignments(fork.settings);
  if (button("Start the fork###fork.start", start)) {
    studio.send(RunsOrder(ForkRun{fork.root, fork.step, assignments}));
    ImGui::CloseCurrentPopup();
  }
  ImGui::SameLine(0.0F, em(0.6F));
  ButtonOptions copy;
  copy.icon = Icon::kCopy;
  if (button("Copy command###fork.copy", copy))
    ImGui::SetClipboardText(fork_command(fork.root, fork.step, assignments).c_str());
}

}  // namespace

void ask_to_fork(Studio& studio, const std::string& root, std::int64_t step) {
  ForkState& fork = studio.fork;
  fork = ForkState{};
  fork.wants_open = true;
  fork.root = root;
  fork.wanted_step = step;
}

void draw_fork_popover(Studio& studio) {
  if (std::exchange(studio.fork.wants_open, false)) ImGui::OpenPopup(kPopup);
  if (!begin_popover(kPopup, 28.0F)) return;
  draw_content(studio);
  end_popover();
}

}  // namespace switchyard::ui
