#include <algorithm>
#include <array>

#include "engine/base/checkpoint/checkpoint.h"
#include "engine/base/checkpoint/manifest.h"
#include "engine/base/core/crash_point.h"
#include "engine/base/core/hash.h"
#include "engine/base/core/log.h"

namespace switchyard::checkpoint {
namespace {

constexpr std::size_t kStepBytes = std::size_t{8} << 20;  // checksum and write while in the cache
constexpr std::uint64_t kMinFreeBytes = std::uint64_t{1} << 20;

/// A stretch of a written file that is read back: one tensor, or the whole of a document.
struct Probe {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;
};

struct Written {
  ManifestFile file;
  Probe probe;
};

bool is_tensor_file(const std::string& name) {
  return name.ends_with(".safetensors");
}

std::uint64_t estimated_bytes(const std::vector<Part>& parts) {
  std::uint64_t total = 0;
  for (const Part& part : parts) {
    for (const formats::TensorView& tensor : part.tensors) total += tensor.bytes + 256;
    if (!is_tensor_file(part.file_name)) total += part.document.dump().size();
  }
  return total;
}

Status check_free_space(FileSystem& fs, const std::string& dir, std::uint64_t bytes) {
  SY_ASSIGN_OR_RETURN(const std::uint64_t free, fs.free_bytes(dir));
  const std::uint64_t needed = bytes + bytes / 5 + kMinFreeBytes;
  if (free >= needed) return {};
  return Error{ErrorCode::kDiskFull,
               dir,
               "expected " + std::to_string(needed >> 20) +
                   " MiB of free space for a checkpoint, "
                   "found " +
                   std::to_string(free >> 20) + " MiB.",
               "Free some space; training goes on and the next checkpoint is tried again.",
               {}};
}

/// Appends to one file, keeping count and checksum.
class FileWriter {
 public:
  FileWriter(FileSystem& fs, int handle) : fs_(fs), handle_(handle) {}

  Status append(const void* data, std::size_t bytes) {
    const auto* p = static_cast<const char*>(data);
    while (bytes > 0) {
      const std::size_t n = std::min(bytes, kStepBytes);
      crc_ = crc32c(p, n, crc_);
      SY_RETURN_IF_ERROR(fs_.write(handle_, p, n));
      written_ += n;
      p += n;
      bytes -= n;
    }
    return {};
  }

  [[nodiscard]] std::uint64_t written() const { return written_; }

  [[nodiscard]] std::uint32_t crc() const { return crc_; }

 private:
  FileSystem& fs_;
  int handle_;
  std::uint64_t written_ = 0;
  std::uint32_t crc_ = 0;
};

Status append_tensors(FileWriter& to, const Part& part, std::int64_t step, Probe& probe) {
  SY_ASSIGN_OR_RETURN(const std::string header, formats::safetensors_header(part.tensors, {}));
  SY_RETURN_IF_ERROR(to.append(header.data(), header.size()));
  // Another tensor every time, so that over a run all are read back.
  const std::size_t probed =
      part.tensors.empty() ? 0 : static_cast<std::size_t>(step) % part.tensors.size();
  for (std::size_t i = 0; i < part.tensors.size(); ++i) {
    const formats::TensorView& tensor = part.tensors[i];
    if (i == probed) probe = {to.written(), tensor.bytes, crc32c(tensor.data, tensor.bytes)};
    SY_RETURN_IF_ERROR(to.append(tensor.data, tensor.bytes));
  }
  return {};
}

Status append_part(FileWriter& to, const Part& part, std::int64_t step, Probe& probe) {
  if (is_tensor_file(part.file_name)) return append_tensors(to, part, step, probe);
  const std::string text = part.document.dump(1) + "\n";
  probe = {0, text.size(), crc32c(text)};
  return to.append(text.data(), text.size());
}

/// Creates a file, lets `fill` write it, syncs and closes it; the first failure counts, and a
/// failed sync is final.
template <typename Fill>
Status create_file(FileSystem& fs, const std::string& path, Fill&& fill) {
  SY_ASSIGN_OR_RETURN(const int handle, fs.open(path, OpenMode::kCreateNew));
  FileWriter writer(fs, handle);
  Status status = fill(writer);
  if (status.ok()) status = fs.sync(handle);
  const Status closed = fs.close(handle);
  return status.ok() ? closed : status;
}

Result<Written> write_part(FileSystem& fs,
                           const std::string& dir,
                           const Part& part,
                           std::int64_t step) {
  Written written;
  written.file.name = part.file_name;
  SY_RETURN_IF_ERROR(create_file(fs, dir + "/" + part.file_name, [&](FileWriter& writer) {
    const Status status = append_part(writer, part, step, written.probe);
    written.file.bytes = writer.written();
    written.file.crc = writer.crc();
    return status;
  }));
  return written;
}

Status read_back(FileSystem& fs, const std::string& path, const Probe& probe) {
  SY_ASSIGN_OR_RETURN(const int handle, fs.open(path, OpenMode::kRead));
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(probe.bytes, kStepBytes)),
                     '\0');
  std::uint32_t crc = 0;
  Status status;
  for (std::uint64_t done = 0; done < probe.bytes && status.ok();) {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(probe.bytes - done, buffer.size()));
    const auto got = fs.read_at(handle, probe.offset + done, buffer.data(), wanted);
    if (!got.ok()) {
      status = got.error();
    } else if (*got == 0) {
      break;  // shorter than written: the checksum below says so
    } else {
      crc = crc32c(buffer.data(), *got, crc);
      done += *got;
    }
  }
  const Status closed = fs.close(handle);
  if (!status.ok()) return status;
  if (crc != probe.crc) {
    return Error{ErrorCode::kIo,
                 path,
                 "expected to read back what was written, found other bytes.",
                 "The disk may be failing: check the system log.",
                 {}};
  }
  return closed;
}

/// Steps 3 and 4 of the protocol: everything inside the temporary folder, durable.
Status fill_folder(FileSystem& fs,
                   const std::string& dir,
                   std::int64_t step,
                   const std::vector<Part>& parts,
                   const Json& fields) {
  std::vector<ManifestFile> files;
  std::vector<Probe> probes;
  for (const Part& part : parts) {
    SY_ASSIGN_OR_RETURN(Written written, write_part(fs, dir, part, step));
    files.push_back(std::move(written.file));
    probes.push_back(written.probe);
    SY_CRASH_POINT("publish.2");
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    SY_RETURN_IF_ERROR(read_back(fs, dir + "/" + files[i].name, probes[i]));
  }
  SY_CRASH_POINT("publish.3");
  const std::string text = manifest_text(step, files, fields);
  SY_RETURN_IF_ERROR(
      create_file(fs, dir + "/" + std::string(kManifestName), [&](FileWriter& writer) {
        return writer.append(text.data(), text.size());
      }));
  SY_CRASH_POINT("publish.4");
  SY_RETURN_IF_ERROR(fs.sync_directory(dir));
  SY_CRASH_POINT("publish.5");
  return {};
}

Status move_into_place(FileSystem& fs,
                       const std::string& temporary,
                       const std::string& final_path,
                       const std::string& parent) {
  SY_ASSIGN_OR_RETURN(const FileInfo occupied, fs.info(final_path));
  if (!occupied.exists) {
    SY_RETURN_IF_ERROR(fs.rename(temporary, final_path, RenameMode::kNoReplace));
    SY_CRASH_POINT("publish.6");
    return fs.sync_directory(parent);
  }
  SY_RETURN_IF_ERROR(fs.rename(temporary, final_path, RenameMode::kExchange));
  SY_CRASH_POINT("publish.6");
  SY_RETURN_IF_ERROR(fs.sync_directory(parent));
  return remove_tree(temporary, fs);  // now the earlier one, under a name nobody reads
}

}  // namespace

Result<std::string> publish(const std::string& checkpoints_dir,
                            std::int64_t step,
                            const std::vector<Part>& parts,
                            Json manifest_fields,
                            FileSystem& fs) {
  for (const Part& part : parts) {
    const bool is_file = is_tensor_file(part.file_name) || part.file_name.ends_with(".json");
    if (!is_file || part.file_name == kManifestName) {
      return Error{ErrorCode::kInternal,
                   part.file_name,
                   "expected a .safetensors or .json part of a checkpoint.",
                   "",
                   {}};
    }
  }
  SY_RETURN_IF_ERROR(make_directories(checkpoints_dir, fs));
  SY_RETURN_IF_ERROR(check_free_space(fs, checkpoints_dir, estimated_bytes(parts)));
  SY_CRASH_POINT("publish.1");
  const std::string name = folder_name(step);
  std::string final_path = checkpoints_dir + "/" + name;
  const std::string temporary = checkpoints_dir + "/.tmp-" + name + "-" + unique_suffix();
  SY_RETURN_IF_ERROR(fs.make_directory(temporary));
  Status status = fill_folder(fs, temporary, step, parts, manifest_fields);
  if (status.ok()) status = move_into_place(fs, temporary, final_path, checkpoints_dir);
  if (!status.ok()) {
    const Status removed = remove_tree(temporary, fs);
    if (!removed.ok()) return with_context(status.error(), "leaving " + temporary);
    return status.error();
  }
  SY_CRASH_POINT("publish.7");
  return final_path;
}

Status retire(const std::string& checkpoint_dir, FileSystem& fs) {
  const std::string parent = parent_directory(checkpoint_dir);
  const std::string trash = parent + "/.trash-" + base_name(checkpoint_dir) + "-" + unique_suffix();
  SY_CRASH_POINT("retire.1");
  SY_RETURN_IF_ERROR(fs.rename(checkpoint_dir, trash, RenameMode::kNoReplace));
  SY_CRASH_POINT("retire.2");
  SY_RETURN_IF_ERROR(fs.sync_directory(parent));
  SY_CRASH_POINT("retire.3");
  return remove_tree(trash, fs);
}

void remove_leftovers(const std::string& checkpoints_dir, FileSystem& fs) {
  const auto names = fs.list(checkpoints_dir);
  if (!names.ok()) return;  // no folder yet: nothing is left over
  for (const std::string& name : *names) {
    if (!name.starts_with(".tmp-") && !name.starts_with(".trash-")) continue;
    const Status removed = remove_tree(checkpoints_dir + "/" + name, fs);
    if (!removed.ok()) log_warning("a leftover stays", {{"reason", Json(removed.error().text())}});
  }
}

std::vector<Found> retirement_candidates(const std::vector<Found>& found,
                                         int keep_last,
                                         std::int64_t best_step) {
  const auto keep = static_cast<std::size_t>(std::max(keep_last, 2));
  std::vector<Found> candidates;
  for (std::size_t i = 0; i + keep < found.size(); ++i) {
    const auto pinned = real_file_system().info(found[i].path + "/" + std::string(kPinnedName));
    const bool is_pinned = !pinned.ok() || pinned->exists;
    if (found[i].step != best_step && !is_pinned) candidates.push_back(found[i]);
  }
  return candidates;
}

}  // namespace switchyard::checkpoint
