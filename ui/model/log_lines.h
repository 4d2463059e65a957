#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/core/log.h"

namespace switchyard::ui {

/// One line of log.jsonl in words.
struct LogEntry {
  double wall_time = 0.0;  ///< seconds since 1970; 0: unknown
  LogLevel level = LogLevel::kInfo;
  std::string message;  ///< valid UTF-8, one line
  std::string fields;   ///< "step=100 loss=2.31"

  /// What a copy of the line holds: time, level, message, fields.
  [[nodiscard]] std::string text() const;
};

/// Reads one line of the file. A line that is no JSON object is kept whole as a message.
LogEntry log_entry_from(std::string_view line);

/// The end of a log as panels see it. Chunks are immutable and shared between snapshots, so that a
/// new line copies no old one.
struct LogView {
  using Chunk = std::vector<LogEntry>;

  std::string root;  ///< the run that it belongs to
  std::vector<std::shared_ptr<const Chunk>> chunks;
  std::int64_t num_dropped = 0;  ///< older lines that are no longer kept
  std::int64_t revision = 0;

  [[nodiscard]] std::size_t size() const;
};

/// Collects lines and hands out snapshots. Limits: the newest kMaxLines lines.
class LogBuffer {
 public:
  static constexpr std::size_t kChunkLines = 256;
  static constexpr std::size_t kMaxLines = 20'000;

  explicit LogBuffer(std::string root) : root_(std::move(root)) {}

  void add(LogEntry entry);
  [[nodiscard]] std::shared_ptr<const LogView> view() const;

 private:
  std::string root_;
  std::vector<std::shared_ptr<const LogView::Chunk>> full_;
  LogView::Chunk open_;
  std::int64_t num_dropped_ = 0;
  std::int64_t revision_ = 0;
};

/// Which lines are shown.
struct LogFilter {
  LogLevel lowest = LogLevel::kInfo;
  std::string words = {};  ///< every word must occur, any case

  friend bool operator==(const LogFilter&, const LogFilter&) = default;
};

/// The lines that pass, oldest first. They live as long as the view.
std::vector<const LogEntry*> filter_log(const LogView& view, const LogFilter& filter);

/// The last line not younger than `wall_time`; -1 when there is none.
int line_at_time(const std::vector<const LogEntry*>& lines, double wall_time);

/// "14:03:59" in local time; "–" when unknown.
std::string clock_text(double wall_time);

}  // namespace switchyard::ui
