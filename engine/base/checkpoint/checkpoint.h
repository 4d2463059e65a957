#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/core/file_system.h"
#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/base/formats/safetensors.h"

namespace switchyard::checkpoint {

/// One file of a checkpoint: safetensors (tensors) or JSON (document).
struct Part {
  std::string file_name;  ///< "weights.safetensors", "optimizer.safetensors", "state.json"
  std::vector<formats::TensorView> tensors;  ///< for .safetensors
  Json document;                             ///< for .json
};

/// Writes checkpoints/step_NNNNNNNN so that a name that can be seen is complete: temporary folder,
/// fsync of every file, manifest (sizes, CRC32C, `manifest_fields`) last, fsync, rename without
/// replacing, fsync of the parent; then re-reads one tensor per file through a fresh descriptor and
/// compares its checksum. A folder of that step which is there already (an earlier life of the run)
/// is exchanged in one step and then retired. Refuses early when free space < 1.2 x the size.
///
/// Errors: kDiskFull, kIo with the path; the temporary folder is removed; kInternal for a part that
/// is no checkpoint file. Returns the path of the published folder.
/// Threads: one per run, the holder of the run lock. Crash points: publish.1 … publish.7.
Result<std::string> publish(const std::string& checkpoints_dir,
                            std::int64_t step,
                            const std::vector<Part>& parts,
                            Json manifest_fields,
                            FileSystem& fs = real_file_system());

/// Renames to a trash name, syncs the parent, then deletes: a torn checkpoint never carries a final
/// name. Crash points: retire.1 … retire.3.
Status retire(const std::string& checkpoint_dir, FileSystem& fs = real_file_system());

struct Found {
  std::string path;
  std::int64_t step = 0;
  Json manifest;
};

struct ScanResult {
  std::vector<Found> valid;  ///< ascending step
  std::vector<std::string>
      rejected;  ///< "step_00000040: weights.safetensors: expected 4096 bytes, found 100"
};
enum class ScanDepth { kSizes, kChecksums };

/// What is in a checkpoints folder: names that begin with a dot are ignored; a folder is valid when
/// its manifest parses, its own checksum holds, every file it names is there with its size (and,
/// with kChecksums, its CRC32C) and no other file is. A folder that cannot be read is a rejection.
ScanResult scan(const std::string& checkpoints_dir,
                ScanDepth depth,
                FileSystem& fs = real_file_system());

/// Removes .tmp-* and .trash-* (lock holder only, at start).
void remove_leftovers(const std::string& checkpoints_dir, FileSystem& fs = real_file_system());

/// Which of `found` may be retired: not among the newest `keep_last` (at least 2), not `best_step`,
/// not pinned (a file named "pinned" inside).
std::vector<Found> retirement_candidates(const std::vector<Found>& found,
                                         int keep_last,
                                         std::int64_t best_step);

}  // namespace switchyard::checkpoint
