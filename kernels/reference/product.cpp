#include "kernels/include/product.h"

#include <array>
#include <cinttypes>
#include <cmath>
#include <cstdio>

#include "kernels/reference/element.h"

namespace switchyard::kernels {
namespace {

constexpr std::array<const char*, 5> kEpilogueNames{
    "none", "bias", "gelu", "gelu_bias", "gelu_backward"};

bool has_bias(ProductEpilogue epilogue) {
  return epilogue == ProductEpilogue::kBias || epilogue == ProductEpilogue::kGeluBias;
}

bool has_aux(ProductEpilogue epilogue) {
  return epilogue == ProductEpilogue::kGelu || epilogue == ProductEpilogue::kGeluBias ||
         epilogue == ProductEpilogue::kGeluBackward;
}

const char* name_of(Dtype dtype) {
  return dtype == Dtype::kF32 ? "f32" : "bf16";
}

bool dtype_from_name(const std::string& name, Dtype* dtype) {
  *dtype = name == "f32" ? Dtype::kF32 : Dtype::kBf16;
  return name == name_of(*dtype);
}

constexpr double kRootTwoOverPi = 0.79788456080286535588;
constexpr double kCubic = 0.044715;

double gelu_tanh(double x) {
  return 0.5 * x * (1.0 + std::tanh(kRootTwoOverPi * (x + kCubic * x * x * x)));
}

double gelu_tanh_slope(double x) {
  const double t = std::tanh(kRootTwoOverPi * (x + kCubic * x * x * x));
  const double inner = kRootTwoOverPi * (1.0 + 3.0 * kCubic * x * x);
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner;
}

}  // namespace

ProductShape ProductShape::packed(std::int64_t M,
                                  std::int64_t N,
                                  std::int64_t K,
                                  bool is_a_transposed,
                                  bool is_b_transposed,
                                  Dtype in_dtype,
                                  Dtype out_dtype,
                                  bool accumulates,
                                  ProductEpilogue epilogue,
                                  Dtype bias_dtype) {
  ProductShape shape;
  shape.M = M;
  shape.N = N;
  shape.K = K;
  shape.lda = is_a_transposed ? M : K;
  shape.ldb = is_b_transposed ? K : N;
  shape.ldc = N;
  shape.is_a_transposed = is_a_transposed;
  shape.is_b_transposed = is_b_transposed;
  shape.accumulates = accumulates;
  shape.in_dtype = in_dtype;
  shape.out_dtype = out_dtype;
  shape.epilogue = epilogue;
  shape.bias_dtype = bias_dtype;
  shape.ld_aux = has_aux(epilogue) ? N : 0;
  return shape;
}

std::string text_from_product_shape(const ProductShape& shape) {
  std::array<char, 384> text{};
  std::snprintf(text.data(),
                text.size(),
                "M=%" PRId64 " N=%" PRId64 " K=%" PRId64 " lda=%" PRId64 " ldb=%" PRId64
                " ldc=%" PRId64
                " a=%s b=%s beta=%d in=%s out=%s epilogue=%s bias=%s ld_aux=%" PRId64,
                shape.M,
                shape.N,
                shape.K,
                shape.lda,
                shape.ldb,
                shape.ldc,
                shape.is_a_transposed ? "transposed" : "plain",
                shape.is_b_transposed ? "transposed" : "plain",
                shape.accumulates ? 1 : 0,
                name_of(shape.in_dtype),
                name_of(shape.out_dtype),
                kEpilogueNames[static_cast<std::size_t>(shape.epilogue)],
                has_bias(shape.epilogue) ? name_of(shape.bias_dtype) : "none",
                has_aux(shape.epilogue) ? shape.ld_aux : std::int64_t{0});
  return text.data();
}

bool product_shape_from_text(const std::string& text, ProductShape* shape) {
  ProductShape read;
  std::array<char, 16> a{}, b{}, in{}, out{}, epilogue{}, bias{};
  int beta = 0;
  const int num_fields = std::sscanf(
      text.c_str(),
      "M=%" SCNd64 " N=%" SCNd64 " K=%" SCNd64 " lda=%" SCNd64 " ldb=%" SCNd64 " ldc=%" SCNd64
      " a=%15s b=%15s beta=%d in=%15s out=%15s epilogue=%15s bias=%15s ld_aux=%" SCNd64,
      &read.M,
      &read.N,
      &read.K,
      &read.lda,
      &read.ldb,
      &read.ldc,
      a.data(),
      b.data(),
      &beta,
      in.data(),
      out.data(),
      epilogue.data(),
      bias.data(),
      &read.ld_aux);
  if (num_fields != 14) return false;
  read.is_a_transposed = std::string(a.data()) == "transposed";
  read.is_b_transposed = std::string(b.data()) == "transposed";
  read.accumulates = beta == 1;
  if (!dtype_from_name(in.data(), &read.in_dtype)) return false;
  if (!dtype_from_name(out.data(), &read.out_dtype)) return false;
  std::size_t i = 0;
  while (i < kEpilogueNames.size() && std::string(epilogue.data()) != kEpilogueNames[i]) ++i;
  if (i == kEpilogueNames.size()) return false;
  read.epilogue = static_cast<ProductEpilogue>(i);
  if (has_bias(read.epilogue) && !dtype_from_name(bias.data(), &read.bias_dtype)) return false;
  if (text_from_product_shape(read) != text) return false;  // what sscanf forgives
  *shape = read;
  return true;
}

const char* fault_of_product_shape(const ProductShape& shape) {
  constexpr std::int64_t kLargest = std::int64_t{1} << 40U;  // products of two sizes fit in 64 bits
  for (const std::int64_t size : {shape.M, shape.N, shape.K, shape.lda, shape.ldb, shape.ldc}) {
    if (size < 0 || size > kLargest) return "product: a size is negative or beyond 2^40";
  }
  if (shape.lda < (shape.is_a_transposed ? shape.M : shape.K)) {
    return "product: lda is less than the row of A as stored";
  }
  if (shape.ldb < (shape.is_b_transposed ? shape.K : shape.N)) {
    return "product: ldb is less than the row of B as stored";
  }
  if (shape.ldc < shape.N) return "product: ldc is less than N";
  if (shape.in_dtype == Dtype::kF32 && shape.out_dtype != Dtype::kF32) {
    return "product: f32 inputs give f32 only";
  }
  if (has_aux(shape.epilogue)) {
    if (shape.accumulates) return "product: a GELU epilogue does not accumulate";
    if (shape.ld_aux < shape.N || shape.ld_aux > kLargest) {
      return "product: ld_aux is less than N or beyond 2^40";
    }
  }
  return nullptr;
}

void product_reference(
    const ProductShape& shape, const void* a, const void* b, void* c, const void* bias, void* aux) {
  const reference::ConstElements A(a, shape.in_dtype), B(b, shape.in_dtype), biases(bias, shape.bias_dtype);
  reference::Elements C(c, shape.out_dtype), stored(aux, shape.out_dtype);
  for (std::int64_t m = 0; m < shape.M; ++m) {
    for (std::int64_t n = 0; n < shape.N; ++n) {
      double sum = shape.accumulates ? C.get(m * shape.ldc + n) : 0.0;
      for (std::int64_t k = 0; k < shape.K; ++k) {
        sum += A.get(shape.is_a_transposed ? k * shape.lda + m : m * shape.lda + k) *
               B.get(shape.is_b_transposed ? n * shape.ldb + k : k * shape.ldb + n);
      }
      if (has_bias(shape.epilogue)) sum += biases.get(n);
      if (shape.epilogue == ProductEpilogue::kGeluBackward) {
        sum *= gelu_tanh_slope(stored.get(m * shape.ld_aux + n));
      } else if (has_aux(shape.epilogue)) {
        stored.set(m * shape.ld_aux + n, sum);
        sum = gelu_tanh(sum);
      }
      C.set(m * shape.ldc + n, sum);
    }
  }
}

}  // namespace switchyard::kernels
