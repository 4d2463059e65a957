#include "engine/base/sweep/sweep_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/base/core/text.h"
#include "engine/base/store/run_overview.h"

namespace switchyard::sweep {
namespace {

/// A number with `digits` after the point; "-" when unknown.
std::string fixed(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string loss_text(const Estimate& loss, std::size_t num_done) {
  if (num_done > 0 && !std::isfinite(loss.mean)) return "not finite";
  return fixed(loss.mean, 4) + (std::isfinite(loss.sd) ? " ± " + fixed(loss.sd, 4) : "");
}

std::string count_text(std::int64_t count) {
  return count > 0 ? grouped(count) : "-";
}

std::string flops_text(double flops) {
  if (!std::isfinite(flops)) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", flops);
  return text;
}

Json number_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

/// A numeric column in every form of the table.
struct Column {
  const char* key;
  bool is_count;
  double (*value)(const Row&);
};

double known(std::int64_t count) {
  return count > 0 ? static_cast<double>(count) : kUnknown;
}

constexpr Column kColumns[] = {
    {"num_seeds", true, [](const Row& r) { return static_cast<double>(r.num_seeds); }},
    {"num_done", true, [](const Row& r) { return static_cast<double>(r.num_done); }},
    {"final_val_loss_mean", false, [](const Row& r) { return r.final_val_loss.mean; }},
    {"final_val_loss_sd", false, [](const Row& r) { return r.final_val_loss.sd; }},
    {"best_val_loss_mean", false, [](const Row& r) { return r.best_val_loss.mean; }},
    {"best_val_loss_sd", false, [](const Row& r) { return r.best_val_loss.sd; }},
    {"params_total", true, [](const Row& r) { return known(r.params_total); }},
    {"params_active", true, [](const Row& r) { return known(r.params_active); }},
    {"flops_per_token_step", false, [](const Row& r) { return r.flops_per_token; }},
    {"step_time_ms", false, [](const Row& r) { return r.step_time_ms; }},
    {"tokens_per_second", false, [](const Row& r) { return r.tokens_per_second; }},
    {"train_seconds", false, [](const Row& r) { return r.seconds; }},
};

std::size_t shown_width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;  // not the rest of a code point
  }));
}

using Cells = std::vector<std::string>;

/// Columns padded to their widest cell: the first to the left, numbers to the right.
std::string aligned(const std::vector<Cells>& lines) {
  std::vector<std::size_t> widths(lines.front().size(), 0);
  for (const Cells& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], shown_width(line[i]));
  }
  std::string text;
  for (const Cells& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string blanks(widths[i] - shown_width(line[i]), ' ');
      text += i == 0 ? line[i] + blanks : "  " + blanks + line[i];
    }
    text += '\n';
  }
  return text;
}

Cells cells_of(const Row& row) {
  return {row.setting,
          std::to_string(row.num_done) + " of " + std::to_string(row.num_seeds),
          loss_text(row.final_val_loss, row.num_done),
          loss_text(row.best_val_loss, row.num_done),
          count_text(row.params_total),
          count_text(row.params_active),
          flops_text(row.flops_per_token),
          fixed(row.step_time_ms, 2),
          fixed(row.tokens_per_second, 0),
          fixed(row.seconds, 1)};
}

/// What is missing: each run that was begun, and how many were not.
std::string missing_text(const std::vector<Row>& rows) {
  std::string text;
  std::size_t num_waiting = 0;
  for (const Row& row : rows) {
    for (const Measure& run : row.missing) {
      if (run.progress.state == State::kWaiting) {
        ++num_waiting;
        continue;
      }
      text += "  " + run.run + ": " + state_name(run.progress.state) +
              (run.progress.reason.empty() ? "" : ": " + run.progress.reason) + "\n";
    }
  }
  if (num_waiting > 0) text += "  " + std::to_string(num_waiting) + " not begun\n";
  return text.empty() ? "" : "not done:\n" + text;
}

/// Sums what the runs of one setting say.
Row row_from(const std::string& setting, const std::vector<const Measure*>& runs) {
  Row row;
  row.setting = setting;
  row.num_seeds = runs.size();
  std::vector<double> final_losses, best_losses, times, speeds, seconds;
  for (const Measure* run : runs) {
    if (run->params_total > 0) {
      row.params_total = run->params_total;
      row.params_active = run->params_active;
    }
    if (std::isfinite(run->flops_per_token)) row.flops_per_token = run->flops_per_token;
    if (run->progress.state != State::kDone) {
      row.missing.push_back(*run);
      continue;
    }
    ++row.num_done;
    final_losses.push_back(run->final_val_loss);
    best_losses.push_back(run->best_val_loss);
    times.push_back(run->step_time_ms);
    speeds.push_back(run->tokens_per_second);
    seconds.push_back(run->seconds);
  }
  row.final_val_loss = estimate(final_losses);
  row.best_val_loss = estimate(best_losses);
  row.step_time_ms = estimate(times).mean;
  row.tokens_per_second = estimate(speeds).mean;
  row.seconds = estimate(seconds).mean;
  return row;
}

}  // namespace

Measure measure_run(const config::Schema& schema, const Paths& paths, const Run& run) {
  Measure measure;
  measure.run = run.name;
  measure.seed = run.seed;
  measure.progress = state_of(schema, paths, run);
  const State state = measure.progress.state;
  if (state == State::kWaiting || state == State::kForeign) return measure;
  const store::RunOverview overview = store::read_run_overview(paths.run(run));
  measure.final_val_loss = overview.val_loss;
  measure.best_val_loss = overview.best_val_loss;
  measure.params_total = overview.params_total;
  measure.params_active = overview.params_active;
  if (overview.tokens > 0)
    measure.flops_per_token = overview.flops / static_cast<double>(overview.tokens);
  measure.step_time_ms = store::median_of_metric(paths.run(run), "step_time_ms");
  measure.tokens_per_second = overview.tokens_per_second;
  if (overview.seconds > 0.0) measure.seconds = overview.seconds;
  return measure;
}

Estimate estimate(const std::vector<double>& values) {
  Estimate result;
  if (values.empty()) return result;
  const auto count = static_cast<double>(values.size());
  double sum = 0.0;
  for (const double value : values) sum += value;
  if (!std::isfinite(sum)) return result;
  result.mean = sum / count;
  if (values.size() < 2) return result;
  double squares = 0.0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.sd = std::sqrt(squares / (count - 1.0));
  return result;
}

std::vector<Row> make_table(const Plan& plan, const std::vector<Measure>& measures) {
  std::vector<std::vector<const Measure*>> by_setting(plan.settings.size());
  for (std::size_t i = 0; i < measures.size(); ++i)
    by_setting[plan.runs[i].setting].push_back(&measures[i]);
  std::vector<Row> rows;
  for (std::size_t i = 0; i < by_setting.size(); ++i)
    rows.push_back(row_from(plan.settings[i], by_setting[i]));
  return rows;
}

std::string text_from(const std::vector<Row>& rows) {
  std::vector<Cells> lines{{"setting",
                            "seeds",
                            "final val loss",
                            "best val loss",
                            "parameters",
                            "active",
                            "FLOP/token",
                            "step ms",
                            "tokens/s",
                            "train s"}};
  for (const Row& row : rows) lines.push_back(cells_of(row));
  return aligned(lines) + missing_text(rows);
}

std::string csv_from(const std::vector<Row>& rows) {
  std::string text = "setting";
  for (const Column& column : kColumns) text += std::string(",") + column.key;
  text += '\n';
  for (const Row& row : rows) {
    text += csv_field(row.setting);
    for (const Column& column : kColumns) {
      const double value = column.value(row);
      text += "," + (std::isfinite(value) ? short_number(value) : std::string());
    }
    text += '\n';
  }
  return text;
}

Json json_from(const Row& row) {
  Json object = Json::object({{"event", Json("row")}, {"setting", Json(row.setting)}});
  for (const Column& column : kColumns) {
    const double value = column.value(row);
    const bool is_whole = column.is_count && std::isfinite(value);
    object.set(column.key,
               is_whole ? Json(static_cast<std::int64_t>(value)) : number_or_null(value));
  }
  Json missing = Json::array();
  for (const Measure& run : row.missing)
    missing.push_back(Json::object({{"run", Json(run.run)},
                                    {"seed", Json(run.seed)},
                                    {"state", Json(state_name(run.progress.state))},
                                    {"reason", Json(run.progress.reason)}}));
  object.set("missing", std::move(missing));
  return object;
}

}  // namespace switchyard::sweep
