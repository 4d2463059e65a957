// The device against the host reference; skipped where no CUDA device answers.
#include "kernels/include/residual_norm.h"
#include "tests/kernels/device_array.h"

namespace switchyard::kernels {
namespace {

constexpr Dtype kF32 = Dtype::kF32;

/// One row of the table of shapes.
struct Shape {
  std::int64_t N, D;
};

/// Rows in registers for every number of packs, rows by blocks in packs and one by one, sums in
/// shared memory and beyond it, more rows than fit at once, and nothing at all.
constexpr Shape kShapes[] = {
    {0, 64},    {1, 1},      {31, 2},    {33, 7},     {32, 8},    {1, 64},     {4097, 64},
    {33, 100},  {33, 128},   {33, 192},  {4099, 136}, {33, 264},  {1000, 384}, {31, 512},
    {33, 520},  {1000, 768}, {32, 776},  {33, 1000},  {31, 1024}, {1000, 33},  {33, 1032},
    {31, 2048}, {3, 4097},   {33, 4096}, {3, 6152},   {5, 7001}};

struct Variant {
  bool is_rms;
  float dropout;
  bool has_delta;
  bool has_later_gradient;
  bool has_bias;
  bool is_in_place;  ///< sum in x, dx in dsum, ddelta in dy
  int offset;        ///< elements off the alignment
  float beta;
  bool has_mask = false;  ///< the forward keeps it, the backward reads it

  friend std::ostream& operator<<(std::ostream& out, const Variant& v) {
    return out << (v.is_rms ? "rms" : "layer") << ", dropout " << v.dropout << ", offset "
               << v.offset << ", beta " << v.beta << (v.has_delta ? ", delta" : "")
               << (v.has_later_gradient ? ", later gradient" : "") << (v.has_bias ? ", bias" : "")
               << (v.is_in_place ? ", in place" : "") << (v.has_mask ? ", mask" : "");
  }
};

constexpr Variant kVariants[] = {{false, 0.0F, true, true, true, false, 0, 0.0F},
                                 {false, 0.25F, true, true, true, true, 0, 1.0F},
                                 {false, 0.0F, false, false, false, false, 0, 0.0F},
                                 {true, 0.0F, true, true, false, true, 0, 0.0F},
                                 {true, 0.5F, true, false, false, false, 1, 1.0F},
                                 {false, 0.2F, true, true, true, false, 0, 1.0F, true},
                                 {true, 0.3F, true, true, false, true, 0, 0.0F, true},
                                 {false, 0.6F, true, true, false, false, 1, 0.0F, true},
                                 {false, 0.0F, true, true, true, false, 0, 0.0F, true},
                                 {false, 0.1F, true, true, false, false, 3, 0.0F},
                                 {true, 0.0F, false, true, false, false, 0, 1.0F}};

/// Both directions on the host and on the device, from the same numbers.
class Both {
 public:
  Both(const Shape& shape, const TypePair& types, const Variant& variant)
      : v_(variant),
        shape_{.N = shape.N,
               .D = shape.D,
               .stream_dtype = types.stream,
               .compute_dtype = types.compute,
               .is_rms = variant.is_rms,
               .eps = 1e-5F,
               .dropout = variant.dropout,
               .site = 3},
        size_(shape.N * shape.D) {}

  void forward() {
    const HostArray x = HostArray::random(shape_.stream_dtype, size_, 1);
    const HostArray delta = HostArray::random(shape_.compute_dtype, size_, 2);
    HostArray sum = v_.is_in_place ? x : HostArray(shape_.stream_dtype, size_, 9.0);
    HostArray y(shape_.compute_dtype, size_, 9.0), mean(kF32, shape_.N, 9.0), rstd = mean;
    const DeviceCopy x_(x, v_.offset), delta_(delta, v_.offset), sum_(sum, v_.offset);
    const DeviceCopy y_(y, v_.offset), weight(weight_, v_.offset), bias(bias_, v_.offset);
    const DeviceCopy mean_(mean), rstd_(rstd);
    std::vector<std::uint8_t> mask = bytes_of_mask();
    const DeviceArray<std::uint8_t> mask_(mask);
    const ResidualNormForward on_device{.x = v_.is_in_place ? sum_.data() : x_.data(),
                                        .delta = v_.has_delta ? delta_.data() : nullptr,
                                        .weight = weight.floats(),
                                        .bias = v_.has_bias ? bias.floats() : nullptr,
                                        .state = v_.dropout > 0.0F ? device_state_.data() : nullptr,
                                        .sum = sum_.data(),
                                        .y = y_.data(),
                                        .mean = v_.is_rms ? nullptr : mean_.floats(),
                                        .rstd = rstd_.floats(),
                                        .mask = v_.has_mask ? mask_.data() : nullptr};
    ASSERT_TRUE(launched(residual_norm_cuda(shape_, on_device, nullptr)));
    ResidualNormForward on_host = on_device;
    on_host.x = v_.is_in_place ? sum.data() : x.data();
    on_host.delta = v_.has_delta ? delta.data() : nullptr;
    on_host.weight = weight_.floats();
    on_host.bias = v_.has_bias ? bias_.floats() : nullptr;
    on_host.state = &state_;
    on_host.sum = sum.data();
    on_host.y = y.data();
    on_host.mean = v_.is_rms ? nullptr : mean.floats();
    on_host.rstd = rstd.floats();
    on_host.mask = v_.has_mask ? mask.data() : nullptr;
    residual_norm_reference(shape_, on_host);
    EXPECT_TRUE(agrees(sum_, sum)) << "sum";
    EXPECT_TRUE(agrees(y_, y)) << "y";
    EXPECT_TRUE(agrees(mean_, mean, shape_.stream_dtype)) << "mean";
    EXPECT_TRUE(relative_agrees(rstd_, rstd)) << "rstd";
    EXPECT_EQ(mask_.values(), mask) << "mask";
  }

  void backward() {
    const HostArray sum = HostArray::random(shape_.stream_dtype, size_, 4);
    const HostArray later = HostArray::random(shape_.stream_dtype, size_, 5);
    const HostArray dy = HostArray::random(shape_.compute_dtype, size_, 6);
    HostArray mean(kF32, shape_.N), rstd(kF32, shape_.N);
    for (std::int64_t n = 0; n < shape_.N; ++n) {
      mean.set(n, 0.01 * static_cast<double>(n % 7));
      rstd.set(n, 0.9 + 0.02 * static_cast<double>(n % 11));
    }
    HostArray dx = v_.is_in_place ? later : HostArray(shape_.stream_dtype, size_, 9.0);
    HostArray ddelta = v_.is_in_place ? dy : HostArray(shape_.compute_dtype, size_, 9.0);
    HostArray dweight(kF32, shape_.D, 0.5), dbias = dweight;
    const DeviceCopy sum_(sum, v_.offset), later_(later, v_.offset), dy_(dy, v_.offset);
    const DeviceCopy dx_(dx, v_.offset), ddelta_(ddelta, v_.offset), weight(weight_, v_.offset);
    const DeviceCopy mean_(mean), rstd_(rstd), dweight_(dweight), dbias_(dbias);
    const Scratch workspace(residual_norm_workspace_bytes(shape_.N, shape_.D));
    const std::vector<std::uint8_t> mask = bytes_of_mask();
    const DeviceArray<std::uint8_t> mask_(mask);
    const void* later_at = v_.is_in_place ? dx_.data() : later_.data();
    const ResidualNormBackward on_device{
        .dy = v_.is_in_place ? ddelta_.data() : dy_.data(),
        .dsum = v_.has_later_gradient ? later_at : nullptr,
        .sum = sum_.data(),
        .mean = v_.is_rms ? nullptr : mean_.floats(),
        .rstd = rstd_.floats(),
        .weight = weight.floats(),
        .state = v_.dropout > 0.0F ? device_state_.data() : nullptr,
        .mask = v_.has_mask ? mask_.data() : nullptr,
        .dx = dx_.data(),
        .ddelta = v_.has_delta ? ddelta_.data() : nullptr,
        .dweight = dweight_.floats(),
        .dbias = v_.has_bias ? dbias_.floats() : nullptr,
        .beta = v_.beta,
        .workspace = workspace.data()};
    ASSERT_TRUE(launched(residual_norm_backward_cuda(shape_, on_device, nullptr)));
    const void* host_later = v_.is_in_place ? dx.data() : later.data();
    residual_norm_backward_reference(shape_,
                                     {.dy = v_.is_in_place ? ddelta.data() : dy.data(),
                                      .dsum = v_.has_later_gradient ? host_later : nullptr,
                                      .sum = sum.data(),
                                      .mean = v_.is_rms ? nullptr : mean.floats(),
                                      .rstd = rstd.floats(),
                                      .weight = weight_.floats(),
                                      .state = &state_,
                                      .mask = v_.has_mask ? mask.data() : nullptr,
                                      .dx = dx.data(),
                                      .ddelta = v_.has_delta ? ddelta.data() : nullptr,
                                      .dweight = dweight.floats(),
                                      .dbias = v_.has_bias ? dbias.floats() : nullptr,
                                      .beta = v_.beta});
    EXPECT_TRUE(agrees(dx_, dx)) << "dx";
    EXPECT_TRUE(agrees(ddelta_, ddelta)) << "ddelta";
    EXPECT_TRUE(agrees(dweight_, dweight)) << "dweight";
    EXPECT_TRUE(agrees(dbias_, dbias)) << "dbias";
  }

 private:
  /// Bits of no particular meaning for every row, so that reading differs from drawing.
  [[nodiscard]] std::vector<std::uint8_t> bytes_of_mask() const {
    std::mt19937 random(11);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(shape_.N * ((shape_.D + 7) / 8)));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return bytes;
  }

  /// Reciprocal deviations of tiny rows are large, so they are compared by ratio.
  ::testing::AssertionResult relative_agrees(const DeviceCopy& got, const HostArray& want) const {
    std::vector<double> ratios = got.values().doubles();
    for (std::size_t n = 0; n < ratios.size(); ++n) {
      ratios[n] /= want[static_cast<std::int64_t>(n)];
    }
    const Errors errors(ratios, std::vector<double>(ratios.size(), 1.0));
    if (errors.within(shape_.stream_dtype)) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << errors;
  }

  Variant v_;
  ResidualNorm shape_;
  std::int64_t size_;
  HostArray weight_ = HostArray::random(kF32, shape_.D, 7);
  HostArray bias_ = HostArray::random(kF32, shape_.D, 8);
  StepState state_{.seed = 1234567890123, .step = 77};
  DeviceArray<StepState> device_state_{std::vector<StepState>{state_}};
};

class DeviceResidualNorm : public Device, public ::testing::WithParamInterface<Variant> {};

TEST_P(DeviceResidualNorm, EqualsTheReference) {
  for (const Shape& shape : kShapes) {
    for (const TypePair& types : kTypePairs) {
      SCOPED_TRACE(std::to_string(shape.N) + " rows of " + std::to_string(shape.D) + ", " +
                   types.text());
      Both both(shape, types, GetParam());
      both.forward();
      both.backward();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, DeviceResidualNorm, ::testing::ValuesIn(kVariants));

TEST_F(Device, ResidualNormIsTheSameTwice) {
  constexpr std::int64_t kN = 4097, kD = 384;
  const HostArray dy = HostArray::random(Dtype::kBf16, kN * kD, 1);
  const HostArray sum = HostArray::random(Dtype::kBf16, kN * kD, 2);
  const HostArray statistics(kF32, kN, 0.75), weight(kF32, kD, 1.0), zero(kF32, kD);
  const DeviceCopy dy_(dy), sum_(sum), statistics_(statistics), weight_(weight), dx_(dy);
  const Scratch workspace(residual_norm_workspace_bytes(kN, kD));
  const DeviceCopy first(zero), second(zero);
  for (const DeviceCopy* dweight : {&first, &second}) {
    ASSERT_TRUE(launched(residual_norm_backward_cuda(
        {.N = kN, .D = kD, .stream_dtype = Dtype::kBf16, .compute_dtype = Dtype::kBf16},
        {.dy = dy_.data(),
         .sum = sum_.data(),
         .mean = statistics_.floats(),
         .rstd = statistics_.floats(),
         .weight = weight_.floats(),
         .dx = dx_.data(),
         .dweight = dweight->floats(),
         .workspace = workspace.data()},
        nullptr)));
  }
  EXPECT_EQ(first.values(), second.values());
}

TEST_F(Device, ResidualNormReadsTheMaskItWouldDraw) {
  for (const std::int64_t D : {33, 100, 384, 768, 1032}) {
    for (const TypePair& types : kTypePairs) {
      SCOPED_TRACE(std::to_string(D) + " wide, " + types.text());
      constexpr std::int64_t kN = 65;
      const ResidualNorm shape{.N = kN,
                               .D = D,
                               .stream_dtype = types.stream,
                               .compute_dtype = types.compute,
                               .dropout = 0.2F,
                               .site = 6};
      const DeviceCopy x(HostArray::random(types.stream, kN * D, 1));
      const DeviceCopy delta(HostArray::random(types.compute, kN * D, 2));
      const DeviceCopy sum(HostArray(types.stream, kN * D)), y(HostArray(types.compute, kN * D));
      const DeviceCopy drawn(HostArray(types.compute, kN * D)), read(drawn.values());
      const DeviceCopy statistics(HostArray(kF32, kN, 0.75)), weight(HostArray(kF32, D, 1.0));
      const DeviceArray<StepState> state(std::vector<StepState>{{.seed = 8, .step = 2}});
      const DeviceArray<std::uint8_t> mask(
          std::vector<std::uint8_t>(static_cast<std::size_t>(kN * ((D + 7) / 8))));
      ASSERT_TRUE(launched(residual_norm_cuda(shape,
                                              {.x = x.data(),
                                               .delta = delta.data(),
                                               .weight = weight.floats(),
                                               .state = state.data(),
                                               .sum = sum.data(),
                                               .y = y.data(),
                                               .mask = mask.data()},
                                              nullptr)));
      for (const DeviceCopy* ddelta : {&drawn, &read}) {
        ASSERT_TRUE(
            launched(residual_norm_backward_cuda(shape,
                                                 {.dy = y.data(),
                                                  .sum = sum.data(),
                                                  .mean = statistics.floats(),
                                                  .rstd = statistics.floats(),
                                                  .weight = weight.floats(),
                                                  .state = state.data(),
                                                  .mask = ddelta == &read ? mask.data() : nullptr,
                                                  .dx = x.data(),
                                                  .ddelta = ddelta->data()},
                                                 nullptr)));
      }
      EXPECT_EQ(drawn.values(), read.values());
    }
  }
}

TEST(Launcher, RefusesResidualNormsInWords) {
  const ResidualNormForward forward{};
  EXPECT_FALSE(residual_norm_cuda({.N = 0, .D = 0}, forward, nullptr).ok());
  EXPECT_FALSE(residual_norm_cuda({.N = 1, .D = 8, .dropout = 1.0F}, forward, nullptr).ok());
  EXPECT_FALSE(residual_norm_cuda({.N = 1, .D = 8, .dropout = 0.5F}, forward, nullptr).ok());
  EXPECT_FALSE(
      residual_norm_cuda({.N = 1, .D = 8, .stream_dtype = Dtype::kBf16}, forward, nullptr).ok());
  HostArray sums(kF32, 8);
  EXPECT_FALSE(
      residual_norm_backward_cuda({.N = 1, .D = 8}, {.dweight = sums.floats()}, nullptr).ok());
}

}  // namespace
}  // namespace switchyard::kernels
