// Optimizers on small quadratics: every gradient, loss and weight of every step.

#include <cmath>

#include <ATen/ATen.h>

#include "engine/base/config/schema.h"
#include "engine/train/optim/optimizer.h"
#include "engine/train/torch_compat.h"
#include "tests/golden/golden_cases.h"
#include "tests/golden/tensor_file.h"

namespace switchyard::golden {
namespace {

constexpr const char* kName = "x.weight";

at::Tensor tensor_of(const Json& rows) {
  std::vector<double> values;
  std::vector<std::int64_t> shape{std::ssize(rows.items())};
  for (const Json& row : rows.items()) {
    if (!row.is_array()) {
      values.push_back(row.as_number());
      continue;
    }
    if (shape.size() == 1) shape.push_back(std::ssize(row.items()));
    for (const Json& value : row.items()) values.push_back(value.as_number());
  }
  return at::tensor(values, at::kDouble).view(shape);
}

/// f(x) = 1/2 (x - t)' H (x - t), or half the sum of squares of M (X - T).
class Quadratic {
 public:
  explicit Quadratic(const Json& problem) {
    const bool is_matrix = problem.find("M") != nullptr;
    start = tensor_of(problem[is_matrix ? "X0" : "x0"]);
    target_ = tensor_of(problem[is_matrix ? "T" : "t"]);
    const at::Tensor m = tensor_of(problem[is_matrix ? "M" : "H"]);
    curvature_ = is_matrix ? m.t().matmul(m) : m;
  }

  [[nodiscard]] at::Tensor gradient(const at::Tensor& x) const {
    return curvature_.matmul(x - target_);
  }

  [[nodiscard]] double loss(const at::Tensor& x) const {
    return 0.5 * ((x - target_) * gradient(x)).sum().item<double>();
  }

  at::Tensor start;

 private:
  at::Tensor target_, curvature_;
};

/// The optimizer section that a row describes, in our words; an error for a setting we do not know.
Result<Json> section_of(const Json& row) {
  struct Word {
    const char* theirs;
    const char* ours;
  };

  static const std::vector<Word> kWords{{"lr", "learning_rate"},
                                        {"weight_decay", "weight_decay"},
                                        {"eps", "eps"},
                                        {"momentum", "momentum"},
                                        {"dampening", "dampening"},
                                        {"nesterov", "use_nesterov"},
                                        {"beta2_decay", "decay_exponent"},
                                        {"d", "clip_threshold"},
                                        {"adjust", "update_scale"},
                                        {"ns_steps", "newton_schulz_iterations"}};
  static const std::vector<Word> kTypes{{"adamw", "adamw"},
                                        {"adamw_amsgrad", "amsgrad"},
                                        {"adam_l2", "adam"},
                                        {"sgd", "sgd"},
                                        {"adafactor", "adafactor"},
                                        {"muon_exact", "muon"}};
  const auto translate = [](const std::vector<Word>& words, const std::string& word) {
    for (const Word& known : words) {
      if (word == known.theirs) return std::string(known.ours);
    }
    return std::string();
  };
  const auto unknown = [](const std::string& what) {
    return Error{ErrorCode::kConfig, "case", "unknown: " + what + ".", "", {}};
  };
  const std::string type = translate(kTypes, row["optimizer"].as_string());
  if (type.empty()) return unknown(row["optimizer"].as_string());
  Json section =
      Json::object({{"type", Json(type)}, {"grad_clip_norm", 0.0}, {"weight_decay", 0.0}});
  if (type == "sgd") section.set("momentum", 0.0);
  for (const auto& [key, value] : row["settings"].members()) {
    if (key == "amsgrad") continue;  // the optimizer's name says it
    if (key == "betas") {
      section.set("beta1", value[0]);
      section.set("beta2", value[1]);
    } else if (key == "eps" && value.is_array()) {
      section.set("eps1", value[0]);
      section.set("eps2", value[1]);
    } else if (const std::string ours = translate(kWords, key); !ours.empty()) {
      section.set(ours, value);
    } else {
      return unknown(key);
    }
  }
  Json document = Json::object(
      {{"optimizer", std::move(section)}, {"schedule", Json::object({{"type", "constant"}})}});
  config::Resolved resolved = config::resolve(config::run_schema({}), document, "case");
  if (!resolved.ok()) return resolved.errors.front();
  return std::move(*resolved.config.find("optimizer"));
}

Status run_row(const Json& c, const Json& row, const std::string& name, Comparison& comparison) {
  SY_ASSIGN_OR_RETURN(const Json section, section_of(row));
  const Quadratic problem(c["params"]["problems"][row["problem"].as_string()]);
  train::ParameterStore store;
  store.declare({kName, problem.start.sizes().vec(), true, false});
  SY_ASSIGN_OR_RETURN(const at::Device device, train::device_from_name(way().device));
  store.allocate(at::kDouble, at::kDouble, device);
  const at::Tensor x = store.master(kName);
  x.copy_(problem.start);
  SY_ASSIGN_OR_RETURN(const auto optimizer, train::create_optimizer(config::Node(section), store));
  const double rate = section["learning_rate"].as_number();
  const std::size_t steps = row["x_after_step"].size();
  if (static_cast<std::int64_t>(steps) != c["params"]["steps"].as_integer())
    comparison.failure(name + ": number of steps");
  for (std::size_t s = 0; s < steps; ++s) {
    const std::string where = name + " step " + std::to_string(s + 1);
    const Json& tolerance = c["tolerance"];
    comparison.value(where + " loss",
                     problem.loss(x.cpu()),
                     row["loss_before_step"][s].as_number(NAN),
                     tolerance["loss_before_step"]);
    const at::Tensor gradient = problem.gradient(x.cpu());
    compare_tensor(comparison,
                   where + " gradient",
                   gradient,
                   tensor_of(row["gradient"][s]),
                   tolerance["gradient"]);
    store.gradient(kName).copy_(gradient);
    optimizer->step(store, rate, store.gradient_norm());
    compare_tensor(
        comparison, where + " x", x, tensor_of(row["x_after_step"][s]), tolerance["x_after_step"]);
  }
  return {};
}

}  // namespace

CaseOutcome run_optimizer_trajectory(const Json& c,
                                     const std::string& /*folder*/,
                                     const std::string& /*data_dir*/) {
  Comparison comparison;
  std::size_t number = 0;
  for (const Json& row : c["expected"]["rows"].items()) {
    const std::string name = row["optimizer"].as_string() + " " + row["problem"].as_string() +
                             " (row " + std::to_string(number++) + ")";
    const Status status = run_row(c, row, name, comparison);
    if (!status.ok()) comparison.failure(name + ": " + status.error().text());
  }
  return comparison.outcome();
}

}  // namespace switchyard::golden
