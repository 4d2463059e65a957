#include "engine/base/store/run_overview.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include <SQLiteCpp/SQLiteCpp.h>

#include "engine/base/core/file_system.h"
#include "engine/base/core/limits.h"
#include "engine/base/store/chunk.h"
#include "engine/base/store/database.h"

namespace switchyard::store {
namespace {

constexpr std::int64_t kMostChunks = 64;
constexpr std::uint64_t kMostTokenizerBytes = 1 << 20;

using Attempts = std::vector<std::pair<std::int64_t, std::int64_t>>;  ///< attempt, after_step

Attempts read_attempts(SQLite::Database& database) {
  Attempts attempts;
  SQLite::Statement rows(database, "SELECT attempt, after_step FROM attempt");
  while (rows.executeStep())
    attempts.emplace_back(rows.getColumn(0).getInt64(), rows.getColumn(1).getInt64());
  return attempts;
}

/// True for samples that a later attempt went back behind.
bool is_void(const Attempts& attempts, std::int64_t attempt, std::int64_t step) {
  return std::any_of(attempts.begin(), attempts.end(), [&](const auto& later) {
    return later.first > attempt && step > later.second;
  });
}

std::int64_t metric_id(SQLite::Database& database, const char* name) {
  SQLite::Statement metric(database, "SELECT id FROM metric WHERE name = ?");
  metric.bind(1, name);
  return metric.executeStep() ? metric.getColumn(0).getInt64() : -1;
}

void read_chunks(SQLite::Database& database,
                 std::int64_t metric,
                 const Attempts& attempts,
                 std::vector<StoredScalar>& samples) {
  SQLite::Statement count(database, "SELECT COUNT(*) FROM scalar_chunk WHERE metric = ?");
  count.bind(1, metric);
  count.executeStep();
  const std::int64_t stride = (count.getColumn(0).getInt64() + kMostChunks - 1) / kMostChunks;
  SQLite::Statement chunks(database,
                           "SELECT attempt, num_samples, samples FROM scalar_chunk "
                           "WHERE metric = ? ORDER BY last_sequence DESC");
  chunks.bind(1, metric);
  for (std::int64_t i = 0; chunks.executeStep(); ++i) {
    if (i % std::max<std::int64_t>(1, stride) != 0) continue;
    const SQLite::Column blob = chunks.getColumn(2);
    const auto read = samples_from_bytes(
        {static_cast<const char*>(blob.getBlob()), static_cast<std::size_t>(blob.getBytes())},
        chunks.getColumn(1).getInt64());
    if (!read.ok()) continue;  // `verify` names damaged chunks; a table does without them
    for (const StoredScalar& sample : *read) {
      if (!is_void(attempts, chunks.getColumn(0).getInt64(), sample.at.step))
        samples.push_back(sample);
    }
  }
}

/// The valid samples of a series in order of their sequence.
std::vector<StoredScalar> read_series(SQLite::Database& database,
                                      const char* name,
                                      const Attempts& attempts) {
  std::vector<StoredScalar> samples;
  const std::int64_t metric = metric_id(database, name);
  if (metric < 0) return samples;
  read_chunks(database, metric, attempts, samples);
  SQLite::Statement rows(database,
                         "SELECT sequence, step, tokens, seconds, flops, value, kind, attempt "
                         "FROM scalar_row WHERE metric = ?");
  rows.bind(1, metric);
  while (rows.executeStep()) {
    const std::int64_t step = rows.getColumn(1).getInt64();
    if (is_void(attempts, rows.getColumn(7).getInt64(), step)) continue;
    const int kind = rows.getColumn(6).getInt();
    samples.push_back({rows.getColumn(0).getInt64(),
                       {step,
                        rows.getColumn(2).getInt64(),
                        rows.getColumn(3).getDouble(),
                        rows.getColumn(4).getDouble()},
                       kind == 0 ? rows.getColumn(5).getDouble() : value_of_kind(kind)});
  }
  std::sort(samples.begin(), samples.end(), [](const StoredScalar& a, const StoredScalar& b) {
    return a.sequence < b.sequence;
  });
  return samples;
}

/// Means of equally many neighbouring finite samples.
std::vector<float> curve_of(const std::vector<StoredScalar>& samples) {
  std::vector<float> curve;
  const std::size_t count = std::min(samples.size(), RunOverview::kMostCurvePoints);
  for (std::size_t i = 0; i < count; ++i) {
    double sum = 0.0, number = 0.0;
    for (std::size_t j = samples.size() * i / count; j < samples.size() * (i + 1) / count; ++j) {
      if (!std::isfinite(samples[j].value)) continue;
      sum += samples[j].value;
      number += 1.0;
    }
    if (number > 0.0) curve.push_back(static_cast<float>(sum / number));
  }
  return curve;
}

void read_curves(SQLite::Database& database, RunOverview& overview) {
  const Attempts attempts = read_attempts(database);
  const std::vector<StoredScalar> losses = read_series(database, "train_loss", attempts);
  overview.loss_curve = curve_of(losses);
  if (!losses.empty()) {
    overview.seconds = losses.back().at.seconds;
    overview.tokens = losses.back().at.tokens;
    overview.flops = losses.back().at.flops;
    if (overview.seconds > 0.0)
      overview.tokens_per_second = static_cast<double>(overview.tokens) / overview.seconds;
  }
  for (const StoredScalar& sample : read_series(database, "val_loss", attempts)) {
    if (!std::isfinite(sample.value) || overview.best_val_loss <= sample.value) continue;
    overview.best_val_loss = sample.value;
    overview.best_step = sample.at.step;
  }
}

Json detail_of(SQLite::Database& database, const char* query) {
  SQLite::Statement event(database, query);
  if (!event.executeStep()) return {};
  auto detail = parse_json(event.getColumn(0).getString(), "event");
  return detail.ok() ? std::move(detail).value() : Json();
}

void read_events(SQLite::Database& database, RunOverview& overview) {
  const Json state = detail_of(
      database, "SELECT detail FROM event WHERE kind = 'state' ORDER BY sequence DESC LIMIT 1");
  overview.params_total = state["params_total"].as_integer();
  overview.params_active = state["params_active"].as_integer();
  overview.device = state["device"].as_string();
}

/// Whether each token of the run is one byte of its text.
bool is_token_a_byte(const RunPaths& paths, const Json& config) {
  const std::string& tokenizer = config["data"]["tokenizer"].as_string();
  if (tokenizer == "byte" || tokenizer == "bytes") return true;
  if (tokenizer != "char") return false;
  const auto text = read_file(paths.tokenizer(), kMostTokenizerBytes);
  if (!text.ok()) return false;
  const auto table = parse_json(*text, paths.tokenizer());
  if (!table.ok()) return false;
  const Json::Array& characters = (*table)["characters"].items();  // ascending code points
  return !characters.empty() && characters.back().as_integer() < 0x80;
}

std::string data_of(const Json& config) {
  const std::string& dataset = config["data"]["dataset"].as_string();
  return dataset.empty() ? base_name(config["data"]["text_file"].as_string()) : dataset;
}

Status read_database(const RunPaths& paths, RunOverview& overview) {
  SY_ASSIGN_OR_RETURN(const auto database,
                      open_for_reading(paths.database(), read_mode_of(paths.database())));
  try {
    SQLite::Transaction transaction(*database);
    read_curves(*database, overview);
    read_events(*database, overview);
  } catch (const SQLite::Exception& exception) {
    return error_from_sqlite(exception, paths.database());
  }
  return {};
}

}  // namespace

RunOverview read_run_overview(const std::string& root) {
  RunOverview overview;
  static_cast<RunSummary&>(overview) = summarize_run(root);
  if (overview.state == "damaged") return overview;
  const RunPaths paths{root};
  const Status read = read_database(paths, overview);
  if (!read.ok() && read.error().code != ErrorCode::kUnavailable &&
      read.error().code != ErrorCode::kBusy) {
    overview.state = "damaged";
    overview.detail = read.error().text();
  }
  const auto config = read_run_config(root);
  if (!config.ok()) return overview;
  overview.data = data_of(*config);
  overview.tags = read_run_tags(root);
  if (std::isfinite(overview.best_val_loss) && is_token_a_byte(paths, *config))
    overview.bits_per_byte = overview.best_val_loss / std::numbers::ln2;
  return overview;
}

double median_of_metric(const std::string& root, const char* metric) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const std::string path = RunPaths{root}.database();
  const auto database = open_for_reading(path, read_mode_of(path));
  if (!database.ok()) return kNone;
  std::vector<double> values;
  try {
    SQLite::Transaction transaction(**database);
    for (const StoredScalar& sample : read_series(**database, metric, read_attempts(**database))) {
      if (std::isfinite(sample.value)) values.push_back(sample.value);
    }
  } catch (const SQLite::Exception&) {
    return kNone;  // the overview of the same run says what is damaged
  }
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

}  // namespace switchyard::store
