#pragma once

#include <memory>
#include <string>

#include "engine/base/core/result.h"

namespace SQLite {
class Database;
class Exception;
}  // namespace SQLite

namespace switchyard::store {

/// The Error for a failed SQLite call on `path`: kDiskFull when it was the disk, kInputFile for a
/// damaged or foreign file, kBusy for a lock, kIo otherwise.
Error error_from_sqlite(const SQLite::Exception& exception, const std::string& path);

/// True when the failure is a failed sync: final, since the kernel may have dropped the pages.
bool is_failed_sync(const SQLite::Exception& exception);

/// How a database is opened for reading.
enum class ReadMode {
  kShared,     ///< a writer may be at work
  kImmutable,  ///< nobody writes: works in folders without write permission, creates no side files
};

/// Opens run.db for reading and trusts nothing in it: schema functions off, defensive, cell checks,
/// limits on sizes, a deadline per statement; checks that the file is a run store of a version we
/// know with our tables.
///
/// Errors: kInputFile (foreign, damaged, newer: says both numbers), kUnavailable while a new engine
/// has not created the tables yet, kIo.
Result<std::unique_ptr<SQLite::Database>> open_for_reading(const std::string& path, ReadMode mode);

/// Checks application id, version and tables of an open database; see open_for_reading.
Status check_identity(SQLite::Database& database, const std::string& path);

/// kImmutable when no process holds the run and no write-ahead log stands beside `path`.
ReadMode read_mode_of(const std::string& path);

}  // namespace switchyard::store
