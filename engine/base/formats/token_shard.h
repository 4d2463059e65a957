#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/core/result.h"

namespace switchyard::formats {

/// A memory-mapped file of token ids: header (magic "SYTOKENS", version, width 2 or 4, vocab_size,
/// count, CRC32C of the ids), then little-endian ids. Opening checks size, width, count and, once,
/// that every id < vocab_size. Threads: reads only.
class TokenShard {
 public:
  static Result<TokenShard> open(const std::string& path);

  [[nodiscard]] std::int64_t size() const { return size_; }

  [[nodiscard]] std::int64_t vocab_size() const { return vocab_size_; }

  [[nodiscard]] std::uint32_t checksum() const { return checksum_; }

  /// Copies ids [offset, offset + count) widened to int64 into `out`.
  void copy(std::int64_t offset, std::int64_t count, std::int64_t* out) const;

 private:
  struct Mapping;
  std::shared_ptr<Mapping> mapping_;
  const unsigned char* ids_ = nullptr;
  int width_ = 2;
  std::int64_t size_ = 0;
  std::int64_t vocab_size_ = 0;
  std::uint32_t checksum_ = 0;
};

/// Writes a shard durably; the width is 2 when vocab_size <= 65536, else 4.
Status write_token_shard(const std::string& path,
                         std::span<const std::int32_t> ids,
                         std::int64_t vocab_size);

}  // namespace switchyard::formats
