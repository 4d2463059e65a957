// What the finished programs are linked with: the window must start in a blink on a machine
// without LibTorch, CUDA or the hooks of the Test Engine.
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <elf.h>

#include <gtest/gtest.h>

#include "tests/unit/hygiene/source_tree.h"

namespace switchyard::test {
namespace {

template <typename T>
T value_at(const std::string& bytes, std::uint64_t offset) {
  T value{};
  if (offset + sizeof(T) <= bytes.size()) std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// The libraries that the dynamic section of a 64-bit ELF program names (DT_NEEDED).
std::vector<std::string> needed_libraries(const std::string& bytes) {
  const auto header = value_at<Elf64_Ehdr>(bytes, 0);
  std::vector<std::string> names;
  for (int i = 0; i < header.e_shnum; ++i) {
    const auto section = value_at<Elf64_Shdr>(
        bytes, header.e_shoff + std::uint64_t{header.e_shentsize} * unsigned(i));
    if (section.sh_type != SHT_DYNAMIC) continue;
    const auto strings = value_at<Elf64_Shdr>(
        bytes, header.e_shoff + std::uint64_t{header.e_shentsize} * section.sh_link);
    for (std::uint64_t at = 0; at < section.sh_size; at += sizeof(Elf64_Dyn)) {
      const auto entry = value_at<Elf64_Dyn>(bytes, section.sh_offset + at);
      if (entry.d_tag != DT_NEEDED) continue;
      names.emplace_back(bytes.c_str() + strings.sh_offset + entry.d_un.d_val);
    }
  }
  return names;
}

std::vector<std::string> forbidden_among(const std::vector<std::string>& libraries,
                                         const std::vector<std::string_view>& prefixes) {
  std::vector<std::string> found;
  for (const std::string& library : libraries) {
    for (std::string_view prefix : prefixes) {
      if (library.starts_with(prefix)) found.push_back(library);
    }
  }
  return found;
}

TEST(Window, NamesNoTorchAndNoCudaLibrary) {
  const auto libraries = needed_libraries(read_text(SY_WINDOW_PROGRAM));
  ASSERT_FALSE(libraries.empty()) << SY_WINDOW_PROGRAM;
  const auto found =
      forbidden_among(libraries, {"libtorch", "libc10", "libcud", "libcu", "libnv", "libgomp"});
  // libcurl begins like the CUDA libraries and is none of them.
  for (const std::string& library : found) EXPECT_TRUE(library.starts_with("libcurl")) << library;
}

TEST(Window, HasNoSymbolOfTheTestEngine) {
  const std::string bytes = read_text(SY_WINDOW_PROGRAM);
  ASSERT_FALSE(bytes.empty());
  EXPECT_EQ(bytes.find("ImGuiTestEngine"), std::string::npos);
}

#ifdef SY_ENGINE_PROGRAM
TEST(Engine, NamesTheProcessorHalfOfLibTorchAndNoWindowLibrary) {
  const auto libraries = needed_libraries(read_text(SY_ENGINE_PROGRAM));
  ASSERT_FALSE(libraries.empty()) << SY_ENGINE_PROGRAM;
  const auto found = forbidden_among(
      libraries, {"libtorch_cuda", "libtorch_python", "libpython", "libglfw", "libX11", "libGL"});
  EXPECT_TRUE(found.empty()) << joined(found);
}
#endif

}  // namespace
}  // namespace switchyard::test
