#include "ui/client/log_tail.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "engine/base/store/run_folder.h"

namespace switchyard::ui {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(250);
constexpr std::uint64_t kMostHistoryBytes = 4'000'000;
constexpr std::size_t kMostPartialBytes = 1'000'000;

}  // namespace

LogTail::LogTail(Mailbox& mailbox)
    : mailbox_(mailbox), view_(std::make_shared<const LogView>()), thread_([this] { work(); }) {}

LogTail::~LogTail() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void LogTail::follow(const std::string& root) {
  {
    const std::lock_guard lock(mutex_);
    if (wanted_ == root) return;
    wanted_ = root;
  }
  wake_.notify_all();
}

void LogTail::start_reading(std::string root) {
  root_ = std::move(root);
  buffer_ = LogBuffer(root_);
  partial_.clear();
  offset_ = 0;
  skips_line_ = false;
  std::error_code problem;
  const auto size = std::filesystem::file_size(store::RunPaths{root_}.log(), problem);
  if (problem || size <= kMostHistoryBytes) return;
  offset_ = size - kMostHistoryBytes;
  skips_line_ = true;
}

void LogTail::take_lines(const std::string& text) {
  std::size_t start = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
    const bool is_cut = std::exchange(skips_line_, false);
    if (!is_cut && end > start)
      buffer_.add(log_entry_from(std::string_view(text).substr(start, end - start)));
    start = end + 1;
  }
  partial_ = text.substr(start);
  if (partial_.size() > kMostPartialBytes) partial_.clear();
}

/// Whether there is anything new.
bool LogTail::read_more() {
  const std::string path = store::RunPaths{root_}.log();
  std::error_code problem;
  const auto size = std::filesystem::file_size(path, problem);
  if (problem || size == offset_) return false;
  if (size < offset_) start_reading(root_);
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset_));
  std::string fresh(std::min<std::uint64_t>(size - offset_, kMostHistoryBytes), '\0');
  file.read(fresh.data(), static_cast<std::streamsize>(fresh.size()));
  fresh.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  if (fresh.empty()) return false;
  offset_ += fresh.size();
  take_lines(std::exchange(partial_, {}) + fresh);
  return true;
}

void LogTail::work() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    if (wanted_.empty()) {
      wake_.wait(lock, [this] { return is_stopping_ || !wanted_.empty(); });
      continue;
    }
    const std::string wanted = wanted_;
    lock.unlock();
    const bool is_other = wanted != root_;
    if (is_other) start_reading(wanted);
    if (read_more() || is_other) {
      view_ = buffer_.view();
      mailbox_.wake();
    }
    lock.lock();
    wake_.wait_for(lock, kInterval, [&] { return is_stopping_ || wanted_ != wanted; });
  }
}

}  // namespace switchyard::ui
