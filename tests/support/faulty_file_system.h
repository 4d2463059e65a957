#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/base/core/file_system.h"

namespace switchyard::test {

/// A file system in memory that remembers every change, fails on request, and shows what a power
/// loss may leave behind.
///
/// Model of a power loss: bytes of a file are safe up to its last sync; of later writes any set of
/// 512-byte sectors may have arrived, and the length may have grown with them. Names in a folder
/// are safe up to its last sync; of later changes (create, rename, exchange, remove) any prefix may
/// have arrived, for each folder by itself. Threads: one.
class FaultyFileSystem final : public FileSystem {
 public:
  FaultyFileSystem();

  Result<int> open(const std::string& path, OpenMode mode) override;
  Status write(int handle, const void* data, std::size_t bytes) override;
  Result<std::size_t> read_at(int handle,
                              std::uint64_t offset,
                              void* out,
                              std::size_t bytes) override;
  Status sync(int handle) override;
  Status close(int handle) override;
  Status make_directory(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to, RenameMode mode) override;
  Status remove(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override;

  /// The n-th changing operation from now on (1 = the next) fails with this errno; with
  /// `is_persistent` all later ones too.
  void fail_at(int n, int error_number, bool is_persistent);

  /// Changing operations since the start.
  [[nodiscard]] std::size_t num_operations() const { return log_.size(); }

  /// True once an injected failure has been hit.
  [[nodiscard]] bool has_failed() const { return has_failed_; }

  /// What may be found after power was lost when `count` operations had been done.
  enum class Luck { kOnlySynced, kEverything, kRandom };
  [[nodiscard]] FaultyFileSystem after_power_loss(std::size_t count,
                                                  Luck luck,
                                                  std::mt19937_64& random) const;

  std::uint64_t free_space = std::uint64_t{1} << 40;

 private:
  struct Inode {
    bool is_directory = false;
    std::string content;
    std::map<std::string, int> entries;
  };

  enum class Kind { kAdd, kMove, kExchange, kRemove, kWrite, kSync, kSyncDirectory, kClose };

  struct Operation {
    Kind kind = Kind::kClose;
    int inode = 0;  ///< the file, or the folder whose names change
    std::string name;
    std::string to;
    int child = 0;
    bool is_directory = false;
    std::string data;
    std::size_t offset = 0;
  };

  struct Handle {
    int inode = 0;
    std::string path;
    bool is_for_reading = false;
  };

  [[nodiscard]] int find(const std::string& path) const;  ///< -1 when missing
  [[nodiscard]] int parent_of(const std::string& path) const;
  Status permit(const std::string& path, const std::string& action);
  static void apply_names(const Operation& operation, Inode& directory);

  std::vector<Inode> inodes_;
  std::map<int, Handle> handles_;
  int next_handle_ = 1;
  std::vector<Operation> log_;
  int fail_in_ = 0;  ///< 0 = never
  int error_number_ = 0;
  bool is_persistent_ = false;
  bool has_failed_ = false;
};

}  // namespace switchyard::test
