#include "ui/shell/state_writer.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace switchyard::ui {
namespace {

constexpr std::chrono::milliseconds kDebounce{1000};
constexpr std::size_t kMostProblems = 8;

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

Error io_error(const std::string& path, const std::string& action) {
  const int code = errno;
  return Error{code == ENOSPC || code == EDQUOT ? ErrorCode::kDiskFull : ErrorCode::kIo,
               path,
               "settings cannot be " + action + ": " + std::strerror(code),
               "the window goes on; its layout is not remembered",
               {}};
}

bool write_all(int file, const std::string& content) {
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = ::write(file, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return ::fsync(file) == 0;
}

Status replace_file(const std::string& path, const std::string& content) {
  const std::string temporary = path + ".new";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return io_error(path, "written");
  const bool is_written = write_all(file, content);
  const int write_error = errno;
  if (::close(file) != 0 || !is_written) {
    errno = is_written ? errno : write_error;
    const Error error = io_error(path, "written");
    ::unlink(temporary.c_str());
    return error;
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return io_error(path, "replaced");
  return {};
}

}  // namespace

std::string state_dir() {
  if (std::string named = from_environment("SWITCHYARD_STATE"); !named.empty()) return named;
  if (std::string xdg = from_environment("XDG_STATE_HOME"); !xdg.empty()) {
    return xdg + "/switchyard";
  }
  return from_environment("HOME") + "/.local/state/switchyard";
}

StateWriter::StateWriter(std::string folder)
    : folder_(std::move(folder)), thread_([this] { work(); }) {}

StateWriter::~StateWriter() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void StateWriter::put(const std::string& name, std::string content) {
  {
    const std::lock_guard lock(mutex_);
    if (pending_.empty()) due_ = std::chrono::steady_clock::now() + kDebounce;
    pending_[name] = std::move(content);
  }
  wake_.notify_all();
}

std::optional<std::string> StateWriter::read(const std::string& name) {
  const std::string path = folder_ + "/" + name;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file) {
    report(io_error(path, "read"));
    return std::nullopt;
  }
  return std::move(content).str();
}

void StateWriter::set_aside(const std::string& name) {
  const std::string path = folder_ + "/" + name;
  if (std::rename(path.c_str(), (path + ".broken").c_str()) != 0) {
    report(io_error(path, "set aside"));
    return;
  }
  report(Error{ErrorCode::kInputFile,
               path,
               "the file was not understood and has been renamed to " + name + ".broken",
               "what it held is back at its default",
               {}});
}

std::optional<Error> StateWriter::take_problem() {
  const std::lock_guard lock(mutex_);
  if (problems_.empty()) return std::nullopt;
  Error first = std::move(problems_.front());
  problems_.erase(problems_.begin());
  return first;
}

void StateWriter::report(Error error) {
  const std::lock_guard lock(mutex_);
  if (problems_.size() < kMostProblems) problems_.push_back(std::move(error));
}

void StateWriter::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return is_stopping_ || !pending_.empty(); });
    if (!is_stopping_) wake_.wait_until(lock, due_, [this] { return is_stopping_; });
    const bool is_last_round = is_stopping_;
    const auto files = std::exchange(pending_, {});
    lock.unlock();
    if (!files.empty()) {
      std::error_code error;
      std::filesystem::create_directories(folder_, error);  // replace_file reports what failed
    }
    for (const auto& [name, content] : files) {
      if (Status status = replace_file(folder_ + "/" + name, content); !status.ok()) {
        report(std::move(status).error());
      }
    }
    lock.lock();
    if (is_last_round && pending_.empty()) return;
  }
}

}  // namespace switchyard::ui
