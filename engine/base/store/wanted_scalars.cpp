#include "engine/base/store/wanted_scalars.h"

#include <algorithm>

#include <SQLiteCpp/SQLiteCpp.h>

#include "engine/base/core/hash.h"

namespace switchyard::store {

Attempts::Attempts(SQLite::Database& database) {
  SQLite::Statement rows(database, "SELECT attempt, after_step FROM attempt ORDER BY attempt");
  while (rows.executeStep())
    attempts_.emplace_back(rows.getColumn(0).getInt64(), rows.getColumn(1).getInt64());
}

bool Attempts::is_void(std::int64_t attempt, std::int64_t step) const {
  return std::any_of(attempts_.begin(), attempts_.end(), [&](const auto& later) {
    return later.first > attempt && step > later.second;
  });
}

Position position_at(SQLite::Statement& row, int first) {
  return {row.getColumn(first).getInt64(),
          row.getColumn(first + 1).getInt64(),
          row.getColumn(first + 2).getDouble(),
          row.getColumn(first + 3).getDouble()};
}

std::string_view blob_at(SQLite::Statement& row, int column) {
  const SQLite::Column blob = row.getColumn(column);
  const void* data = blob.getBlob();
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(blob.getBytes())};
}

void add_sample(ScalarSeries& to, const StoredScalar& sample) {
  to.step.push_back(sample.at.step);
  to.tokens.push_back(sample.at.tokens);
  to.seconds.push_back(sample.at.seconds);
  to.flops.push_back(sample.at.flops);
  to.value.push_back(sample.value);
}

Status check_chunk(std::string_view bytes,
                   std::int64_t crc,
                   std::int64_t id,
                   const std::string& path) {
  if (static_cast<std::int64_t>(crc32c(bytes)) == crc) return {};
  return Error{ErrorCode::kInputFile,
               path,
               "expected another checksum of chunk " + std::to_string(id) + ": it is damaged.",
               "`switchyard-engine verify DIR` names what is damaged.",
               {}};
}

bool WantedScalars::is_behind(std::span<const std::string> wanted) const {
  return std::any_of(wanted.begin(), wanted.end(), [&](const std::string& metric) {
    const auto known = metrics_.find(metric);
    return known != metrics_.end() && !known->second.is_complete;
  });
}

void WantedScalars::find_fresh(SQLite::Database& database,
                               const std::map<std::int64_t, std::string>& names,
                               Delta& to) {
  const auto look = [&](const char* query, std::int64_t after) {
    SQLite::Statement fresh(database, query);
    fresh.bind(1, after);
    while (fresh.executeStep()) {
      const std::int64_t id = fresh.getColumn(0).getInt64();
      const auto name = names.find(id);
      if (name == names.end()) continue;  // a sample of no metric: verify names it
      const auto [known, is_new] = metrics_.try_emplace(name->second, Progress{id, 0, false});
      known->second.is_complete = false;
      if (is_new) to.available.push_back(name->second);
    }
  };
  if (last_row_ == 0 && last_chunk_ == 0) {
    // Looks each metric up in the indexes instead of walking through everything.
    look(
        "SELECT id FROM metric WHERE id > ? AND is_vector = 0 AND "
        "(EXISTS (SELECT 1 FROM scalar_row r WHERE r.metric = metric.id) OR "
        "EXISTS (SELECT 1 FROM scalar_chunk c WHERE c.metric = metric.id)) ORDER BY id",
        -1);
  } else {
    look("SELECT DISTINCT metric FROM scalar_row WHERE sequence > ?", last_row_);
    look("SELECT DISTINCT metric FROM scalar_chunk WHERE id > ?", last_chunk_);
  }
  const std::int64_t row =
      database.execAndGet("SELECT coalesce(max(sequence), 0) FROM scalar_row").getInt64();
  last_row_ = std::max(last_row_, row);
  last_chunk_ = database.execAndGet("SELECT coalesce(max(id), 0) FROM scalar_chunk").getInt64();
}

struct WantedScalars::Task {
  SQLite::Database& database;
  const std::string& path;
  const std::string& metric;
  const Attempts& attempts;
  Progress& progress;
  Delta& to;

  void add_if_valid(std::int64_t attempt, const StoredScalar& sample) {
    if (sample.sequence <= progress.sequence || attempts.is_void(attempt, sample.at.step)) return;
    const bool is_continued = !to.scalars.empty() && to.scalars.back().metric == metric &&
                              !to.scalars.back().packed.has_value();
    if (!is_continued) to.scalars.emplace_back().metric = metric;
    add_sample(to.scalars.back(), sample);
  }
};

Result<bool> WantedScalars::gather(SQLite::Database& database,
                                   const std::string& path,
                                   const Attempts& attempts,
                                   std::span<const std::string> wanted,
                                   Deadline deadline,
                                   Delta& to) {
  for (const std::string& metric : wanted) {
    const auto found = metrics_.find(metric);
    if (found == metrics_.end() || found->second.is_complete) continue;
    if (std::chrono::steady_clock::now() > deadline) return false;
    Task task{database, path, metric, attempts, found->second, to};
    for (const auto& [attempt, after] : attempts.all()) {
      SY_ASSIGN_OR_RETURN(const bool has_all, gather_chunks(task, attempt, deadline));
      if (!has_all) return false;
      gather_rows(task, attempt);
    }
    found->second.is_complete = true;
  }
  return true;
}

Result<bool> WantedScalars::gather_chunks(Task& task, std::int64_t attempt, Deadline deadline) {
  SQLite::Statement chunks(task.database,
                           "SELECT id, last_sequence, last_step, num_samples, crc32c, samples "
                           "FROM scalar_chunk WHERE metric = ? AND attempt = ? AND "
                           "last_sequence > ? ORDER BY last_sequence");
  chunks.bind(1, task.progress.metric);
  chunks.bind(2, attempt);
  chunks.bind(3, task.progress.sequence);
  while (chunks.executeStep()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    const std::string_view bytes = blob_at(chunks, 5);
    SY_RETURN_IF_ERROR(check_chunk(
        bytes, chunks.getColumn(4).getInt64(), chunks.getColumn(0).getInt64(), task.path));
    SY_ASSIGN_OR_RETURN(PackedSamples samples,
                        packed_from_bytes(bytes, chunks.getColumn(3).getInt64()));
    const bool is_whole = samples.sequence.integer(0) > task.progress.sequence &&
                          !task.attempts.is_void(attempt, chunks.getColumn(2).getInt64());
    if (is_whole) {
      task.to.scalars.emplace_back().metric = task.metric;
      task.to.scalars.back().packed = std::move(samples);
    } else {
      for (std::size_t i = 0; i < samples.size(); ++i)
        task.add_if_valid(attempt, sample_at(samples, i));
    }
    task.progress.sequence = chunks.getColumn(1).getInt64();
  }
  return true;
}

void WantedScalars::gather_rows(Task& task, std::int64_t attempt) {
  SQLite::Statement rows(task.database,
                         "SELECT sequence, step, tokens, seconds, flops, value, kind "
                         "FROM scalar_row WHERE metric = ? AND attempt = ? AND sequence > ? "
                         "ORDER BY sequence");
  rows.bind(1, task.progress.metric);
  rows.bind(2, attempt);
  rows.bind(3, task.progress.sequence);
  while (rows.executeStep()) {
    const int kind = rows.getColumn(6).getInt();
    const StoredScalar sample{rows.getColumn(0).getInt64(),
                              position_at(rows, 1),
                              kind == 0 ? rows.getColumn(5).getDouble() : value_of_kind(kind)};
    task.add_if_valid(attempt, sample);
    task.progress.sequence = sample.sequence;
  }
}

}  // namespace switchyard::store
