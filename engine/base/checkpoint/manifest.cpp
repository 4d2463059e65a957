#include "engine/base/checkpoint/manifest.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "engine/base/core/hash.h"

namespace switchyard::checkpoint {
namespace {

constexpr std::string_view kSchema = "switchyard.checkpoint";
constexpr std::string_view kTailBegin = "\"crc32c\": \"";
constexpr std::string_view kTailEnd = "\"\n}\n";
constexpr std::string_view kZeros = "00000000";
constexpr std::string_view kStepPrefix = "step_";

Error bad_manifest(const std::string& source, std::string message, std::string hint = "") {
  return {ErrorCode::kInputFile, source, std::move(message), std::move(hint), {}};
}

bool is_plain_name(std::string_view name) {
  if (name.empty() || name.size() > 255 || name.front() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

Result<std::uint32_t> crc_from_hex(const std::string& digits, const std::string& source) {
  std::uint32_t crc = 0;
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, crc, 16);
  if (digits.size() != 8 || parsed.ec != std::errc{} || parsed.ptr != end) {
    return bad_manifest(source, "expected a CRC32C of eight digits, found `" + digits + "`.");
  }
  return crc;
}

/// The checksum stands last, so its place is known without trusting the rest of the text.
Status check_own_checksum(std::string_view text, const std::string& source) {
  const std::size_t tail = kTailBegin.size() + kZeros.size() + kTailEnd.size();
  const bool has_tail = text.size() > tail && text.ends_with(kTailEnd) &&
                        text.substr(text.size() - tail).starts_with(kTailBegin);
  if (!has_tail) return bad_manifest(source, "expected a checksum at the end, found none.");
  const std::string_view digits = text.substr(text.size() - kTailEnd.size() - 8, 8);
  std::uint32_t crc = crc32c(text.substr(0, text.size() - kTailEnd.size() - 8));
  crc = crc32c(kTailEnd, crc32c(kZeros, crc));
  if (digits != hex_from_crc(crc)) {
    return bad_manifest(source,
                        "expected the checksum " + hex_from_crc(crc) + ", found " +
                            std::string(digits) + ": the file is damaged.");
  }
  return {};
}

Result<std::vector<ManifestFile>> files_from(const Json& list, const std::string& source) {
  std::vector<ManifestFile> files;
  for (const Json& entry : list.items()) {
    ManifestFile file;
    file.name = entry["name"].as_string();
    if (!is_plain_name(file.name) || file.name == kManifestName) {
      return bad_manifest(source,
                          "expected a plain file name, found " + entry["name"].dump() + ".");
    }
    const bool is_known = std::any_of(
        files.begin(), files.end(), [&](const ManifestFile& f) { return f.name == file.name; });
    if (is_known) return bad_manifest(source, file.name + " is listed twice.");
    if (!entry["bytes"].is_integer() || entry["bytes"].as_integer() < 0) {
      return bad_manifest(source,
                          file.name + ": expected a size, found " + entry["bytes"].dump() + ".");
    }
    file.bytes = static_cast<std::uint64_t>(entry["bytes"].as_integer());
    SY_ASSIGN_OR_RETURN(file.crc, crc_from_hex(entry["crc32c"].as_string(), source));
    files.push_back(std::move(file));
  }
  if (files.empty()) return bad_manifest(source, "expected a list of files, found none.");
  return files;
}

}  // namespace

std::string manifest_text(std::int64_t step,
                          const std::vector<ManifestFile>& files,
                          const Json& fields) {
  Json document = Json::object();
  document.set("schema", kSchema);
  document.set("version", kManifestVersion);
  document.set("step", step);
  for (const auto& [key, value] : fields.members()) document.set(key, value);
  Json list = Json::array();
  for (const ManifestFile& file : files) {
    list.push_back(Json::object({{"name", Json(file.name)},
                                 {"bytes", Json(static_cast<std::int64_t>(file.bytes))},
                                 {"crc32c", Json(hex_from_crc(file.crc))}}));
  }
  document.set("files", std::move(list));
  document.set("crc32c", kZeros);
  std::string text = document.dump(2) + "\n";
  const std::string digits = hex_from_crc(crc32c(text));
  text.replace(text.size() - kTailEnd.size() - 8, 8, digits);
  return text;
}

Result<Manifest> parse_manifest(std::string_view text, const std::string& source) {
  SY_RETURN_IF_ERROR(check_own_checksum(text, source));
  JsonLimits limits;
  limits.max_bytes = kMaxManifestBytes;
  Manifest manifest;
  SY_ASSIGN_OR_RETURN(manifest.document, parse_json(text, source, limits));
  const Json& document = manifest.document;
  if (document["schema"].as_string() != kSchema) {
    return bad_manifest(source,
                        "expected \"schema\": \"" + std::string(kSchema) + "\", found " +
                            document["schema"].dump() + ".");
  }
  if (document["version"].as_integer() > kManifestVersion) {
    return bad_manifest(source,
                        "expected a checkpoint of version " + std::to_string(kManifestVersion) +
                            " or older, found version " + document["version"].dump() + ".",
                        "Open it with a newer Switchyard.");
  }
  if (document["version"].as_integer() < 1) {
    return bad_manifest(source, "expected a version, found " + document["version"].dump() + ".");
  }
  if (!document["step"].is_integer() || document["step"].as_integer() < 0) {
    return bad_manifest(source, "expected a step, found " + document["step"].dump() + ".");
  }
  manifest.step = document["step"].as_integer();
  SY_ASSIGN_OR_RETURN(manifest.files, files_from(document["files"], source));
  return manifest;
}

std::string folder_name(std::int64_t step) {
  char text[32] = {};
  std::snprintf(text, sizeof text, "step_%08lld", static_cast<long long>(step));
  return text;
}

std::int64_t step_from_folder_name(std::string_view name) {
  if (!name.starts_with(kStepPrefix)) return -1;
  std::int64_t step = -1;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + kStepPrefix.size(), end, step);
  const bool is_name = parsed.ec == std::errc{} && parsed.ptr == end && step >= 0;
  return is_name && folder_name(step) == name ? step : -1;
}

}  // namespace switchyard::checkpoint
