#include "ui/model/log_lines.h"

#include <algorithm>
#include <cstdio>

#include <time.h>

#include "engine/base/core/json.h"
#include "engine/base/core/text.h"
#include "ui/model/words.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kMaxLineBytes = 8192;

LogLevel level_from(std::string_view name) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (name == log_level_name(level)) return level;
  }
  return LogLevel::kInfo;
}

std::string one_line(std::string_view text) {
  std::string line = valid_utf8(text.substr(0, kMaxLineBytes));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return line;
}

}  // namespace

std::string LogEntry::text() const {
  std::string line = clock_text(wall_time) + " " + log_level_name(level) + " " + message;
  return fields.empty() ? line : line + "  " + fields;
}

LogEntry log_entry_from(std::string_view line) {
  LogEntry entry;
  const Result<Json> parsed = parse_json(line, "log.jsonl");
  if (!parsed.ok() || !parsed.value().is_object()) {
    entry.message = one_line(line);
    return entry;
  }
  const Json& object = parsed.value();
  entry.wall_time = object["time"].as_number(0.0);
  entry.level = level_from(object["level"].as_string());
  entry.message = one_line(object["message"].as_string());
  for (const auto& [key, value] : object.members()) {
    if (key == "time" || key == "monotonic" || key == "level" || key == "message") continue;
    if (!entry.fields.empty()) entry.fields += ' ';
    entry.fields += key + "=" + (value.is_string() ? value.as_string() : value.dump());
  }
  entry.fields = one_line(entry.fields);
  return entry;
}

std::size_t LogView::size() const {
  std::size_t count = 0;
  for (const auto& chunk : chunks) count += chunk->size();
  return count;
}

void LogBuffer::add(LogEntry entry) {
  open_.push_back(std::move(entry));
  ++revision_;
  if (open_.size() < kChunkLines) return;
  full_.push_back(std::make_shared<const LogView::Chunk>(std::exchange(open_, {})));
  if (full_.size() * kChunkLines <= kMaxLines) return;
  num_dropped_ += static_cast<std::int64_t>(full_.front()->size());
  full_.erase(full_.begin());
}

std::shared_ptr<const LogView> LogBuffer::view() const {
  auto view = std::make_shared<LogView>();
  view->root = root_;
  view->chunks = full_;
  if (!open_.empty()) view->chunks.push_back(std::make_shared<const LogView::Chunk>(open_));
  view->num_dropped = num_dropped_;
  view->revision = revision_;
  return view;
}

std::vector<const LogEntry*> filter_log(const LogView& view, const LogFilter& filter) {
  const std::vector<std::string> words = lower_words(filter.words);
  std::vector<const LogEntry*> lines;
  for (const auto& chunk : view.chunks) {
    for (const LogEntry& entry : *chunk) {
      if (entry.level < filter.lowest) continue;
      if (!words.empty() && !has_every_word(entry.message + " " + entry.fields, words)) continue;
      lines.push_back(&entry);
    }
  }
  return lines;
}

int line_at_time(const std::vector<const LogEntry*>& lines, double wall_time) {
  const auto after = std::upper_bound(
      lines.begin(), lines.end(), wall_time, [](double time, const LogEntry* entry) {
        return time < entry->wall_time;
      });
  return static_cast<int>(after - lines.begin()) - 1;
}

std::string clock_text(double wall_time) {
  return wall_time > 0.0 ? local_clock_text(wall_time) : std::string("\xE2\x80\x93");
}

}  // namespace switchyard::ui
