#include "engine/base/core/log.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <mutex>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/core/clock.h"
#include "engine/base/core/file_system.h"
#include "engine/base/core/text.h"

namespace switchyard {
namespace {

struct LogState {
  std::mutex mutex;  // guards file against being closed while a line is written
  int file = -1;
  std::atomic<LogLevel> lowest = LogLevel::kInfo;
};

LogState& state() {
  static LogState log;
  return log;
}

void write_line(int descriptor, const std::string& line) {
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t n = ::write(descriptor, line.data() + done, line.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // a log that cannot be written never stops a run
    done += static_cast<std::size_t>(n);
  }
}

std::string text_line(LogLevel level,
                      std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line =
      local_clock_text(system_clock().wall_seconds()) + " " + log_level_name(level) + " ";
  line += message;
  for (const auto& [key, value] : fields) {
    line += " ";
    line += key;
    line += "=";
    line += value.is_string() ? value.as_string() : value.dump();
  }
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';  // one line, no terminal escapes
  }
  return line + "\n";
}

std::string json_line(LogLevel level,
                      std::string_view message,
                      std::initializer_list<LogField> fields) {
  Json object = Json::object();
  object.set("time", system_clock().wall_seconds());
  object.set("monotonic", system_clock().monotonic_seconds());
  object.set("level", log_level_name(level));
  object.set("message", message);
  for (const auto& [key, value] : fields) object.set(key, value);
  return object.dump() + "\n";
}

}  // namespace

const char* log_level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

void log_line(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  LogState& log = state();
  if (level >= log.lowest.load()) write_line(STDERR_FILENO, text_line(level, message, fields));
  const std::scoped_lock hold(log.mutex);
  if (log.file >= 0) write_line(log.file, json_line(level, message, fields));
}

void log_error(const Error& error) {
  log_line(LogLevel::kError,
           error.text(),
           {{"code", Json(error_code_name(error.code))}, {"where", Json(error.where)}});
}

Status open_log(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return error_from_errno(errno, path, "open the log");
  LogState& log = state();
  const std::scoped_lock hold(log.mutex);
  if (log.file >= 0) ::close(log.file);
  log.file = file;
  return {};
}

void close_log() {
  LogState& log = state();
  const std::scoped_lock hold(log.mutex);
  if (log.file >= 0) ::close(log.file);
  log.file = -1;
}

void set_log_level(LogLevel level) {
  state().lowest.store(level);
}

}  // namespace switchyard
