#include "app/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/base/core/clock.h"
#include "engine/base/core/text.h"

namespace switchyard::cli {
namespace {

constexpr int kBarCells = 20;
constexpr double kPlainLineSeconds = 1.0;

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string rate_text(double tokens_per_second) {
  if (tokens_per_second >= 1e6) return fixed(tokens_per_second / 1e6, 2) + "M tok/s";
  if (tokens_per_second >= 1e4) return fixed(tokens_per_second / 1e3, 1) + "k tok/s";
  return fixed(tokens_per_second, 0) + " tok/s";
}

int terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// The first `columns` characters of UTF-8 text.
std::string cut(const std::string& text, int columns) {
  std::size_t at = 0;
  for (int i = 0; i < columns && at < text.size(); ++i) {
    at += std::max<std::size_t>(code_point_at(text, at).length, 1);
  }
  return text.substr(0, at);
}

}  // namespace

std::string clock_text(double seconds) {
  const auto total = static_cast<std::int64_t>(std::llround(std::max(seconds, 0.0)));
  char text[64];
  if (total >= 3600) {
    std::snprintf(text,
                  sizeof text,
                  "%lld:%02lld:%02lld",
                  static_cast<long long>(total / 3600),
                  static_cast<long long>(total / 60 % 60),
                  static_cast<long long>(total % 60));
  } else {
    std::snprintf(text,
                  sizeof text,
                  "%lld:%02lld",
                  static_cast<long long>(total / 60),
                  static_cast<long long>(total % 60));
  }
  return text;
}

void ProgressView::line(const std::string& text) {
  if (has_bar_) std::fputs("\r\x1b[2K", stdout);
  std::fputs(text.c_str(), stdout);
  std::fputc('\n', stdout);
  if (has_bar_) std::fputs(last_bar_.c_str(), stdout);
  std::fflush(stdout);
}

void ProgressView::finish() {
  if (has_bar_) std::fputc('\n', stdout);
  has_bar_ = false;
  std::fflush(stdout);
}

void ProgressView::show_start(const Json& event) {
  max_steps_ = event["max_steps"].as_integer();
  first_step_ = event["step"].as_integer();
  started_ = system_clock().monotonic_seconds();
  line("run " + event["run"].as_string());
  line(grouped(event["params_total"].as_integer()) + " parameters, " +
       grouped(event["params_active"].as_integer()) + " active per token, on " +
       event["device"].as_string() + " (" + std::to_string(event["num_threads"].as_integer()) +
       (event["num_threads"].as_integer() == 1 ? " thread)" : " threads)") +
       (first_step_ == 0 ? std::string()
        : event.find("parent")
            ? ", forked at step " + grouped(first_step_) + " from " + event["parent"].as_string()
            : ", resumed at step " + grouped(first_step_)));
}

std::string ProgressView::bar_text(const Json& event) const {
  const std::int64_t step = event["step"].as_integer();
  const double done_frac =
      max_steps_ > 0 ? static_cast<double>(step) / static_cast<double>(max_steps_) : 0.0;
  std::string text;
  if (is_terminal_) {
    const int filled = static_cast<int>(done_frac * kBarCells);
    for (int i = 0; i < kBarCells; ++i) text += i < filled ? "\xE2\x96\x88" : "\xE2\x96\x91";
    text += "  ";
  }
  text += "step " + std::to_string(step) + "/" + std::to_string(max_steps_);
  text += "  loss " + fixed(event["train_loss"].as_number(), 4);
  if (has_val_loss_) text += "  val " + fixed(val_loss_, 4);
  text += "  " + rate_text(event["tokens_per_second"].as_number());
  const double elapsed = system_clock().monotonic_seconds() - started_;
  if (step > first_step_) {
    const double per_step = elapsed / static_cast<double>(step - first_step_);
    text += "  ETA " + clock_text(per_step * static_cast<double>(max_steps_ - step));
  }
  return text;
}

void ProgressView::show_step(const Json& event) {
  const double now = system_clock().monotonic_seconds();
  if (is_terminal_) {
    last_bar_ = cut(bar_text(event), terminal_columns() - 1);
    std::fputs("\r\x1b[2K", stdout);
    std::fputs(last_bar_.c_str(), stdout);
    std::fflush(stdout);
    has_bar_ = true;
    return;
  }
  const bool is_last = event["step"].as_integer() >= max_steps_;
  if (last_shown_ >= 0 && !is_last && now - last_shown_ < kPlainLineSeconds) return;
  last_shown_ = now;
  line(bar_text(event));
}

void ProgressView::show(const Json& event) {
  const std::string& name = event["event"].as_string();
  const std::string at = "step " + std::to_string(event["step"].as_integer()) + "  ";
  if (name == "start") {
    show_start(event);
  } else if (name == "step") {
    show_step(event);
  } else if (name == "eval") {
    val_loss_ = event["loss"].as_number();
    has_val_loss_ = true;
    line(at + "validation loss " + fixed(val_loss_, 4) + " over " +
         grouped(event["tokens"].as_integer()) + " tokens" +
         (event["is_whole_split"].as_bool() ? " (whole split)" : ""));
  } else if (name == "checkpoint") {
    line(at + "saved " + event["path"].as_string() + (event["is_best"].as_bool() ? " (best)" : ""));
  } else if (name == "guard") {
    line(at + "guard: " + event["action"].as_string() + ", " + event["cause"].as_string());
  } else if (name == "doctor") {
    line(at + (event["action"].as_string() == "found" ? "doctor: " : "doctor, no longer: ") +
         event["message"].as_string());
  } else if (name == "warning") {
    line("warning: " + event["message"].as_string());
  } else if (name == "state" && event["state"].as_string() == "paused") {
    line(at + "paused");
  } else if (name == "done") {
    finish();
    line("done: " + grouped(event["step"].as_integer()) + " steps in " +
         clock_text(event["seconds"].as_number()) + ", validation loss " +
         fixed(event["val_loss"].as_number(), 4));
  }
}

}  // namespace switchyard::cli
