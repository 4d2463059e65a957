#include <cerrno>
#include <cmath>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/core/clock.h"
#include "engine/base/core/file_system.h"
#include "engine/base/store/run_folder.h"
#include "engine/base/store/socket_path.h"

namespace switchyard::store {
namespace {

constexpr std::size_t kMaxHolderBytes = 4096;
constexpr int kMaxTries = 100;
constexpr useconds_t kPauseMicroseconds = 1500;

std::string boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id", kMaxHolderBytes);
  if (!text.ok()) return "";
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return std::move(text).value();
}

LockHolder holder_from(int descriptor) {
  char buffer[kMaxHolderBytes] = {};
  const ssize_t n = ::pread(descriptor, buffer, sizeof buffer, 0);
  LockHolder holder;
  if (n <= 0) return holder;
  const auto parsed = parse_json(std::string_view(buffer, static_cast<std::size_t>(n)), "run.lock");
  if (!parsed.ok()) return holder;  // half-written by a process that just started: still held
  holder.pid = (*parsed)["pid"].as_integer();
  holder.boot_id = (*parsed)["boot_id"].as_string();
  holder.started_wall_time = (*parsed)["started_wall_time"].as_number();
  return holder;
}

Error busy_error(const std::string& where,
                 const std::string& what,
                 const std::string& hint,
                 const LockHolder& holder) {
  Error error;
  error.code = ErrorCode::kBusy;
  error.where = where;
  error.message = "expected " + what + ", found it held";
  if (holder.pid > 0) {
    error.message += " by process " + std::to_string(holder.pid);
    const double age = system_clock().wall_seconds() - holder.started_wall_time;
    if (std::isfinite(age) && age >= 0.0) {
      error.message += " since " + std::to_string(static_cast<std::int64_t>(age)) + " s";
    }
  }
  error.message += ".";
  error.hint = hint;
  return error;
}

bool is_same_file(int descriptor, const std::string& path) {
  struct stat opened {};

  struct stat named {};

  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/// Takes the exclusive lock. A refusal may come from somebody who only asks whether the run is held
/// (is_held takes a shared lock for a moment): a shared lock that succeeds tells the two apart.
enum class Attempt { kTaken, kHeld, kAgain };

Attempt try_lock(int descriptor) {
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return Attempt::kTaken;
  if (errno == EINTR) return Attempt::kAgain;
  if (::flock(descriptor, LOCK_SH | LOCK_NB) != 0) {
    return errno == EINTR ? Attempt::kAgain : Attempt::kHeld;
  }
  ::flock(descriptor, LOCK_UN);
  return Attempt::kAgain;
}

Status write_holder(int descriptor, const std::string& path) {
  Json holder = Json::object();
  holder.set("pid", std::int64_t{::getpid()});
  holder.set("boot_id", boot_id());
  holder.set("started_wall_time", system_clock().wall_seconds());
  const std::string text = holder.dump() + "\n";
  // Written over, then cut: a reader in between sees JSON with a tail at worst, never an empty
  // file.
  const ssize_t n = ::pwrite(descriptor, text.data(), text.size(), 0);
  if (n != static_cast<ssize_t>(text.size()) ||
      ::ftruncate(descriptor, static_cast<off_t>(text.size())) != 0) {
    return error_from_errno(n < 0 ? errno : ENOSPC, path, "write who holds the run");
  }
  return {};
}

}  // namespace

Result<RunLock> RunLock::acquire(const std::string& root) {
  SY_ASSIGN_OR_RETURN(
      RunLock lock,
      acquire_file(
          RunPaths{root}.lock(),
          root,
          "a run that no process trains",
          "Stop that process first (`switchyard-engine ctl RUN stop`); reading stays possible."));
  SY_RETURN_IF_ERROR(name_socket_path(root));
  return lock;
}

Result<RunLock> RunLock::acquire_file(const std::string& path,
                                      const std::string& where,
                                      const std::string& what,
                                      const std::string& hint) {
  for (int attempt = 0; attempt < kMaxTries; ++attempt) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (descriptor < 0) return error_from_errno(errno, path, "open the lock");
    RunLock lock(descriptor);
    switch (try_lock(descriptor)) {
      case Attempt::kHeld:
        return busy_error(where, what, hint, holder_from(descriptor));
      case Attempt::kAgain:
        ::usleep(kPauseMicroseconds + static_cast<useconds_t>(::getpid() % 1000));
        continue;
      case Attempt::kTaken:
        break;
    }
    if (!is_same_file(descriptor, path)) continue;  // the folder was replaced meanwhile
    SY_RETURN_IF_ERROR(write_holder(descriptor, path));
    return lock;
  }
  return busy_error(where, what, hint, {});
}

bool RunLock::is_held(const std::string& root, LockHolder* holder) {
  return is_file_held(RunPaths{root}.lock(), holder);
}

bool RunLock::is_file_held(const std::string& path, LockHolder* holder) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return false;
  const bool is_free = ::flock(descriptor, LOCK_SH | LOCK_NB) == 0;
  const bool is_held = !is_free && errno == EWOULDBLOCK;
  if (is_held && holder != nullptr) *holder = holder_from(descriptor);
  ::close(descriptor);  // gives the shared lock back
  return is_held;
}

RunLock::RunLock(RunLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

RunLock& RunLock::operator=(RunLock&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

RunLock::~RunLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace switchyard::store
