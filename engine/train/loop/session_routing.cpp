#include <utility>

#include "engine/base/core/log.h"
#include "engine/train/loop/session_impl.h"
#include "engine/train/routing/statistics.h"

namespace switchyard::train {

void Session::begin_diagnosis() {
  doctor_ = routing::Doctor(trainer_->config());
  last_probe_.reset();
  probe_step_ = -1;
}

void Session::note_routing(const StepReport& report) {
  routing::RoutingReading reading;
  reading.step = report.step;
  reading.load_balance_loss = report.load_balance_loss;
  reading.router_z_loss = report.router_z_loss;
  for (LayerRoutingSample& sample : recorder_->routing(*trainer_)) {
    reading.layers.push_back({sample.layer,
                              std::move(sample.tokens_per_expert),
                              sample.router_entropy_normalized,
                              sample.top1_margin,
                              sample.dropped_frac});
  }
  if (!reading.layers.empty()) note_findings(doctor_.read(reading));
}

bool Session::is_probe_due(std::int64_t step) const {
  const std::int64_t interval = trainer_->config()["log"]["probe_interval_steps"].as_integer();
  return interval < 0 ? is_due("train", "eval_interval_steps", step)
                      : is_due("log", "probe_interval_steps", step);
}

void Session::probe_routing() {
  const std::int64_t step = trainer_->position().step;
  if (!can_probe_ || !trainer_->is_routed() || probe_step_ == step) return;
  probe_step_ = step;
  Result<routing::RoutingProbe> probe = trainer_->probe_routing();
  if (!probe.ok()) {  // training does not depend on it
    can_probe_ = false;
    log_warning("the routing is not probed any more", {{"reason", Json(probe.error().text())}});
    emit(Json::object(
        {{"event", Json("warning")},
         {"message", Json("the routing is not probed any more: " + probe.error().text())}}));
    return;
  }
  recorder_->probe(*trainer_, *probe, last_probe_.has_value() ? &*last_probe_ : nullptr);
  note_findings(doctor_.read(step, *probe));
  last_probe_ = std::move(probe).value();
}

void Session::note_findings(const std::vector<routing::FindingChange>& changes) {
  const std::int64_t step = trainer_->position().step;
  for (const routing::FindingChange& change : changes) {
    Json detail = routing::json_from(change);
    recorder_->event("doctor", step, detail);
    log_warning("doctor", {{"step", Json(step)}, {"detail", detail}});
    Json event = Json::object({{"event", Json("doctor")}, {"step", Json(step)}});
    for (const Json::Member& member : detail.members()) event.set(member.first, member.second);
    emit(std::move(event));
  }
}

}  // namespace switchyard::train
