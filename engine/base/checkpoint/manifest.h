#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::checkpoint {

inline constexpr int kManifestVersion = 1;
inline constexpr std::size_t kMaxManifestBytes = std::size_t{16} << 20;
inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr std::string_view kPinnedName = "pinned";

/// A file as the manifest lists it.
struct ManifestFile {
  std::string name;
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;
};

/// The text of a manifest: schema, version, step, the caller's fields, the files, and last its own
/// CRC32C (computed with the eight digits as zeros), so that a flipped bit anywhere shows.
std::string manifest_text(std::int64_t step,
                          const std::vector<ManifestFile>& files,
                          const Json& fields);

struct Manifest {
  Json document;
  std::int64_t step = 0;
  std::vector<ManifestFile> files;
};

/// Errors: kInputFile naming what does not fit: checksum, schema, a newer version (both numbers),
/// a file name that is no plain name, a file listed twice, a negative size.
Result<Manifest> parse_manifest(std::string_view text, const std::string& source);

/// "step_00000250"; 0 <= step.
std::string folder_name(std::int64_t step);
/// The step of a folder name; -1 when it is none.
std::int64_t step_from_folder_name(std::string_view name);

}  // namespace switchyard::checkpoint
