#include "engine/base/store/run_folder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include <pwd.h>
#include <unistd.h>

#include "engine/base/config/schema.h"
#include "engine/base/core/file_system.h"
#include "engine/base/core/limits.h"

namespace switchyard::store {
namespace {

constexpr std::string_view kRunSchema = "switchyard.run";
constexpr std::uint64_t kMostTagBytes = 1 << 16;
constexpr std::size_t kMostTags = 32;

std::string home_directory() {
  if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/') return home;
  const passwd* user = ::getpwuid(::getuid());
  return user != nullptr && user->pw_dir != nullptr ? user->pw_dir : "/tmp";
}

/// Names that an engine or the window may have put into a folder before it is a run.
bool may_stand_in_new_folder(const std::string& name) {
  static constexpr std::array<std::string_view, 8> kOurs{"checkpoints",
                                                         "run.lock",
                                                         "log.jsonl",
                                                         "crash.txt",
                                                         "run.sock.path",
                                                         "run.sock",
                                                         "engine.log",
                                                         "tags.json"};
  return name.starts_with(".") || std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end();
}

}  // namespace

std::string file_name_from(const std::string& name) {
  std::string safe;
  for (const char c : name) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    safe += is_plain ? c : '-';
  }
  while (!safe.empty() && (safe.front() == '.' || safe.front() == '-')) safe.erase(0, 1);
  constexpr std::size_t kMaxBytes = 100;
  if (safe.size() > kMaxBytes) safe.resize(kMaxBytes);
  return safe.empty() ? "run" : safe;
}

std::string runs_directory() {
  if (const char* runs = std::getenv("SWITCHYARD_RUNS"); runs != nullptr && runs[0] != '\0') {
    return runs;
  }
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && data[0] == '/') {
    return std::string(data) + "/switchyard/runs";
  }
  return home_directory() + "/.local/share/switchyard/runs";
}

std::string next_run_directory(const std::string& runs, const std::string& name) {
  const std::string stem = file_name_from(name) + "-";
  for (int number = 1;; ++number) {
    char digits[16] = {};
    std::snprintf(digits, sizeof digits, "%03d", number);
    std::string path = runs + "/" + stem + digits;
    const auto known = real_file_system().info(path);
    if (!known.ok() || !known->exists) return path;
  }
}

Status create_run_folder(const std::string& root, const Json& resolved_config) {
  FileSystem& fs = real_file_system();
  const RunPaths paths{root};
  SY_ASSIGN_OR_RETURN(const FileInfo known, fs.info(root));
  if (known.exists) {
    SY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.list(root));
    for (const std::string& name : names) {
      if (may_stand_in_new_folder(name)) continue;
      const bool is_run = name == "config.json" || name == "run.db";
      return Error{
          ErrorCode::kUsage,
          root,
          is_run ? "expected a new folder, found one that holds a run already."
                 : "expected an empty folder for the run, found `" + name + "` in it.",
          is_run ? "Continue it with --resume, or choose another --run." : "Choose another --run.",
          {}};
    }
  }
  SY_RETURN_IF_ERROR(make_directories(root, fs));
  SY_RETURN_IF_ERROR(make_directories(paths.checkpoints(), fs));
  return write_file_durably(paths.config(), resolved_config.dump(2) + "\n", fs);
}

Result<Json> read_run_config(const std::string& root) {
  const RunPaths paths{root};
  SY_ASSIGN_OR_RETURN(const FileInfo known, real_file_system().info(paths.config()));
  if (!known.exists) {
    return Error{ErrorCode::kInputFile,
                 root,
                 "expected a run folder, found no config.json in it.",
                 "Runs stand below " + runs_directory() + ".",
                 {}};
  }
  SY_ASSIGN_OR_RETURN(const std::string text, read_file(paths.config(), limits::kConfigBytes));
  SY_ASSIGN_OR_RETURN(Json config, parse_json(text, paths.config()));
  if (!config.is_object() || config["schema"].as_string() != kRunSchema) {
    return Error{ErrorCode::kInputFile,
                 paths.config(),
                 "expected \"schema\": \"" + std::string(kRunSchema) + "\", found " +
                     config["schema"].dump() + ".",
                 "This folder is no run of ours.",
                 {}};
  }
  // Programs of today read what older ones wrote; a newer version is the reader's to refuse.
  if (config["version"].as_integer(config::kRunVersion) < config::kRunVersion) {
    return config::migrate(std::move(config), paths.config());
  }
  return config;
}

Status write_run_tags(const std::string& root, const std::vector<std::string>& tags) {
  Json list = Json::array();
  for (const std::string& tag : tags) list.push_back(tag);
  const Json document = Json::object(
      {{"schema", Json("switchyard.tags")}, {"version", Json(1)}, {"tags", std::move(list)}});
  return write_file_durably(RunPaths{root}.tags(), document.dump(2) + "\n");
}

std::vector<std::string> read_run_tags(const std::string& root) {
  std::vector<std::string> tags;
  const std::string path = RunPaths{root}.tags();
  const auto text = read_file(path, kMostTagBytes);
  if (!text.ok()) return tags;  // most runs have none
  const auto document = parse_json(*text, path);
  if (!document.ok()) return tags;  // for finding runs only: a damaged file costs no run
  for (const Json& tag : (*document)["tags"].items()) {
    if (!tag.as_string().empty() && tags.size() < kMostTags) tags.push_back(tag.as_string());
  }
  return tags;
}

}  // namespace switchyard::store
