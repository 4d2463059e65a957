// The only file that sees cuDNN's front end: its headers cost 40 s of compilation.
#include "kernels/include/attention.h"

#include <cmath>
#include <exception>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>

#ifdef SY_WITH_CUDNN
#define CUDNN_FRONTEND_SKIP_JSON_LIB
#include <cudnn_frontend.h>
#endif

namespace switchyard::kernels {

#ifdef SY_WITH_CUDNN

namespace {

namespace fe = cudnn_frontend;
using Graph = fe::graph::Graph;
using Tensor = std::shared_ptr<fe::graph::Tensor_attributes>;

/// cuDNN before this version pads sequences by copies from host memory, which cannot be captured.
constexpr std::size_t kOldestCudnn = 91600;

/// The names of the graphs' tensors.
enum Uid : std::int64_t {
  kQ = 1,
  kK,
  kV,
  kOut,
  kStats,
  kSeed,
  kOffset,
  kDout,
  kDq,
  kDk,
  kDv,
};

struct Plan {
  std::shared_ptr<Graph> graph;
  std::size_t workspace_bytes = 0;
};

struct ShapeLess {
  static auto fields(const AttentionShape& s) {
    return std::make_tuple(s.B,
                           s.T,
                           s.H,
                           s.C,
                           s.q_row,
                           s.k_row,
                           s.v_row,
                           s.out_row,
                           s.dq_row,
                           s.dk_row,
                           s.dv_row,
                           s.dropout_frac,
                           s.is_causal,
                           s.is_deterministic);
  }

  bool operator()(const AttentionShape& a, const AttentionShape& b) const {
    return fields(a) < fields(b);
  }
};

std::shared_ptr<Graph> new_graph() {
  auto graph = std::make_shared<Graph>();
  graph->set_io_data_type(fe::DataType_t::BFLOAT16)
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  return graph;
}

Tensor add_rows(
    Graph& graph, const AttentionShape& s, Uid uid, const char* name, std::int64_t row) {
  return graph.tensor(fe::graph::Tensor_attributes()
                          .set_name(name)
                          .set_uid(uid)
                          .set_dim({s.B, s.H, s.T, s.C})
                          .set_stride({s.T * row, s.C, row, 1}));
}

Tensor add_scalar(Graph& graph, Uid uid, const char* name) {
  return graph.tensor(fe::graph::Tensor_attributes()
                          .set_name(name)
                          .set_uid(uid)
                          .set_dim({1, 1, 1, 1})
                          .set_stride({1, 1, 1, 1})
                          .set_data_type(fe::DataType_t::INT64));
}

void set_rows_output(const Tensor& tensor, const AttentionShape& s, Uid uid, std::int64_t row) {
  tensor->set_output(true)
      .set_uid(uid)
      .set_dim({s.B, s.H, s.T, s.C})
      .set_stride({s.T * row, s.C, row, 1});
}

bool is_aligned(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
}

float scale_of(const AttentionShape& s) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(s.C)));
}

std::shared_ptr<Graph> forward_graph(const AttentionShape& s) {
  std::shared_ptr<Graph> graph = new_graph();
  auto options = fe::graph::SDPA_attributes();
  options.set_name("attention_forward")
      .set_generate_stats(true)
      .set_causal_mask(s.is_causal)
      .set_attn_scale(scale_of(s));
  if (s.dropout_frac > 0.0F) {
    options.set_dropout(
        s.dropout_frac, add_scalar(*graph, kSeed, "seed"), add_scalar(*graph, kOffset, "offset"));
  }
  const Tensor q = add_rows(*graph, s, kQ, "q", s.q_row);
  const Tensor k = add_rows(*graph, s, kK, "k", s.k_row);
  const Tensor v = add_rows(*graph, s, kV, "v", s.v_row);
  const auto [out, stats] = graph->sdpa(q, k, v, options);
  set_rows_output(out, s, kOut, s.out_row);
  stats->set_output(true)
      .set_uid(kStats)
      .set_data_type(fe::DataType_t::FLOAT)
      .set_dim({s.B, s.H, s.T, 1})
      .set_stride({s.H * s.T, s.T, 1, 1});
  return graph;
}

std::shared_ptr<Graph> backward_graph(const AttentionShape& s) {
  std::shared_ptr<Graph> graph = new_graph();
  auto options = fe::graph::SDPA_backward_attributes();
  options.set_name("attention_backward")
      .set_causal_mask(s.is_causal)
      .set_attn_scale(scale_of(s))
      .set_deterministic_algorithm(s.is_deterministic);
  if (s.dropout_frac > 0.0F) {
    options.set_dropout(
        s.dropout_frac, add_scalar(*graph, kSeed, "seed"), add_scalar(*graph, kOffset, "offset"));
  }
  const Tensor q = add_rows(*graph, s, kQ, "q", s.q_row);
  const Tensor k = add_rows(*graph, s, kK, "k", s.k_row);
  const Tensor v = add_rows(*graph, s, kV, "v", s.v_row);
  const Tensor out = add_rows(*graph, s, kOut, "out", s.out_row);
  const Tensor dout = add_rows(*graph, s, kDout, "dout", s.out_row);
  const Tensor stats = graph->tensor(fe::graph::Tensor_attributes()
                                         .set_name("stats")
                                         .set_uid(kStats)
                                         .set_dim({s.B, s.H, s.T, 1})
                                         .set_stride({s.H * s.T, s.T, 1, 1})
                                         .set_data_type(fe::DataType_t::FLOAT));
  const auto [dq, dk, dv] = graph->sdpa_backward(q, k, v, out, dout, stats, options);
  set_rows_output(dq, s, kDq, s.dq_row);
  set_rows_output(dk, s, kDk, s.dk_row);
  set_rows_output(dv, s, kDv, s.dv_row);
  return graph;
}

/// Builds the first plan that cuDNN supports; its own words if there is none.
std::string build(cudnnHandle_t handle, const std::shared_ptr<Graph>& graph, Plan* plan) {
  fe::error_t error = graph->validate();
  if (error.is_good()) error = graph->build_operation_graph(handle);
  if (error.is_good()) {
    error = graph->create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK});
  }
  if (error.is_good()) error = graph->check_support(handle);
  if (error.is_good()) error = graph->build_plans(handle);
  std::int64_t bytes = 0;
  if (error.is_good()) error = graph->get_workspace_size(bytes);
  if (error.is_bad()) {
    return error.get_message().empty() ? "cuDNN refused without a reason" : error.get_message();
  }
  plan->graph = graph;
  plan->workspace_bytes = static_cast<std::size_t>(bytes);
  return {};
}

std::string words(const AttentionShape& s) {
  return "attention B=" + std::to_string(s.B) + " T=" + std::to_string(s.T) +
         " H=" + std::to_string(s.H) + " C=" + std::to_string(s.C) +
         " dropout=" + std::to_string(s.dropout_frac) +
         " causal=" + std::to_string(static_cast<int>(s.is_causal)) +
         " deterministic=" + std::to_string(static_cast<int>(s.is_deterministic)) + ": ";
}

}  // namespace

struct Attention::State {
  cudnnHandle_t handle = nullptr;
  std::map<AttentionShape, Plan, ShapeLess> forward, backward;
  std::string message;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ~State() {
    if (handle != nullptr) cudnnDestroy(handle);
  }

  KernelStatus fail(const AttentionShape& shape, const std::string& reason) {
    message = words(shape) + reason;
    return {message.c_str()};
  }

  KernelStatus open(const AttentionShape& shape) {
    if (handle != nullptr) return {};
    if (cudnnGetVersion() < kOldestCudnn) {
      return fail(shape,
                  "cuDNN 9.16 or newer is needed, found " + std::to_string(cudnnGetVersion()));
    }
    if (const cudnnStatus_t status = cudnnCreate(&handle); status != CUDNN_STATUS_SUCCESS) {
      handle = nullptr;
      return fail(shape, cudnnGetErrorString(status));
    }
    return {};
  }

  static bool needs_random(const AttentionShape& shape) { return shape.dropout_frac > 0.0F; }

  KernelStatus execute(const AttentionShape& shape,
                       const std::map<AttentionShape, Plan, ShapeLess>& plans,
                       std::unordered_map<std::int64_t, void*> pointers,
                       const std::int64_t* seed,
                       const std::int64_t* offset,
                       void* workspace,
                       CudaStream stream) {
    const auto plan = plans.find(shape);
    if (plan == plans.end()) return fail(shape, "the shape was not prepared");
    for (const auto& [uid, pointer] : pointers) {
      if (pointer == nullptr || !is_aligned(pointer)) {
        return fail(shape, "a pointer is null or not a multiple of 16 bytes");
      }
    }
    if (needs_random(shape)) {
      if (seed == nullptr || offset == nullptr)
        return fail(shape, "dropout without seed or offset");
      pointers[kSeed] = const_cast<std::int64_t*>(seed);
      pointers[kOffset] = const_cast<std::int64_t*>(offset);
    }
    if (plan->second.workspace_bytes > 0 && workspace == nullptr) {
      return fail(shape, "the workspace is null");
    }
    if (const cudnnStatus_t status = cudnnSetStream(handle, static_cast<cudaStream_t>(stream));
        status != CUDNN_STATUS_SUCCESS) {
      return fail(shape, cudnnGetErrorString(status));
    }
    try {
      fe::error_t error = plan->second.graph->execute(handle, pointers, workspace);
      if (error.is_bad()) return fail(shape, error.get_message());
    } catch (const std::exception& exception) {
      return fail(shape, exception.what());
    }
    return {};
  }
};

KernelStatus Attention::prepare(const AttentionShape& shape, bool with_backward) {
  if (const char* fault = fault_of_attention_shape(shape); fault != nullptr) return {fault};
  if (shape.B == 0 || shape.T == 0 || shape.H == 0) return {};
  try {
    if (const KernelStatus status = state_->open(shape); !status.ok()) return status;
    if (state_->forward.count(shape) == 0) {
      Plan plan;
      const std::string fault = build(state_->handle, forward_graph(shape), &plan);
      if (!fault.empty()) return state_->fail(shape, "forward: " + fault);
      state_->forward.emplace(shape, std::move(plan));
    }
    if (with_backward && state_->backward.count(shape) == 0) {
      Plan plan;
      const std::string fault = build(state_->handle, backward_graph(shape), &plan);
      if (!fault.empty()) return state_->fail(shape, "backward: " + fault);
      state_->backward.emplace(shape, std::move(plan));
    }
  } catch (const std::exception& exception) {
    return state_->fail(shape, exception.what());
  }
  return {};
}

std::size_t Attention::forward_workspace_bytes(const AttentionShape& shape) const {
  const auto plan = state_->forward.find(shape);
  return plan == state_->forward.end() ? 0 : plan->second.workspace_bytes;
}

std::size_t Attention::backward_workspace_bytes(const AttentionShape& shape) const {
  const auto plan = state_->backward.find(shape);
  return plan == state_->backward.end() ? 0 : plan->second.workspace_bytes;
}

KernelStatus Attention::forward(const AttentionShape& shape,
                                const AttentionInputs& in,
                                void* out,
                                float* stats,
                                const std::int64_t* seed,
                                const std::int64_t* offset,
                                void* workspace,
                                CudaStream stream) {
  if (shape.B == 0 || shape.T == 0 || shape.H == 0) return {};
  return state_->execute(shape,
                         state_->forward,
                         {{kQ, const_cast<void*>(in.q)},
                          {kK, const_cast<void*>(in.k)},
                          {kV, const_cast<void*>(in.v)},
                          {kOut, out},
                          {kStats, stats}},
                         seed,
                         offset,
                         workspace,
                         stream);
}

KernelStatus Attention::backward(const AttentionShape& shape,
                                 const AttentionInputs& in,
                                 const void* out,
                                 const float* stats,
                                 const void* dout,
                                 const AttentionGradients& gradients,
                                 const std::int64_t* seed,
                                 const std::int64_t* offset,
                                 void* workspace,
                                 CudaStream stream) {
  if (shape.B == 0 || shape.T == 0 || shape.H == 0) return {};
  return state_->execute(shape,
                         state_->backward,
                         {{kQ, const_cast<void*>(in.q)},
                          {kK, const_cast<void*>(in.k)},
                          {kV, const_cast<void*>(in.v)},
                          {kOut, const_cast<void*>(out)},
                          {kStats, const_cast<float*>(stats)},
                          {kDout, const_cast<void*>(dout)},
                          {kDq, gradients.dq},
                          {kDk, gradients.dk},
                          {kDv, gradients.dv}},
                         seed,
                         offset,
                         workspace,
                         stream);
}

#else

struct Attention::State {};

namespace {

constexpr KernelStatus kAbsent{"attention: built without cuDNN's headers"};

}  // namespace

KernelStatus Attention::prepare(const AttentionShape& shape, bool) {
  if (const char* fault = fault_of_attention_shape(shape); fault != nullptr) return {fault};
  return kAbsent;
}

std::size_t Attention::forward_workspace_bytes(const AttentionShape&) const {
  return 0;
}

std::size_t Attention::backward_workspace_bytes(const AttentionShape&) const {
  return 0;
}

KernelStatus Attention::forward(const AttentionShape&,
                                const AttentionInputs&,
                                void*,
                                float*,
                                const std::int64_t*,
                                const std::int64_t*,
                                void*,
                                CudaStream) {
  return kAbsent;
}

KernelStatus Attention::backward(const AttentionShape&,
                                 const AttentionInputs&,
                                 const void*,
                                 const float*,
                                 const void*,
                                 const AttentionGradients&,
                                 const std::int64_t*,
                                 const std::int64_t*,
                                 void*,
                                 CudaStream) {
  return kAbsent;
}

#endif

Attention::Attention() : state_(std::make_unique<State>()) {}

Attention::~Attention() = default;

}  // namespace switchyard::kernels
