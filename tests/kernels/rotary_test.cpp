// Rotary embedding on the device against the host; skipped where no CUDA device answers.
#include "kernels/include/rotary.h"

#include "tests/kernels/device_memory.h"

namespace switchyard::kernels {
namespace {

using Bytes = std::vector<unsigned char>;
using DeviceBytes = DeviceMemory<unsigned char>;

constexpr Dtype kBf16 = Dtype::kBf16;

struct Sizes {
  std::int64_t B, T, H, C;
};

constexpr Sizes kRotarySizes[] = {{0, 4, 2, 8},
                                  {1, 1, 1, 2},
                                  {2, 3, 1, 6},
                                  {1, 33, 2, 8},
                                  {2, 31, 3, 16},
                                  {2, 65, 2, 80},
                                  {3, 100, 12, 64},
                                  {1, 4097, 1, 128}};

Numbers angles(const Sizes& size, bool is_sine) {
  Numbers table(size.T * size.C / 2, Dtype::kF32);
  reference::Elements elements(table.data(), Dtype::kF32);
  for (std::int64_t t = 0; t < size.T; ++t) {
    for (std::int64_t i = 0; i < size.C / 2; ++i) {
      const double angle =
          static_cast<double>(t) *
          std::pow(1e4, -2.0 * static_cast<double>(i) / static_cast<double>(size.C));
      elements.set(t * size.C / 2 + i, is_sine ? std::sin(angle) : std::cos(angle));
    }
  }
  return table;
}

/// Runs on the device with the data `shift` bytes behind an aligned address.
Numbers rotated(const Numbers& x,
                const Sizes& size,
                const DeviceBytes& cosine,
                const DeviceBytes& sine,
                bool is_backward,
                std::size_t shift) {
  const DeviceBytes data(x.bytes().size() + shift);
  EXPECT_EQ(cudaMemcpy(data.data() + shift, x.data(), x.bytes().size(), cudaMemcpyHostToDevice),
            cudaSuccess);
  const KernelStatus status = rotary_cuda(data.data() + shift,
                                          x.dtype(),
                                          reinterpret_cast<const float*>(cosine.data()),
                                          reinterpret_cast<const float*>(sine.data()),
                                          size.B,
                                          size.T,
                                          size.H,
                                          size.C,
                                          is_backward,
                                          nullptr);
  EXPECT_TRUE(status.ok()) << status.message;
  const Bytes all = data.values();
  Numbers result = x;
  std::copy(all.begin() + static_cast<std::ptrdiff_t>(shift), all.end(), result.bytes().begin());
  return result;
}

TEST(DeviceRotary, EqualsTheReference) {
  if (!has_device()) GTEST_SKIP() << "no CUDA device answers";
  for (const Dtype dtype : {Dtype::kF32, kBf16}) {
    const bool is_f32 = dtype == Dtype::kF32;
    const std::size_t element_bytes = is_f32 ? 4 : 2;
    for (const Sizes& size : kRotarySizes) {
      SCOPED_TRACE(std::to_string(size.B) + " " + std::to_string(size.T) + " " +
                   std::to_string(size.H) + " " + std::to_string(size.C) +
                   (is_f32 ? " f32" : " bf16"));
      const Numbers x = Numbers::normal(3 * size.B * size.T * size.H * size.C, dtype, 51);
      const Numbers cosine = angles(size, false), sine = angles(size, true);
      const DeviceBytes dcosine(cosine.bytes()), dsine(sine.bytes());
      for (const bool is_backward : {false, true}) {
        Numbers want = x;
        rotary_reference(want.data(),
                         dtype,
                         static_cast<const float*>(cosine.data()),
                         static_cast<const float*>(sine.data()),
                         size.B,
                         size.T,
                         size.H,
                         size.C,
                         is_backward);
        for (const std::size_t shift : {std::size_t{0}, element_bytes}) {
          const Numbers got = rotated(x, size, dcosine, dsine, is_backward, shift);
          EXPECT_LE(worst_error(got, want, is_f32 ? 2e-6 : 1e-5, is_f32 ? 1e-6 : 8e-3), 1.0);
        }
      }
      const Numbers there = rotated(x, size, dcosine, dsine, false, 0);
      const Numbers back = rotated(there, size, dcosine, dsine, true, 0);
      EXPECT_LE(worst_error(back, x, is_f32 ? 5e-6 : 4e-2, 0.0), 1.0);
    }
  }
}

TEST(Rotary, RefusesOddWidthsInWords) {
  EXPECT_FALSE(rotary_cuda(nullptr, kBf16, nullptr, nullptr, 1, 1, 1, 3, false, nullptr).ok());
  EXPECT_FALSE(rotary_cuda(nullptr, kBf16, nullptr, nullptr, -1, 1, 1, 4, false, nullptr).ok());
}

}  // namespace
}  // namespace switchyard::kernels
