#include "ui/client/run_files.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include <sys/stat.h>

#include "engine/base/core/file_system.h"
#include "engine/base/store/run_folder.h"
#include "ui/client/run_watcher.h"

namespace switchyard::ui {
namespace {

namespace fs = std::filesystem;

constexpr double kRoomFactor = 1.05;  ///< of an import's bytes that must be free

Error refused(ErrorCode code, const std::string& where, std::string message, std::string hint) {
  return {code, where, std::move(message), std::move(hint), {}};
}

std::string normal(const std::string& path) {
  std::string text = fs::path(path).lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

bool is_in(const std::string& folder, const std::string& path) {
  return parent_directory(normal(path)) == normal(folder);
}

/// `<folder>/<name>`, or with " 2", " 3", … where that is in use.
std::string free_name(const std::string& folder, const std::string& name) {
  std::error_code problem;
  std::string path = folder + "/" + name;
  for (int i = 2; fs::exists(path, problem); ++i)
    path = folder + "/" + name + "-" + std::to_string(i);
  return path;
}

struct CopyItem {
  std::string from;
  std::string relative;
  std::uint64_t bytes = 0;
  bool is_folder = false;
};

/// The plain files and folders of a run, except what belongs to a living engine.
Result<std::vector<CopyItem>> items_of(const std::string& root) {
  std::vector<CopyItem> items;
  std::error_code problem;
  for (fs::recursive_directory_iterator at(root, problem), end; !problem && at != end;
       at.increment(problem)) {
    const fs::file_status status = at->symlink_status(problem);
    const std::string relative = fs::path(at->path()).lexically_relative(root).string();
    const std::string name = at->path().filename().string();
    if (name == "run.lock" || name == "run.sock.path") continue;
    if (fs::is_directory(status)) {
      items.push_back({at->path().string(), relative, 0, true});
    } else if (fs::is_regular_file(status)) {
      items.push_back({at->path().string(), relative, at->file_size(problem), false});
    }
  }
  if (problem) return error_from_errno(problem.value(), root, "read this folder");
  return items;
}

Status copy_file(const CopyItem& item,
                 const std::string& to,
                 const std::function<bool(std::uint64_t)>& count) {
  std::ifstream in(item.from, std::ios::binary);
  std::ofstream out(to, std::ios::binary);
  std::vector<char> buffer(std::size_t{1} << 20);
  while (in && out) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    out.write(buffer.data(), in.gcount());
    if (!count(static_cast<std::uint64_t>(in.gcount())))
      return refused(ErrorCode::kStopped, item.from, "the import was stopped.", "");
  }
  out.flush();
  if (!in.eof() || !out)
    return refused(ErrorCode::kIo,
                   item.from,
                   "expected to copy this file to " + to + ", it could not be read or written.",
                   "Check that both can be reached and that the disk has room.");
  return {};
}

/// Removes an unfinished copy unless it was kept.
class CopyGuard {
 public:
  explicit CopyGuard(std::string path) : path_(std::move(path)) {}

  CopyGuard(const CopyGuard&) = delete;
  CopyGuard& operator=(const CopyGuard&) = delete;

  ~CopyGuard() {
    std::error_code ignored;
    if (!is_kept_) fs::remove_all(path_, ignored);
  }

  void keep() { is_kept_ = true; }

 private:
  std::string path_;
  bool is_kept_ = false;
};

Status check_import(const std::string& runs, const std::string& root) {
  if (const auto problem = run_folder_problem(root); problem.has_value()) return *problem;
  if (is_in(runs, root))
    return refused(ErrorCode::kUsage, root, "this run is in the runs folder already.", "Open it.");
  if (store::RunLock::is_held(root))
    return refused(ErrorCode::kBusy,
                   root,
                   "an engine trains this run.",
                   "Open it where it is, or stop it and import it then.");
  SY_ASSIGN_OR_RETURN(const store::VerifyReport report, store::verify_run(root));
  if (!report.problems.empty())
    return refused(ErrorCode::kInputFile,
                   root,
                   "this run is damaged: " + report.problems.front(),
                   "`switchyard-engine verify " + root + "` names everything that is.");
  return {};
}

Status copy_all(const std::vector<CopyItem>& items,
                const std::string& target,
                const std::function<bool(double)>& progress) {
  std::uint64_t total = 1, done = 0;
  for (const CopyItem& item : items) total += item.bytes;
  for (const CopyItem& item : items) {
    const std::string to = target + "/" + item.relative;
    if (item.is_folder) {
      SY_RETURN_IF_ERROR(make_directories(to));
      continue;
    }
    SY_RETURN_IF_ERROR(copy_file(item, to, [&](std::uint64_t bytes) {
      done += bytes;
      return progress(static_cast<double>(done) / static_cast<double>(total));
    }));
  }
  return {};
}

}  // namespace

std::string trash_folder(const std::string& runs) {
  return runs + "/.trash";
}

Result<std::string> trash_run(const std::string& runs, const std::string& root) {
  if (!is_in(runs, root))
    return refused(ErrorCode::kUsage,
                   root,
                   "only runs in " + runs + " can be moved to the trash.",
                   "Delete it where it is.");
  if (store::RunLock::is_held(root))
    return refused(ErrorCode::kBusy, root, "an engine trains this run.", "Stop it first.");
  SY_RETURN_IF_ERROR(make_directories(trash_folder(runs)));
  const std::string target = free_name(trash_folder(runs), base_name(normal(root)));
  SY_RETURN_IF_ERROR(real_file_system().rename(normal(root), target, RenameMode::kNoReplace));
  std::error_code ignored;
  fs::last_write_time(target, fs::file_time_type::clock::now(), ignored);
  return target;
}

Result<std::string> restore_run(const std::string& runs, const std::string& path) {
  const std::string target = runs + "/" + base_name(normal(path));
  std::error_code problem;
  if (fs::exists(target, problem))
    return refused(ErrorCode::kUsage,
                   target,
                   "another run has this name by now.",
                   "Rename one of the folders; the trashed run is in " + path + ".");
  SY_RETURN_IF_ERROR(real_file_system().rename(normal(path), target, RenameMode::kNoReplace));
  return target;
}

std::vector<TrashedRun> list_trash(const std::string& runs) {
  std::vector<TrashedRun> trash;
  std::error_code problem;
  for (fs::directory_iterator at(trash_folder(runs), problem), end; !problem && at != end;
       at.increment(problem)) {
    struct stat info {};

    const std::string path = at->path().string();
    if (stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) continue;
    trash.push_back(
        {path, at->path().filename().string(), static_cast<double>(info.st_mtim.tv_sec)});
  }
  std::sort(trash.begin(), trash.end(), [](const TrashedRun& a, const TrashedRun& b) {
    return a.wall_time != b.wall_time ? a.wall_time > b.wall_time : a.name < b.name;
  });
  return trash;
}

Status empty_trash(const std::string& runs) {
  Status result;
  for (const TrashedRun& run : list_trash(runs)) {
    const Status removed = remove_tree(run.path);
    if (!removed.ok()) result = removed;
  }
  return result;
}

Result<std::string> import_run(const std::string& runs,
                               const std::string& path,
                               const std::function<bool(double)>& progress) {
  const std::string root = normal(path);
  SY_RETURN_IF_ERROR(check_import(runs, root));
  SY_ASSIGN_OR_RETURN(const std::vector<CopyItem> items, items_of(root));
  SY_RETURN_IF_ERROR(make_directories(runs));
  double bytes = 0.0;
  for (const CopyItem& item : items) bytes += static_cast<double>(item.bytes);
  SY_ASSIGN_OR_RETURN(const std::uint64_t room, real_file_system().free_bytes(runs));
  if (static_cast<double>(room) < bytes * kRoomFactor)
    return refused(ErrorCode::kDiskFull,
                   runs,
                   "expected " + std::to_string(static_cast<long long>(bytes)) +
                       " free bytes for the copy, found " + std::to_string(room) + ".",
                   "Free some space, or open the run where it is.");
  const std::string copy = runs + "/.import-" + unique_suffix();
  CopyGuard guard(copy);
  SY_RETURN_IF_ERROR(make_directories(copy));
  SY_RETURN_IF_ERROR(copy_all(items, copy, progress));
  const std::string target = free_name(runs, base_name(root));
  SY_RETURN_IF_ERROR(real_file_system().rename(copy, target, RenameMode::kNoReplace));
  guard.keep();
  return target;
}

}  // namespace switchyard::ui
