#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/result.h"

namespace switchyard {

/// What `FileSystem::info` tells about a name.
struct FileInfo {
  bool exists = false;
  bool is_directory = false;
  std::uint64_t bytes = 0;
};

enum class OpenMode {
  kRead,
  kCreateNew,  ///< for writing; the name must not exist
};

enum class RenameMode {
  kReplace,    ///< an existing file under the new name is replaced
  kNoReplace,  ///< fails when the new name exists
  kExchange,   ///< both names exist and swap their contents in one step
};

/// The twelve operations through which durable files are written and checked: the one seam where
/// tests inject failures and power loss.
///
/// Errors: kDiskFull for ENOSPC and EDQUOT, kIo otherwise, always naming the path. EINTR is
/// retried, short reads and writes are continued; a failed sync is final and never retried, since
/// the kernel may have dropped the pages.
/// Threads: any, a handle belongs to one thread at a time.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<int> open(const std::string& path, OpenMode mode) = 0;
  /// Appends all bytes.
  virtual Status write(int handle, const void* data, std::size_t bytes) = 0;
  /// Reads up to `bytes` at `offset`; fewer only at the end of the file.
  virtual Result<std::size_t> read_at(int handle,
                                      std::uint64_t offset,
                                      void* out,
                                      std::size_t bytes) = 0;
  virtual Status sync(int handle) = 0;
  /// The handle is gone afterwards, also when closing reports an error.
  virtual Status close(int handle) = 0;
  virtual Status make_directory(const std::string& path) = 0;  ///< the parent must exist
  /// Makes the names inside a folder durable (entries added, renamed, removed).
  virtual Status sync_directory(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to, RenameMode mode) = 0;
  virtual Status remove(const std::string& path) = 0;  ///< a file or an empty folder
  /// Names in a folder without "." and "..", in byte order.
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  virtual Result<FileInfo> info(const std::string& path) = 0;
  /// Bytes that an ordinary user can still write where `path` lies.
  virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
};

/// The file system of the machine.
FileSystem& real_file_system();

/// The Error for a failed system call: `action` reads after "expected to", e.g. "write 4096 bytes".
Error error_from_errno(int number, const std::string& path, const std::string& action);

/// The folder that holds `path` ("." when the path names no folder).
std::string parent_directory(const std::string& path);

/// The last part of `path`.
std::string base_name(const std::string& path);

/// Sixteen hexadecimal digits that no other call on this machine got: for temporary names.
std::string unique_suffix();

/// Creates a folder and its missing parents, durably.
Status make_directories(const std::string& path, FileSystem& fs = real_file_system());

/// The bytes of a file. Errors: kInputFile when it is missing or longer than `max_bytes`; kIo.
Result<std::string> read_file(const std::string& path,
                              std::uint64_t max_bytes,
                              FileSystem& fs = real_file_system());

/// Writes a file so that after a crash at any moment its name shows the old or the new content,
/// never a part: temporary name in the same folder, write, fsync, close, rename, fsync of the
/// folder. Errors: kDiskFull, kIo; the temporary file is removed.
Status write_file_durably(const std::string& path,
                          std::string_view bytes,
                          FileSystem& fs = real_file_system());

/// Removes a file or a folder with everything in it; symbolic links are removed, never followed. A
/// missing name is success.
Status remove_tree(const std::string& path, FileSystem& fs = real_file_system());

}  // namespace switchyard
