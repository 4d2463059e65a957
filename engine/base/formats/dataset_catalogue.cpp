#include <algorithm>
#include <memory>

#include <curl/curl.h>

#include "engine/base/config/schema.h"
#include "engine/base/core/assets.h"
#include "engine/base/core/file_system.h"
#include "engine/base/core/limits.h"
#include "engine/base/core/sha256.h"
#include "engine/base/core/text.h"
#include "engine/base/formats/dataset.h"

namespace switchyard::formats {
namespace {

bool is_plain_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

Result<DatasetInfo> info_from_entry(const Json& entry, const std::string& source) {
  DatasetInfo info;
  info.name = entry["name"].as_string();
  info.title = entry["title"].as_string();
  info.licence = entry["licence"].as_string();
  info.source = entry["source"].as_string();
  info.url = entry["url"].as_string();
  info.sha256 = entry["sha256"].as_string();
  info.bytes = entry["bytes"].as_integer();
  if (!is_plain_name(info.name) || info.sha256.size() != 64 || info.bytes <= 0)
    return Error{
        ErrorCode::kInputFile,
        source,
        "expected name, sha256 and bytes of a data set, found " + entry.dump().substr(0, 120) + ".",
        "",
        {}};
  info.path = data_directory() + "/texts/" + info.name + ".txt";
  SY_ASSIGN_OR_RETURN(const FileInfo file, real_file_system().info(info.path));
  info.is_present =
      file.exists && !file.is_directory && file.bytes == static_cast<std::uint64_t>(info.bytes);
  return info;
}

struct Download {
  std::string bytes;
  std::size_t most = 0;
  bool is_too_long = false;
};

std::size_t receive(char* data, std::size_t size, std::size_t count, void* user) {
  auto* download = static_cast<Download*>(user);
  const std::size_t bytes = size * count;  // libcurl promises size == 1
  if (bytes > download->most - download->bytes.size()) {
    download->is_too_long = true;
    return 0;
  }
  download->bytes.append(data, bytes);
  return bytes;
}

struct CurlCleanup {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

Error not_downloaded(const DatasetInfo& info, const std::string& reason) {
  return {ErrorCode::kUnavailable,
          info.url,
          "expected to download " + info.name + ", but " + reason + ".",
          "Get the file another way and pass it: switchyard-engine data get " + info.name +
              " --from FILE.",
          {}};
}

Result<std::string> download_text(const DatasetInfo& info) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, CurlCleanup> handle(curl_easy_init());
  if (global != CURLE_OK || handle == nullptr)
    return not_downloaded(info, "the download library does not start");
  Download download;
  download.most = static_cast<std::size_t>(info.bytes);
  CURL* curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_URL, info.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https,http");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 20L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 100L);  // bytes per second
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &download);
  const CURLcode code = curl_easy_perform(curl);
  if (download.is_too_long)
    return not_downloaded(info, "the server sends more than " + grouped(info.bytes) + " bytes");
  if (code != CURLE_OK) return not_downloaded(info, curl_easy_strerror(code));
  return std::move(download.bytes);
}

Status check_text(const DatasetInfo& info, const std::string& text, const std::string& where) {
  const std::string digest = sha256_hex(text);
  if (digest == info.sha256) return {};
  return Error{ErrorCode::kInputFile,
               where,
               "expected the text of " + info.name + " (" + grouped(info.bytes) +
                   " bytes, sha256 " + info.sha256.substr(0, 12) + "…), found " +
                   grouped(static_cast<std::int64_t>(text.size())) + " bytes, sha256 " +
                   digest.substr(0, 12) + "….",
               "To train on another text, set data.text_file to it.",
               {}};
}

/// True when the text that is in place is the right one, byte by byte.
bool is_intact(const DatasetInfo& info) {
  if (!info.is_present) return false;
  const auto text = read_file(info.path, limits::kTextBytes);
  return text.ok() && sha256_hex(*text) == info.sha256;
}

}  // namespace

std::string data_directory() {
  return user_directory("SWITCHYARD_DATA", "XDG_DATA_HOME", ".local/share", "data");
}

Result<std::vector<DatasetInfo>> list_datasets() {
  const std::string path = assets_directory() + "/datasets.json";
  SY_ASSIGN_OR_RETURN(const std::string text, read_file(path, limits::kConfigBytes));
  SY_ASSIGN_OR_RETURN(const Json document, parse_json(text, path));
  std::vector<DatasetInfo> datasets;
  for (const Json& entry : document["datasets"].items()) {
    SY_ASSIGN_OR_RETURN(DatasetInfo info, info_from_entry(entry, path));
    datasets.push_back(std::move(info));
  }
  return datasets;
}

Result<DatasetInfo> find_dataset(std::string_view name, std::string_view where) {
  SY_ASSIGN_OR_RETURN(const std::vector<DatasetInfo> datasets, list_datasets());
  std::vector<std::string> names;
  for (const DatasetInfo& info : datasets) {
    if (info.name == name) return info;
    names.push_back(info.name);
  }
  const std::string nearest = config::suggest(name, names);
  return Error{
      ErrorCode::kConfig,
      std::string(where),
      "expected the name of a data set, found \"" + valid_utf8(name.substr(0, 100)) + "\".",
      (nearest.empty() ? "" : "Did you mean \"" + nearest + "\"? ") +
          "Known data sets: " + join(names, ", ") + ".",
      {}};
}

Result<DatasetInfo> get_dataset(std::string_view name, const std::string& from_file) {
  SY_ASSIGN_OR_RETURN(DatasetInfo info, find_dataset(name, "data get"));
  if (from_file.empty() && is_intact(info)) return info;
  std::string text;
  if (!from_file.empty()) {
    SY_ASSIGN_OR_RETURN(text, read_file(from_file, limits::kTextBytes));
    SY_RETURN_IF_ERROR(check_text(info, text, from_file));
  } else if (!info.url.empty()) {
    SY_ASSIGN_OR_RETURN(text, download_text(info));
    SY_RETURN_IF_ERROR(check_text(info, text, info.url));
  } else {
    return Error{ErrorCode::kUnavailable,
                 info.path,
                 "the data set " + info.name + " has no download of its own; it comes with setup.",
                 "Run ./studio --build, or pass the text: switchyard-engine data get " + info.name +
                     " --from FILE.",
                 {}};
  }
  SY_RETURN_IF_ERROR(make_directories(parent_directory(info.path)));
  SY_RETURN_IF_ERROR(write_file_durably(info.path, text));
  info.is_present = true;
  return info;
}

}  // namespace switchyard::formats
