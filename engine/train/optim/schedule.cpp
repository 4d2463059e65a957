#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "engine/base/core/check.h"
#include "engine/train/optim/optimizer.h"

namespace switchyard::train {
namespace {

double half_cosine(double r) {
  return 0.5 * (1.0 + std::cos(std::numbers::pi * r));
}

/// Fraction of the way from `begin` to `end`, within [0, 1].
double progress(double step, double begin, double end) {
  if (end <= begin) return step < begin ? 0.0 : 1.0;
  return std::clamp((step - begin) / (end - begin), 0.0, 1.0);
}

double linear_warmup(double peak, double s, double warmup) {
  return peak * s / warmup;
}

double constant(const config::Node& /*o*/, double peak, double /*s*/) {
  return peak;
}

double constant_warmup(const config::Node& o, double peak, double s) {
  const double warmup = o.number("warmup_steps");
  return s < warmup ? linear_warmup(peak, s, warmup) : peak;
}

double linear(const config::Node& o, double peak, double s) {
  const double warmup = o.number("warmup_steps");
  if (s < warmup) return linear_warmup(peak, s, warmup);
  const double low = o.number("min_learning_rate");
  return low + (peak - low) * (1.0 - progress(s, warmup, o.number("decay_steps")));
}

/// nanoGPT's form warms up as (s + 1) / (warmup + 1); with use_zero_start the rate starts at zero.
double cosine(const config::Node& o, double peak, double s) {
  const double warmup = o.number("warmup_steps"), end = o.number("decay_steps");
  if (s < warmup) {
    return o.boolean("use_zero_start") ? linear_warmup(peak, s, warmup)
                                       : peak * (s + 1.0) / (warmup + 1.0);
  }
  const double low = o.number("min_learning_rate");
  return s > end ? low : low + half_cosine(progress(s, warmup, end)) * (peak - low);
}

double decay_shape(const std::string& shape, double r) {
  if (shape == "cosine") return half_cosine(r);
  if (shape == "one_minus_sqrt") return 1.0 - std::sqrt(r);
  return 1.0 - r;
}

double wsd(const config::Node& o, double peak, double s) {
  const double warmup = o.number("warmup_steps"), low = o.number("min_learning_rate");
  if (s < warmup) return low + (peak - low) * s / warmup;
  const double begin = warmup + o.number("stable_steps");
  if (s < begin) return peak;
  const double r = progress(s, begin, begin + o.number("cooldown_steps"));
  return r >= 1.0 ? low : low + decay_shape(o.text("decay_shape"), r) * (peak - low);
}

double wsd_fraction(const config::Node& o, double peak, double s) {
  const double warmup = o.number("warmup_steps"), end = o.number("decay_steps");
  if (s < warmup) return peak * (s + 1.0) / warmup;
  const double begin = std::floor(o.number("stable_frac") * end);
  if (s < begin) return peak;
  const double low = o.number("min_learning_rate");
  return low + (1.0 - std::sqrt(progress(s, begin, end))) * (peak - low);
}

double inverse_sqrt(const config::Node& o, double peak, double s) {
  const double warmup = o.number("warmup_steps"), scale = o.number("timescale_steps");
  if (s < warmup) return linear_warmup(peak, s, warmup);
  return peak / std::sqrt((s + scale - warmup) / scale);
}

struct Schedule {
  std::string_view type;
  double (*rate)(const config::Node& options, double peak, double step);
};

constexpr std::array kSchedules{Schedule{"constant", &constant},
                                Schedule{"constant_warmup", &constant_warmup},
                                Schedule{"linear", &linear},
                                Schedule{"cosine", &cosine},
                                Schedule{"wsd", &wsd},
                                Schedule{"wsd_fraction", &wsd_fraction},
                                Schedule{"inverse_sqrt", &inverse_sqrt}};

}  // namespace

double learning_rate(const config::Node& schedule, double peak, std::int64_t step) {
  const std::string& type = schedule.text("type");
  for (const Schedule& entry : kSchedules) {
    if (entry.type == type) return entry.rate(schedule, peak, static_cast<double>(step));
  }
  SY_CHECK(false, "no schedule named " + type);
  return 0.0;
}

}  // namespace switchyard::train
