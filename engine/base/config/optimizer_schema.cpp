#include "engine/base/config/schema_sections.h"

namespace switchyard::config {
namespace {

void learning_rate(Schema& s, double default_value) {
  describe_note(s);
  s.number("learning_rate", default_value)
      .range(0.0, 10.0)
      .named("Learning rate")
      .says("highest rate of the schedule")
      .at_level(Level::kEssential)
      .own_default()
      .resumable();
}

void adam_moments(Schema& s) {
  s.number("beta1", 0.9).range(0.0, 0.999999).says("decay of the first moment").resumable();
  s.number("beta2", 0.99).range(0.0, 0.999999).says("decay of the second moment").resumable();
  s.number("eps", 1e-8)
      .above(0.0, 1.0)
      .says("added to the root of the second moment")
      .at_level(Level::kAll)
      .resumable();
}

void decay_and_clip(Schema& s, double default_decay, std::string_view decay_help) {
  s.number("weight_decay", default_decay)
      .range(0.0, 10.0)
      .says(decay_help)
      .own_default()
      .resumable();
  s.choice("decay_rule", "matrices", {"matrices", "all"})
      .says("what decays: tensors with two or more dimensions, or all of them")
      .at_level(Level::kAll);
  s.number("grad_clip_norm", 1.0)
      .range(0.0, 1e6)
      .named("Gradient clip")
      .says("largest norm of the whole gradient; 0 does not clip")
      .resumable();
}

constexpr std::string_view kDecoupled = "decoupled decay, multiplied by the learning rate";
constexpr std::string_view kInGradient = "decay added to the gradient (L2)";

void describe_adam(Schema& s, double default_decay, std::string_view decay_help) {
  learning_rate(s, 1e-3);
  adam_moments(s);
  decay_and_clip(s, default_decay, decay_help);
}

void describe_muon(Schema& s) {
  learning_rate(s, 1e-3);
  s.number("momentum", 0.95)
      .range(0.0, 0.999999)
      .says("decay of the mean gradient of hidden matrices")
      .resumable();
  s.boolean("use_nesterov", true)
      .named("Nesterov")
      .says("look one step of momentum ahead")
      .at_level(Level::kAll)
      .resumable();
  s.integer("newton_schulz_iterations", 5)
      .range(1, 20)
      .in("iterations")
      .named("Iterations")
      .says("products that bring the singular values of a step near one")
      .at_level(Level::kAll)
      .resumable();
  s.choice("update_scale", "match_rms_adamw", {"match_rms_adamw", "original"})
      .says(
          "size of a step: as large as AdamW's, 0.2 sqrt(max(out, in)), or sqrt(max(1, out / in))")
      .resumable();
  s.number("adamw_rate_ratio", 1.0)
      .range(0.0, 100.0)
      .named("AdamW rate ratio")
      .says("rate of embeddings, head and vectors (AdamW) over that of hidden matrices")
      .resumable();
  adam_moments(s);
  decay_and_clip(s, 0.1, kDecoupled);
}

void describe_adafactor(Schema& s) {
  learning_rate(s, 1e-2);
  s.number("decay_exponent", -0.8)
      .range(-1.0, -0.01)
      .says("a new square weighs step to this power in the second moment")
      .resumable();
  s.number("eps1", 1e-8)
      .range(1e-15, 1.0)
      .named("Epsilon 1")
      .says("its square is the smallest second moment")
      .at_level(Level::kAll)
      .resumable();
  s.number("eps2", 1e-3)
      .above(0.0, 1.0)
      .named("Epsilon 2")
      .says("smallest root mean square of a tensor that scales its steps")
      .at_level(Level::kAll)
      .resumable();
  s.number("clip_threshold", 1.0)
      .above(0.0, 1000.0)
      .says("largest root mean square of a step before its rate")
      .at_level(Level::kAll)
      .resumable();
  decay_and_clip(s, 0.0, kDecoupled);
}

void describe_sgd(Schema& s) {
  learning_rate(s, 0.1);
  s.number("momentum", 0.9)
      .range(0.0, 0.999999)
      .says("share of the last step in the next one; 0 has none")
      .at_level(Level::kEssential)
      .resumable();
  s.number("dampening", 0.0)
      .range(0.0, 1.0)
      .says("share of the gradient that the momentum leaves out, after the first step")
      .at_level(Level::kAll)
      .resumable();
  s.boolean("use_nesterov", false)
      .named("Nesterov")
      .says("look one step of momentum ahead")
      .resumable();
  decay_and_clip(s, 0.0, kInGradient);
  s.rule("momentum_for_nesterov_and_dampening");
}

}  // namespace

void describe_note(Schema& s) {
  s.text("note", "")
      .says("free text for people; nothing reads it")
      .at_level(Level::kAll)
      .resumable();
}

void describe_optimizer(Schema& root) {
  root.variant("optimizer").says("how weights follow gradients");
  describe_adam(root.alternative("optimizer",
                                 "adamw",
                                 "Adam with decoupled weight decay",
                                 "Loshchilov & Hutter 2017, arXiv 1711.05101, algorithm 2"),
                0.1,
                kDecoupled);
  describe_muon(root.alternative("optimizer",
                                 "muon",
                                 "orthogonal steps for hidden matrices, AdamW for the rest",
                                 "Jordan et al. 2024, kellerjordan.github.io/posts/muon"));
  describe_adafactor(
      root.alternative("optimizer",
                       "adafactor",
                       "second moments of matrices by their rows and columns",
                       "Shazeer & Stern 2018, arXiv 1804.04235, algorithms 4 and 5"));
  describe_sgd(root.alternative("optimizer",
                                "sgd",
                                "gradient descent with momentum",
                                "Sutskever et al. 2013, ICML, section 2"));
  describe_adam(root.alternative("optimizer",
                                 "adam",
                                 "Adam with weight decay in the gradient",
                                 "Kingma & Ba 2014, arXiv 1412.6980, algorithm 1"),
                0.0,
                kInGradient);
  describe_adam(root.alternative("optimizer",
                                 "amsgrad",
                                 "AdamW that keeps the largest second moment",
                                 "Reddi, Kale & Kumar 2018, arXiv 1904.09237, algorithm 2"),
                0.1,
                kDecoupled);
}

}  // namespace switchyard::config
