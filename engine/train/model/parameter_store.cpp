#include "engine/train/model/parameter_store.h"

#include <ATen/ATen.h>

#include "engine/base/core/check.h"
#include "engine/train/fused/launch.h"
#include "kernels/include/gradient_norm.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kAlignment = 64;  // elements; keeps every view 128-byte aligned in bf16

std::int64_t elements(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

std::int64_t padded(std::int64_t count) {
  return (count + kAlignment - 1) / kAlignment * kAlignment;
}

const at::Tensor& lookup(const std::map<std::string, at::Tensor>& views, const std::string& name) {
  const auto it = views.find(name);
  SY_CHECK(it != views.end(), "no parameter named " + name);
  return it->second;
}

}  // namespace

void ParameterStore::declare(Declaration declaration) {
  declarations_.push_back(std::move(declaration));
}

void ParameterStore::declare_buffer(const std::string& name,
                                    std::vector<std::int64_t> shape,
                                    double value) {
  buffers_[name] = at::full(shape, value, at::kDouble);
}

void ParameterStore::decay_all() {
  for (Declaration& declaration : declarations_) declaration.is_decayed = true;
}

void ParameterStore::allocate(at::ScalarType master, at::ScalarType compute, at::Device device) {
  std::int64_t size = 0;
  for (const bool is_decayed : {true, false}) {
    for (const Declaration& declaration : declarations_) {
      if (declaration.is_decayed != is_decayed) continue;
      offsets_[declaration.name] = size;
      size += padded(elements(declaration.shape));
    }
    if (is_decayed) num_decayed = size;
  }
  const auto options = at::TensorOptions().device(device);
  flat_master = at::zeros({size}, options.dtype(master));
  flat_gradient = at::zeros({size}, options.dtype(master));
  flat_moment1 = at::zeros({size}, options.dtype(master));
  flat_moment2 = at::zeros({size}, options.dtype(master));
  for (auto& [name, buffer] : buffers_) buffer = buffer.to(options.dtype(master));
  const bool has_copies = compute != master;
  flat_compute = has_copies ? at::zeros({size}, options.dtype(compute)) : flat_master;
  flat_compute_gradient = has_copies ? at::Tensor() : flat_gradient;
  for (const Declaration& declaration : declarations_) {
    const std::int64_t offset = offsets_[declaration.name];
    const auto view = [&](const at::Tensor& flat) {
      return flat.narrow(0, offset, elements(declaration.shape)).view(declaration.shape).detach();
    };
    compute_views_[declaration.name] =
        view(declaration.is_master_precision ? flat_master : flat_compute);
    master_views_[declaration.name] = view(flat_master);
    gradient_views_[declaration.name] = view(flat_gradient);
  }
}

at::Tensor ParameterStore::compute(const std::string& name) {
  at::Tensor leaf = lookup(compute_views_, name);
  if (leaf.requires_grad()) return leaf;
  if (leaf.scalar_type() == flat_master.scalar_type()) {
    leaf.mutable_grad() = gradient(name);
  } else {
    if (!flat_compute_gradient.defined()) flat_compute_gradient = at::zeros_like(flat_compute);
    leaf.mutable_grad() = view(flat_compute_gradient, name);
  }
  return leaf.requires_grad_(true);
}

Slot ParameterStore::slot(const std::string& name) const {
  return {lookup(compute_views_, name).detach(), gradient(name)};
}

void ParameterStore::add_third_moment() {
  if (!flat_moment3.defined()) flat_moment3 = at::zeros_like(flat_moment2);
}

at::Tensor ParameterStore::master(const std::string& name) const {
  return lookup(master_views_, name);
}

at::Tensor ParameterStore::buffer(const std::string& name) const {
  return lookup(buffers_, name);
}

at::Tensor ParameterStore::gradient(const std::string& name) const {
  return lookup(gradient_views_, name);
}

at::Tensor ParameterStore::view(const at::Tensor& flat, const std::string& name) const {
  for (const Declaration& declaration : declarations_) {
    if (declaration.name != name) continue;
    return flat.narrow(0, offsets_.at(name), elements(declaration.shape)).view(declaration.shape);
  }
  SY_CHECK(false, "no parameter named " + name);
  return {};
}

std::int64_t ParameterStore::num_parameters() const {
  std::int64_t total = 0;
  for (const Declaration& declaration : declarations_) total += elements(declaration.shape);
  return total;
}

void ParameterStore::zero_gradients() {
  const at::NoGradGuard no_grad;
  flat_gradient.zero_();
  if (has_copies() && flat_compute_gradient.defined()) flat_compute_gradient.zero_();
}

void ParameterStore::collect_gradients() {
  if (!has_copies() || !flat_compute_gradient.defined()) return;
  const at::NoGradGuard no_grad;
  flat_gradient.add_(flat_compute_gradient);
  flat_compute_gradient.zero_();
}

void ParameterStore::refresh_compute_copies() {
  if (!has_copies()) return;
  const at::NoGradGuard no_grad;
  flat_compute.copy_(flat_master);
}

at::Tensor ParameterStore::gradient_norm() {
  const at::NoGradGuard no_grad;
  collect_gradients();
  if constexpr (kHasKernels) {
    if (flat_gradient.is_cuda() && flat_gradient.scalar_type() == at::kFloat) {
      const at::Tensor norm = at::empty({}, flat_gradient.options());
      const std::size_t bytes = kernels::gradient_norm_workspace_bytes(flat_gradient.numel());
      const at::Tensor workspace = at::empty({static_cast<std::int64_t>(bytes)},
                                             flat_gradient.options().dtype(at::kByte));
      check(kernels::gradient_norm_cuda(flat_gradient.const_data_ptr<float>(),
                                        flat_gradient.numel(),
                                        norm.mutable_data_ptr<float>(),
                                        workspace.mutable_data_ptr(),
                                        stream_of(flat_gradient.device())));
      return norm;
    }
  }
  return at::linalg_vector_norm(flat_gradient);
}

}  // namespace switchyard::train
