#include "engine/base/store/socket_path.h"

#include <cstdlib>
#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/core/file_system.h"
#include "engine/base/core/hash.h"
#include "engine/base/store/run_folder.h"

namespace switchyard::store {
namespace {

constexpr std::size_t kMaxPathFileBytes = 4096;

std::string absolute_path(const std::string& path) {
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(path, failed);
  return failed ? path : absolute.lexically_normal().string();
}

/// $XDG_RUNTIME_DIR/switchyard, else /tmp/switchyard-<user>: a folder of this user alone.
std::string runtime_directory() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/' && std::string_view(runtime).size() < 60) {
    return std::string(runtime) + "/switchyard";
  }
  return "/tmp/switchyard-" + std::to_string(::getuid());
}

/// Different folders get different names; the same folder always gets the same one.
std::string short_socket_path(const std::string& absolute_root) {
  const std::uint32_t forward = crc32c(absolute_root);
  const std::uint32_t salted = crc32c("salt" + absolute_root);
  return runtime_directory() + "/" + hex_from_crc(forward) + hex_from_crc(salted) + ".sock";
}

std::string own_socket_path(const std::string& absolute_root) {
  return absolute_root + "/run.sock";
}

std::string path_file(const std::string& root) {
  return root + "/run.sock.path";
}

Status make_private_directory(const std::string& path) {
  struct stat known {};

  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return error_from_errno(errno, path, "create the folder for sockets");
  }
  if (::lstat(path.c_str(), &known) != 0) return error_from_errno(errno, path, "look at it");
  if (!S_ISDIR(known.st_mode) || known.st_uid != ::getuid() || (known.st_mode & 0022) != 0) {
    return Error{ErrorCode::kIo,
                 path,
                 "expected a folder that only this user may write, found something else.",
                 "Remove it, or set XDG_RUNTIME_DIR to a private folder.",
                 {}};
  }
  return {};
}

}  // namespace

std::string RunPaths::socket() const {
  const std::string absolute = absolute_path(root);
  std::string own = own_socket_path(absolute);
  if (own.size() <= kMaxSocketPathBytes) return own;
  auto named = read_file(path_file(root), kMaxPathFileBytes);
  if (named.ok()) {
    std::string path = std::move(named).value();
    while (!path.empty() && path.back() == '\n') path.pop_back();
    // The text is data from a folder that may have been copied: only a plausible name is followed.
    const bool is_plausible = path.size() <= kMaxSocketPathBytes && path.starts_with('/') &&
                              path.ends_with(".sock") && path.find('\0') == std::string::npos;
    if (is_plausible) return path;
  }
  return short_socket_path(absolute);
}

Status name_socket_path(const std::string& root) {
  const std::string absolute = absolute_path(root);
  if (own_socket_path(absolute).size() <= kMaxSocketPathBytes) {
    SY_ASSIGN_OR_RETURN(const FileInfo left, real_file_system().info(path_file(root)));
    return left.exists ? real_file_system().remove(path_file(root)) : Status{};
  }
  const std::string path = short_socket_path(absolute);
  SY_RETURN_IF_ERROR(make_private_directory(parent_directory(path)));
  return write_file_durably(path_file(root), path + "\n");
}

}  // namespace switchyard::store
