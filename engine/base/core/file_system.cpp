#include "engine/base/core/file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace switchyard {
namespace {

constexpr std::size_t kMaxSingleTransfer = std::size_t{1} << 30;  // below the kernel's own limit

std::string reason(int number) {
  char buffer[128] = {};
  return strerror_r(number, buffer, sizeof buffer);
}

/// Calls `call` again while a signal interrupts it.
template <typename F>
auto retry_on_signal(F&& call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

class RealFileSystem final : public FileSystem {
 public:
  Result<int> open(const std::string& path, OpenMode mode) override {
    const int flags = mode == OpenMode::kRead ? O_RDONLY : O_WRONLY | O_CREAT | O_EXCL;
    const int handle =
        retry_on_signal([&] { return ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0644); });
    if (handle < 0) {
      return error_from_errno(errno, path, mode == OpenMode::kRead ? "open it" : "create it");
    }
    const std::scoped_lock hold(mutex_);
    paths_[handle] = path;
    return handle;
  }

  Status write(int handle, const void* data, std::size_t bytes) override {
    const auto* p = static_cast<const char*>(data);
    std::size_t left = bytes;
    while (left > 0) {
      const ssize_t n =
          retry_on_signal([&] { return ::write(handle, p, std::min(left, kMaxSingleTransfer)); });
      if (n <= 0) {
        return error_from_errno(
            n == 0 ? ENOSPC : errno, path_of(handle), "write " + std::to_string(bytes) + " bytes");
      }
      p += n;
      left -= static_cast<std::size_t>(n);
    }
    return {};
  }

  Result<std::size_t> read_at(int handle,
                              std::uint64_t offset,
                              void* out,
                              std::size_t bytes) override {
    auto* p = static_cast<char*>(out);
    std::size_t done = 0;
    while (done < bytes) {
      const ssize_t n = retry_on_signal([&] {
        return ::pread(handle,
                       p + done,
                       std::min(bytes - done, kMaxSingleTransfer),
                       static_cast<off_t>(offset + done));
      });
      if (n < 0) {
        return error_from_errno(errno, path_of(handle), "read " + std::to_string(bytes) + " bytes");
      }
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  Status sync(int handle) override {
    if (retry_on_signal([&] { return ::fsync(handle); }) != 0) {
      return error_from_errno(errno, path_of(handle), "sync it to the disk");
    }
    return {};
  }

  Status close(int handle) override {
    const std::string path = path_of(handle);
    {
      const std::scoped_lock hold(mutex_);
      paths_.erase(handle);
    }
    // Not retried: on Linux the descriptor is gone even when close is interrupted.
    if (::close(handle) != 0 && errno != EINTR) return error_from_errno(errno, path, "close it");
    return {};
  }

  Status make_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0755) != 0) return error_from_errno(errno, path, "create the folder");
    return {};
  }

  Status sync_directory(const std::string& path) override {
    const int handle =
        retry_on_signal([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (handle < 0) return error_from_errno(errno, path, "open the folder");
    const int failed = retry_on_signal([&] { return ::fsync(handle); }) != 0 ? errno : 0;
    ::close(handle);
    if (failed != 0) return error_from_errno(failed, path, "sync the folder to the disk");
    return {};
  }

  Status rename(const std::string& from, const std::string& to, RenameMode mode) override {
    int failed = 0;
    if (mode == RenameMode::kReplace) {
      if (::rename(from.c_str(), to.c_str()) != 0) failed = errno;
    } else {
      const unsigned flag = mode == RenameMode::kNoReplace ? RENAME_NOREPLACE : RENAME_EXCHANGE;
      if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flag) != 0) failed = errno;
      if (failed == EINVAL && mode == RenameMode::kNoReplace) {
        // A file system without the flag: the caller holds the run lock, so check and act is safe.
        struct stat known {};

        failed = ::lstat(to.c_str(), &known) == 0          ? EEXIST
                 : ::rename(from.c_str(), to.c_str()) == 0 ? 0
                                                           : errno;
      }
    }
    if (failed != 0) return error_from_errno(failed, from, "rename it to " + to);
    return {};
  }

  Status remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return error_from_errno(errno, path, "remove it");
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    DIR* folder = ::opendir(path.c_str());
    if (folder == nullptr) return error_from_errno(errno, path, "list the folder");
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(folder)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
      errno = 0;
    }
    const int failed = errno;
    ::closedir(folder);
    if (failed != 0) return error_from_errno(failed, path, "list the folder");
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<FileInfo> info(const std::string& path) override {
    struct stat known {};

    if (::lstat(path.c_str(), &known) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return FileInfo{};
      return error_from_errno(errno, path, "look at it");
    }
    return FileInfo{true, S_ISDIR(known.st_mode), static_cast<std::uint64_t>(known.st_size)};
  }

  Result<std::uint64_t> free_bytes(const std::string& path) override {
    struct statvfs known {};

    if (::statvfs(path.c_str(), &known) != 0) {
      return error_from_errno(errno, path, "learn the free space");
    }
    return static_cast<std::uint64_t>(known.f_bavail) * known.f_frsize;
  }

 private:
  std::string path_of(int handle) {
    const std::scoped_lock hold(mutex_);
    const auto at = paths_.find(handle);
    return at == paths_.end() ? "descriptor " + std::to_string(handle) : at->second;
  }

  std::mutex mutex_;
  std::map<int, std::string> paths_;  // for error messages only
};

Status write_and_close(FileSystem& fs, const std::string& path, std::string_view bytes) {
  SY_ASSIGN_OR_RETURN(const int handle, fs.open(path, OpenMode::kCreateNew));
  Status status = fs.write(handle, bytes.data(), bytes.size());
  if (status.ok()) status = fs.sync(handle);
  const Status closed = fs.close(handle);
  return status.ok() ? closed : status;
}

}  // namespace

FileSystem& real_file_system() {
  static RealFileSystem fs;
  return fs;
}

Error error_from_errno(int number, const std::string& path, const std::string& action) {
  Error error;
  error.code = number == ENOSPC || number == EDQUOT ? ErrorCode::kDiskFull : ErrorCode::kIo;
  error.where = path;
  error.message = "expected to " + action + ", found \"" + reason(number) + "\".";
  if (error.code == ErrorCode::kDiskFull) {
    error.hint = "Free some space on this disk or choose another folder.";
  } else if (number == EACCES || number == EPERM || number == EROFS) {
    error.hint = "Check the permissions of the folder or choose another one.";
  } else if (number == EMFILE || number == ENFILE) {
    error.hint = "Too many files are open: raise the limit (ulimit -n).";
  }
  return error;
}

std::string parent_directory(const std::string& path) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  const auto slash = trimmed.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : trimmed.substr(0, slash);
}

std::string base_name(const std::string& path) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  const auto slash = trimmed.rfind('/');
  return slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
}

std::string unique_suffix() {
  std::uint64_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    bits = static_cast<std::uint64_t>(now.tv_nsec) ^ (static_cast<std::uint64_t>(::getpid()) << 32);
  }
  char text[17] = {};
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(bits));
  return text;
}

Status make_directories(const std::string& path, FileSystem& fs) {
  SY_ASSIGN_OR_RETURN(const FileInfo known, fs.info(path));
  if (known.exists) {
    // A link to a folder is accepted: opening it for listing decides.
    if (known.is_directory || fs.list(path).ok()) return {};
    return Error{ErrorCode::kIo, path, "expected a folder, found a file.", "", {}};
  }
  const std::string parent = parent_directory(path);
  if (parent != path) SY_RETURN_IF_ERROR(make_directories(parent, fs));
  const Status made = fs.make_directory(path);
  if (!made.ok()) {
    // Somebody else may have made it in between.
    SY_ASSIGN_OR_RETURN(const FileInfo now, fs.info(path));
    return now.is_directory ? Status{} : made;
  }
  return fs.sync_directory(parent);
}

Result<std::string> read_file(const std::string& path, std::uint64_t max_bytes, FileSystem& fs) {
  SY_ASSIGN_OR_RETURN(const FileInfo known, fs.info(path));
  if (!known.exists) {
    return Error{ErrorCode::kInputFile, path, "expected a file, found nothing there.", "", {}};
  }
  if (known.is_directory) {
    return Error{ErrorCode::kInputFile, path, "expected a file, found a folder.", "", {}};
  }
  SY_ASSIGN_OR_RETURN(const int handle, fs.open(path, OpenMode::kRead));
  std::string bytes;
  Status status;
  while (status.ok()) {
    // Grows with what is really there: the size told by `info` may be a lie (procfs, a race).
    constexpr std::size_t kStep = std::size_t{1} << 20;
    const std::size_t before = bytes.size();
    bytes.resize(before + kStep);
    auto got = fs.read_at(handle, before, bytes.data() + before, kStep);
    if (!got.ok()) {
      status = got.error();
      break;
    }
    bytes.resize(before + *got);
    if (bytes.size() > max_bytes) {
      status = Error{ErrorCode::kInputFile,
                     path,
                     "expected at most " + std::to_string(max_bytes) + " bytes, found more.",
                     "",
                     {}};
    }
    if (*got < kStep) break;
  }
  const Status closed = fs.close(handle);
  if (!status.ok()) return status.error();
  if (!closed.ok()) return closed.error();
  return bytes;
}

Status write_file_durably(const std::string& path, std::string_view bytes, FileSystem& fs) {
  const std::string parent = parent_directory(path);
  const std::string temporary = parent + "/.tmp-" + unique_suffix();
  Status status = write_and_close(fs, temporary, bytes);
  if (status.ok()) status = fs.rename(temporary, path, RenameMode::kReplace);
  if (!status.ok()) {
    // The first failure is the one to report; the leftover is harmless and removed at start.
    const Status removed = fs.remove(temporary);
    return removed.ok() ? status : with_context(status.error(), "leaving " + temporary);
  }
  return fs.sync_directory(parent);
}

Status remove_tree(const std::string& path, FileSystem& fs) {
  SY_ASSIGN_OR_RETURN(const FileInfo known, fs.info(path));
  if (!known.exists) return {};
  if (known.is_directory) {
    SY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.list(path));
    for (const std::string& name : names) SY_RETURN_IF_ERROR(remove_tree(path + "/" + name, fs));
  }
  return fs.remove(path);
}

}  // namespace switchyard
