#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/result.h"

namespace switchyard::formats {

/// A tensor to write: raw row-major little-endian bytes that outlive the call.
struct TensorView {
  std::string name;
  std::string dtype;  ///< "F64" "F32" "F16" "BF16" "I64" "I32" "I16" "I8" "U8" "U16" "U32" "U64"
                      ///< "BOOL" "F8_E4M3" "F8_E5M2"
  std::vector<std::int64_t> shape;
  const void* data = nullptr;
  std::size_t bytes = 0;
};

/// A tensor as described by a file's header; offsets are relative to the data section.
struct TensorInfo {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Reads safetensors files with every check of the format: bounded header, no overlap, no hole,
/// exact cover, checked products, no duplicate names. Reads with pread: a file that changes
/// meanwhile is an error, not a crash. Errors: kInputFile naming file, tensor and reason.
class SafetensorsReader {
 public:
  static Result<SafetensorsReader> open(const std::string& path);
  static Result<SafetensorsReader> from_bytes(std::string bytes, std::string source);

  [[nodiscard]] const std::vector<TensorInfo>& tensors() const { return tensors_; }

  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }

  [[nodiscard]] const TensorInfo* find(std::string_view name) const;
  /// Copies the bytes of a tensor into `out` (exactly end - begin bytes).
  Status read(const TensorInfo& tensor, void* out) const;

 private:
  struct Source;
  std::shared_ptr<Source> source_;
  std::uint64_t data_offset_ = 0;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::map<std::string, std::string> metadata_;

  static Result<SafetensorsReader> parse(std::shared_ptr<Source> source);
};

/// The bytes before the data of a file that holds `tensors` in this order: length and JSON, padded
/// so that data starts on a multiple of 8. Errors: kInternal for an empty, repeated or reserved
/// name, an unknown dtype, or bytes that do not match the shape.
Result<std::string> safetensors_header(const std::vector<TensorView>& tensors,
                                       const std::map<std::string, std::string>& metadata);
/// Writes a file durably (temporary name, fsync, rename). Errors: those of safetensors_header; kIo,
/// kDiskFull with the path.
Status write_safetensors(const std::string& path,
                         const std::vector<TensorView>& tensors,
                         const std::map<std::string, std::string>& metadata = {});

/// Bytes of one element of a dtype name; 0 when unknown.
std::size_t dtype_bytes(std::string_view dtype);

}  // namespace switchyard::formats
