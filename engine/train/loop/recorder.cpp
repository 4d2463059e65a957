#include "engine/train/loop/recorder.h"

#include <cmath>
#include <utility>
#include <vector>

#include "engine/train/loop/trainer.h"
#include "engine/train/routing/statistics.h"

namespace switchyard::train {
namespace {

/// Every metric of a run: name, unit, help. A new one is a line here and a line where it is
/// written.
std::vector<store::MetricInfo> all_metrics() {
  return {
      {"train_loss", "nats/token", "cross-entropy of the step's batch", false},
      {"val_loss", "nats/token", "cross-entropy of the validation split", false},
      {"learning_rate", "", "step size of the optimizer", false},
      {"grad_norm", "", "Euclidean norm of the gradient before clipping", false},
      {"tokens_per_second", "tokens/s", "training speed since the sample before", false},
      {"step_time_ms", "ms", "duration of the step", false},
      {"load_balance_loss", "", "mean over routed layers; 1 at uniform routing", false},
      {"router_z_loss", "nats^2", "mean squared log-sum-exp of the router logits", false},
      {"memory_bytes", "bytes", "most held on the device so far; resident memory on a CPU", false},
      {"tokens_per_expert", "tokens", "assignments since the sample before, per expert", true},
      {"importance", "", "summed combine weights since the sample before, per expert", true},
      {"router_entropy_nats", "nats", "mean entropy of a token's routing, per layer", true},
      {"router_entropy_normalized", "", "the same divided by ln E, per layer", true},
      {"load_entropy_normalized", "", "entropy of the load over ln E, per layer", true},
      {"load_cv", "", "spread of the load: deviation over mean, per layer", true},
      {"load_imbalance", "", "largest load over mean load, per layer", true},
      {"dead_experts", "experts", "experts that received next to nothing, per layer", true},
      {"top1_margin", "", "mean gap between the two largest probabilities, per layer", true},
      {"dropped_frac", "fraction", "tokens without any expert, per layer", true},
      {"boundary_margin", "", "probe: mean gap between choice k and the next, per layer", true},
      {"vocabulary_specialization",
       "fraction",
       "probe: mean share of a token id's most frequent expert, per layer",
       true},
      {"saturation_top1",
       "fraction",
       "tokens with the same first expert as at the probe before, per layer",
       true},
      {"saturation_top_k",
       "fraction",
       "share of a token's experts equal to those at the probe before, per layer",
       true},
  };
}

}  // namespace

Recorder::Recorder(std::unique_ptr<store::Writer> writer) : writer_(std::move(writer)) {}

Result<std::unique_ptr<Recorder>> Recorder::open(const std::string& database,
                                                 int attempt,
                                                 std::int64_t resume_after_step) {
  SY_ASSIGN_OR_RETURN(auto writer, store::Writer::open(database, attempt, resume_after_step));
  for (const store::MetricInfo& metric : all_metrics()) writer->declare(metric);
  return std::unique_ptr<Recorder>(new Recorder(std::move(writer)));
}

void Recorder::step(const Trainer& trainer, const StepReport& report, double tokens_per_second) {
  const store::Position at = trainer.position();
  writer_->scalar("train_loss", at, report.train_loss);
  writer_->scalar("learning_rate", at, report.learning_rate);
  writer_->scalar("grad_norm", at, report.grad_norm);
  writer_->scalar("tokens_per_second", at, tokens_per_second);
  writer_->scalar("step_time_ms", at, report.step_time_ms);
  writer_->scalar("memory_bytes", at, static_cast<double>(trainer.memory_bytes()));
  if (trainer.is_routed()) {
    writer_->scalar("load_balance_loss", at, report.load_balance_loss);
    writer_->scalar("router_z_loss", at, report.router_z_loss);
  }
}

std::vector<LayerRoutingSample> Recorder::routing(Trainer& trainer) {
  RoutingStatistics* statistics = trainer.routing_statistics();
  if (statistics == nullptr) return {};
  const store::Position at = trainer.position();
  std::vector<LayerRoutingSample> layers = statistics->read();
  const auto per_layer = [&](const char* metric, auto value_of) {
    std::vector<float> values;
    for (const LayerRoutingSample& layer : layers) {
      values.push_back(static_cast<float>(value_of(layer)));
    }
    writer_->vector(metric, -1, at, std::move(values));
  };
  for (const LayerRoutingSample& layer : layers) {
    writer_->vector("tokens_per_expert", layer.layer, at, layer.tokens_per_expert);
    writer_->vector("importance", layer.layer, at, layer.importance);
  }
  per_layer("router_entropy_nats", [](const auto& s) { return s.router_entropy_nats; });
  per_layer("router_entropy_normalized", [](const auto& s) { return s.router_entropy_normalized; });
  per_layer("load_entropy_normalized", [](const auto& s) { return s.load.entropy_normalized; });
  per_layer("load_cv", [](const auto& s) { return s.load.cv; });
  per_layer("load_imbalance", [](const auto& s) { return s.load.max_over_mean; });
  per_layer("dead_experts", [](const auto& s) { return s.load.dead_experts; });
  per_layer("top1_margin", [](const auto& s) { return s.top1_margin; });
  per_layer("dropped_frac", [](const auto& s) { return s.dropped_frac; });
  return layers;
}

void Recorder::probe(const Trainer& trainer,
                     const routing::RoutingProbe& probe,
                     const routing::RoutingProbe* before) {
  const store::Position at = trainer.position();
  writer_->routing_probe(at, probe);
  std::vector<float> margins, specializations, top1, top_k;
  for (std::size_t i = 0; i < probe.layers.size(); ++i) {
    const routing::ProbeLayer& layer = probe.layers[i];
    margins.push_back(static_cast<float>(layer.boundary_margin));
    specializations.push_back(static_cast<float>(layer.vocabulary_specialization));
    if (before == nullptr) continue;
    const auto same = routing::saturation(probe, *before, i);
    if (!same.has_value()) continue;
    top1.push_back(static_cast<float>(same->top1));
    top_k.push_back(static_cast<float>(same->top_k));
  }
  writer_->vector("boundary_margin", -1, at, std::move(margins));
  writer_->vector("vocabulary_specialization", -1, at, std::move(specializations));
  if (top1.size() != probe.layers.size()) return;
  writer_->vector("saturation_top1", -1, at, std::move(top1));
  writer_->vector("saturation_top_k", -1, at, std::move(top_k));
}

void Recorder::evaluation(const Trainer& trainer, double val_loss) {
  writer_->scalar("val_loss", trainer.position(), val_loss);
}

void Recorder::event(std::string_view kind, std::int64_t step, Json detail) {
  writer_->event(kind, step, std::move(detail));
}

Status Recorder::flush() {
  return writer_->flush();
}

std::optional<Error> Recorder::problem() const {
  return writer_->problem();
}

}  // namespace switchyard::train
