#pragma once

#include <string>

#include "engine/base/core/json.h"

namespace switchyard::cli {

/// Shows the events of a training run to a person: a bar that is redrawn in a terminal, plain lines
/// (at most one per second for steps) elsewhere.
class ProgressView {
 public:
  explicit ProgressView(bool is_terminal) : is_terminal_(is_terminal) {}

  void show(const Json& event);
  /// Ends the line of the bar.
  void finish();

 private:
  void show_start(const Json& event);
  void show_step(const Json& event);
  void line(const std::string& text);
  [[nodiscard]] std::string bar_text(const Json& event) const;

  bool is_terminal_;
  bool has_bar_ = false;
  std::int64_t max_steps_ = 0;
  std::int64_t first_step_ = 0;
  double started_ = 0.0;
  double last_shown_ = -1.0;
  double val_loss_ = 0.0;
  bool has_val_loss_ = false;
  std::string last_bar_;
};

/// 75 -> "1:15", 4000 -> "1:06:40".
std::string clock_text(double seconds);

}  // namespace switchyard::cli
