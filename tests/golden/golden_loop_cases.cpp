#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/train/loop/sampling.h"
#include "tests/golden/golden_cases.h"

namespace switchyard::golden {
namespace {

train::SamplingSettings settings_from(const Json& json) {
  train::SamplingSettings settings;
  settings.temperature = json["temperature"].as_number(1.0);
  settings.top_k = json["top_k"].as_integer();
  settings.top_p = json["top_p"].as_number(1.0);
  settings.min_p = json["min_p"].as_number();
  settings.repetition_penalty = json["repetition_penalty"].as_number(1.0);
  return settings;
}

/// Errors as a multiple of what the tolerance allows: 1 is the bound.
class Comparison {
 public:
  explicit Comparison(const Json& tolerance)
      : abs_(tolerance["abs"].as_number()), rel_(tolerance["rel"].as_number()) {}

  void check(double got, double want, const std::string& what) {
    const double error = std::abs(got - want);
    largest_error = std::max(largest_error, error);
    if (error <= abs_ + rel_ * std::abs(want)) return;
    if (first.empty()) first = what + ": " + Json(got).dump() + " for " + Json(want).dump();
  }

  double largest_error = 0.0;
  std::string first;

 private:
  double abs_, rel_;
};

}  // namespace

CaseOutcome run_sampling_distribution(const Json& c, const std::string&, const std::string&) {
  Comparison probability(c["tolerance"]["probabilities"]);
  Comparison exact(Json::object());
  std::int64_t num_values = 0;
  std::size_t row_number = 0;
  for (const Json& row : c["expected"]["rows"].items()) {
    std::vector<double> logits;
    for (const Json& logit : c["params"]["logits"][row["logits"].as_string()].items()) {
      logits.push_back(logit.as_number());
    }
    std::vector<std::int32_t> history;
    for (const Json& id : row["history"].items()) {
      history.push_back(static_cast<std::int32_t>(id.as_integer()));
    }
    const std::string name = "row " + std::to_string(row_number++);
    const std::vector<double> got =
        train::sampling_distribution(logits, history, settings_from(row["settings"]));
    const Json& want = row["probabilities"];
    exact.check(static_cast<double>(got.size()), static_cast<double>(want.size()), name + " size");
    for (std::size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
      probability.check(got[i], want[i].as_number(), name + " id " + std::to_string(i));
      ++num_values;
    }
    const auto kept = std::count_if(got.begin(), got.end(), [](double p) { return p > 0.0; });
    exact.check(static_cast<double>(kept), row["kept"].as_number(), name + " kept");
    for (const Json& item : row["draws"].items()) {
      exact.check(train::draw(got, item["u"].as_number()), item["id"].as_number(), name + " draw");
      ++num_values;
    }
  }
  CaseOutcome outcome;
  outcome.largest_error = std::max(probability.largest_error, exact.largest_error);
  outcome.bound = c["tolerance"]["probabilities"]["abs"].as_number();
  outcome.passed = num_values > 0 && probability.first.empty() && exact.first.empty();
  outcome.detail = !exact.first.empty()         ? exact.first
                   : !probability.first.empty() ? probability.first
                                                : std::to_string(num_values) + " values";
  return outcome;
}

}  // namespace switchyard::golden
