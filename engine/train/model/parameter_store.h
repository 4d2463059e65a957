#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace switchyard::train {

/// A parameter as fused functions see it: they add its gradient to `gradient` themselves, and
/// autograd does not know it.
struct Slot {
  at::Tensor value;     ///< compute precision; master precision for weights of norms and routers
  at::Tensor gradient;  ///< master precision, a view of the flat gradient

  [[nodiscard]] bool defined() const { return value.defined(); }
};

/// All parameters of a model in flat buffers that modules view: fp32 (or fp64) masters, compute
/// copies, gradients, and the optimizer's moments, in one layout. Fused functions and a whole-step
/// graph work on the buffers; ordinary tensor operations work on the views.
///
/// Layout: decayed tensors first, then the others; each starts on a multiple of 64 elements
/// (padding is zero). Gradients: fused functions add to the flat gradient itself (slot()). For
/// ordinary operations every compute view is a leaf whose `.grad` is a view of a flat buffer in
/// compute precision, which collect_gradients() adds to the flat gradient; the buffer exists only
/// when a parameter is used in this way. zero_gradients() fills the buffers once per step.
/// Precision: with compute dtype = master dtype the compute views are the masters themselves; else
/// they are copies refreshed by refresh_compute_copies() after each update.
class ParameterStore {
 public:
  struct Declaration {
    std::string name;  ///< "layers.0.attention.qkv.weight"
    std::vector<std::int64_t> shape;
    bool is_decayed = true;
    bool is_master_precision =
        false;  ///< read in master precision by its module (norm scales, router weights)
    bool is_hidden = true;         ///< not an embedding or the head (Muon treats these otherwise)
    std::int64_t num_stacked = 1;  ///< equal matrices along the second last dimension (3: qkv)
    std::optional<double> fill = {};  ///< every number in the beginning; else by the name's ending
  };

  void declare(Declaration declaration);
  /// A tensor in master precision that training changes without a gradient; checkpoints hold it.
  void declare_buffer(const std::string& name, std::vector<std::int64_t> shape, double value = 0.0);
  /// Weight decay for every tensor declared so far (decay_rule "all").
  void decay_all();
  /// Allocates the buffers and the views. Call once, after all declarations.
  void allocate(at::ScalarType master, at::ScalarType compute, at::Device device);
  /// Allocates flat_moment3, for optimizers that keep three; does nothing when it is there.
  void add_third_moment();

  /// What modules use in ordinary operations: a leaf for autograd.
  [[nodiscard]] at::Tensor compute(const std::string& name);
  /// What modules give to fused functions.
  [[nodiscard]] Slot slot(const std::string& name) const;
  [[nodiscard]] at::Tensor master(const std::string& name) const;
  [[nodiscard]] at::Tensor buffer(const std::string& name) const;

  [[nodiscard]] const std::map<std::string, at::Tensor>& buffers() const { return buffers_; }

  [[nodiscard]] at::Tensor gradient(
      const std::string& name) const;  ///< view of the flat gradient, master precision or compute

  /// The part of any of the flat buffers that belongs to a parameter, in its shape.
  [[nodiscard]] at::Tensor view(const at::Tensor& flat, const std::string& name) const;

  [[nodiscard]] const std::vector<Declaration>& declarations() const { return declarations_; }

  [[nodiscard]] std::int64_t num_parameters() const;  ///< without padding

  void zero_gradients();
  /// Adds the gradients of the compute copies to the flat gradient, in master precision. Call it
  /// after each backward pass when several are accumulated; gradient_norm() calls it too.
  void collect_gradients();
  void refresh_compute_copies();
  /// Euclidean norm of all gradients, a 0-d tensor on the device; no host synchronisation.
  [[nodiscard]] at::Tensor gradient_norm();

  // Flat buffers, for optimizers.
  at::Tensor flat_master, flat_compute, flat_gradient, flat_moment1, flat_moment2;
  /// What autograd adds to: the flat gradient itself without copies, undefined when every copy is
  /// used by fused functions alone.
  at::Tensor flat_compute_gradient;
  at::Tensor flat_moment3;  ///< undefined without add_third_moment()
  std::int64_t num_decayed = 0;  ///< length of the decayed prefix, padding included

 private:
  std::vector<Declaration> declarations_;
  std::map<std::string, std::int64_t> offsets_;
  [[nodiscard]] bool has_copies() const { return !flat_compute.is_same(flat_master); }

  std::map<std::string, at::Tensor> compute_views_, master_views_, gradient_views_, buffers_;
};

}  // namespace switchyard::train
