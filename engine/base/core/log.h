#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard {

/// Levels by reader: error = the user must act; warning = done, but not as asked; info = rare
/// milestones; debug = developers.
enum class LogLevel { kDebug, kInfo, kWarning, kError };

using LogField = std::pair<std::string_view, Json>;

/// One line of log: text on standard error (from `set_log_level` on), and, once `open_log` was
/// called, one JSON object in the file: {"time","monotonic","level","message", fields …}.
///
/// Errors: none reported; a log that cannot be written never stops a run.
/// Threads: any; a line is one write(2) and never mixes with another.
void log_line(LogLevel level,
              std::string_view message,
              std::initializer_list<LogField> fields = {});

inline void log_debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::kDebug, message, fields);
}

inline void log_info(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::kInfo, message, fields);
}

inline void log_warning(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::kWarning, message, fields);
}

inline void log_error(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::kError, message, fields);
}

/// Logs an Error with its code, where and hint.
void log_error(const Error& error);

/// Appends from now on to `path` (log.jsonl of a run). Errors: kIo with the path.
Status open_log(const std::string& path);
/// Stops writing to the file; standard error stays.
void close_log();
/// The lowest level shown on standard error (kInfo at start); the file gets every level.
void set_log_level(LogLevel level);
const char* log_level_name(LogLevel level);

}  // namespace switchyard
