#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/core/result.h"
#include "engine/base/store/chunk.h"
#include "engine/base/store/run_store.h"

namespace SQLite {
class Database;
class Statement;
}  // namespace SQLite

namespace switchyard::store {

// Parts of the readers of run.db. Threads: the reader's.

/// The attempts of a run: which samples a rollback made void.
class Attempts {
 public:
  Attempts() = default;
  explicit Attempts(SQLite::Database& database);

  /// True for samples that a later attempt went back behind.
  [[nodiscard]] bool is_void(std::int64_t attempt, std::int64_t step) const;

  /// Number and step after which it began, oldest first.
  [[nodiscard]] const std::vector<std::pair<std::int64_t, std::int64_t>>& all() const {
    return attempts_;
  }

 private:
  std::vector<std::pair<std::int64_t, std::int64_t>> attempts_;
};

/// Four columns of a row from `first` on: step, tokens, seconds, flops.
Position position_at(SQLite::Statement& row, int first);
std::string_view blob_at(SQLite::Statement& row, int column);
void add_sample(ScalarSeries& to, const StoredScalar& sample);

/// Errors: kInputFile when the bytes of chunk `id` do not have the checksum `crc`.
Status check_chunk(std::string_view bytes,
                   std::int64_t crc,
                   std::int64_t id,
                   const std::string& path);

/// Reads the scalar metrics that somebody wants, each in the order in which it was recorded, and
/// knows how far each was read. Touches no chunk of the others.
class WantedScalars {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  void forget() { *this = WantedScalars(); }

  /// True when samples of `wanted` are known to be there and not read.
  [[nodiscard]] bool is_behind(std::span<const std::string> wanted) const;

  /// Notes which metrics have new samples and adds those that have their first to `to.available`.
  void find_fresh(SQLite::Database& database,
                  const std::map<std::int64_t, std::string>& names,
                  Delta& to);

  /// Adds the unread samples of `wanted`; false when the time was up before all were read.
  Result<bool> gather(SQLite::Database& database,
                      const std::string& path,
                      const Attempts& attempts,
                      std::span<const std::string> wanted,
                      Deadline deadline,
                      Delta& to);

 private:
  struct Progress {
    std::int64_t metric = 0;    ///< id
    std::int64_t sequence = 0;  ///< of the last sample returned
    bool is_complete = false;
  };

  struct Task;

  static Result<bool> gather_chunks(Task& task, std::int64_t attempt, Deadline deadline);
  static void gather_rows(Task& task, std::int64_t attempt);

  std::map<std::string, Progress> metrics_;  ///< all with samples
  std::int64_t last_row_ = 0;                ///< newest sequence of a row, newest id of a chunk,
  std::int64_t last_chunk_ = 0;              ///< as last seen
};

}  // namespace switchyard::store
