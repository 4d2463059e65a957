#include "engine/train/fused/fusion.h"

#include <cstring>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "engine/base/core/log.h"
#include "engine/base/core/mix.h"
#include "engine/train/fused/launch.h"
#include "kernels/include/product.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kStateWords = sizeof(kernels::StepState) / sizeof(std::int64_t);

void multiply_on_cpu(const at::Tensor& a, const at::Tensor& b, double beta, const at::Tensor& c) {
  at::Tensor out = c;
  if (c.scalar_type() != a.scalar_type()) {
    const at::Tensor product = at::mm(a.to(c.scalar_type()), b.to(c.scalar_type()));
    beta == 0.0 ? out.copy_(product) : out.add_(product);
  } else if (beta == 0.0) {
    at::mm_out(out, a, b);
  } else {
    out.addmm_(a, b);
  }
}

}  // namespace

#ifdef SY_WITH_CUDA

struct Fusion::Kernels {
  kernels::Products products;
  kernels::Attention attention;
  at::Tensor workspace;  ///< of the products
};

namespace {

bool is_row_major(const at::Tensor& x) {
  return x.stride(1) == 1 || x.size(1) == 1;
}

std::int64_t leading(const at::Tensor& x) {
  return is_row_major(x) ? std::max(x.stride(0), x.size(1)) : std::max(x.stride(1), x.size(0));
}

kernels::ProductEpilogue kernel_epilogue(Fusion::Epilogue epilogue) {
  switch (epilogue) {
    case Fusion::Epilogue::kNone:
      return kernels::ProductEpilogue::kNone;
    case Fusion::Epilogue::kGeluTanh:
      return kernels::ProductEpilogue::kGelu;
    case Fusion::Epilogue::kGeluTanhBackward:
      return kernels::ProductEpilogue::kGeluBackward;
  }
  return kernels::ProductEpilogue::kNone;
}

}  // namespace

Fusion::Fusion(at::Device device, std::int64_t num_layers, bool is_deterministic)
    : device_(device), is_deterministic_(is_deterministic) {
  const auto options = at::TensorOptions(device).dtype(at::kLong);
  random_ = at::zeros({kStateWords + 2 * num_layers}, options);
  if (device.is_cpu()) return;
  kernels_ = std::make_unique<Kernels>();
  kernels_->workspace =
      at::empty({static_cast<std::int64_t>(kernels::Products::kWorkspaceBytes)},
                options.dtype(at::kByte));
  check(kernels_->products.add_stream(stream_of(device), kernels_->workspace.mutable_data_ptr()));
}

void Fusion::multiply(const at::Tensor& a,
                      const at::Tensor& b,
                      double beta,
                      const at::Tensor& c,
                      Epilogue epilogue,
                      const at::Tensor& aux) {
  if (kernels_ == nullptr) return multiply_on_cpu(a, b, beta, c);
  kernels::ProductShape shape;
  shape.M = a.size(0);
  shape.N = b.size(1);
  shape.K = a.size(1);
  shape.lda = leading(a);
  shape.ldb = leading(b);
  shape.ldc = leading(c);
  shape.is_a_transposed = !is_row_major(a);
  shape.is_b_transposed = !is_row_major(b);
  shape.accumulates = beta != 0.0;
  shape.in_dtype = dtype_of(a);
  shape.out_dtype = dtype_of(c);
  shape.epilogue = kernel_epilogue(epilogue);
  if (epilogue != Epilogue::kNone) shape.ld_aux = leading(aux);
  const kernels::CudaStream stream = stream_of(device_);
  kernels::Products& products = kernels_->products;
  if (is_tuning_ && !products.is_tuned(shape)) {
    const std::size_t bytes = kernels::Products::scratch_bytes(shape);
    const at::Tensor scratch =
        at::empty({static_cast<std::int64_t>(bytes)}, random_.options().dtype(at::kByte));
    const kernels::KernelStatus tuned =
        products.tune(shape, scratch.mutable_data_ptr(), bytes, stream);
    if (!tuned.ok()) {
      log_debug("a product keeps the algorithm that cuBLASLt proposes",
                {{"product", Json(kernels::text_from_product_shape(shape))},
                 {"reason", Json(std::string(tuned.message))}});
    }
  }
  check(products.run(shape,
                     a.const_data_ptr(),
                     b.const_data_ptr(),
                     c.mutable_data_ptr(),
                     stream,
                     nullptr,
                     epilogue == Epilogue::kNone ? nullptr : aux.mutable_data_ptr()));
}

bool Fusion::has_epilogues(const at::Tensor& x) {
  return x.is_cuda() && x.scalar_type() == at::kBFloat16;
}

Json Fusion::product_choices() const {
  Json choices = Json::object();
  if (kernels_ == nullptr) return choices;
  for (const kernels::ProductChoice& choice : kernels_->products.choices()) {
    choices.set(choice.key, Json(choice.algorithm));
  }
  return choices;
}

void Fusion::restore_product_choices(const Json& choices) {
  if (kernels_ == nullptr) return;
  std::vector<kernels::ProductChoice> list;
  for (const auto& [key, algorithm] : choices.members()) {
    list.push_back({key, algorithm.as_string()});
  }
  kernels_->products.import_choices(list);
}

kernels::Attention* Fusion::attention() {
  return kernels_ == nullptr ? nullptr : &kernels_->attention;
}

bool Fusion::prepare_attention(const kernels::AttentionShape& shape) {
  if (kernels_ == nullptr) return false;
  const kernels::KernelStatus status = kernels_->attention.prepare(shape);
  if (!status.ok() && !is_refusal_logged_) {
    is_refusal_logged_ = true;
    log_info("attention runs through LibTorch", {{"reason", Json(std::string(status.message))}});
  }
  return status.ok();
}

#else

struct Fusion::Kernels {};

Fusion::Fusion(at::Device device, std::int64_t num_layers, bool is_deterministic)
    : device_(device), is_deterministic_(is_deterministic) {
  TORCH_CHECK(device.is_cpu(), "built without CUDA kernels");
  random_ = at::zeros({kStateWords + 2 * num_layers}, at::TensorOptions().dtype(at::kLong));
}

void Fusion::multiply(const at::Tensor& a,
                      const at::Tensor& b,
                      double beta,
                      const at::Tensor& c,
                      Epilogue /*epilogue*/,
                      const at::Tensor& /*aux*/) {
  multiply_on_cpu(a, b, beta, c);
}

bool Fusion::has_epilogues(const at::Tensor& /*x*/) {
  return false;
}

Json Fusion::product_choices() const {
  return Json::object();
}

void Fusion::restore_product_choices(const Json& /*choices*/) {}

kernels::Attention* Fusion::attention() {
  return nullptr;
}

bool Fusion::prepare_attention(const kernels::AttentionShape& /*shape*/) {
  return false;
}

#endif

Fusion::~Fusion() = default;

void Fusion::begin_pass(std::uint64_t seed, std::uint64_t pass) {
  const kernels::StepState state{seed, pass, 0.0F, 1.0F};
  const at::Tensor words = at::zeros(random_.sizes(), at::TensorOptions().dtype(at::kLong));
  auto* word = words.mutable_data_ptr<std::int64_t>();
  std::memcpy(word, &state, sizeof(state));
  for (std::int64_t i = kStateWords; i < random_.numel(); i += 2) {
    const std::uint64_t layer = mix(mix(mix(seed) ^ pass) ^ static_cast<std::uint64_t>(i));
    word[i] = static_cast<std::int64_t>(layer >> 1U);
  }
  random_.copy_(words, /*non_blocking=*/true);
}

const kernels::StepState* Fusion::step_state() const {
  return static_cast<const kernels::StepState*>(random_.const_data_ptr());
}

const std::int64_t* Fusion::attention_random(std::int64_t layer) const {
  return random_.const_data_ptr<std::int64_t>() + kStateWords + 2 * layer;
}

void Fusion::begin_tuning() {
  is_tuning_ = true;
}

void Fusion::end_tuning() {
  is_tuning_ = false;
}

}  // namespace switchyard::train
