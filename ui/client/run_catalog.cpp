#include "ui/client/run_catalog.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <sys/stat.h>

#include "engine/base/core/file_system.h"
#include "engine/base/core/log.h"
#include "ui/model/run_index.h"

namespace switchyard::ui {
namespace {

constexpr double kSaveInterval = 10.0;
constexpr std::int64_t kIndexVersion = 2;
constexpr std::uint64_t kMostIndexBytes = std::uint64_t{64} << 20;

struct FileStamp {
  std::int64_t time_ns = 0;
  std::int64_t bytes = -1;  ///< −1: not there
};

FileStamp file_stamp(const std::string& path) {
  struct stat info {};

  if (::stat(path.c_str(), &info) != 0) return {};
  return {std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec,
          std::int64_t{info.st_size}};
}

}  // namespace

RunCatalog::~RunCatalog() {
  if (is_dirty_) save();
}

RunCatalog::Stamp RunCatalog::stamp_of(const std::string& root) {
  const store::RunPaths paths{root};
  const FileStamp config = file_stamp(paths.config());
  const FileStamp database = file_stamp(paths.database());
  const FileStamp wal = file_stamp(paths.database() + "-wal");
  return {config.time_ns,
          database.time_ns,
          wal.time_ns,
          config.bytes,
          database.bytes,
          wal.bytes,
          store::RunLock::is_held(root)};
}

void RunCatalog::load() {
  is_loaded_ = true;
  const auto text = read_file(index_path(runs_), kMostIndexBytes);
  if (!text.ok()) return;
  JsonLimits limits;
  limits.max_bytes = kMostIndexBytes;
  limits.max_values = 10'000'000;
  const auto index = parse_json(*text, index_path(runs_), limits);
  if (!index.ok() || (*index)["version"].as_integer() != kIndexVersion) return;
  for (const Json& item : (*index)["runs"].items()) {
    Entry entry;
    entry.run = overview_from_json(item);
    const Json& stamp = item["stamp"];
    entry.stamp = {stamp[0].as_integer(),
                   stamp[1].as_integer(),
                   stamp[2].as_integer(),
                   stamp[3].as_integer(),
                   stamp[4].as_integer(),
                   stamp[5].as_integer(),
                   stamp[6].as_bool()};
    entry.run.root = runs_ + "/" + entry.run.name;
    if (!entry.run.name.empty()) entries_[entry.run.name] = std::move(entry);
  }
}

void RunCatalog::save() {
  is_dirty_ = false;
  Json runs = Json::array();
  for (const auto& [name, entry] : entries_) {
    Json item = json_from_overview(entry.run);
    const Stamp& s = entry.stamp;
    item.set("stamp",
             Json::array({s.config_ns,
                          s.database_ns,
                          s.wal_ns,
                          s.config_bytes,
                          s.database_bytes,
                          s.wal_bytes,
                          s.is_held}));
    runs.push_back(std::move(item));
  }
  const Json index = Json::object(
      {{"schema", "switchyard.run_index"}, {"version", kIndexVersion}, {"runs", std::move(runs)}});
  // A folder that cannot be written to is still listed; it is only read again at the next start.
  if (const Status written = write_file_durably(index_path(runs_), index.dump()); !written.ok())
    log_warning("the index of runs was not written", {{"reason", Json(written.error().text())}});
}

std::vector<store::RunOverview> RunCatalog::scan(double now) {
  std::vector<store::RunOverview> found;
  const auto names = real_file_system().list(runs_);
  if (!names.ok()) return found;  // no runs yet
  if (!is_loaded_) load();
  std::set<std::string> present;
  for (const std::string& name : *names) {
    if (name.starts_with('.')) continue;
    const std::string root = runs_ + "/" + name;
    Stamp stamp = stamp_of(root);
    if (stamp.config_bytes < 0 && stamp.database_bytes < 0) continue;
    present.insert(name);
    const auto known = entries_.find(name);
    if (known == entries_.end() || !(known->second.stamp == stamp)) {
      ++num_opened_;
      is_dirty_ = true;
      entries_[name] = {stamp, store::read_run_overview(root)};
    }
    found.push_back(entries_[name].run);
  }
  is_dirty_ =
      std::erase_if(entries_, [&](const auto& entry) { return present.count(entry.first) == 0; }) >
          0 ||
      is_dirty_;
  std::sort(
      found.begin(), found.end(), [](const store::RunOverview& a, const store::RunOverview& b) {
        if (a.modified_wall_time != b.modified_wall_time)
          return a.modified_wall_time > b.modified_wall_time;
        return a.name < b.name;
      });
  if (is_dirty_ && now - last_save_ >= kSaveInterval) {
    save();
    last_save_ = now;
  }
  return found;
}

}  // namespace switchyard::ui
