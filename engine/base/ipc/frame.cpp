#include "engine/base/ipc/frame.h"

#include <cstdint>

#include "engine/base/core/hash.h"
#include "engine/base/ipc/channel.h"

namespace switchyard::ipc {
namespace {

constexpr std::string_view kMagic = "SYD1";

void append_number(std::string& to, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) {
    to.push_back(static_cast<char>((number >> shift) & 0xFFU));
  }
}

std::uint32_t number_at(std::string_view bytes, std::size_t offset) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    number |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[offset + i])) << (8 * i);
  }
  return number;
}

Error bad_frame(std::string message) {
  return {ErrorCode::kInputFile,
          "message",
          std::move(message),
          "Both programs must come from the same version of Switchyard.",
          {}};
}

}  // namespace

Result<std::string> encode_frame(std::string_view body) {
  if (body.size() > kMaxFrameBodyBytes) {
    return Error{ErrorCode::kInternal,
                 "message",
                 "expected a message of at most " + std::to_string(kMaxFrameBodyBytes) +
                     " bytes, found " + std::to_string(body.size()) + ".",
                 "",
                 {}};
  }
  std::string frame;
  frame.reserve(kFrameHeaderBytes + body.size());
  frame.append(kMagic);
  append_number(frame, static_cast<std::uint32_t>(kProtocolVersion));
  append_number(frame, static_cast<std::uint32_t>(body.size()));
  append_number(frame, crc32c(body));
  frame.append(body);
  return frame;
}

Result<std::optional<std::string>> FrameDecoder::next() {
  if (failure_.has_value()) return *failure_;
  const std::string_view left = std::string_view(buffer_).substr(begin_);
  const auto fail = [&](std::string message) {
    failure_ = bad_frame(std::move(message));
    buffer_.clear();
    begin_ = 0;
    return *failure_;
  };
  const std::size_t known = std::min(left.size(), kMagic.size());
  if (left.substr(0, known) != kMagic.substr(0, known)) {
    return fail("expected a frame that begins with \"SYD1\", found other bytes.");
  }
  if (left.size() < kFrameHeaderBytes) return std::optional<std::string>{};
  const std::uint32_t protocol = number_at(left, 4);
  const std::uint32_t length = number_at(left, 8);
  if (protocol != static_cast<std::uint32_t>(kProtocolVersion)) {
    return fail("expected protocol " + std::to_string(kProtocolVersion) + ", found " +
                std::to_string(protocol) + ".");
  }
  if (length > kMaxFrameBodyBytes) {
    return fail("expected at most " + std::to_string(kMaxFrameBodyBytes) + " bytes, found " +
                std::to_string(length) + " announced.");
  }
  if (left.size() - kFrameHeaderBytes < length) {
    if (begin_ > 0) buffer_.erase(0, begin_);
    begin_ = 0;
    return std::optional<std::string>{};
  }
  std::string body(left.substr(kFrameHeaderBytes, length));
  if (crc32c(body) != number_at(left, 12)) return fail("expected another checksum of the body.");
  begin_ += kFrameHeaderBytes + length;
  if (begin_ == buffer_.size()) {
    buffer_.clear();
    begin_ = 0;
  }
  return std::optional<std::string>(std::move(body));
}

}  // namespace switchyard::ipc
