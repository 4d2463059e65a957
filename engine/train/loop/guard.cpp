#include "engine/train/loop/guard.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace switchyard::train {
namespace {

constexpr std::int64_t kRerunEverySteps = 1000;
constexpr std::int64_t kSkipSpanSteps = 128;
constexpr std::size_t kMaxSkipsInSpan = 8;
constexpr std::size_t kDriftLookBackSteps = 200;
constexpr std::int64_t kDriftPatienceSteps = 50;
constexpr double kDriftRatio = 1.5;
constexpr std::size_t kNumLatest = 32;  ///< steps that a spike stands out from without a trend
constexpr double kLevelShare = 0.6;      ///< … by so much of the usual distance
constexpr double kSmoothing = 0.95;
constexpr std::int64_t kRollbackSpanSteps = 5000;
constexpr double kSigmaFromMad = 1.4826;
constexpr double kLossFloor = 0.005;
constexpr double kNormFloor = 0.05;
constexpr double kNormFactor = 10.0;

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  const double upper = *middle;
  return 0.5 * (upper + *std::max_element(values.begin(), middle));
}

/// How far the value lies above the latest of the window, in deviations of these.
double level_z(const std::deque<double>& window, double value, double relative_floor) {
  const auto count = static_cast<std::ptrdiff_t>(std::min(window.size(), kNumLatest));
  std::vector<double> latest(window.end() - count, window.end());
  const double level = median_of(latest);
  for (double& x : latest) x = std::abs(x - level);
  const double floor = std::max(relative_floor * std::abs(level), 1e-12);
  return (value - level) / std::max(kSigmaFromMad * median_of(std::move(latest)), floor);
}

Json json_from(const std::deque<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(Json(value));
  return list;
}

Json json_from(const std::vector<std::int64_t>& values) {
  Json list = Json::array();
  for (const std::int64_t value : values) list.push_back(Json(value));
  return list;
}

Status read_numbers(const Json& state,
                    const char* key,
                    std::size_t limit,
                    std::deque<double>& out) {
  out.clear();
  if (!state[key].is_array() || state[key].size() > limit) {
    return Error{ErrorCode::kInputFile,
                 std::string("/guard/") + key,
                 "expected a list of at most " + std::to_string(limit) + " numbers.",
                 "The state file is damaged; resume from an older checkpoint.",
                 {}};
  }
  for (const Json& item : state[key].items()) out.push_back(item.as_number());
  return {};
}

}  // namespace

const char* guard_action_name(GuardAction action) {
  switch (action) {
    case GuardAction::kAccept:
      return "accept";
    case GuardAction::kSkip:
      return "skip";
    case GuardAction::kRerun:
      return "rerun";
    case GuardAction::kRollback:
      return "rollback";
    case GuardAction::kStop:
      return "stop";
  }
  return "unknown";
}

double robust_z(const std::deque<double>& window, double value, double relative_floor) {
  if (window.size() < 8) return 0.0;
  const std::vector<double> all(window.begin(), window.end());
  const std::size_t half = all.size() / 2;
  const double older = median_of({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(half)});
  const double newer = median_of({all.end() - static_cast<std::ptrdiff_t>(half), all.end()});
  const double slope = (newer - older) / static_cast<double>(all.size() - half);
  std::vector<double> level(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    level[i] = all[i] + slope * static_cast<double>(all.size() - i);
  }
  const double prediction = median_of(level);
  for (double& x : level) x = std::abs(x - prediction);
  const double floor = std::max(relative_floor * std::abs(median_of(all)), 1e-12);
  return (value - prediction) / std::max(kSigmaFromMad * median_of(std::move(level)), floor);
}

GuardVerdict Guard::judge(std::int64_t step, double loss, double grad_norm) {
  return decide(step, loss, grad_norm, true);
}

GuardVerdict Guard::judge_rerun(std::int64_t step, double loss, double grad_norm) {
  return decide(step, loss, grad_norm, false);
}

GuardVerdict Guard::decide(std::int64_t step, double loss, double grad_norm, bool may_rerun) {
  GuardVerdict verdict;
  if (!std::isfinite(loss)) {
    verdict.cause = "non_finite_loss";
  } else if (!std::isfinite(grad_norm)) {
    verdict.cause = "non_finite_grad_norm";
  }
  if (!verdict.cause.empty()) {
    if (!settings_.use_guard) {
      verdict.action = GuardAction::kStop;
      return verdict;
    }
    if (may_rerun && (last_rerun_ < 0 || step - last_rerun_ >= kRerunEverySteps)) {
      last_rerun_ = step;
      verdict.action = GuardAction::kRerun;
      return verdict;
    }
    return skip_or_worse(step, verdict);
  }
  if (!settings_.use_guard) return verdict;
  const double log_norm = std::log(std::max(grad_norm, 1e-30));
  if (losses_.size() * 2 >= static_cast<std::size_t>(settings_.window_steps)) {
    verdict.robust_z = robust_z(losses_, loss, kLossFloor);
    // Where a steep descent ends, the trend promises too much: a spike is also above the latest.
    if (verdict.robust_z > settings_.spike_sigma &&
        level_z(losses_, loss, kLossFloor) > kLevelShare * settings_.spike_sigma) {
      verdict.cause = "loss_spike";
      return skip_or_worse(step, verdict);
    }
    const double typical = median_of({log_norms_.begin(), log_norms_.end()});
    if (log_norm - typical > std::log(kNormFactor) &&
        robust_z(log_norms_, log_norm, kNormFloor) > settings_.spike_sigma) {
      verdict.cause = "grad_norm_spike";
      return skip_or_worse(step, verdict);
    }
  }
  accept(loss, log_norm);
  if (num_drifting_ >= kDriftPatienceSteps) {
    verdict.cause = "loss_drift";
    first_skip_ = step - kDriftPatienceSteps;
    return rollback_or_stop(step, verdict);
  }
  return verdict;
}

void Guard::accept(double loss, double log_norm) {
  consecutive_skips_ = 0;
  losses_.push_back(loss);
  log_norms_.push_back(log_norm);
  const auto limit = static_cast<std::size_t>(std::max(settings_.window_steps, 8));
  while (losses_.size() > limit) losses_.pop_front();
  while (log_norms_.size() > limit) log_norms_.pop_front();
  smoothed_loss_ =
      num_accepted_ == 0 ? loss : kSmoothing * smoothed_loss_ + (1 - kSmoothing) * loss;
  ++num_accepted_;
  num_drifting_ = is_drifting(smoothed_loss_) ? num_drifting_ + 1 : 0;
  smoothed_.push_back(smoothed_loss_);
  while (smoothed_.size() > kDriftLookBackSteps) smoothed_.pop_front();
}

bool Guard::is_drifting(double smoothed) const {
  return smoothed_.size() >= kDriftLookBackSteps && smoothed > kDriftRatio * smoothed_.front();
}

GuardVerdict Guard::skip_or_worse(std::int64_t step, GuardVerdict verdict) {
  ++num_skips_;
  if (consecutive_skips_++ == 0) first_skip_ = step;
  std::erase_if(skip_steps_, [&](std::int64_t at) { return at <= step - kSkipSpanSteps; });
  skip_steps_.push_back(step);
  if (consecutive_skips_ >= settings_.max_consecutive_skips) return rollback_or_stop(step, verdict);
  if (skip_steps_.size() >= kMaxSkipsInSpan) {
    first_skip_ = skip_steps_.front();
    return rollback_or_stop(step, verdict);
  }
  verdict.action = GuardAction::kSkip;
  verdict.first_skip = first_skip_;
  return verdict;
}

GuardVerdict Guard::rollback_or_stop(std::int64_t step, GuardVerdict verdict) {
  std::erase_if(rollback_steps_, [&](std::int64_t at) { return at <= step - kRollbackSpanSteps; });
  const bool is_over = std::ssize(rollback_steps_) >= settings_.max_rollbacks;
  verdict.action = is_over ? GuardAction::kStop : GuardAction::kRollback;
  verdict.first_skip = first_skip_;
  return verdict;
}

void Guard::note_rollback(const Guard& before, std::int64_t from_step) {
  rollback_steps_ = before.rollback_steps_;
  rollback_steps_.push_back(from_step);
  num_rollbacks_ = before.num_rollbacks_ + 1;
  num_skips_ = before.num_skips_;
  last_rerun_ = before.last_rerun_;
  consecutive_skips_ = 0;
  num_drifting_ = 0;
  skip_steps_.clear();
}

Json Guard::to_json() const {
  Json state = Json::object();
  state.set("losses", json_from(losses_));
  state.set("log_norms", json_from(log_norms_));
  state.set("smoothed", json_from(smoothed_));
  state.set("skip_steps", json_from(skip_steps_));
  state.set("rollback_steps", json_from(rollback_steps_));
  state.set("smoothed_loss", Json(smoothed_loss_));
  state.set("num_drifting", Json(num_drifting_));
  state.set("consecutive_skips", Json(consecutive_skips_));
  state.set("first_skip", Json(first_skip_));
  state.set("last_rerun", Json(last_rerun_));
  state.set("num_skips", Json(num_skips_));
  state.set("num_rollbacks", Json(num_rollbacks_));
  state.set("num_accepted", Json(num_accepted_));
  return state;
}

Status Guard::from_json(const Json& state) {
  constexpr std::size_t kMostValues = 100'000;
  SY_RETURN_IF_ERROR(read_numbers(state, "losses", kMostValues, losses_));
  SY_RETURN_IF_ERROR(read_numbers(state, "log_norms", kMostValues, log_norms_));
  SY_RETURN_IF_ERROR(read_numbers(state, "smoothed", kDriftLookBackSteps, smoothed_));
  std::deque<double> steps;
  SY_RETURN_IF_ERROR(read_numbers(state, "skip_steps", kMostValues, steps));
  skip_steps_.assign(steps.begin(), steps.end());
  SY_RETURN_IF_ERROR(read_numbers(state, "rollback_steps", kMostValues, steps));
  rollback_steps_.assign(steps.begin(), steps.end());
  smoothed_loss_ = state["smoothed_loss"].as_number();
  num_drifting_ = state["num_drifting"].as_integer();
  consecutive_skips_ = state["consecutive_skips"].as_integer();
  first_skip_ = state["first_skip"].as_integer();
  last_rerun_ = state["last_rerun"].as_integer(-1);
  num_skips_ = state["num_skips"].as_integer();
  num_rollbacks_ = state["num_rollbacks"].as_integer();
  num_accepted_ = state["num_accepted"].as_integer();
  return {};
}

}  // namespace switchyard::train
