#pragma once

#include <cmath>
#include <string>

#include "engine/base/core/json.h"
#include "tests/golden/golden_cases.h"

namespace switchyard::golden {

/// Collects the comparisons of one case and keeps the one nearest to (or farthest past) its bound.
class Comparison {
 public:
  /// Passes when |got - want| <= abs + rel x |want|; anything not finite fails.
  void value(const std::string& what, double got, double want, double abs, double rel) {
    const double bound = abs + rel * std::fabs(want);
    const double error = std::fabs(got - want);
    ++num_checks_;
    const bool is_right = error <= bound;  // false for NaN
    const double ratio = std::isfinite(error) ? error / (bound > 0.0 ? bound : 1e-300) : 1e300;
    if (ratio <= worst_ratio_ && (is_right || num_wrong_ > 0)) {
      num_wrong_ += is_right ? 0 : 1;
      return;
    }
    if (!is_right || num_wrong_ == 0) {
      worst_ratio_ = ratio;
      outcome_.largest_error = error;
      outcome_.bound = bound;
      worst_ = what;
    }
    num_wrong_ += is_right ? 0 : 1;
  }

  void value(const std::string& what, double got, double want, const Json& tolerance) {
    value(what, got, want, tolerance["abs"].as_number(), tolerance["rel"].as_number());
  }

  void failure(const std::string& what) {
    ++num_checks_;
    ++num_wrong_;
    worst_ratio_ = 1e301;
    worst_ = what;
  }

  [[nodiscard]] CaseOutcome outcome() const {
    CaseOutcome result = outcome_;
    result.passed = num_wrong_ == 0 && num_checks_ > 0;
    result.detail = (num_wrong_ > 0 ? std::to_string(num_wrong_) + " of " : std::string()) +
                    std::to_string(num_checks_) + " values" +
                    (num_wrong_ > 0 ? " wrong, worst: " : ", closest: ") + worst_;
    return result;
  }

 private:
  CaseOutcome outcome_;
  std::string worst_;
  double worst_ratio_ = -1.0;
  std::int64_t num_checks_ = 0, num_wrong_ = 0;
};

}  // namespace switchyard::golden
