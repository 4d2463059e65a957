// Products on the device against the host reference; skipped where no CUDA device answers.
#include "kernels/include/product.h"

#include <iostream>

#include "tests/kernels/device_memory.h"

namespace switchyard::kernels {
namespace {

using Bytes = std::vector<unsigned char>;

class DeviceProduct : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_device()) GTEST_SKIP() << "no CUDA device answers";
  }
};

/// Numbers of all arrays of a product, the same for the same shape.
struct Case {
  ProductShape shape;
  Numbers a, b, c, bias, aux;

  explicit Case(const ProductShape& s)
      : shape(s),
        a(Numbers::normal((s.is_a_transposed ? s.K : s.M) * s.lda, s.in_dtype, 1)),
        b(Numbers::normal((s.is_b_transposed ? s.N : s.K) * s.ldb, s.in_dtype, 2)),
        c(Numbers::normal(s.M * s.ldc, s.out_dtype, 3)),
        bias(Numbers::normal(s.N, s.bias_dtype, 4)),
        aux(Numbers::normal(s.M * s.ld_aux, s.out_dtype, 5)) {}

  /// Runs on the device; c and aux hold the results afterwards.
  KernelStatus run(Products& products, CudaStream stream = nullptr) {
    const DeviceMemory<unsigned char> da(a.bytes()), db(b.bytes()), dc(c.bytes()),
        dbias(bias.bytes()), daux(aux.bytes());
    const KernelStatus status =
        products.run(shape, da.data(), db.data(), dc.data(), stream, dbias.data(), daux.data());
    c.bytes() = dc.values();
    aux.bytes() = daux.values();
    return status;
  }

  void run_on_host() {
    product_reference(shape, a.data(), b.data(), c.data(), bias.data(), aux.data());
  }
};

/// Sums in f32 of K products of unit normal numbers; bf16 results may differ by one rounding, GELU
/// by the hardware's tanh.
void expect_equal(const Case& got, const Case& want) {
  const ProductShape& s = want.shape;
  const bool is_bf16 = s.out_dtype == Dtype::kBf16;
  const double sums = (s.in_dtype == Dtype::kBf16 ? 2e-5 : 2e-6) * static_cast<double>(s.K + 8);
  const bool is_gelu = s.epilogue != ProductEpilogue::kNone && s.epilogue != ProductEpilogue::kBias;
  // The slope of GELU comes from an approximate tanh and multiplies sums of sqrt(K) in size.
  const bool is_slope = s.epilogue == ProductEpilogue::kGeluBackward;
  const double slopes = is_slope ? 8e-3 * std::sqrt(static_cast<double>(s.K)) : 0.0;
  // cuBLASLt rounds the product to bf16 before it adds it to a bf16 C.
  const double roundings =
      is_bf16 && s.accumulates ? 8e-3 * std::sqrt(static_cast<double>(s.K)) : 0.0;
  const double absolute = sums + roundings + (is_bf16 ? 1e-3 : 0.0) + (is_gelu ? 4e-3 : 0.0) + slopes;
  const double relative = is_bf16 ? 1e-2 : 1e-5;
  const double worst = worst_error(got.c, want.c, absolute, relative);
  const double worst_aux = worst_error(got.aux, want.aux, absolute, relative);
  EXPECT_LE(worst, 1.0) << "largest error of C, in allowances";
  EXPECT_LE(worst_aux, 1.0) << "largest error of aux, in allowances";
  EXPECT_LE(normalised_squared_error(got.c, want.c), is_bf16 ? 1e-4 : 1e-8);
}

/// Compares one shape. A refusal counts if `may_refuse`; it leaves C alone and says a reason.
void check(Products& products, const ProductShape& shape, bool may_refuse = false) {
  SCOPED_TRACE(text_from_product_shape(shape));
  ASSERT_EQ(fault_of_product_shape(shape), nullptr);
  Case got(shape), want(shape);
  const Bytes before = got.c.bytes();
  const KernelStatus status = got.run(products);
  if (!status.ok() && may_refuse) {
    std::cout << "refused: " << status.message << "\n";
    EXPECT_NE(std::string(status.message), "");
    EXPECT_EQ(got.c.bytes(), before);
    return;
  }
  ASSERT_TRUE(status.ok()) << status.message;
  want.run_on_host();
  expect_equal(got, want);
}

struct Types {
  Dtype in, out;
};

constexpr Types kTypes[] = {
    {Dtype::kBf16, Dtype::kBf16}, {Dtype::kBf16, Dtype::kF32}, {Dtype::kF32, Dtype::kF32}};

struct Sizes {
  std::int64_t M, N, K;
};

constexpr Sizes kSizes[] = {{1, 1, 1},
                            {8, 8, 8},
                            {64, 128, 32},
                            {33, 31, 32},
                            {7, 5, 3},
                            {128, 65, 40},
                            {200, 96, 296},
                            {16, 1000, 24}};

TEST_F(DeviceProduct, EqualsTheReferenceForAllTranspositionsTypesAndBetas) {
  Products products;
  for (const Types& types : kTypes) {
    for (const Sizes& size : kSizes) {
      for (int kind = 0; kind < 8; ++kind) {
        // Odd row lengths of bf16 are not multiples of 4 bytes: cuBLASLt may refuse those in words.
        const bool is_odd = size.M % 8 != 0 || size.N % 8 != 0 || size.K % 8 != 0;
        check(products,
              ProductShape::packed(size.M,
                                   size.N,
                                   size.K,
                                   (kind & 1) != 0,
                                   (kind & 2) != 0,
                                   types.in,
                                   types.out,
                                   (kind & 4) != 0),
              is_odd);
      }
    }
  }
}

TEST_F(DeviceProduct, LeavesTheGapsBetweenRowsAlone) {
  Products products;
  for (int kind = 0; kind < 4; ++kind) {
    ProductShape shape = ProductShape::packed(
        48, 24, 40, (kind & 1) != 0, (kind & 2) != 0, Dtype::kBf16, Dtype::kF32, true);
    shape.lda += 16;
    shape.ldb += 8;
    shape.ldc += 32;
    check(products, shape);
  }
}

TEST_F(DeviceProduct, TakesPointersOffSixteenBytes) {
  Products products;
  const ProductShape shape =
      ProductShape::packed(32, 16, 64, false, true, Dtype::kBf16, Dtype::kF32);
  Case want(shape), got(shape);
  // One element before each array puts it off 16 bytes.
  const DeviceMemory<unsigned char> a(got.a.bytes().size() + 2), b(got.b.bytes().size() + 2),
      c(got.c.bytes().size() + 4);
  ASSERT_EQ(cudaMemcpy(a.data() + 2, got.a.data(), got.a.bytes().size(), cudaMemcpyHostToDevice),
            cudaSuccess);
  ASSERT_EQ(cudaMemcpy(b.data() + 2, got.b.data(), got.b.bytes().size(), cudaMemcpyHostToDevice),
            cudaSuccess);
  const KernelStatus status =
      products.run(shape, a.data() + 2, b.data() + 2, c.data() + 4, nullptr);
  if (!status.ok()) GTEST_SKIP() << "refused: " << status.message;
  const Bytes all = c.values();
  got.c.bytes().assign(all.begin() + 4, all.end());
  want.run_on_host();
  expect_equal(got, want);
}

TEST_F(DeviceProduct, EpiloguesEqualTheReference) {
  Products products;
  constexpr auto kBf16 = Dtype::kBf16;
  for (const Sizes& size : {Sizes{64, 128, 32}, Sizes{200, 96, 296}}) {
    for (const ProductEpilogue epilogue : {ProductEpilogue::kBias,
                                           ProductEpilogue::kGelu,
                                           ProductEpilogue::kGeluBias,
                                           ProductEpilogue::kGeluBackward}) {
      for (const bool is_b_transposed : {false, true}) {
        check(products,
              ProductShape::packed(size.M,
                                   size.N,
                                   size.K,
                                   false,
                                   is_b_transposed,
                                   kBf16,
                                   kBf16,
                                   false,
                                   epilogue,
                                   kBf16));
      }
    }
    check(products,
          ProductShape::packed(size.M,
                               size.N,
                               size.K,
                               false,
                               true,
                               Dtype::kF32,
                               Dtype::kF32,
                               false,
                               ProductEpilogue::kBias,
                               Dtype::kF32));
    for (const Types& types : kTypes) {  // what the library may not have
      check(products,
            ProductShape::packed(size.M,
                                 size.N,
                                 size.K,
                                 false,
                                 true,
                                 types.in,
                                 types.out,
                                 false,
                                 ProductEpilogue::kBias,
                                 Dtype::kF32),
            true);
      check(products,
            ProductShape::packed(size.M,
                                 size.N,
                                 size.K,
                                 false,
                                 true,
                                 types.in,
                                 types.out,
                                 false,
                                 ProductEpilogue::kGelu),
            true);
    }
  }
}

TEST_F(DeviceProduct, EmptySizesDoNothingOrScaleByBeta) {
  Products products;
  constexpr auto kF32 = Dtype::kF32;
  for (const bool accumulates : {false, true}) {
    ProductShape shape = ProductShape::packed(3, 5, 0, false, false, kF32, kF32, accumulates);
    shape.ldc = 7;
    check(products, shape);
    check(products, ProductShape::packed(0, 5, 4, false, false, kF32, kF32, accumulates));
    check(products, ProductShape::packed(5, 0, 4, false, false, kF32, kF32, accumulates));
  }
}

/// A shape whose rounding depends on the algorithm: a long sum, few results.
ProductShape long_sum() {
  return ProductShape::packed(768, 256, 8192, true, false, Dtype::kBf16, Dtype::kF32);
}

TEST_F(DeviceProduct, TunedChoicesSurviveExportAndImportBitForBit) {
  const std::vector<ProductShape> shapes{
      long_sum(),
      ProductShape::packed(512, 768, 768, false, true, Dtype::kBf16, Dtype::kBf16),
      ProductShape::packed(
          512, 3072, 768, false, true, Dtype::kBf16, Dtype::kBf16, false, ProductEpilogue::kGelu)};
  Products tuned, fresh;
  std::vector<Bytes> results;
  for (const ProductShape& shape : shapes) {
    SCOPED_TRACE(text_from_product_shape(shape));
    const DeviceMemory<unsigned char> scratch(Products::scratch_bytes(shape));
    ProductTiming timing;
    const KernelStatus status =
        tuned.tune(shape, scratch.data(), Products::scratch_bytes(shape), nullptr, &timing);
    ASSERT_TRUE(status.ok()) << status.message;
    EXPECT_TRUE(tuned.is_tuned(shape));
    EXPECT_GE(timing.num_candidates, 1);
    EXPECT_LE(timing.chosen_ms, timing.heuristic_ms);
    std::cout << timing.num_candidates << " candidates, first " << timing.heuristic_ms
              << " ms, chosen " << timing.chosen_ms << " ms\n";
    Case got(shape);
    ASSERT_TRUE(got.run(tuned).ok());
    results.push_back(got.c.bytes());
  }
  std::vector<ProductChoice> choices = tuned.choices();
  ASSERT_EQ(choices.size(), shapes.size());
  for (const ProductChoice& choice : choices)
    std::cout << choice.key << ": " << choice.algorithm << "\n";
  const std::size_t num_real = choices.size();
  choices.push_back({choices[0].key, "cublaslt=1 capability=9.0 multiprocessors=132 id=1"});
  choices.push_back({"M=1 N=2", choices[0].algorithm});
  choices.push_back({choices[0].key, ""});
  const std::vector<ProductChoice> refused = fresh.import_choices(choices);
  ASSERT_EQ(refused.size(), choices.size() - num_real);
  EXPECT_EQ(refused[0].algorithm, choices[num_real].algorithm);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    SCOPED_TRACE(text_from_product_shape(shapes[i]));
    EXPECT_TRUE(fresh.is_tuned(shapes[i]));
    for (int repetition = 0; repetition < 2; ++repetition) {
      Case got(shapes[i]);
      ASSERT_TRUE(got.run(fresh).ok());
      EXPECT_EQ(got.c.bytes(), results[i]);
    }
  }
  const std::vector<ProductChoice> again = fresh.choices();
  ASSERT_EQ(again.size(), num_real);
  for (std::size_t i = 0; i < num_real; ++i) EXPECT_EQ(again[i].algorithm, choices[i].algorithm);
}

TEST_F(DeviceProduct, IsCapturedAndReplayed) {
  const ProductShape shape = long_sum();
  Case want(shape);
  Products products;
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  const DeviceMemory<unsigned char> a(want.a.bytes()), b(want.b.bytes()), c(want.c.bytes());

  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  const KernelStatus early = products.run(shape, a.data(), b.data(), c.data(), stream);
  EXPECT_FALSE(early.ok()) << "no workspace can be allocated during capture";
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  cudaGraphDestroy(graph);

  ASSERT_TRUE(products.add_stream(stream).ok());
  ASSERT_TRUE(want.run(products).ok());  // loads the kernel, gives the bits
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  const KernelStatus status = products.run(shape, a.data(), b.data(), c.data(), stream);
  EXPECT_TRUE(status.ok()) << status.message;
  EXPECT_FALSE(products.tune(shape, a.data(), 1, stream).ok());
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  cudaGraphExec_t replay = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&replay, graph, 0), cudaSuccess);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(cudaMemset(c.data(), 0, want.c.bytes().size()), cudaSuccess);
    ASSERT_EQ(cudaGraphLaunch(replay, stream), cudaSuccess);
    EXPECT_EQ(c.values(), want.c.bytes());
  }
  cudaGraphExecDestroy(replay);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
}

}  // namespace
}  // namespace switchyard::kernels
