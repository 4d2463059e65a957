#include "engine/base/store/database.h"

#include <array>
#include <string_view>

#include <sqlite3.h>

#include <SQLiteCpp/SQLiteCpp.h>

#include "engine/base/core/file_system.h"
#include "engine/base/store/run_folder.h"
#include "engine/base/store/schema.sql.h"

namespace switchyard::store {
namespace {

constexpr int kBusyTimeoutMs = 2000;
constexpr int kMaxValueBytes = 64 << 20;
constexpr int kMaxSqlBytes = 1 << 20;

constexpr std::string_view kProbeTable = "routing_probe";
constexpr std::array<std::string_view, 8> kTables{"store_state",
                                                  "attempt",
                                                  "metric",
                                                  "scalar_row",
                                                  "scalar_chunk",
                                                  "vector_sample",
                                                  "event",
                                                  kProbeTable};

std::string uri_from_path(const std::string& path, ReadMode mode) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : path) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '_' || c == '-';
    if (is_plain) {
      uri += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      uri += '%';
      uri += kDigits[byte >> 4];
      uri += kDigits[byte & 0xFU];
    }
  }
  return uri + (mode == ReadMode::kImmutable ? "?mode=ro&immutable=1" : "?mode=ro");
}

Error foreign(const std::string& path, std::string message, std::string hint = "") {
  return {ErrorCode::kInputFile, path, std::move(message), std::move(hint), {}};
}

void harden(SQLite::Database& database) {
  sqlite3* handle = database.getHandle();
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, kMaxValueBytes);
  sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, kMaxSqlBytes);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  database.exec("PRAGMA query_only = ON");
  database.exec("PRAGMA cell_size_check = ON");
  database.exec("PRAGMA mmap_size = 0");
}

Result<std::unique_ptr<SQLite::Database>> open_in_mode(const std::string& path, ReadMode mode) {
  try {
    auto database = std::make_unique<SQLite::Database>(
        uri_from_path(path, mode), SQLite::OPEN_READONLY | SQLite::OPEN_URI, kBusyTimeoutMs);
    harden(*database);
    SY_RETURN_IF_ERROR(check_identity(*database, path));
    return database;
  } catch (const SQLite::Exception& exception) {
    return error_from_sqlite(exception, path);
  }
}

}  // namespace

Status check_identity(SQLite::Database& database, const std::string& path) {
  const int application_id = database.execAndGet("PRAGMA application_id").getInt();
  const int num_objects = database.execAndGet("SELECT count(*) FROM sqlite_schema").getInt();
  if (num_objects == 0) {
    return Error{ErrorCode::kUnavailable, path, "no samples have been written yet.", "", {}};
  }
  if (application_id != kApplicationId) {
    return foreign(path,
                   "expected a run store (application id " + std::to_string(kApplicationId) +
                       "), found another database (" + std::to_string(application_id) + ").");
  }
  const int version = database.execAndGet("PRAGMA user_version").getInt();
  if (version > kStoreVersion) {
    return foreign(path,
                   "expected a run store of version " + std::to_string(kStoreVersion) +
                       " or older, found version " + std::to_string(version) + ".",
                   "Open it with a newer Switchyard.");
  }
  if (version < 1)
    return foreign(path, "expected a version, found " + std::to_string(version) + ".");
  SQLite::Statement kind(
      database,
      "SELECT count(*) FROM sqlite_schema WHERE name = ? AND type = 'table' AND rootpage > 0");
  for (const std::string_view table : kTables) {
    if (table == kProbeTable && version < kProbeVersion) continue;
    kind.reset();
    kind.bind(1, std::string(table));
    if (!kind.executeStep() || kind.getColumn(0).getInt() != 1) {
      return foreign(path, "expected a table `" + std::string(table) + "`, found none.");
    }
  }
  return {};
}

Error error_from_sqlite(const SQLite::Exception& exception, const std::string& path) {
  Error error;
  error.where = path;
  const std::string reason = "\"" + std::string(exception.what()) + "\"";
  switch (exception.getErrorCode() & 0xFF) {
    case SQLITE_FULL:
      error.code = ErrorCode::kDiskFull;
      error.message = "expected to store samples, found the disk full.";
      error.hint = "Free some space on this disk: what waits is written then.";
      return error;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      error.code = ErrorCode::kBusy;
      error.message = "expected the run store to be free for a moment, found " + reason + ".";
      return error;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_NOLFS:
      error.code = ErrorCode::kIo;
      error.message = "expected to read and write the run store, found " + reason + ".";
      error.hint = "Check the disk and the permissions of the folder.";
      return error;
    case SQLITE_NOMEM:
      error.code = ErrorCode::kOutOfMemory;
      error.message = "expected memory for the run store, found none.";
      return error;
    default:
      error.code = ErrorCode::kInputFile;
      error.message = "expected an intact run store, found " + reason + ".";
      error.hint = "`switchyard-engine verify DIR` names what is damaged.";
      return error;
  }
}

bool is_failed_sync(const SQLite::Exception& exception) {
  const int code = exception.getExtendedErrorCode();
  return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
}

Result<std::unique_ptr<SQLite::Database>> open_for_reading(const std::string& path, ReadMode mode) {
  SY_ASSIGN_OR_RETURN(const FileInfo known, real_file_system().info(path));
  if (!known.exists) {
    return Error{ErrorCode::kUnavailable, path, "no samples have been written yet.", "", {}};
  }
  auto database = open_in_mode(path, mode);
  // A folder without write permission cannot hold the shared index that readers of a log need.
  if (!database.ok() && database.error().code == ErrorCode::kIo && mode == ReadMode::kShared &&
      read_mode_of(path) == ReadMode::kImmutable) {
    return open_in_mode(path, ReadMode::kImmutable);
  }
  return database;
}

ReadMode read_mode_of(const std::string& path) {
  const auto log = real_file_system().info(path + "-wal");
  const bool has_log = !log.ok() || (log->exists && log->bytes > 0);
  if (has_log || RunLock::is_held(parent_directory(path))) return ReadMode::kShared;
  return ReadMode::kImmutable;
}

}  // namespace switchyard::store
