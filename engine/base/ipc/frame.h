#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/core/result.h"

namespace switchyard::ipc {

inline constexpr std::size_t kFrameHeaderBytes = 16;
inline constexpr std::size_t kMaxFrameBodyBytes = std::size_t{1} << 20;

/// Wraps a message body: "SYD1", protocol number, length, CRC32C of the body (little-endian 32-bit
/// numbers), body.
///
/// Errors: kInternal when the body is longer than `kMaxFrameBodyBytes`.
Result<std::string> encode_frame(std::string_view body);

/// Cuts a stream of bytes into frames.
///
/// Limits: keeps at most one frame that is incomplete (about 1 MiB) between calls of `next`.
/// Errors: kInputFile for a wrong magic, protocol, length or checksum, saying which; the stream is
/// lost then: every later call gives the same error.
class FrameDecoder {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }

  /// The next complete body, or nothing when more bytes are needed.
  Result<std::optional<std::string>> next();

 private:
  std::string buffer_;
  std::size_t begin_ = 0;  ///< of the bytes not yet handed out
  std::optional<Error> failure_;
};

}  // namespace switchyard::ipc
