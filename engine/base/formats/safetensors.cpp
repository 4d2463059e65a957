#include "engine/base/formats/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <set>

#include "engine/base/core/file_system.h"
#include "engine/base/core/json.h"
#include "engine/base/core/limits.h"
#include "engine/base/core/text.h"

namespace switchyard::formats {
namespace {

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::string_view kMetadataKey = "__metadata__";

struct DtypeSize {
  std::string_view name;
  std::size_t bytes;
};

constexpr std::array kDtypes{DtypeSize{"F64", 8},
                             DtypeSize{"F32", 4},
                             DtypeSize{"F16", 2},
                             DtypeSize{"BF16", 2},
                             DtypeSize{"I64", 8},
                             DtypeSize{"I32", 4},
                             DtypeSize{"I16", 2},
                             DtypeSize{"I8", 1},
                             DtypeSize{"U64", 8},
                             DtypeSize{"U32", 4},
                             DtypeSize{"U16", 2},
                             DtypeSize{"U8", 1},
                             DtypeSize{"BOOL", 1},
                             DtypeSize{"F8_E4M3", 1},
                             DtypeSize{"F8_E5M2", 1}};

std::string count_text(std::uint64_t value) {
  return std::to_string(value);
}

Error bad_file(const std::string& source, std::string message) {
  return {ErrorCode::kInputFile,
          source,
          std::move(message),
          "The file is damaged or no safetensors file; get it again.",
          {}};
}

Error bad_tensor(const std::string& source, const std::string& name, std::string message) {
  return bad_file(source, "tensor \"" + valid_utf8(name) + "\": " + std::move(message));
}

std::optional<std::uint64_t> bytes_of_shape(const std::vector<std::int64_t>& shape,
                                            std::size_t element_bytes) {
  std::uint64_t total = element_bytes;
  for (const std::int64_t dim : shape) {
    const auto product = limits::checked_mul(total, static_cast<std::uint64_t>(dim));
    if (!product) return std::nullopt;
    total = *product;
  }
  return total;
}

/// The header's JSON entry of one tensor, checked by itself (not yet against the others).
Result<TensorInfo> tensor_from_entry(const std::string& name,
                                     const Json& entry,
                                     const std::string& source) {
  if (!entry.is_object())
    return bad_tensor(source, name, std::string("expected an object, found ") + entry.type_name());
  for (const auto& [key, value] : entry.members())
    if (key != "dtype" && key != "shape" && key != "data_offsets")
      return bad_tensor(
          source, name, "expected dtype, shape and data_offsets, found \"" + key + "\".");
  TensorInfo tensor;
  tensor.name = name;
  tensor.dtype = entry["dtype"].as_string();
  const std::size_t element_bytes = dtype_bytes(tensor.dtype);
  if (element_bytes == 0)
    return bad_tensor(source, name, "expected a known dtype, found " + entry["dtype"].dump() + ".");
  if (!entry["shape"].is_array() || entry["shape"].size() > limits::kSafetensorsDims)
    return bad_tensor(source, name, "expected a shape of at most 8 dimensions.");
  for (const Json& dim : entry["shape"].items()) {
    if (!dim.is_integer() || dim.as_integer() < 0)
      return bad_tensor(
          source, name, "expected dimensions that are integers >= 0, found " + dim.dump() + ".");
    tensor.shape.push_back(dim.as_integer());
  }
  const Json& offsets = entry["data_offsets"];
  const bool has_offsets = offsets.is_array() && offsets.size() == 2 && offsets[0].is_integer() &&
                           offsets[1].is_integer() && offsets[0].as_integer() >= 0 &&
                           offsets[1].as_integer() >= offsets[0].as_integer();
  if (!has_offsets)
    return bad_tensor(source, name, "expected data_offsets [begin, end] with 0 <= begin <= end.");
  tensor.begin = static_cast<std::uint64_t>(offsets[0].as_integer());
  tensor.end = static_cast<std::uint64_t>(offsets[1].as_integer());
  const auto bytes = bytes_of_shape(tensor.shape, element_bytes);
  if (!bytes) return bad_tensor(source, name, "the size of its shape overflows 64 bits.");
  if (*bytes != tensor.end - tensor.begin)
    return bad_tensor(source,
                      name,
                      "expected " + count_text(*bytes) + " bytes for dtype and shape, found " +
                          count_text(tensor.end - tensor.begin) + ".");
  return tensor;
}

/// Every byte of the data section belongs to exactly one tensor.
Status check_cover(const std::vector<TensorInfo>& tensors,
                   std::uint64_t data_bytes,
                   const std::string& source) {
  std::vector<const TensorInfo*> ordered;
  ordered.reserve(tensors.size());
  for (const TensorInfo& tensor : tensors) ordered.push_back(&tensor);
  std::sort(ordered.begin(), ordered.end(), [](const TensorInfo* a, const TensorInfo* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::uint64_t covered = 0;
  for (const TensorInfo* tensor : ordered) {
    if (tensor->begin != covered)
      return bad_tensor(source,
                        tensor->name,
                        std::string(tensor->begin < covered ? "overlaps another tensor"
                                                            : "leaves a hole before it") +
                            ": expected it to begin at byte " + count_text(covered) + ", found " +
                            count_text(tensor->begin) + ".");
    covered = tensor->end;
  }
  if (covered == data_bytes) return {};
  return bad_file(
      source,
      "expected " + count_text(covered) + " bytes of data, found " + count_text(data_bytes) + ".");
}

Status read_metadata(const Json& entry,
                     const std::string& source,
                     std::map<std::string, std::string>& metadata) {
  if (!entry.is_object()) return bad_file(source, "expected __metadata__ to be an object.");
  for (const auto& [key, value] : entry.members()) {
    if (!value.is_string())
      return bad_file(source, "expected __metadata__ to hold texts only, see \"" + key + "\".");
    metadata[key] = value.as_string();
  }
  return {};
}

}  // namespace

std::size_t dtype_bytes(std::string_view dtype) {
  const auto entry = std::find_if(
      kDtypes.begin(), kDtypes.end(), [dtype](const DtypeSize& d) { return d.name == dtype; });
  return entry == kDtypes.end() ? 0 : entry->bytes;
}

/// Where the bytes come from: an open file, or a text in memory.
struct SafetensorsReader::Source {
  std::string name;
  int handle = -1;
  std::string memory;
  std::uint64_t bytes = 0;

  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  ~Source() {
    // A file that was only read has nothing to lose when closing fails.
    if (handle >= 0) static_cast<void>(real_file_system().close(handle));
  }

  /// Copies [offset, offset + size) to `out`; the caller has checked the range against `bytes`.
  Status read(std::uint64_t offset, void* out, std::size_t size) const {
    if (handle < 0) {
      std::memcpy(out, memory.data() + offset, size);
      return {};
    }
    SY_ASSIGN_OR_RETURN(const std::size_t got,
                        real_file_system().read_at(handle, offset, out, size));
    if (got == size) return {};
    return Error{ErrorCode::kInputFile,
                 name,
                 "the file became shorter while it was read: expected " + count_text(size) +
                     " bytes at " + count_text(offset) + ", found " + count_text(got) + ".",
                 "Read it again when nothing writes to it.",
                 {}};
  }
};

Result<SafetensorsReader> SafetensorsReader::open(const std::string& path) {
  auto source = std::make_shared<Source>();
  source->name = path;
  SY_ASSIGN_OR_RETURN(const FileInfo info, real_file_system().info(path));
  if (!info.exists || info.is_directory)
    return Error{ErrorCode::kInputFile,
                 path,
                 info.exists ? "expected a file, found a folder." : "expected a file, found none.",
                 "",
                 {}};
  source->bytes = info.bytes;
  if (info.bytes < kLengthBytes)
    return bad_file(
        path,
        "expected at least 8 bytes of header length, found " + count_text(info.bytes) + " bytes.");
  SY_ASSIGN_OR_RETURN(source->handle, real_file_system().open(path, OpenMode::kRead));
  return parse(std::move(source));
}

Result<SafetensorsReader> SafetensorsReader::from_bytes(std::string bytes, std::string name) {
  auto source = std::make_shared<Source>();
  source->name = std::move(name);
  source->bytes = bytes.size();
  source->memory = std::move(bytes);
  return parse(std::move(source));
}

Result<SafetensorsReader> SafetensorsReader::parse(std::shared_ptr<Source> source) {
  const std::string& name = source->name;
  if (source->bytes < kLengthBytes)
    return bad_file(name,
                    "expected at least 8 bytes of header length, found " +
                        count_text(source->bytes) + " bytes.");
  std::array<unsigned char, kLengthBytes> raw{};
  SY_RETURN_IF_ERROR(source->read(0, raw.data(), raw.size()));
  std::uint64_t header_bytes = 0;
  for (std::size_t i = raw.size(); i-- > 0;) header_bytes = (header_bytes << 8U) | raw[i];
  const std::uint64_t most =
      std::min(source->bytes - kLengthBytes, limits::kSafetensorsHeaderBytes);
  if (header_bytes < 2 || header_bytes > most)
    return bad_file(name,
                    "expected a header of 2 to " + count_text(most) + " bytes, found the length " +
                        count_text(header_bytes) + ".");
  std::string header(static_cast<std::size_t>(header_bytes), '\0');
  SY_RETURN_IF_ERROR(source->read(kLengthBytes, header.data(), header.size()));
  if (header[0] != '{') return bad_file(name, "expected the header to begin with '{'.");
  JsonLimits json_limits;
  json_limits.max_bytes = limits::kSafetensorsHeaderBytes;
  json_limits.max_depth = 4;
  json_limits.max_values = limits::kSafetensorsTensors * 16;
  SY_ASSIGN_OR_RETURN(const Json document, parse_json(header, name + " header", json_limits));
  if (header[header.find_last_not_of(' ')] != '}')
    return bad_file(name, "expected nothing but spaces after the header's JSON object.");

  SafetensorsReader reader;
  for (const auto& [key, entry] : document.members()) {
    if (key == kMetadataKey) {
      SY_RETURN_IF_ERROR(read_metadata(entry, name, reader.metadata_));
      continue;
    }
    SY_ASSIGN_OR_RETURN(TensorInfo tensor, tensor_from_entry(key, entry, name));
    reader.index_[key] = reader.tensors_.size();
    reader.tensors_.push_back(std::move(tensor));
    if (reader.tensors_.size() > limits::kSafetensorsTensors)
      return bad_file(name, "expected at most 100,000 tensors, found more.");
  }
  reader.data_offset_ = kLengthBytes + header_bytes;
  SY_RETURN_IF_ERROR(check_cover(reader.tensors_, source->bytes - reader.data_offset_, name));
  reader.source_ = std::move(source);
  return reader;
}

const TensorInfo* SafetensorsReader::find(std::string_view name) const {
  const auto entry = index_.find(name);
  return entry == index_.end() ? nullptr : &tensors_[entry->second];
}

Status SafetensorsReader::read(const TensorInfo& tensor, void* out) const {
  const std::uint64_t data_bytes = source_->bytes - data_offset_;
  if (tensor.end > data_bytes || tensor.begin > tensor.end)
    return bad_tensor(source_->name, tensor.name, "lies outside the file.");
  return source_->read(
      data_offset_ + tensor.begin, out, static_cast<std::size_t>(tensor.end - tensor.begin));
}

Result<std::string> safetensors_header(const std::vector<TensorView>& tensors,
                                       const std::map<std::string, std::string>& metadata) {
  const auto refuse = [](const std::string& name, std::string message) {
    return Error{ErrorCode::kInternal, name, std::move(message), "", {}};
  };
  Json header = Json::object();
  if (!metadata.empty()) {
    Json texts = Json::object();
    for (const auto& [key, value] : metadata) texts.set(key, value);
    header.set(kMetadataKey, std::move(texts));
  }
  std::set<std::string_view> names;
  std::uint64_t offset = 0;
  for (const TensorView& tensor : tensors) {
    if (tensor.name.empty() || tensor.name == kMetadataKey || !names.insert(tensor.name).second ||
        find_invalid_utf8(tensor.name) != std::string::npos)
      return refuse(tensor.name, "expected a name of its own for every tensor.");
    const std::size_t element_bytes = dtype_bytes(tensor.dtype);
    if (element_bytes == 0) return refuse(tensor.name, "unknown dtype " + tensor.dtype + ".");
    Json shape = Json::array();
    for (const std::int64_t dim : tensor.shape) {
      if (dim < 0) return refuse(tensor.name, "expected dimensions >= 0.");
      shape.push_back(dim);
    }
    const auto bytes = bytes_of_shape(tensor.shape, element_bytes);
    if (!bytes || *bytes != tensor.bytes)
      return refuse(tensor.name, "its bytes do not match dtype and shape.");
    const auto end = limits::checked_add(offset, tensor.bytes);
    if (!end || *end > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return refuse(tensor.name, "the file would be too large.");
    Json entry = Json::object();
    entry.set("dtype", tensor.dtype);
    entry.set("shape", std::move(shape));
    entry.set("data_offsets",
              Json::array({static_cast<std::int64_t>(offset), static_cast<std::int64_t>(*end)}));
    // Appended, not set(): names are already known to differ, and set() searches.
    header.mutable_members().emplace_back(tensor.name, std::move(entry));
    offset = *end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string out;
  for (std::uint64_t rest = text.size(), i = 0; i < kLengthBytes; ++i, rest >>= 8U)
    out.push_back(static_cast<char>(rest & 0xFFU));
  return out + text;
}

namespace {

Status write_parts(FileSystem& fs,
                   int handle,
                   const std::string& header,
                   const std::vector<TensorView>& tensors) {
  SY_RETURN_IF_ERROR(fs.write(handle, header.data(), header.size()));
  for (const TensorView& tensor : tensors)
    if (tensor.bytes > 0) SY_RETURN_IF_ERROR(fs.write(handle, tensor.data, tensor.bytes));
  return fs.sync(handle);
}

}  // namespace

Status write_safetensors(const std::string& path,
                         const std::vector<TensorView>& tensors,
                         const std::map<std::string, std::string>& metadata) {
  SY_ASSIGN_OR_RETURN(const std::string header, safetensors_header(tensors, metadata));
  FileSystem& fs = real_file_system();
  const std::string temporary = path + ".tmp-" + unique_suffix();
  SY_ASSIGN_OR_RETURN(const int handle, fs.open(temporary, OpenMode::kCreateNew));
  Status written = write_parts(fs, handle, header, tensors);
  Status closed = fs.close(handle);
  Status done = written.ok() ? std::move(closed) : std::move(written);
  if (done.ok()) done = fs.rename(temporary, path, RenameMode::kReplace);
  if (!done.ok()) {
    // The first failure is the one to report; the left-over file is removed if it can be.
    static_cast<void>(fs.remove(temporary));
    return done;
  }
  return fs.sync_directory(parent_directory(path));
}

}  // namespace switchyard::formats
