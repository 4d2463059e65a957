#include "engine/train/loop/memory_message.h"

#include <gtest/gtest.h>

namespace switchyard::train {
namespace {

TEST(MemoryMessage, ReadsWhatAGpuSays) {
  const MemoryMessage numbers = memory_message_from(
      "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79.11 GiB of "
      "which 1.25 GiB is free. Process 7 has 77.00 GiB memory in use.");
  EXPECT_EQ(numbers.needed_bytes, 2'684'354'560);
  EXPECT_EQ(numbers.free_bytes, 1'342'177'280);
}

TEST(MemoryMessage, ReadsWhatTheHostSays) {
  const MemoryMessage numbers = memory_message_from(
      "[enforce fail at alloc_cpu.cpp:125] err == 0. DefaultCPUAllocator: can't allocate memory: "
      "you tried to allocate 123456789 bytes. Error code 12 (Cannot allocate memory)");
  EXPECT_EQ(numbers.needed_bytes, 123'456'789);
  EXPECT_FALSE(numbers.free_bytes.has_value());
}

TEST(MemoryMessage, TakesNothingFromAnythingElse) {
  for (const char* text : {"",
                           "std::bad_alloc",
                           "Tried to allocate ",
                           "Tried to allocate 5 parsecs",
                           "Tried to allocate 1e999 GiB",
                           "Tried to allocate 99999999999999999999999999 TiB",
                           "of which 1 GiB was used"}) {
    EXPECT_FALSE(memory_message_from(text).needed_bytes.has_value()) << text;
    EXPECT_FALSE(memory_message_from(text).free_bytes.has_value()) << text;
  }
}

}  // namespace
}  // namespace switchyard::train
