#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace switchyard::train {

/// The numbers in what LibTorch says when memory runs out.
struct MemoryMessage {
  std::optional<std::int64_t> needed_bytes;  ///< of the block that was asked for
  std::optional<std::int64_t> free_bytes;    ///< on the device
};

/// Reads "Tried to allocate 2.50 GiB … of which 1.25 GiB is free" (GPU) and "you tried to allocate
/// 123 bytes" (host); absent where the text says nothing of the kind.
MemoryMessage memory_message_from(std::string_view message);

}  // namespace switchyard::train
