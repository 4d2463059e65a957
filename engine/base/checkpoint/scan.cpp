#include <algorithm>

#include "engine/base/checkpoint/checkpoint.h"
#include "engine/base/checkpoint/manifest.h"
#include "engine/base/core/hash.h"

namespace switchyard::checkpoint {
namespace {

constexpr std::size_t kReadBytes = std::size_t{4} << 20;

Error wrong_file(const std::string& file, const std::string& expected, const std::string& found) {
  return {ErrorCode::kInputFile, file, "expected " + expected + ", found " + found + ".", "", {}};
}

Status check_crc(FileSystem& fs, const std::string& path, const ManifestFile& file) {
  SY_ASSIGN_OR_RETURN(const int handle, fs.open(path, OpenMode::kRead));
  std::string buffer(kReadBytes, '\0');
  std::uint32_t crc = 0;
  std::uint64_t done = 0;
  Status status;
  while (status.ok()) {
    const auto got = fs.read_at(handle, done, buffer.data(), buffer.size());
    if (!got.ok()) {
      status = got.error();
      break;
    }
    crc = crc32c(buffer.data(), *got, crc);
    done += *got;
    if (*got < buffer.size()) break;
  }
  const Status closed = fs.close(handle);
  if (!status.ok()) return status;
  if (!closed.ok()) return closed;
  if (done != file.bytes) {
    return wrong_file(file.name, std::to_string(file.bytes) + " bytes", std::to_string(done));
  }
  if (crc != file.crc) {
    return wrong_file(file.name, "the checksum " + hex_from_crc(file.crc), hex_from_crc(crc));
  }
  return {};
}

Status check_file(FileSystem& fs,
                  const std::string& dir,
                  const ManifestFile& file,
                  ScanDepth depth) {
  const std::string path = dir + "/" + file.name;
  SY_ASSIGN_OR_RETURN(const FileInfo known, fs.info(path));
  if (!known.exists || known.is_directory) {
    return wrong_file(file.name, std::to_string(file.bytes) + " bytes", "no file");
  }
  if (known.bytes != file.bytes) {
    return wrong_file(
        file.name, std::to_string(file.bytes) + " bytes", std::to_string(known.bytes));
  }
  return depth == ScanDepth::kChecksums ? check_crc(fs, path, file) : Status{};
}

Status check_no_others(FileSystem& fs, const std::string& dir, const Manifest& manifest) {
  SY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.list(dir));
  for (const std::string& name : names) {
    if (name == kManifestName || name == kPinnedName) continue;
    const bool is_listed = std::any_of(manifest.files.begin(),
                                       manifest.files.end(),
                                       [&](const ManifestFile& f) { return f.name == name; });
    if (!is_listed) return wrong_file(name, "only files of the manifest", "this one");
  }
  return {};
}

Result<Found> check_folder(FileSystem& fs,
                           const std::string& dir,
                           const std::string& name,
                           ScanDepth depth) {
  const std::int64_t step = step_from_folder_name(name);
  if (step < 0) return wrong_file("name", "step_ and eight digits", "`" + name + "`");
  Found found;
  found.path = dir + "/" + name;
  const std::string source(kManifestName);
  SY_ASSIGN_OR_RETURN(const FileInfo known, fs.info(found.path + "/" + source));
  if (!known.exists || known.is_directory) return wrong_file(source, "a file", "none");
  SY_ASSIGN_OR_RETURN(const std::string text,
                      read_file(found.path + "/" + source, kMaxManifestBytes, fs));
  SY_ASSIGN_OR_RETURN(Manifest manifest, parse_manifest(text, source));
  if (manifest.step != step) {
    return wrong_file(source, "step " + std::to_string(step), std::to_string(manifest.step));
  }
  for (const ManifestFile& file : manifest.files) {
    SY_RETURN_IF_ERROR(check_file(fs, found.path, file, depth));
  }
  SY_RETURN_IF_ERROR(check_no_others(fs, found.path, manifest));
  found.step = step;
  found.manifest = std::move(manifest.document);
  return found;
}

}  // namespace

ScanResult scan(const std::string& checkpoints_dir, ScanDepth depth, FileSystem& fs) {
  ScanResult result;
  const auto known = fs.info(checkpoints_dir);
  if (known.ok() && !known->exists) return result;  // a run that has not saved yet
  const auto names = fs.list(checkpoints_dir);
  if (!names.ok()) {
    result.rejected.push_back(names.error().text());
    return result;
  }
  for (const std::string& name : *names) {
    if (name.starts_with('.')) continue;
    auto found = check_folder(fs, checkpoints_dir, name, depth);
    if (found.ok()) {
      result.valid.push_back(std::move(found).value());
    } else {
      result.rejected.push_back(name + ": " + found.error().text());
    }
  }
  std::sort(result.valid.begin(), result.valid.end(), [](const Found& a, const Found& b) {
    return a.step < b.step;
  });
  return result;
}

}  // namespace switchyard::checkpoint
