#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

/// What is done to a product before it is stored.
enum class ProductEpilogue {
  kNone,
  kBias,          ///< + bias[n]
  kGelu,          ///< aux <- product; C <- gelu_tanh(product)
  kGeluBias,      ///< aux <- product + bias; C <- gelu_tanh(product + bias)
  kGeluBackward,  ///< C <- product * gelu_tanh'(aux), aux as kGelu or kGeluBias stored it
};

/// Everything about one row-major product that its algorithm may depend on.
///
/// Shapes: op_a(A) [M, K], op_b(B) [K, N], C [M, N], aux [M, N] of C's type. A is stored [M, K]
/// with
///         `lda` elements from row to row, or [K, M] if `is_a_transposed`; B is stored [K, N], or
///         [N, K] if `is_b_transposed`; bias [N] of `bias_dtype`.
/// Source: own.
struct ProductShape {
  std::int64_t M = 0;
  std::int64_t N = 0;
  std::int64_t K = 0;
  std::int64_t lda = 0;
  std::int64_t ldb = 0;
  std::int64_t ldc = 0;
  bool is_a_transposed = false;
  bool is_b_transposed = false;
  bool accumulates = false;        ///< beta = 1 instead of 0
  Dtype in_dtype = Dtype::kBf16;   ///< of A and B
  Dtype out_dtype = Dtype::kBf16;  ///< of C and aux
  ProductEpilogue epilogue = ProductEpilogue::kNone;
  Dtype bias_dtype = Dtype::kBf16;  ///< read only with an epilogue that has a bias
  std::int64_t ld_aux = 0;          ///< read only with an epilogue that has an aux

  /// A product of matrices without gaps between their rows (lda, ldb, ldc, ld_aux set from the
  /// sizes).
  ///
  /// Shapes: as above.
  /// Source: own.
  static ProductShape packed(std::int64_t M,
                             std::int64_t N,
                             std::int64_t K,
                             bool is_a_transposed,
                             bool is_b_transposed,
                             Dtype in_dtype,
                             Dtype out_dtype,
                             bool accumulates = false,
                             ProductEpilogue epilogue = ProductEpilogue::kNone,
                             Dtype bias_dtype = Dtype::kBf16);
};

/// The shape in words, the key of its choice: `M=4 N=8 ...`, every field in a fixed order.
///
/// Shapes: as ProductShape.
/// Source: own.
std::string text_from_product_shape(const ProductShape& shape);

/// The inverse; false for any text that text_from_product_shape does not write.
///
/// Shapes: as ProductShape.
/// Source: own.
bool product_shape_from_text(const std::string& text, ProductShape* shape);

/// What is wrong with a shape, in words; null when nothing is.
///
/// Shapes: as ProductShape.
/// Source: own.
const char* fault_of_product_shape(const ProductShape& shape);

/// Multiplies on the host: the definition that the device is held to.
///
/// Math:   C = epilogue(op_a(A) op_b(B) + beta C), beta in {0, 1}; with beta = 0 C is not read.
///         gelu_tanh(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). Sums in f64, one rounding
///         at the end.
/// Shapes: as ProductShape; bias and aux may be null where the epilogue has none.
/// Limits: fault_of_product_shape(shape) is null.
/// Determinism: exact.
/// Source: Hendrycks & Gimpel 2016, arXiv 1606.08415, section 2 (the tanh form).
void product_reference(const ProductShape& shape,
                       const void* a,
                       const void* b,
                       void* c,
                       const void* bias = nullptr,
                       void* aux = nullptr);

/// One tuned product as it is stored with a run.
///
/// Shapes: `key` is text_from_product_shape; `algorithm` holds name=value words: version of
///         cuBLASLt, compute capability and number of multiprocessors that it was timed on, then
///         the configuration attributes of the algorithm (id, tile, stages, split_k, reduction,
///         swizzle, custom, inner, cluster).
/// Source: own; cuBLASLt, cublasLtMatmulAlgoConfigAttributes_t.
struct ProductChoice {
  std::string key;
  std::string algorithm;
};

/// What tuning one shape found.
///
/// Units:  ms per product.
/// Shapes: none.
/// Source: own.
struct ProductTiming {
  int num_candidates = 0;     ///< algorithms that ran
  double heuristic_ms = 0.0;  ///< the first proposal, used when nothing is tuned
  double chosen_ms = 0.0;     ///< the fastest
};

/// Runs products through cuBLASLt: descriptors and algorithms are kept by shape.
///
/// Math:   as product_reference, with sums in f32 (TF32 is off; split sums are added in f32); with
///         beta = 1 and a bf16 C the product is rounded before it is added.
/// Shapes: as ProductShape.
/// Limits: bf16 x bf16 -> bf16 or f32, f32 x f32 -> f32. Leading dimensions and pointers that are
///         multiples of 16 bytes are fast; others run where cuBLASLt has an algorithm. What
///         cuBLASLt does not have (f32 bias on bf16 output, GELU epilogues outside bf16 -> bf16 or
///         with ld_aux not a multiple of 8) is refused with a reason; C is then untouched.
/// Errors: KernelStatus::message says the reason (also: cuBLASLt cannot be loaded, no device); it
/// is
///         valid until the next call on this object.
/// Determinism: a shape gives the same bits with the same algorithm on the same GPU model and
///         version of cuBLASLt. ANOTHER ALGORITHM CHANGES ROUNDING: a run that is resumed or
///         repeated must import the choices that it was trained with.
/// Threads: one object per device and host thread; the device current at construction.
/// Source: cuBLAS 13 library, cuBLASLt API.
class Products {
 public:
  Products();  ///< a failure is told by the first call
  ~Products();
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;

  static constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20U;

  /// Gives `stream` its workspace: `workspace` of kWorkspaceBytes aligned to 256 bytes, which
  /// outlives the use of this object, or, with null, one allocated here. Called once per stream
  /// outside capture; a second call for a stream replaces a given workspace.
  ///
  /// Shapes: workspace [kWorkspaceBytes] bytes.
  /// Errors: allocation refused; allocation while the stream captures.
  /// Source: own.
  KernelStatus add_stream(CudaStream stream, void* workspace = nullptr);

  /// C = epilogue(op_a(A) op_b(B) + beta C) by the tuned algorithm if there is one, else by the
  /// first that cuBLASLt proposes. May be captured once a shape has run outside capture (its kernel
  /// is loaded then) on a stream with a workspace, whose address the graph keeps. A stream that
  /// add_stream has not seen gets a workspace here, outside capture only.
  ///
  /// Shapes: as ProductShape; bias and aux may be null where the epilogue has none.
  /// Limits: M = 0 or N = 0 does nothing; K = 0 scales C by beta (no epilogue then).
  /// Source: cublasLtMatmul.
  KernelStatus run(const ProductShape& shape,
                   const void* a,
                   const void* b,
                   void* c,
                   CudaStream stream,
                   const void* bias = nullptr,
                   void* aux = nullptr);

  /// Bytes that tune() needs for a shape.
  ///
  /// Shapes: none.
  /// Source: own.
  static std::size_t scratch_bytes(const ProductShape& shape);

  /// Times up to 16 algorithms, five runs each, on pseudo-random numbers that it writes to
  /// `scratch`, and keeps the one with the lowest median. Reads and writes nothing else. Waits for
  /// the stream. Pointers given to run() later are expected to be multiples of 16 bytes; where they
  /// are not, run() takes an untuned algorithm.
  ///
  /// Shapes: scratch [scratch_bytes(shape)] bytes, aligned to 256.
  /// Errors: called during capture; scratch too small; no algorithm.
  /// Source: cublasLtMatmulAlgoGetHeuristic.
  KernelStatus tune(const ProductShape& shape,
                    void* scratch,
                    std::size_t scratch_bytes,
                    CudaStream stream,
                    ProductTiming* timing = nullptr);

  [[nodiscard]] bool is_tuned(const ProductShape& shape) const;

  /// All tuned shapes, sorted by key.
  ///
  /// Shapes: as ProductChoice.
  /// Source: own.
  [[nodiscard]] std::vector<ProductChoice> choices() const;

  /// Takes choices over, in place of those of the same shapes. Returns the entries that were not
  /// taken: unreadable, of another version of cuBLASLt or another GPU, or refused by cuBLASLt. The
  /// caller tunes those again.
  ///
  /// Shapes: as ProductChoice.
  /// Source: cublasLtMatmulAlgoInit, cublasLtMatmulAlgoCheck.
  std::vector<ProductChoice> import_choices(const std::vector<ProductChoice>& choices);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace switchyard::kernels
