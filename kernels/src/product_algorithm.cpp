#include "kernels/src/product_algorithm.h"

#include <cstdio>

namespace switchyard::kernels::product {
namespace {

cudaDataType_t cuda_type(Dtype dtype) {
  return dtype == Dtype::kF32 ? CUDA_R_32F : CUDA_R_16BF;
}

cublasLtEpilogue_t epilogue_of(const ProductShape& shape) {
  switch (shape.epilogue) {
    case ProductEpilogue::kNone:
      return CUBLASLT_EPILOGUE_DEFAULT;
    case ProductEpilogue::kBias:
      return CUBLASLT_EPILOGUE_BIAS;
    case ProductEpilogue::kGelu:
      return CUBLASLT_EPILOGUE_GELU_AUX;
    case ProductEpilogue::kGeluBias:
      return CUBLASLT_EPILOGUE_GELU_AUX_BIAS;
    case ProductEpilogue::kGeluBackward:
      return CUBLASLT_EPILOGUE_DGELU;
  }
  return CUBLASLT_EPILOGUE_DEFAULT;
}

template <typename T>
cublasStatus_t set(cublasLtMatmulDesc_t operation,
                   cublasLtMatmulDescAttributes_t name,
                   const T& value) {
  return cublaslt()->MatmulDescSetAttribute(operation, name, &value, sizeof(value));
}

cublasStatus_t make_layout(
    Dtype dtype, std::int64_t rows, std::int64_t columns, std::int64_t ld, OwnedLayout* layout) {
  cublasLtMatrixLayout_t made = nullptr;
  const cublasStatus_t status = cublaslt()->MatrixLayoutCreate(&made,
                                                               cuda_type(dtype),
                                                               static_cast<std::uint64_t>(rows),
                                                               static_cast<std::uint64_t>(columns),
                                                               ld);
  if (status == CUBLAS_STATUS_SUCCESS) layout->reset(made);
  return status;
}

/// The configuration attributes after the id, in the order of the text.
struct Attribute {
  const char* name;
  cublasLtMatmulAlgoConfigAttributes_t attribute;
  std::size_t size;
};

constexpr std::array<Attribute, 8> kAttributes{
    {{"tile", CUBLASLT_ALGO_CONFIG_TILE_ID, 4},
     {"stages", CUBLASLT_ALGO_CONFIG_STAGES_ID, 4},
     {"split_k", CUBLASLT_ALGO_CONFIG_SPLITK_NUM, 4},
     {"reduction", CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, 4},
     {"swizzle", CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING, 4},
     {"custom", CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION, 4},
     {"inner", CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID, 2},
     {"cluster", CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID, 2}}};

/// An attribute as a number; little-endian, so that 2 bytes fill the lower half. 0 if the algorithm
/// does not have it.
std::uint32_t attribute_of(const cublasLtMatmulAlgo_t& algo,
                           cublasLtMatmulAlgoConfigAttributes_t attribute,
                           std::size_t size) {
  std::uint32_t value = 0;
  std::size_t written = 0;
  const cublasStatus_t status =
      cublaslt()->MatmulAlgoConfigGetAttribute(&algo, attribute, &value, size, &written);
  return status == CUBLAS_STATUS_SUCCESS ? value : 0;
}

}  // namespace

cublasStatus_t describe(const ProductShape& s, Entry* entry) {
  cublasLtMatmulDesc_t made = nullptr;
  cublasStatus_t status = cublaslt()->MatmulDescCreate(&made, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  entry->operation.reset(made);
  const auto check = [&](cublasStatus_t next) {
    if (status == CUBLAS_STATUS_SUCCESS) status = next;
  };
  const cublasOperation_t first = s.is_b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t second = s.is_a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  check(set(made, CUBLASLT_MATMUL_DESC_TRANSA, first));
  check(set(made, CUBLASLT_MATMUL_DESC_TRANSB, second));
  check(set(made, CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue_of(s)));
  if (has_bias(s) && s.bias_dtype != s.out_dtype) {
    check(set(made, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, cuda_type(s.bias_dtype)));
  }
  if (has_aux(s)) check(set(made, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, s.ld_aux));
  check(s.is_b_transposed ? make_layout(s.in_dtype, s.K, s.N, s.ldb, &entry->first)
                          : make_layout(s.in_dtype, s.N, s.K, s.ldb, &entry->first));
  check(s.is_a_transposed ? make_layout(s.in_dtype, s.M, s.K, s.lda, &entry->second)
                          : make_layout(s.in_dtype, s.K, s.M, s.lda, &entry->second));
  check(make_layout(s.out_dtype, s.N, s.M, s.ldc, &entry->result));
  return status;
}

cublasStatus_t point_epilogue(const ProductShape& s,
                              const Entry& entry,
                              const void* bias,
                              const void* aux) {
  cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
  if (has_bias(s)) status = set(entry.operation.get(), CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  if (has_aux(s) && status == CUBLAS_STATUS_SUCCESS) {
    status = set(entry.operation.get(), CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, aux);
  }
  return status;
}

std::vector<Algorithm> proposals(cublasLtHandle_t handle,
                                 const ProductShape& s,
                                 const Entry& entry,
                                 std::uintptr_t alignment,
                                 int num_wanted) {
  cublasLtMatmulPreference_t made = nullptr;
  if (cublaslt()->MatmulPreferenceCreate(&made) != CUBLAS_STATUS_SUCCESS) return {};
  const OwnedPreference preference(made);
  const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t name, const auto& value) {
    return cublaslt()->MatmulPreferenceSetAttribute(made, name, &value, sizeof(value)) ==
           CUBLAS_STATUS_SUCCESS;
  };
  // A sum that is split over K is added up in f32 only, never in bf16.
  const std::uint32_t reductions =
      s.out_dtype == Dtype::kF32
          ? CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE | CUBLASLT_REDUCTION_SCHEME_INPLACE
          : CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  const auto bytes = static_cast<std::uint32_t>(alignment);
  const void* address = reinterpret_cast<const void*>(alignment);  // read for its alignment only
  if (!prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, Products::kWorkspaceBytes) ||
      !prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, reductions) ||
      !prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, bytes) ||
      !prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, bytes) ||
      !prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, bytes) ||
      !prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, bytes) ||
      point_epilogue(s, entry, address, address) != CUBLAS_STATUS_SUCCESS) {
    return {};
  }
  std::array<cublasLtMatmulHeuristicResult_t, kMaxCandidates> results{};
  int num_results = 0;
  if (cublaslt()->MatmulAlgoGetHeuristic(handle,
                                         entry.operation.get(),
                                         entry.first.get(),
                                         entry.second.get(),
                                         entry.result.get(),
                                         entry.result.get(),
                                         made,
                                         num_wanted,
                                         results.data(),
                                         &num_results) != CUBLAS_STATUS_SUCCESS) {
    return {};
  }
  std::vector<Algorithm> found;
  for (int i = 0; i < num_results; ++i) {
    const cublasLtMatmulHeuristicResult_t& result = results[static_cast<std::size_t>(i)];
    if (result.state != CUBLAS_STATUS_SUCCESS) continue;
    if (result.workspaceSize > Products::kWorkspaceBytes) continue;
    found.push_back({result.algo, result.workspaceSize});
  }
  return found;
}

std::string text_from_algorithm(const std::string& place, const cublasLtMatmulAlgo_t& algo) {
  std::string text =
      place + " id=" + std::to_string(attribute_of(algo, CUBLASLT_ALGO_CONFIG_ID, 4));
  for (const Attribute& a : kAttributes) {
    text +=
        std::string(" ") + a.name + "=" + std::to_string(attribute_of(algo, a.attribute, a.size));
  }
  return text;
}

std::optional<Algorithm> algorithm_from_text(cublasLtHandle_t handle,
                                             const std::string& place,
                                             const std::string& text,
                                             const ProductShape& s,
                                             const Entry& entry) {
  if (text.compare(0, place.size(), place) != 0) return std::nullopt;
  unsigned id = 0;
  std::array<unsigned, kAttributes.size()> values{};
  const int num_fields = std::sscanf(text.c_str() + place.size(),
                                     " id=%u tile=%u stages=%u split_k=%u reduction=%u swizzle=%u "
                                     "custom=%u inner=%u cluster=%u",
                                     &id,
                                     &values[0],
                                     &values[1],
                                     &values[2],
                                     &values[3],
                                     &values[4],
                                     &values[5],
                                     &values[6],
                                     &values[7]);
  if (num_fields != 9) return std::nullopt;
  Algorithm found;
  const cudaDataType_t in = cuda_type(s.in_dtype), out = cuda_type(s.out_dtype);
  if (cublaslt()->MatmulAlgoInit(handle,
                                 CUBLAS_COMPUTE_32F,
                                 CUDA_R_32F,
                                 in,
                                 in,
                                 out,
                                 out,
                                 static_cast<int>(id),
                                 &found.algo) != CUBLAS_STATUS_SUCCESS) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    const Attribute& a = kAttributes[i];
    if (attribute_of(found.algo, a.attribute, a.size) == values[i]) continue;
    if (cublaslt()->MatmulAlgoConfigSetAttribute(&found.algo, a.attribute, &values[i], a.size) !=
        CUBLAS_STATUS_SUCCESS) {
      return std::nullopt;
    }
  }
  if (text_from_algorithm(place, found.algo) != text) return std::nullopt;
  const void* address = reinterpret_cast<const void*>(kFastAlignmentBytes);
  if (point_epilogue(s, entry, address, address) != CUBLAS_STATUS_SUCCESS) return std::nullopt;
  cublasLtMatmulHeuristicResult_t result{};
  if (cublaslt()->MatmulAlgoCheck(handle,
                                  entry.operation.get(),
                                  entry.first.get(),
                                  entry.second.get(),
                                  entry.result.get(),
                                  entry.result.get(),
                                  &found.algo,
                                  &result) != CUBLAS_STATUS_SUCCESS ||
      result.workspaceSize > Products::kWorkspaceBytes) {
    return std::nullopt;
  }
  found.workspace_bytes = result.workspaceSize;
  return found;
}

}  // namespace switchyard::kernels::product
