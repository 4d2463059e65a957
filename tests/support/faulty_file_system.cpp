#include "tests/support/faulty_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

namespace switchyard::test {
namespace {

constexpr int kRoot = 0;
constexpr std::size_t kSectorBytes = 512;

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  std::string part;
  for (const char c : path + "/") {
    if (c != '/') {
      part += c;
    } else if (!part.empty()) {
      parts.push_back(std::exchange(part, {}));
    }
  }
  return parts;
}

void put(std::string& content, std::size_t offset, std::string_view data) {
  if (content.size() < offset + data.size()) content.resize(offset + data.size(), '\0');
  std::copy(data.begin(), data.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

FaultyFileSystem::FaultyFileSystem() {
  inodes_.push_back({true, "", {}});
}

int FaultyFileSystem::find(const std::string& path) const {
  int at = kRoot;
  for (const std::string& part : parts_of(path)) {
    const auto& entries = inodes_[static_cast<std::size_t>(at)].entries;
    const auto entry = entries.find(part);
    if (entry == entries.end()) return -1;
    at = entry->second;
  }
  return at;
}

int FaultyFileSystem::parent_of(const std::string& path) const {
  return find(parent_directory(path));
}

void FaultyFileSystem::fail_at(int n, int error_number, bool is_persistent) {
  fail_in_ = n;
  error_number_ = error_number;
  is_persistent_ = is_persistent;
  has_failed_ = false;
}

Status FaultyFileSystem::permit(const std::string& path, const std::string& action) {
  if (fail_in_ > 0 && --fail_in_ == 0) {
    has_failed_ = true;
    if (is_persistent_) fail_in_ = 1;
    return error_from_errno(error_number_, path, action);
  }
  return {};
}

Result<int> FaultyFileSystem::open(const std::string& path, OpenMode mode) {
  int inode = find(path);
  if (mode == OpenMode::kRead) {
    if (inode < 0) return error_from_errno(ENOENT, path, "open it");
  } else {
    SY_RETURN_IF_ERROR(permit(path, "create it"));
    const int parent = parent_of(path);
    if (parent < 0) return error_from_errno(ENOENT, path, "create it");
    if (inode >= 0) return error_from_errno(EEXIST, path, "create it");
    inode = static_cast<int>(inodes_.size());
    inodes_.push_back({});
    Operation operation{Kind::kAdd, parent, base_name(path), "", inode, false, "", 0};
    apply_names(operation, inodes_[static_cast<std::size_t>(parent)]);
    log_.push_back(std::move(operation));
  }
  handles_[next_handle_] = {inode, path, mode == OpenMode::kRead};
  return next_handle_++;
}

Status FaultyFileSystem::write(int handle, const void* data, std::size_t bytes) {
  const Handle& file = handles_.at(handle);
  SY_RETURN_IF_ERROR(permit(file.path, "write " + std::to_string(bytes) + " bytes"));
  std::string& content = inodes_[static_cast<std::size_t>(file.inode)].content;
  Operation operation{Kind::kWrite, file.inode, "", "", 0, false, "", content.size()};
  operation.data.assign(static_cast<const char*>(data), bytes);
  content += operation.data;
  log_.push_back(std::move(operation));
  return {};
}

Result<std::size_t> FaultyFileSystem::read_at(int handle,
                                              std::uint64_t offset,
                                              void* out,
                                              std::size_t bytes) {
  const std::string& content = inodes_[static_cast<std::size_t>(handles_.at(handle).inode)].content;
  if (offset >= content.size()) return std::size_t{0};
  const std::size_t n = std::min<std::size_t>(bytes, content.size() - offset);
  std::memcpy(out, content.data() + offset, n);
  return n;
}

Status FaultyFileSystem::sync(int handle) {
  const Handle& file = handles_.at(handle);
  SY_RETURN_IF_ERROR(permit(file.path, "sync it to the disk"));
  log_.push_back({Kind::kSync, file.inode, "", "", 0, false, "", 0});
  return {};
}

Status FaultyFileSystem::close(int handle) {
  const Handle file = handles_.at(handle);
  handles_.erase(handle);
  return file.is_for_reading ? Status{} : permit(file.path, "close it");
}

Status FaultyFileSystem::make_directory(const std::string& path) {
  SY_RETURN_IF_ERROR(permit(path, "create the folder"));
  const int parent = parent_of(path);
  if (parent < 0) return error_from_errno(ENOENT, path, "create the folder");
  if (find(path) >= 0) return error_from_errno(EEXIST, path, "create the folder");
  const int inode = static_cast<int>(inodes_.size());
  inodes_.push_back({true, "", {}});
  Operation operation{Kind::kAdd, parent, base_name(path), "", inode, true, "", 0};
  apply_names(operation, inodes_[static_cast<std::size_t>(parent)]);
  log_.push_back(std::move(operation));
  return {};
}

Status FaultyFileSystem::sync_directory(const std::string& path) {
  SY_RETURN_IF_ERROR(permit(path, "sync the folder to the disk"));
  const int inode = find(path);
  if (inode < 0) return error_from_errno(ENOENT, path, "open the folder");
  log_.push_back({Kind::kSyncDirectory, inode, "", "", 0, false, "", 0});
  return {};
}

Status FaultyFileSystem::rename(const std::string& from, const std::string& to, RenameMode mode) {
  SY_RETURN_IF_ERROR(permit(from, "rename it to " + to));
  const int parent = parent_of(from);
  const bool is_known = find(from) >= 0 && parent >= 0 && parent == parent_of(to);
  if (!is_known) return error_from_errno(ENOENT, from, "rename it to " + to);
  const bool is_taken = find(to) >= 0;
  if (is_taken && mode == RenameMode::kNoReplace) {
    return error_from_errno(EEXIST, from, "rename it to " + to);
  }
  if (!is_taken && mode == RenameMode::kExchange) {
    return error_from_errno(ENOENT, to, "exchange it with " + from);
  }
  const Kind kind = mode == RenameMode::kExchange ? Kind::kExchange : Kind::kMove;
  Operation operation{kind, parent, base_name(from), base_name(to), 0, false, "", 0};
  apply_names(operation, inodes_[static_cast<std::size_t>(parent)]);
  log_.push_back(std::move(operation));
  return {};
}

Status FaultyFileSystem::remove(const std::string& path) {
  SY_RETURN_IF_ERROR(permit(path, "remove it"));
  const int inode = find(path);
  const int parent = parent_of(path);
  if (inode < 0) return error_from_errno(ENOENT, path, "remove it");
  if (!inodes_[static_cast<std::size_t>(inode)].entries.empty()) {
    return error_from_errno(ENOTEMPTY, path, "remove it");
  }
  Operation operation{Kind::kRemove, parent, base_name(path), "", 0, false, "", 0};
  apply_names(operation, inodes_[static_cast<std::size_t>(parent)]);
  log_.push_back(std::move(operation));
  return {};
}

Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& path) {
  const int inode = find(path);
  if (inode < 0) return error_from_errno(ENOENT, path, "list the folder");
  std::vector<std::string> names;
  for (const auto& [name, child] : inodes_[static_cast<std::size_t>(inode)].entries) {
    names.push_back(name);
  }
  return names;
}

Result<FileInfo> FaultyFileSystem::info(const std::string& path) {
  const int inode = find(path);
  if (inode < 0) return FileInfo{};
  const Inode& known = inodes_[static_cast<std::size_t>(inode)];
  return FileInfo{true, known.is_directory, known.content.size()};
}

Result<std::uint64_t> FaultyFileSystem::free_bytes(const std::string& /*path*/) {
  return free_space;
}

void FaultyFileSystem::apply_names(const Operation& operation, Inode& directory) {
  auto& entries = directory.entries;
  switch (operation.kind) {
    case Kind::kAdd:
      entries[operation.name] = operation.child;
      break;
    case Kind::kMove:
      entries[operation.to] = entries[operation.name];
      entries.erase(operation.name);
      break;
    case Kind::kExchange:
      std::swap(entries[operation.to], entries[operation.name]);
      break;
    case Kind::kRemove:
      entries.erase(operation.name);
      break;
    default:
      break;
  }
}

FaultyFileSystem FaultyFileSystem::after_power_loss(std::size_t count,
                                                    Luck luck,
                                                    std::mt19937_64& random) const {
  FaultyFileSystem after;
  after.inodes_.assign(inodes_.size(), {});
  after.inodes_[kRoot].is_directory = true;
  std::map<int, std::vector<std::size_t>> pending_names, pending_writes;
  const auto arrives = [&] {
    return luck == Luck::kEverything || (luck == Luck::kRandom && random() % 2 == 0);
  };
  for (std::size_t i = 0; i < count; ++i) {
    const Operation& operation = log_[i];
    Inode& inode = after.inodes_[static_cast<std::size_t>(operation.inode)];
    switch (operation.kind) {
      case Kind::kAdd:
        after.inodes_[static_cast<std::size_t>(operation.child)].is_directory =
            operation.is_directory;
        [[fallthrough]];
      case Kind::kMove:
      case Kind::kExchange:
      case Kind::kRemove:
        pending_names[operation.inode].push_back(i);
        break;
      case Kind::kWrite:
        pending_writes[operation.inode].push_back(i);
        break;
      case Kind::kSync:
        for (const std::size_t w : pending_writes[operation.inode]) {
          put(inode.content, log_[w].offset, log_[w].data);
        }
        pending_writes.erase(operation.inode);
        break;
      case Kind::kSyncDirectory:
        for (const std::size_t n : pending_names[operation.inode]) apply_names(log_[n], inode);
        pending_names.erase(operation.inode);
        break;
      case Kind::kClose:
        break;
    }
  }
  for (const auto& [directory, operations] : pending_names) {
    for (const std::size_t n : operations) {
      if (!arrives()) break;  // names of one folder arrive in order
      apply_names(log_[n], after.inodes_[static_cast<std::size_t>(directory)]);
    }
  }
  for (const auto& [file, operations] : pending_writes) {
    for (const std::size_t w : operations) {
      const Operation& write = log_[w];
      for (std::size_t begin = 0; begin < write.data.size(); begin += kSectorBytes) {
        if (!arrives()) continue;
        put(after.inodes_[static_cast<std::size_t>(file)].content,
            write.offset + begin,
            std::string_view(write.data).substr(begin, kSectorBytes));
      }
    }
  }
  return after;
}

}  // namespace switchyard::test
