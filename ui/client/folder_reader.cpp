#include "ui/client/folder_reader.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/core/file_system.h"
#include "engine/base/store/run_folder.h"
#include "ui/model/words.h"

namespace switchyard::ui {
namespace {

constexpr auto kInterval = std::chrono::seconds(1);
constexpr std::size_t kEntriesPerCheck = 1024;

/// Changes when names come and go; 0: the folder is not there.
std::int64_t stamp_of(const std::string& folder) {
  struct stat info = {};
  if (stat(folder.c_str(), &info) != 0) return 0;
  return static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
}

bool is_run_folder(const std::string& folder) {
  return access(store::RunPaths{folder}.database().c_str(), F_OK) == 0;
}

void explain(int number, FolderListing& listing) {
  switch (number) {
    case ENOENT:
      listing.problem = "There is no folder at this path";
      listing.hint = "It may have been moved or removed. Go up, or pick another place.";
      break;
    case ENOTDIR:
      listing.problem = "This is a file, not a folder";
      listing.hint = "Go up to the folder that holds it.";
      break;
    case EACCES:
    case EPERM:
      listing.problem = "You may not read this folder";
      listing.hint = "Pick another place, or ask its owner for the right to read it.";
      break;
    default:
      listing.problem = "This folder cannot be read";
      listing.hint = std::string("The system says: ") + std::strerror(number) + ".";
  }
}

/// False when the name went away in between.
bool describe(int folder, const std::string& path, FileEntry& entry) {
  struct stat info = {};
  const bool is_there = fstatat(folder, entry.name.c_str(), &info, 0) == 0 ||
                        fstatat(folder, entry.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
  if (!is_there) return false;
  entry.key = lower_case(entry.name);
  entry.is_folder = S_ISDIR(info.st_mode);
  entry.is_run = entry.is_folder && is_run_folder(path + "/" + entry.name);
  entry.bytes = entry.is_folder ? 0 : static_cast<std::uint64_t>(info.st_size);
  entry.modified = static_cast<double>(info.st_mtim.tv_sec);
  return true;
}

bool is_there(const std::string& folder) {
  struct stat info = {};
  return stat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

FolderListing list_folder(const std::string& folder, const std::function<bool()>& is_outdated) {
  FolderListing listing;
  listing.folder = folder;
  listing.is_run = is_run_folder(folder);
  DIR* stream = opendir(folder.c_str());
  if (stream == nullptr) {
    explain(errno, listing);
    return listing;
  }
  const int handle = dirfd(stream);
  for (std::size_t count = 0;; ++count) {
    if (count % kEntriesPerCheck == 0 && is_outdated()) break;
    errno = 0;
    const dirent* found = readdir(stream);
    if (found == nullptr) {
      if (errno != 0) explain(errno, listing);
      break;
    }
    FileEntry entry;
    entry.name = found->d_name;
    if (entry.name == "." || entry.name == "..") continue;
    if (listing.entries.size() == kMostEntries) {
      listing.is_cut = true;
      break;
    }
    if (describe(handle, folder, entry)) listing.entries.push_back(std::move(entry));
  }
  closedir(stream);
  if (!listing.problem.empty()) listing.entries.clear();
  sort_entries(listing.entries);
  return listing;
}

DroppedPath look_at_dropped_path(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return {path, DroppedKind::kOther};
  if (S_ISDIR(info.st_mode))
    return {path, is_run_folder(path) ? DroppedKind::kRunFolder : DroppedKind::kOther};
  const std::string name = lower_case(path);
  if (name.ends_with(".json")) return {path, DroppedKind::kConfig};
  return {path, name.ends_with(".txt") ? DroppedKind::kText : DroppedKind::kOther};
}

FolderReader::FolderReader(Mailbox& mailbox) : mailbox_(mailbox), thread_([this] { work(); }) {}

FolderReader::~FolderReader() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    ++newest_;  // a long listing ends
  }
  wake_.notify_all();
  thread_.join();
}

void FolderReader::want(const std::string& folder, bool is_start) {
  {
    const std::lock_guard lock(mutex_);
    if (wish_.folder == folder && wish_.is_start == is_start) return;
    wish_ = {folder, is_start, ++newest_};
  }
  wake_.notify_all();
}

void FolderReader::look_at_dropped(const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    dropped_.push_back(path);
  }
  wake_.notify_all();
}

void FolderReader::read(const Wish& wish) {
  std::string folder = wish.folder;
  while (wish.is_start && folder != "/" && !is_there(folder)) folder = parent_directory(folder);
  FolderListing found = list_folder(folder, [&] { return is_outdated(wish.number); });
  if (is_outdated(wish.number)) return;
  found.asked = wish.folder;
  listing_ = std::make_shared<const FolderListing>(std::move(found));
  mailbox_.wake();
}

void FolderReader::work() {
  std::int64_t read_number = 0, stamp = 0;
  for (;;) {
    Wish wish;
    std::vector<std::string> dropped;
    {
      std::unique_lock lock(mutex_);
      const auto has_work = [&] {
        return is_stopping_ || !dropped_.empty() || wish_.number != read_number;
      };
      if (wish_.folder.empty()) {
        wake_.wait(lock, has_work);
      } else {
        wake_.wait_for(lock, kInterval, has_work);
      }
      if (is_stopping_) return;
      wish = wish_;
      dropped = std::exchange(dropped_, {});
    }
    for (const std::string& path : dropped) mailbox_.put(look_at_dropped_path(path));
    const bool is_other = std::exchange(read_number, wish.number) != wish.number;
    if (wish.folder.empty()) continue;
    const std::int64_t now = stamp_of(wish.folder);
    if (std::exchange(stamp, now) != now || is_other) read(wish);
  }
}

}  // namespace switchyard::ui
