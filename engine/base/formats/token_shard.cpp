#include "engine/base/formats/token_shard.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/core/check.h"
#include "engine/base/core/file_system.h"
#include "engine/base/core/hash.h"
#include "engine/base/core/limits.h"
#include "engine/base/core/text.h"

namespace switchyard::formats {
namespace {

// Header, little-endian: magic [8], version u32, width u32, vocab_size u64, count u64, CRC32C of
// the ids u32, CRC32C of the 36 bytes before it u32.
constexpr std::string_view kMagic = "SYTOKENS";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 40;
constexpr std::int64_t kMostNarrowVocabulary = 65536;

template <typename T>
T little_endian(const unsigned char* bytes) {
  T value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) value = static_cast<T>((value << 8U) | bytes[i]);
  return value;
}

template <typename T>
void append_little_endian(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    out.push_back(static_cast<char>((value >> (8U * i)) & 0xFFU));
}

Error bad_shard(const std::string& path, std::string message) {
  return {ErrorCode::kInputFile,
          path,
          std::move(message),
          "Delete the folder it lies in; it is prepared anew from the text.",
          {}};
}

std::int64_t id_at(const unsigned char* ids, int width, std::int64_t i) {
  const unsigned char* at = ids + i * width;
  return width == 2 ? little_endian<std::uint16_t>(at) : little_endian<std::uint32_t>(at);
}

}  // namespace

struct TokenShard::Mapping {
  void* address = nullptr;
  std::size_t bytes = 0;

  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  ~Mapping() {
    if (address != nullptr) munmap(address, bytes);
  }
};

Result<TokenShard> TokenShard::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return error_from_errno(errno, path, "open the token file");

  struct stat status {};

  const bool is_file = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  const std::uint64_t bytes = is_file ? static_cast<std::uint64_t>(status.st_size) : 0;
  auto mapping = std::make_shared<Mapping>();
  if (bytes >= kHeaderBytes) {
    void* address = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
    if (address != MAP_FAILED) {
      mapping->address = address;
      mapping->bytes = bytes;
    }
  }
  ::close(descriptor);
  if (bytes < kHeaderBytes)
    return bad_shard(path,
                     "expected a token file with a header of 40 bytes, found " +
                         std::to_string(bytes) + " bytes.");
  if (mapping->address == nullptr) return error_from_errno(ENOMEM, path, "map the token file");

  const auto* header = static_cast<const unsigned char*>(mapping->address);
  if (std::memcmp(header, kMagic.data(), kMagic.size()) != 0)
    return bad_shard(path, "expected a token file (magic SYTOKENS), found another kind of file.");
  if (little_endian<std::uint32_t>(header + 8) != kVersion)
    return bad_shard(path,
                     "expected version 1, found version " +
                         std::to_string(little_endian<std::uint32_t>(header + 8)) + ".");
  if (little_endian<std::uint32_t>(header + 36) != crc32c(header, 36))
    return bad_shard(path, "the checksum of its header does not match.");
  const auto width = little_endian<std::uint32_t>(header + 12);
  const auto vocab_size = little_endian<std::uint64_t>(header + 16);
  const auto count = little_endian<std::uint64_t>(header + 24);
  if (width != 2 && width != 4)
    return bad_shard(path,
                     "expected a width of 2 or 4 bytes, found " + std::to_string(width) + ".");
  if (vocab_size == 0 || vocab_size > (std::uint64_t{1} << (8 * width - (width == 4 ? 1 : 0))))
    return bad_shard(path, "its vocabulary does not fit the width of its ids.");
  const auto id_bytes = limits::checked_mul(count, width);
  if (count == 0 || !id_bytes || *id_bytes != bytes - kHeaderBytes)
    return bad_shard(path,
                     "expected " + std::to_string(count) + " ids (at least one) of " +
                         std::to_string(width) + " bytes, found " +
                         std::to_string(bytes - kHeaderBytes) + " bytes.");

  TokenShard shard;
  shard.ids_ = header + kHeaderBytes;
  shard.width_ = static_cast<int>(width);
  shard.size_ = static_cast<std::int64_t>(count);
  shard.vocab_size_ = static_cast<std::int64_t>(vocab_size);
  shard.checksum_ = little_endian<std::uint32_t>(header + 32);
  if (crc32c(shard.ids_, *id_bytes) != shard.checksum_)
    return bad_shard(path, "the checksum of its ids does not match.");
  for (std::int64_t i = 0; i < shard.size_; ++i)
    if (id_at(shard.ids_, shard.width_, i) >= shard.vocab_size_)
      return bad_shard(path,
                       "expected ids below " + std::to_string(vocab_size) +
                           " (vocab_size), found " +
                           std::to_string(id_at(shard.ids_, shard.width_, i)) + " at position " +
                           std::to_string(i) + ".");
  shard.mapping_ = std::move(mapping);
  return shard;
}

void TokenShard::copy(std::int64_t offset, std::int64_t count, std::int64_t* out) const {
  SY_CHECK(offset >= 0 && count >= 0 && count <= size_ && offset <= size_ - count,
           "token range outside the shard");
  for (std::int64_t i = 0; i < count; ++i) out[i] = id_at(ids_, width_, offset + i);
}

Status write_token_shard(const std::string& path,
                         std::span<const std::int32_t> ids,
                         std::int64_t vocab_size) {
  const std::uint32_t width = vocab_size <= kMostNarrowVocabulary ? 2 : 4;
  std::string body;
  body.reserve(kHeaderBytes + ids.size() * width);
  for (const std::int32_t id : ids) {
    SY_CHECK(id >= 0 && id < vocab_size, "a token id lies outside the vocabulary");
    if (width == 2) {
      append_little_endian(body, static_cast<std::uint16_t>(id));
    } else {
      append_little_endian(body, static_cast<std::uint32_t>(id));
    }
  }
  std::string file(kMagic);
  append_little_endian(file, kVersion);
  append_little_endian(file, width);
  append_little_endian(file, static_cast<std::uint64_t>(vocab_size));
  append_little_endian(file, static_cast<std::uint64_t>(ids.size()));
  append_little_endian(file, crc32c(body));
  append_little_endian(file, crc32c(file));
  return write_file_durably(path, file + body);
}

}  // namespace switchyard::formats
