#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/train/experts/routed_experts.h"
#include "tests/golden/tensor_file.h"

namespace switchyard::golden {

/// Where a tensor of a case lies in our layer: a parameter, which holds a part of the tensor along
/// one dimension where several parameters share it. A tensor without places is a leaf of the runner.
struct LayerPlace {
  std::string parameter;  ///< without the layer's name: "experts.up.weight"
  std::int64_t begin = 0, count = -1;  ///< along `dimension`; -1: the whole tensor
  std::int64_t dimension = 1;
};

/// A case of one layer of routed experts (or of its router alone) against ours in float64.
///
/// Every member reports what is wrong to `comparison`. After one failure to read or build, the
/// others do nothing.
class LayerCase {
 public:
  LayerCase(const Json& c, const std::string& folder, Comparison& comparison);

  [[nodiscard]] bool is_good() const { return is_good_; }

  [[nodiscard]] const Json& config() const { return case_["config"]; }

  [[nodiscard]] bool has(const std::string& name) const { return tensors_.contains(name); }

  /// A tensor of the file; numbers in float64.
  [[nodiscard]] at::Tensor tensor(const std::string& name) const;

  /// Fails for every key of the config that is not among them.
  void know(const std::set<std::string>& keys);
  /// Fails when a key of the config has another value.
  void expect(const std::string& key, const Json& value);
  void fail(const std::string& what);

  /// The layer with the case's weights, "w.*" and "frozen.*" copied to parameters and "buf.*" to
  /// buffers by `places` (layer_places() with what the kind adds). `options` is a "routed_experts"
  /// object before defaults; its rules apply. Tokens are in.x, or zeros [N, D] where the case has
  /// none.
  /// `model` settings go before defaults of the model section.
  void build(const Json& options,
             std::map<std::string, std::vector<LayerPlace>> places,
             const Json& model = Json::object());

  /// The tokens of the next passes, to be changed at will; x requires a gradient.
  train::TokenView tokens;

  [[nodiscard]] train::RoutedExperts& layer() { return *layer_; }

  [[nodiscard]] const Json& model() const { return model_; }  ///< resolved

  [[nodiscard]] train::ParameterStore& parameters() { return *parameters_; }

  [[nodiscard]] at::Tensor buffer(const std::string& name) { return parameters_->buffer(kName + name); }

  /// Compares with the tensor `name` of the file, by its kind: integers exactly, "out.loss.*" as
  /// scalars, gradients as such. Nothing is compared when the case does not have it.
  void compare(const std::string& name, const at::Tensor& got);

  /// The value of an objective and its gradient for every leaf that the case has one of, or lists
  /// among those without. `value` runs the layer anew. Other leaves than parameters and in.x:
  /// `leaves`.
  void compare_objective(const std::string& name,
                         const std::function<at::Tensor()>& value,
                         const std::map<std::string, at::Tensor>& leaves = {});

 private:
  static inline const std::string kName = "layer.";

  [[nodiscard]] const Json& tolerance(const char* what) const { return case_["tolerances"][what]; }

  void copy_weights();
  void compare_gradient(const std::string& name,
                        const std::string& what,
                        const at::Tensor& got,
                        bool is_zero);

  const Json& case_;
  Comparison& comparison_;
  bool is_good_ = true;
  Tensors tensors_;
  Json model_, options_;
  std::map<std::string, std::vector<LayerPlace>> places_;
  std::unique_ptr<train::ParameterStore> parameters_;
  std::unique_ptr<train::RoutedExperts> layer_;
};

/// The names that most kinds share: w.router, w.gate_proj, w.fc1, w.shared_up_proj, ….
std::map<std::string, std::vector<LayerPlace>> layer_places();

/// An object {"type": type}.
Json stage(const char* type);

/// Our words of a case's "expert" and "expert_hidden".
void set_experts(Json& options, const Json& config);

/// [N, E] with the weight of every chosen expert, 0 elsewhere; differentiable.
at::Tensor dense_gates(const at::Tensor& expert_index,
                       const at::Tensor& combine_weight,
                       std::int64_t num_experts);

}  // namespace switchyard::golden
