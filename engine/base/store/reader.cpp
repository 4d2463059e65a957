#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>

#include <sys/stat.h>

#include <SQLiteCpp/SQLiteCpp.h>

#include "engine/base/core/hash.h"
#include "engine/base/store/chunk.h"
#include "engine/base/store/database.h"
#include "engine/base/store/probe_blob.h"
#include "engine/base/store/run_store.h"
#include "engine/base/store/schema.sql.h"
#include "engine/base/store/store_check.h"
#include "engine/base/store/wanted_scalars.h"

namespace switchyard::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTransactionBudget{60};
constexpr std::chrono::milliseconds kWantedBudget{30};
constexpr int kMaxRestarts = 20;

/// A file by identity, so that a store that was replaced is noticed.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

FileIdentity identity_of(const std::string& path) {
  struct stat known {};

  if (::stat(path.c_str(), &known) != 0) return {};
  return {known.st_dev, known.st_ino};
}

/// Where reading stands. Everything with a greater sequence (or chunk id) is new.
struct Cursor {
  std::int64_t epoch = -1;
  std::int64_t sequence = 0;  ///< of scalars: rows and the samples in chunks
  std::int64_t chunk = 0;     ///< id of the last chunk looked at
  std::int64_t vector = 0;    ///< sequence
  std::int64_t event = 0;     ///< sequence
  std::int64_t probe = 0;     ///< sequence
  std::int64_t metric = 0;    ///< revision
};

/// A delta under construction, with samples still in the order of their sequence.
struct Gathered {
  Delta delta;
  std::map<std::int64_t, std::vector<StoredScalar>> scalars;  ///< by metric
  std::map<std::pair<std::int64_t, int>, std::vector<VectorSample>> vectors;
};

class StoreReader final : public Reader {
 public:
  StoreReader(std::string path, std::unique_ptr<SQLite::Database> database)
      : path_(std::move(path)), database_(std::move(database)), identity_(identity_of(path_)) {}

  Result<Delta> poll() override {
    try {
      return poll_or_throw();
    } catch (const SQLite::Exception& exception) {
      return error_from_sqlite(exception, path_);
    }
  }

  Result<Delta> poll(std::span<const std::string> wanted) override {
    try {
      return poll_wanted(wanted);
    } catch (const SQLite::Exception& exception) {
      return error_from_sqlite(exception, path_);
    }
  }

  void rewind() override {
    cursor_ = {};
    scalars_.forget();
    data_version_ = -1;
    has_read_ = true;
  }

  Result<std::vector<std::string>> verify() override {
    try {
      return findings_in(*database_);
    } catch (const SQLite::Exception& exception) {
      return error_from_sqlite(exception, path_);
    }
  }

 private:
  Result<Delta> poll_or_throw() {
    SY_RETURN_IF_ERROR(reopen_if_replaced());
    const int version = database_->execAndGet("PRAGMA data_version").getInt();
    if (version == data_version_) return Delta{};
    for (int restart = 0; restart < kMaxRestarts; ++restart) {
      Gathered gathered;
      Cursor cursor = cursor_;
      SY_ASSIGN_OR_RETURN(const bool is_whole, gather(cursor, gathered));
      if (!is_whole) continue;  // samples were removed while we read in several steps
      finish(gathered);
      cursor_ = cursor;
      // Commits since the pragma are read again by the next poll and found empty.
      data_version_ = version;
      has_read_ = true;
      return std::move(gathered.delta);
    }
    return Error{
        ErrorCode::kBusy, path_, "the run store changes faster than it can be read.", "", {}};
  }

  Result<Delta> poll_wanted(std::span<const std::string> wanted) {
    SY_RETURN_IF_ERROR(reopen_if_replaced());
    const int version = database_->execAndGet("PRAGMA data_version").getInt();
    if (version == data_version_ && !scalars_.is_behind(wanted)) return Delta{};
    SQLite::Transaction transaction(*database_);
    const auto deadline = SteadyClock::now() + kWantedBudget;
    Gathered gathered;
    Delta& delta = gathered.delta;
    const std::int64_t epoch =
        database_->execAndGet("SELECT value FROM store_state WHERE key = 'epoch'").getInt64();
    if (epoch != cursor_.epoch) {
      delta.is_reset = has_read_;
      const bool had_read = has_read_;
      rewind();
      has_read_ = had_read;
      cursor_.epoch = epoch;
    }
    attempts_ = Attempts(*database_);
    gather_metrics(cursor_, delta);
    scalars_.find_fresh(*database_, names_, delta);
    SY_RETURN_IF_ERROR(gather_events(cursor_, delta));
    SY_ASSIGN_OR_RETURN(bool has_all,
                        scalars_.gather(*database_, path_, attempts_, wanted, deadline, delta));
    if (has_all) {
      SY_ASSIGN_OR_RETURN(has_all, gather_vectors(cursor_, gathered, deadline));
    }
    if (has_all) {
      SY_ASSIGN_OR_RETURN(has_all, gather_probes(cursor_, delta, deadline));
    }
    for (auto& [key, samples] : gathered.vectors)
      delta.vectors.push_back({name_of(key.first), key.second, std::move(samples)});
    delta.has_more = !has_all;
    data_version_ = has_all ? version : -1;
    has_read_ = true;
    return std::move(delta);
  }

  Status reopen_if_replaced() {
    const FileIdentity now = identity_of(path_);
    if (now == identity_ || now == FileIdentity{}) return {};
    SY_ASSIGN_OR_RETURN(database_, open_for_reading(path_, ReadMode::kShared));
    identity_ = now;
    rewind();
    return {};
  }

  /// Reads in transactions that stay short; false when the epoch changed between two of them.
  Result<bool> gather(Cursor& cursor, Gathered& to) {
    bool is_first = true;
    for (;;) {
      SQLite::Transaction transaction(*database_);
      const std::int64_t epoch =
          database_->execAndGet("SELECT value FROM store_state WHERE key = 'epoch'").getInt64();
      if (epoch != cursor.epoch) {
        if (!is_first) return false;
        to.delta.is_reset = has_read_;
        cursor = Cursor{};
        cursor.epoch = epoch;
      }
      if (is_first) attempts_ = Attempts(*database_);
      is_first = false;
      const auto deadline = SteadyClock::now() + kTransactionBudget;
      SY_ASSIGN_OR_RETURN(const bool has_all_chunks, gather_chunks(cursor, to, deadline));
      if (!has_all_chunks) continue;
      SY_ASSIGN_OR_RETURN(const bool has_all_vectors, gather_vectors(cursor, to, deadline));
      if (!has_all_vectors) continue;
      SY_ASSIGN_OR_RETURN(const bool has_all_probes, gather_probes(cursor, to.delta, deadline));
      if (!has_all_probes) continue;
      // Rows come in the same transaction as the last chunk: a tail that is folded meanwhile is
      // seen on exactly one side.
      gather_rows(cursor, to);
      gather_metrics(cursor, to.delta);
      SY_RETURN_IF_ERROR(gather_events(cursor, to.delta));
      return true;
    }
  }

  Result<bool> gather_chunks(Cursor& cursor, Gathered& to, SteadyClock::time_point deadline) {
    SQLite::Statement chunks(*database_,
                             "SELECT id, metric, attempt, num_samples, crc32c, samples "
                             "FROM scalar_chunk WHERE id > ? ORDER BY id");
    chunks.bind(1, cursor.chunk);
    while (chunks.executeStep()) {
      const std::string_view bytes = blob_at(chunks, 5);
      SY_RETURN_IF_ERROR(check_chunk(
          bytes, chunks.getColumn(4).getInt64(), chunks.getColumn(0).getInt64(), path_));
      SY_ASSIGN_OR_RETURN(const std::vector<StoredScalar> samples,
                          samples_from_bytes(bytes, chunks.getColumn(3).getInt64()));
      const std::int64_t attempt = chunks.getColumn(2).getInt64();
      std::vector<StoredScalar>& series = to.scalars[chunks.getColumn(1).getInt64()];
      for (const StoredScalar& sample : samples) {
        const bool is_new = sample.sequence > cursor.sequence;
        if (is_new && !attempts_.is_void(attempt, sample.at.step)) series.push_back(sample);
      }
      cursor.chunk = chunks.getColumn(0).getInt64();
      if (SteadyClock::now() > deadline) return false;
    }
    return true;
  }

  Result<bool> gather_vectors(Cursor& cursor, Gathered& to, SteadyClock::time_point deadline) {
    SQLite::Statement rows(
        *database_,
        "SELECT sequence, metric, layer, attempt, step, tokens, seconds, flops, "
        "element_values FROM vector_sample WHERE sequence > ? ORDER BY sequence");
    rows.bind(1, cursor.vector);
    while (rows.executeStep()) {
      const std::string_view bytes = blob_at(rows, 8);
      if (bytes.size() % sizeof(float) != 0) {
        return Error{ErrorCode::kInputFile,
                     path_,
                     "expected a vector of 32-bit numbers, found " + std::to_string(bytes.size()) +
                         " bytes.",
                     "",
                     {}};
      }
      cursor.vector = rows.getColumn(0).getInt64();
      const Position at = position_at(rows, 4);
      if (!attempts_.is_void(rows.getColumn(3).getInt64(), at.step)) {
        VectorSample sample{at, std::vector<float>(bytes.size() / sizeof(float))};
        if (!bytes.empty()) std::memcpy(sample.values.data(), bytes.data(), bytes.size());
        to.vectors[{rows.getColumn(1).getInt64(), rows.getColumn(2).getInt()}].push_back(
            std::move(sample));
      }
      if (SteadyClock::now() > deadline) return false;
    }
    return true;
  }

  Result<bool> gather_probes(Cursor& cursor, Delta& to, SteadyClock::time_point deadline) {
    if (database_->execAndGet("PRAGMA user_version").getInt() < kProbeVersion) return true;
    SQLite::Statement rows(*database_,
                           "SELECT sequence, step, tokens, seconds, flops, crc32c, probe "
                           "FROM routing_probe WHERE sequence > ? ORDER BY sequence");
    rows.bind(1, cursor.probe);
    while (rows.executeStep()) {
      const std::string_view bytes = blob_at(rows, 6);
      if (static_cast<std::int64_t>(crc32c(bytes)) != rows.getColumn(5).getInt64()) {
        return Error{ErrorCode::kInputFile,
                     path_,
                     "the routing probe of step " + std::to_string(rows.getColumn(1).getInt64()) +
                         " is damaged.",
                     "",
                     {}};
      }
      SY_ASSIGN_OR_RETURN(routing::RoutingProbe probe, probe_from_bytes(bytes, path_));
      cursor.probe = rows.getColumn(0).getInt64();
      to.probes.push_back(
          {position_at(rows, 1), std::make_shared<const routing::RoutingProbe>(std::move(probe))});
      if (SteadyClock::now() > deadline) return false;
    }
    return true;
  }

  void gather_rows(Cursor& cursor, Gathered& to) {
    SQLite::Statement rows(*database_,
                           "SELECT sequence, metric, attempt, step, tokens, seconds, flops, value, "
                           "kind FROM scalar_row WHERE sequence > ? ORDER BY sequence");
    rows.bind(1, cursor.sequence);
    while (rows.executeStep()) {
      StoredScalar sample;
      sample.sequence = rows.getColumn(0).getInt64();
      sample.at = position_at(rows, 3);
      const int kind = rows.getColumn(8).getInt();
      sample.value = kind == 0 ? rows.getColumn(7).getDouble() : value_of_kind(kind);
      if (!attempts_.is_void(rows.getColumn(2).getInt64(), sample.at.step)) {
        to.scalars[rows.getColumn(1).getInt64()].push_back(sample);
      }
      cursor.sequence = sample.sequence;
    }
    for (const auto& [metric, samples] : to.scalars) {
      for (const StoredScalar& s : samples) cursor.sequence = std::max(cursor.sequence, s.sequence);
    }
  }

  void gather_metrics(Cursor& cursor, Delta& to) {
    SQLite::Statement rows(
        *database_, "SELECT id, name, unit, help, is_vector, revision FROM metric ORDER BY id");
    names_.clear();
    const std::int64_t known = cursor.metric;
    while (rows.executeStep()) {
      MetricInfo info{rows.getColumn(1).getString(),
                      rows.getColumn(2).getString(),
                      rows.getColumn(3).getString(),
                      rows.getColumn(4).getInt() != 0};
      names_[rows.getColumn(0).getInt64()] = info.name;
      const std::int64_t revision = rows.getColumn(5).getInt64();
      cursor.metric = std::max(cursor.metric, revision);
      if (revision > known) to.metrics.push_back(std::move(info));
    }
  }

  Status gather_events(Cursor& cursor, Delta& to) {
    SQLite::Statement rows(*database_,
                           "SELECT sequence, step, wall_time, kind, detail FROM event "
                           "WHERE sequence > ? ORDER BY sequence");
    rows.bind(1, cursor.event);
    while (rows.executeStep()) {
      Event event;
      event.sequence = rows.getColumn(0).getInt64();
      event.step = rows.getColumn(1).getInt64();
      event.wall_time = rows.getColumn(2).getDouble();
      event.kind = rows.getColumn(3).getString();
      SY_ASSIGN_OR_RETURN(event.detail,
                          parse_json(rows.getColumn(4).getString(), path_ + " event"));
      cursor.event = event.sequence;
      to.events.push_back(std::move(event));
    }
    return {};
  }

  [[nodiscard]] std::string name_of(std::int64_t metric) const {
    const auto known = names_.find(metric);
    return known != names_.end() ? known->second : "metric " + std::to_string(metric);
  }

  void finish(Gathered& from) const {
    for (auto& [metric, samples] : from.scalars) {
      if (samples.empty()) continue;
      // Chunks are read before rows, and a chunk may have been made of rows that came later than
      // rows of an earlier attempt: the sequence restores the order.
      std::sort(samples.begin(), samples.end(), [](const StoredScalar& a, const StoredScalar& b) {
        return a.sequence < b.sequence;
      });
      ScalarSeries series;
      series.metric = name_of(metric);
      for (const StoredScalar& s : samples) add_sample(series, s);
      from.delta.scalars.push_back(std::move(series));
    }
    for (auto& [key, samples] : from.vectors) {
      from.delta.vectors.push_back({name_of(key.first), key.second, std::move(samples)});
    }
  }

  std::string path_;
  std::unique_ptr<SQLite::Database> database_;
  FileIdentity identity_;
  Cursor cursor_;
  int data_version_ = -1;
  bool has_read_ = false;  // a change of epoch before the first delta is no reset
  Attempts attempts_;
  WantedScalars scalars_;
  std::map<std::int64_t, std::string> names_;
};

}  // namespace

Result<std::unique_ptr<Reader>> Reader::open(const std::string& path) {
  SY_ASSIGN_OR_RETURN(auto database, open_for_reading(path, ReadMode::kShared));
  return std::unique_ptr<Reader>(std::make_unique<StoreReader>(path, std::move(database)));
}

}  // namespace switchyard::store
