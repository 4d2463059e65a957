#pragma once

#include <span>

namespace switchyard::ui {

/// One step of the first-run tour: a real control, and what it is for.
struct TourStep {
  const char* target;  ///< stable id of the control; {default} stands for the default preset
  const char* title;
  const char* text;
};

/// Five steps; all their controls are on the start screen.
std::span<const TourStep> tour_steps();

/// Where the tour stands.
class TourState {
 public:
  void start() { step_ = 0; }

  void stop() { step_ = -1; }

  void next();
  void back();

  [[nodiscard]] bool is_on() const { return step_ >= 0; }

  [[nodiscard]] int step() const { return step_; }

  [[nodiscard]] bool is_last() const;

 private:
  int step_ = -1;
};

}  // namespace switchyard::ui
