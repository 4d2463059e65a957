#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <cublasLt.h>

#include "kernels/include/product.h"
#include "kernels/src/cublaslt_library.h"

/// What product.cpp asks of cuBLASLt: descriptors of a shape, algorithms, and their texts.
namespace switchyard::kernels::product {

inline constexpr int kMaxCandidates = 16;
inline constexpr std::uintptr_t kFastAlignmentBytes = 16;

/// Destroys a handle by one function of the library.
template <typename Handle, auto CublasLt::*destroy>
struct Destroy {
  void operator()(Handle handle) const { (cublaslt()->*destroy)(handle); }
};

template <typename Handle, auto CublasLt::*destroy>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Destroy<Handle, destroy>>;

using OwnedHandle = Owned<cublasLtHandle_t, &CublasLt::Destroy>;
using OwnedOperation = Owned<cublasLtMatmulDesc_t, &CublasLt::MatmulDescDestroy>;
using OwnedLayout = Owned<cublasLtMatrixLayout_t, &CublasLt::MatrixLayoutDestroy>;
using OwnedPreference = Owned<cublasLtMatmulPreference_t, &CublasLt::MatmulPreferenceDestroy>;

inline bool has_bias(const ProductShape& shape) {
  return shape.epilogue == ProductEpilogue::kBias || shape.epilogue == ProductEpilogue::kGeluBias;
}

inline bool has_aux(const ProductShape& shape) {
  return shape.epilogue != ProductEpilogue::kNone && shape.epilogue != ProductEpilogue::kBias;
}

/// An algorithm and the workspace that it wants.
struct Algorithm {
  cublasLtMatmulAlgo_t algo{};
  std::size_t workspace_bytes = 0;
};

/// cuBLASLt is column-major: it is asked for C^T [N, M] = op_b(B)^T op_a(A)^T, whose matrices lie
/// in memory exactly as ours. Its first operand is B, its bias runs along N.
struct Entry {
  OwnedOperation operation;
  OwnedLayout first, second, result;
  std::array<std::optional<Algorithm>, 2> proposed;  ///< for pointers off and on 16 bytes
  std::optional<Algorithm> tuned;
  std::string tuned_text;
};

/// What cuBLASLt reads of a product before it runs.
cublasStatus_t describe(const ProductShape& shape, Entry* entry);

/// Sets the pointers of the epilogue. cuBLASLt reads their alignment when it proposes.
cublasStatus_t point_epilogue(const ProductShape& shape,
                              const Entry& entry,
                              const void* bias,
                              const void* aux);

/// Up to `num_wanted` (at most kMaxCandidates) algorithms for pointers that are multiples of
/// `alignment` bytes, the most promising first.
std::vector<Algorithm> proposals(cublasLtHandle_t handle,
                                 const ProductShape& shape,
                                 const Entry& entry,
                                 std::uintptr_t alignment,
                                 int num_wanted);

/// `place` (library and GPU), then the configuration attributes as name=value words.
std::string text_from_algorithm(const std::string& place, const cublasLtMatmulAlgo_t& algo);

/// The inverse, checked against the shape; nothing for a text of another place or a refused one.
std::optional<Algorithm> algorithm_from_text(cublasLtHandle_t handle,
                                             const std::string& place,
                                             const std::string& text,
                                             const ProductShape& shape,
                                             const Entry& entry);

}  // namespace switchyard::kernels::product
