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

/// What a header says, once it is known to fit the file.
struct Header {
  std::uint32_t width = 0;
  std::uint64_t vocab_size = 0;
  std::uint64_t count = 0;
  std::uint32_t checksum = 0;
};

/// `bytes` is the size of the file; it holds at least a header.
Result<Header> checked_header(const unsigned char* raw,
                              std::uint64_t bytes,
                              const std::string& path) {
  if (std::memcmp(raw, kMagic.data(), kMagic.size()) != 0)
    return bad_shard(path, "expected a token file (magic SYTOKENS), found another kind of file.");
  if (little_endian<std::uint32_t>(raw + 8) != kVersion)
    return bad_shard(path,
                     "expected version 1, found version " +
                         std::to_string(little_endian<std::uint32_t>(raw + 8)) + ".");
  if (little_endian<std::uint32_t>(raw + 36) != crc32c(raw, 36))
    return bad_shard(path, "the checksum of its header does not match.");
  Header header;
  header.width = little_endian<std::uint32_t>(raw + 12);
  header.vocab_size = little_endian<std::uint64_t>(raw + 16);
  header.count = little_endian<std::uint64_t>(raw + 24);
  header.checksum = little_endian<std::uint32_t>(raw + 32);
  if (header.width != 2 && header.width != 4)
    return bad_shard(
        path, "expected a width of 2 or 4 bytes, found " + std::to_string(header.width) + ".");
  // Ids are int32 elsewhere: four bytes hold 2^31 of them.
  const std::uint64_t most = std::uint64_t{1} << (header.width == 2 ? 16U : 31U);
  if (header.vocab_size == 0 || header.vocab_size > most)
    return bad_shard(path, "its vocabulary does not fit the width of its ids.");
  const auto id_bytes = limits::checked_mul(header.count, header.width);
  if (header.count == 0 || !id_bytes || *id_bytes != bytes - kHeaderBytes)
    return bad_shard(path,
                     "expected " + std::to_string(header.count) + " ids (at least one) of " +
                         std::to_string(header.width) + " bytes, found " +
                         std::to_string(bytes - kHeaderBytes) + " bytes.");
  return header;
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

  /// Maps a whole file for reading; it has at least `least` bytes.
  Status map(const std::string& path, std::size_t least) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return error_from_errno(errno, path, "open the token file");

    struct stat status {};

    const bool is_file = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    const std::size_t size = is_file ? static_cast<std::size_t>(status.st_size) : 0;
    void* mapped = MAP_FAILED;
    if (size >= least) mapped = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
    const int problem = errno;
    ::close(descriptor);
    if (size < least)
      return bad_shard(path,
                       "expected a token file with a header of " + std::to_string(least) +
                           " bytes, found " + std::to_string(size) + " bytes.");
    if (mapped == MAP_FAILED) return error_from_errno(problem, path, "map the token file");
    address = mapped;
    bytes = size;
    return {};
  }
};

Result<TokenShard> TokenShard::open(const std::string& path) {
  auto mapping = std::make_shared<Mapping>();
  SY_RETURN_IF_ERROR(mapping->map(path, kHeaderBytes));
  const auto* raw = static_cast<const unsigned char*>(mapping->address);
  SY_ASSIGN_OR_RETURN(const Header header, checked_header(raw, mapping->bytes, path));
  TokenShard shard;
  shard.ids_ = raw + kHeaderBytes;
  shard.width_ = static_cast<int>(header.width);
  shard.size_ = static_cast<std::int64_t>(header.count);
  shard.vocab_size_ = static_cast<std::int64_t>(header.vocab_size);
  shard.checksum_ = header.checksum;
  if (crc32c(shard.ids_, mapping->bytes - kHeaderBytes) != shard.checksum_)
    return bad_shard(path, "the checksum of its ids does not match.");
  for (std::int64_t i = 0; i < shard.size_; ++i)
    if (id_at(shard.ids_, shard.width_, i) >= shard.vocab_size_)
      return bad_shard(path,
                       "expected ids below " + std::to_string(shard.vocab_size_) +
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
