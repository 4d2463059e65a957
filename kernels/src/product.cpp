#include "kernels/include/product.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <tuple>

#include <cuda_runtime_api.h>

#include "kernels/src/product_algorithm.h"

namespace switchyard::kernels {

using product::Algorithm;
using product::Entry;
using product::has_aux;
using product::has_bias;

namespace {

constexpr int kNumTimings = 5;
constexpr std::size_t kScratchAlignmentBytes = 256;

std::size_t bytes_of(Dtype dtype) {
  return dtype == Dtype::kF32 ? 4 : 2;
}

/// Order of shapes; fields that the epilogue does not read do not count.
struct ShapeLess {
  static auto fields(const ProductShape& s) {
    return std::make_tuple(s.M,
                           s.N,
                           s.K,
                           s.lda,
                           s.ldb,
                           s.ldc,
                           s.is_a_transposed,
                           s.is_b_transposed,
                           s.accumulates,
                           s.in_dtype,
                           s.out_dtype,
                           s.epilogue,
                           has_bias(s) ? s.bias_dtype : Dtype::kBf16,
                           has_aux(s) ? s.ld_aux : 0);
  }

  bool operator()(const ProductShape& a, const ProductShape& b) const {
    return fields(a) < fields(b);
  }
};

std::size_t rounded_up(std::size_t bytes) {
  return (bytes + kScratchAlignmentBytes - 1) / kScratchAlignmentBytes * kScratchAlignmentBytes;
}

/// Bytes of a matrix with gaps: the last row ends with its last element.
std::size_t matrix_bytes(std::int64_t rows, std::int64_t columns, std::int64_t ld, Dtype dtype) {
  if (rows == 0 || columns == 0) return 0;
  return static_cast<std::size_t>((rows - 1) * ld + columns) * bytes_of(dtype);
}

/// Where the five arrays of a product stand in tune()'s scratch.
struct ScratchPlan {
  std::array<std::size_t, 5> begin{}, bytes{};  ///< A, B, C, bias, aux
  std::size_t total = 0;

  explicit ScratchPlan(const ProductShape& s)
      : bytes{s.is_a_transposed ? matrix_bytes(s.K, s.M, s.lda, s.in_dtype)
                                : matrix_bytes(s.M, s.K, s.lda, s.in_dtype),
              s.is_b_transposed ? matrix_bytes(s.N, s.K, s.ldb, s.in_dtype)
                                : matrix_bytes(s.K, s.N, s.ldb, s.in_dtype),
              matrix_bytes(s.M, s.N, s.ldc, s.out_dtype),
              has_bias(s) ? static_cast<std::size_t>(s.N) * bytes_of(s.bias_dtype) : 0,
              has_aux(s) ? matrix_bytes(s.M, s.N, s.ld_aux, s.out_dtype) : 0} {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      begin[i] = total;
      total += rounded_up(bytes[i]);
    }
  }
};

/// Fills with pseudo-random numbers in [-1, 1): all zeros would draw less power and run faster than
/// the products of a training step. A pattern of up to 1 MiB, then copies of it.
cudaError_t fill(void* data, std::size_t bytes, Dtype dtype, cudaStream_t stream) {
  const std::size_t pattern_bytes = std::min(bytes, std::size_t{1} << 20U);
  std::vector<unsigned char> pattern(pattern_bytes);
  std::minstd_rand random(5);
  const std::size_t size = bytes_of(dtype);
  for (std::size_t i = 0; i + size <= pattern_bytes; i += size) {
    const float number = static_cast<float>(random()) / 1073741824.0F - 1.0F;
    std::array<unsigned char, 4> parts{};
    std::memcpy(parts.data(), &number, parts.size());
    std::memcpy(&pattern[i], parts.data() + (parts.size() - size), size);  // bf16: the upper half
  }
  auto* at = static_cast<unsigned char*>(data);
  cudaError_t error =
      cudaMemcpyAsync(at, pattern.data(), pattern_bytes, cudaMemcpyHostToDevice, stream);
  for (std::size_t done = pattern_bytes; done < bytes && error == cudaSuccess;) {
    const std::size_t next = std::min(done, bytes - done);
    error = cudaMemcpyAsync(at + done, at, next, cudaMemcpyDeviceToDevice, stream);
    done += next;
  }
  if (error == cudaSuccess) error = cudaStreamSynchronize(stream);  // the pattern ends here
  return error;
}

bool is_capturing(cudaStream_t stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  return cudaStreamIsCapturing(stream, &status) != cudaSuccess ||
         status != cudaStreamCaptureStatusNone;
}

/// Two events, for the time between them.
class Stopwatch {
 public:
  Stopwatch() {
    is_made_ = cudaEventCreate(&begin_) == cudaSuccess && cudaEventCreate(&end_) == cudaSuccess;
  }

  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  ~Stopwatch() {
    if (begin_ != nullptr) cudaEventDestroy(begin_);
    if (end_ != nullptr) cudaEventDestroy(end_);
  }

  /// ms that `work` (which returns whether it was launched) takes on the stream; negative if it
  /// failed.
  template <typename Work>
  float time(cudaStream_t stream, const Work& work) {
    float ms = -1.0F;
    if (!is_made_ || cudaEventRecord(begin_, stream) != cudaSuccess || !work() ||
        cudaEventRecord(end_, stream) != cudaSuccess || cudaEventSynchronize(end_) != cudaSuccess ||
        cudaEventElapsedTime(&ms, begin_, end_) != cudaSuccess) {
      return -1.0F;
    }
    return ms;
  }

 private:
  cudaEvent_t begin_ = nullptr;
  cudaEvent_t end_ = nullptr;
  bool is_made_ = false;
};

}  // namespace

struct Products::State {
  product::OwnedHandle handle;
  cublasStatus_t made = CUBLAS_STATUS_NOT_INITIALIZED;
  std::string place;  ///< library and GPU, the first words of every exported algorithm
  std::map<ProductShape, Entry, ShapeLess> entries;
  std::map<cudaStream_t, void*> workspaces;
  std::vector<void*> allocations;
  std::string message;

  State() {
    if (product::cublaslt() == nullptr) return;
    cublasLtHandle_t raw = nullptr;
    made = product::cublaslt()->Create(&raw);
    if (made != CUBLAS_STATUS_SUCCESS) return;
    handle.reset(raw);
    int device = 0, major = 0, minor = 0, num_multiprocessors = 0;
    if (cudaGetDevice(&device) != cudaSuccess ||
        cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) != cudaSuccess ||
        cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device) != cudaSuccess ||
        cudaDeviceGetAttribute(&num_multiprocessors, cudaDevAttrMultiProcessorCount, device) !=
            cudaSuccess) {
      made = CUBLAS_STATUS_NOT_INITIALIZED;
    }
    place = "cublaslt=" + std::to_string(product::cublaslt()->GetVersion()) +
            " capability=" + std::to_string(major) + "." + std::to_string(minor) +
            " multiprocessors=" + std::to_string(num_multiprocessors);
  }

  ~State() {
    for (void* allocation : allocations) cudaFree(allocation);
  }

  State(const State&) = delete;
  State& operator=(const State&) = delete;

  KernelStatus fail(std::string text) {
    message = std::move(text);
    return {message.c_str()};
  }

  KernelStatus fail(const ProductShape& shape, const std::string& reason) {
    return fail("product " + text_from_product_shape(shape) + ": " + reason);
  }

  /// The workspace of a stream, allocated if it has none and may have one; null with `message`.
  void* workspace_of(cudaStream_t stream) {
    if (const auto found = workspaces.find(stream); found != workspaces.end()) return found->second;
    if (is_capturing(stream)) {
      message = "product: the stream has no workspace and captures; call add_stream before capture";
      return nullptr;
    }
    void* data = nullptr;
    if (const cudaError_t error = cudaMalloc(&data, kWorkspaceBytes); error != cudaSuccess) {
      message = std::string("product: no workspace of 32 MiB: ") + cudaGetErrorString(error);
      return nullptr;
    }
    allocations.push_back(data);
    workspaces.emplace(stream, data);
    return data;
  }

  /// The entry of a shape, described at its first use; null if cuBLASLt refuses, with `message`.
  Entry* entry_of(const ProductShape& shape) {
    if (const auto found = entries.find(shape); found != entries.end()) return &found->second;
    Entry entry;
    if (const cublasStatus_t status = product::describe(shape, &entry);
        status != CUBLAS_STATUS_SUCCESS) {
      fail(shape, product::cublaslt()->GetStatusString(status));
      return nullptr;
    }
    return &entries.emplace(shape, std::move(entry)).first->second;
  }

  cublasStatus_t launch(const ProductShape& shape,
                        const Entry& entry,
                        const Algorithm& algorithm,
                        const void* a,
                        const void* b,
                        void* c,
                        const void* bias,
                        void* aux,
                        void* workspace,
                        cudaStream_t stream) const {
    const cublasStatus_t status = product::point_epilogue(shape, entry, bias, aux);
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    const float alpha = 1.0F, beta = shape.accumulates ? 1.0F : 0.0F;
    return product::cublaslt()->Matmul(handle.get(),
                                       entry.operation.get(),
                                       &alpha,
                                       b,
                                       entry.first.get(),
                                       a,
                                       entry.second.get(),
                                       &beta,
                                       c,
                                       entry.result.get(),
                                       c,
                                       entry.result.get(),
                                       &algorithm.algo,
                                       workspace,
                                       kWorkspaceBytes,
                                       stream);
  }

  /// Why nothing can be multiplied here; null when it can.
  [[nodiscard]] const char* fault_of_library() const {
    if (product::cublaslt() == nullptr) return product::fault_of_cublaslt();
    if (made != CUBLAS_STATUS_SUCCESS)
      return "product: cuBLASLt cannot be used: no CUDA device answers";
    return nullptr;
  }

  [[nodiscard]] const char* fault_of(const ProductShape& shape) const {
    const char* fault = fault_of_library();
    return fault != nullptr ? fault : fault_of_product_shape(shape);
  }
};

Products::Products() : state_(std::make_unique<State>()) {}

Products::~Products() = default;

KernelStatus Products::add_stream(CudaStream stream, void* workspace) {
  if (const char* fault = state_->fault_of_library(); fault != nullptr) return {fault};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  if (workspace != nullptr) {
    if (reinterpret_cast<std::uintptr_t>(workspace) % kScratchAlignmentBytes != 0) {
      return state_->fail("product: the workspace is not a multiple of 256 bytes");
    }
    state_->workspaces[cuda_stream] = workspace;
    return {};
  }
  if (state_->workspace_of(cuda_stream) == nullptr) return {state_->message.c_str()};
  return {};
}

KernelStatus Products::run(const ProductShape& shape,
                           const void* a,
                           const void* b,
                           void* c,
                           CudaStream stream,
                           const void* bias,
                           void* aux) {
  if (const char* fault = state_->fault_of(shape); fault != nullptr) return {fault};
  if (shape.M == 0 || shape.N == 0) return {};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  if (shape.K == 0) {
    if (shape.epilogue != ProductEpilogue::kNone) {
      return {"product: K = 0 with an epilogue is not computed"};
    }
    if (shape.accumulates) return {};
    const std::size_t size = bytes_of(shape.out_dtype);
    const cudaError_t error = cudaMemset2DAsync(c,
                                                static_cast<std::size_t>(shape.ldc) * size,
                                                0,
                                                static_cast<std::size_t>(shape.N) * size,
                                                static_cast<std::size_t>(shape.M),
                                                cuda_stream);
    return {error == cudaSuccess ? nullptr : cudaGetErrorString(error)};
  }
  if ((has_bias(shape) && bias == nullptr) || (has_aux(shape) && aux == nullptr)) {
    return {"product: the epilogue's bias or aux is null"};
  }
  void* workspace = state_->workspace_of(cuda_stream);
  if (workspace == nullptr) return {state_->message.c_str()};
  Entry* entry = state_->entry_of(shape);
  if (entry == nullptr) return {state_->message.c_str()};
  std::uintptr_t bits = reinterpret_cast<std::uintptr_t>(a) | reinterpret_cast<std::uintptr_t>(b) |
                        reinterpret_cast<std::uintptr_t>(c);
  if (has_bias(shape)) bits |= reinterpret_cast<std::uintptr_t>(bias);
  if (has_aux(shape)) bits |= reinterpret_cast<std::uintptr_t>(aux);
  const bool is_fast = bits % product::kFastAlignmentBytes == 0;
  const Algorithm* algorithm = is_fast && entry->tuned ? &*entry->tuned : nullptr;
  if (algorithm == nullptr) {
    std::optional<Algorithm>& proposed = entry->proposed[is_fast ? 1 : 0];
    if (!proposed) {
      const std::uintptr_t alignment =
          is_fast ? product::kFastAlignmentBytes : bytes_of(shape.in_dtype);
      const std::vector<Algorithm> found =
          product::proposals(state_->handle.get(), shape, *entry, alignment, 1);
      if (found.empty()) return state_->fail(shape, "cuBLASLt has no algorithm for it");
      proposed = found.front();
    }
    algorithm = &*proposed;
  }
  const cublasStatus_t status =
      state_->launch(shape, *entry, *algorithm, a, b, c, bias, aux, workspace, cuda_stream);
  if (status != CUBLAS_STATUS_SUCCESS)
    return state_->fail(shape, product::cublaslt()->GetStatusString(status));
  return {};
}

std::size_t Products::scratch_bytes(const ProductShape& shape) {
  return fault_of_product_shape(shape) == nullptr ? ScratchPlan(shape).total : 0;
}

KernelStatus Products::tune(const ProductShape& shape,
                            void* scratch,
                            std::size_t scratch_bytes,
                            CudaStream stream,
                            ProductTiming* timing) {
  if (const char* fault = state_->fault_of(shape); fault != nullptr) return {fault};
  if (shape.M == 0 || shape.N == 0 || shape.K == 0) return {};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  if (is_capturing(cuda_stream)) return state_->fail(shape, "tuning inside capture");
  const ScratchPlan plan(shape);
  if (scratch == nullptr || scratch_bytes < plan.total ||
      reinterpret_cast<std::uintptr_t>(scratch) % kScratchAlignmentBytes != 0) {
    return state_->fail(shape, "the scratch is too small or not a multiple of 256 bytes");
  }
  void* workspace = state_->workspace_of(cuda_stream);
  if (workspace == nullptr) return {state_->message.c_str()};
  Entry* entry = state_->entry_of(shape);
  if (entry == nullptr) return {state_->message.c_str()};
  std::array<void*, 5> data{};
  for (std::size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<unsigned char*>(scratch) + plan.begin[i];
    const Dtype dtype = i < 2 ? shape.in_dtype : i == 3 ? shape.bias_dtype : shape.out_dtype;
    if (const cudaError_t error = fill(data[i], plan.bytes[i], dtype, cuda_stream);
        error != cudaSuccess) {
      return state_->fail(shape, cudaGetErrorString(error));
    }
  }
  Stopwatch stopwatch;
  const auto median_ms = [&](const Algorithm& algorithm) {
    std::array<float, kNumTimings> times{};
    const auto work = [&] {
      return state_->launch(shape,
                            *entry,
                            algorithm,
                            data[0],
                            data[1],
                            data[2],
                            data[3],
                            data[4],
                            workspace,
                            cuda_stream) == CUBLAS_STATUS_SUCCESS;
    };
    if (stopwatch.time(cuda_stream, work) < 0.0F) return -1.0F;  // loads the kernel; not counted
    for (float& time : times) {
      time = stopwatch.time(cuda_stream, work);
      if (time < 0.0F) return -1.0F;
    }
    std::sort(times.begin(), times.end());
    return times[kNumTimings / 2];
  };

  ProductTiming found;
  std::optional<Algorithm> best;
  std::string best_text;
  for (const Algorithm& proposed : product::proposals(state_->handle.get(),
                                                      shape,
                                                      *entry,
                                                      product::kFastAlignmentBytes,
                                                      product::kMaxCandidates)) {
    // What is timed is what its text gives back, so that an imported choice is the timed one.
    const std::string text = product::text_from_algorithm(state_->place, proposed.algo);
    const std::optional<Algorithm> stored =
        product::algorithm_from_text(state_->handle.get(), state_->place, text, shape, *entry);
    const float ms = median_ms(stored ? *stored : proposed);
    if (ms < 0.0F) continue;
    if (found.num_candidates++ == 0) found.heuristic_ms = static_cast<double>(ms);
    if (!stored || (best && static_cast<double>(ms) >= found.chosen_ms)) continue;
    found.chosen_ms = static_cast<double>(ms);
    best = stored;
    best_text = text;
  }
  if (timing != nullptr) *timing = found;
  if (!best) return state_->fail(shape, "cuBLASLt has no algorithm that ran and can be stored");
  entry->tuned = best;
  entry->tuned_text = best_text;
  return {};
}

bool Products::is_tuned(const ProductShape& shape) const {
  const auto found = state_->entries.find(shape);
  return found != state_->entries.end() && found->second.tuned.has_value();
}

std::vector<ProductChoice> Products::choices() const {
  std::vector<ProductChoice> all;
  for (const auto& [shape, entry] : state_->entries) {
    if (entry.tuned) all.push_back({text_from_product_shape(shape), entry.tuned_text});
  }
  std::sort(all.begin(), all.end(), [](const ProductChoice& a, const ProductChoice& b) {
    return a.key < b.key;
  });
  return all;
}

std::vector<ProductChoice> Products::import_choices(const std::vector<ProductChoice>& choices) {
  std::vector<ProductChoice> refused;
  for (const ProductChoice& choice : choices) {
    ProductShape shape;
    Entry* entry = nullptr;
    if (product_shape_from_text(choice.key, &shape) && state_->fault_of(shape) == nullptr) {
      entry = state_->entry_of(shape);
    }
    std::optional<Algorithm> algorithm;
    if (entry != nullptr) {
      algorithm = product::algorithm_from_text(
          state_->handle.get(), state_->place, choice.algorithm, shape, *entry);
    }
    if (!algorithm) {
      refused.push_back(choice);
      continue;
    }
    entry->tuned = algorithm;
    entry->tuned_text = choice.algorithm;
  }
  return refused;
}

}  // namespace switchyard::kernels
