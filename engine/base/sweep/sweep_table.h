#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/sweep/sweep_runs.h"

namespace switchyard::sweep {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// What one run contributes to the table; NaN and 0 where its folder does not say it yet.
/// Units: losses nats/token; FLOP per token of a whole step; seconds of training without
/// evaluations and saving.
struct Measure {
  std::string run;
  std::int64_t seed = 0;
  RunState progress;
  double final_val_loss = kUnknown;  ///< the last one recorded: at the end that of the whole split
  double best_val_loss = kUnknown;   ///< the lowest one recorded
  std::int64_t params_total = 0;
  std::int64_t params_active = 0;
  double flops_per_token = kUnknown;
  double step_time_ms = kUnknown;  ///< median of the recorded steps
  double tokens_per_second = kUnknown;
  double seconds = kUnknown;
};

/// Reads a run folder. Errors: as the progress "failed" with the reason.
Measure measure_run(const config::Schema& schema, const Paths& paths, const Run& run);

/// Mean and spread over the seeds of a setting.
///
/// Math:   mean = sum x / n; sd = sqrt(sum (x - mean)^2 / (n - 1)), unknown below two values.
///         A value that is not finite makes both unknown: a diverged run is not averaged away.
struct Estimate {
  double mean = kUnknown;
  double sd = kUnknown;
};

Estimate estimate(const std::vector<double>& values);

/// One setting. Means are over the runs that are done, and only over those.
struct Row {
  std::string setting;
  std::size_t num_seeds = 0;
  std::size_t num_done = 0;
  Estimate final_val_loss, best_val_loss;
  std::int64_t params_total = 0, params_active = 0;
  double flops_per_token = kUnknown;
  double step_time_ms = kUnknown;
  double tokens_per_second = kUnknown;
  double seconds = kUnknown;
  std::vector<Measure> missing;  ///< runs that are not done, with their state and reason
};

/// `measures` in the order of plan.runs.
std::vector<Row> make_table(const Plan& plan, const std::vector<Measure>& measures);

/// Lines for people: the table, then what is missing and why.
std::string text_from(const std::vector<Row>& rows);
/// A line of keys and one line per row; full precision, empty where unknown.
std::string csv_from(const std::vector<Row>& rows);
/// The same fields and `missing`: [{"run", "seed", "state", "reason"}]; null where unknown.
Json json_from(const Row& row);

}  // namespace switchyard::sweep
