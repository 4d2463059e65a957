#include "ui/model/tour.h"

#include <algorithm>
#include <array>

namespace switchyard::ui {
namespace {

constexpr std::array kSteps = {
    TourStep{"preset.{default}.train",
             "One click trains",
             "Each card is a model that trains on this machine. The default needs a few minutes. "
             "Training goes on when the window is closed."},
    TourStep{
        "workspace.0",
        "Watch it learn",
        "Train shows loss, perplexity, speed and the load of the experts, live, all on one time "
        "axis."},
    TourStep{
        "workspace.1",
        "See the routing",
        "Routing opens the router up: which expert gets which share, in every layer, now and at "
        "every step before."},
    TourStep{"workspace.2",
             "Talk to it",
             "Prompt asks the model while it is still learning, and shows the probability and the "
             "route of every token."},
    TourStep{"palette.open",
             "Find anything",
             "Ctrl+K searches every action, run, preset and setting. F1 explains what is under the "
             "mouse, ? lists all keys."},
};

}  // namespace

std::span<const TourStep> tour_steps() {
  return kSteps;
}

void TourState::next() {
  if (is_on()) step_ = is_last() ? -1 : step_ + 1;
}

void TourState::back() {
  if (is_on()) step_ = std::max(0, step_ - 1);
}

bool TourState::is_last() const {
  return step_ + 1 == static_cast<int>(kSteps.size());
}

}  // namespace switchyard::ui
