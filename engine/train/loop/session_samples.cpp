#include <utility>

#include "engine/base/core/clock.h"
#include "engine/base/core/log.h"
#include "engine/train/loop/scorer.h"
#include "engine/train/loop/session_impl.h"
#include "engine/train/model/transformer.h"

namespace switchyard::train {
namespace {

constexpr std::size_t kMostSamples = 32;
constexpr std::int64_t kPinTokensBetweenMessages = 16;
constexpr double kPinSecondsWhenStopping = 5.0;

Json json_from(const Error& error) {
  return Json::object({{"code", Json(error_code_name(error.code))},
                       {"where", Json(error.where)},
                       {"message", Json(error.message)},
                       {"hint", Json(error.hint)}});
}

}  // namespace

Result<Json> Session::add_sample(int client, std::int64_t id, const Json& message) {
  if (samples_.size() >= kMostSamples) {
    return Error{ErrorCode::kUsage,
                 "command",
                 "32 samples are waiting already.",
                 "Cancel some of them first.",
                 {}};
  }
  ActiveSample sample;
  sample.client = client;
  sample.id = id;
  if (message["command"].as_string() == "score") {
    sample.scored_text = message["text"].as_string();
    Scorer scorer(trainer_->model(), *trainer_->data().tokenizer);
    SY_RETURN_IF_ERROR(scorer.start(*sample.scored_text));  // refuses unsuitable text at once
  } else {
    SY_ASSIGN_OR_RETURN(sample.request, sample_request_from_json(message));
    SY_RETURN_IF_ERROR(trainer_->data().tokenizer->encode(sample.request.prompt));
  }
  samples_.push_back(std::move(sample));
  return Json::object({{"sample_id", Json(id)}});
}

Result<Json> Session::cancel_sample(int client, const Json& message) {
  const std::int64_t sample_id = message["sample_id"].as_integer(-1);
  for (auto sample = samples_.begin(); sample != samples_.end(); ++sample) {
    if (sample->client != client || sample->id != sample_id) continue;
    std::swap(*sample, samples_.front());
    finish_sample(nullptr);
    return Json::object();
  }
  return Error{ErrorCode::kUsage,
               "command",
               "no sample " + std::to_string(sample_id) + " is running.",
               "",
               {}};
}

Status Session::open_source(ActiveSample& sample) {
  sample.started = system_clock().monotonic_seconds();
  if (sample.scored_text.has_value()) {
    auto scorer = std::make_unique<Scorer>(trainer_->model(), *trainer_->data().tokenizer);
    SY_RETURN_IF_ERROR(scorer->start(*sample.scored_text));
    sample.source = std::move(scorer);
    return {};
  }
  auto sampler = std::make_unique<Sampler>(trainer_->model(), *trainer_->data().tokenizer);
  SY_RETURN_IF_ERROR(sampler->start(sample.request));
  sample.source = std::move(sampler);
  return {};
}

void Session::sample_for(double budget_ms, int most_tokens) {
  const double deadline = system_clock().monotonic_seconds() + budget_ms / 1000.0;
  for (int i = 0; i < most_tokens && !samples_.empty(); ++i) {
    ActiveSample& sample = samples_.front();
    if (sample.source == nullptr) {
      const Status started = open_source(sample);
      if (!started.ok()) {
        finish_sample(&started.error());
        continue;
      }
    }
    const Result<SampledToken> token = sample.source->next();
    if (!token.ok()) {
      finish_sample(&token.error());
      continue;
    }
    ++sample.num_tokens;
    Json message = train::json_from(*token);
    message.set("type", Json("sample_token"));
    message.set("sample_id", Json(sample.id));
    server_->send(sample.client, message);
    if (sample.source->is_done()) finish_sample(nullptr);
    if (system_clock().monotonic_seconds() >= deadline) return;
  }
}

void Session::finish_sample(const Error* error) {
  const ActiveSample sample = std::move(samples_.front());
  samples_.pop_front();
  Json message = Json::object({{"type", Json("sample_done")}, {"sample_id", Json(sample.id)}});
  if (!sample.scored_text.has_value()) message.set("text", Json(""));
  if (sample.source != nullptr) {
    const Json result = sample.source->result();
    for (const Json::Member& member : result.members()) message.set(member.first, member.second);
  }
  const double seconds = system_clock().monotonic_seconds() - sample.started;
  message.set("step", Json(trainer_->position().step));
  message.set(
      "tokens_per_second",
      Json(seconds > 0 && sample.num_tokens > 0 ? static_cast<double>(sample.num_tokens) / seconds
                                                : 0.0));
  if (error != nullptr) message.set("error", json_from(*error));
  server_->send(sample.client, message);
}

// ---- pinned prompts ----------------------------------------------------------------------------

Result<Json> Session::add_pin(const Json& message) {
  SY_ASSIGN_OR_RETURN(SampleRequest request, sample_request_from_json(message));
  SY_RETURN_IF_ERROR(trainer_->data().tokenizer->encode(request.prompt));
  Json detail = train::json_from(request);
  SY_ASSIGN_OR_RETURN(const std::int64_t pin_id, pins_.add(std::move(request)));
  detail.set("pin_id", Json(pin_id));
  recorder_->event("pin", trainer_->position().step, std::move(detail));
  return Json::object({{"pin_id", Json(pin_id)}});
}

Result<Json> Session::remove_pin(const Json& message) {
  const std::int64_t pin_id = message["pin_id"].as_integer(-1);
  SY_RETURN_IF_ERROR(pins_.remove(pin_id));
  recorder_->event("unpin", trainer_->position().step, Json::object({{"pin_id", Json(pin_id)}}));
  return Json::object();
}

bool Session::answer_pin(const Pin& pin, double& deadline) {
  Sampler sampler(trainer_->model(), *trainer_->data().tokenizer);
  const std::int64_t step = trainer_->position().step;
  Json detail = Json::object({{"pin_id", Json(pin.pin_id)}});
  Status status = sampler.start(pin.request);
  std::int64_t num_tokens = 0;
  double prob_sum = 0.0;
  while (status.ok() && !sampler.is_done()) {
    const Result<SampledToken> token = sampler.next();
    if (!token.ok()) {
      status = token.error();
      break;
    }
    prob_sum += token->prob;
    if (++num_tokens % kPinTokensBetweenMessages != 0) continue;
    serve(0);
    const double now = system_clock().monotonic_seconds();
    if (is_asked_to_stop() && deadline == 0.0) deadline = now + kPinSecondsWhenStopping;
    if (deadline > 0.0 && now > deadline) return false;
  }
  const Json result = sampler.result();
  for (const Json::Member& member : result.members()) detail.set(member.first, member.second);
  detail.set("num_tokens", Json(num_tokens));
  detail.set("mean_prob", Json(num_tokens > 0 ? prob_sum / static_cast<double>(num_tokens) : 0.0));
  if (!status.ok()) {
    log_error(status.error());
    detail.set("error", json_from(status.error()));
  }
  recorder_->event("pinned_answer", step, std::move(detail));
  return true;
}

void Session::answer_pins() {
  if (pins_.all().empty()) return;
  is_busy_ = true;
  double deadline = 0.0;  // set once somebody asks to stop: the answers may not keep them waiting
  const std::vector<Pin> pins = pins_.all();  // messages in between may change them
  for (const Pin& pin : pins) {
    if (!answer_pin(pin, deadline)) break;
  }
  is_busy_ = false;
}

}  // namespace switchyard::train
