#include <algorithm>
#include <utility>

#include "engine/base/core/clock.h"
#include "engine/base/core/log.h"
#include "engine/train/loop/session_impl.h"

namespace switchyard::train {
namespace {

Json event_of(const char* name) {
  return Json::object({{"event", Json(name)}});
}

}  // namespace

Status Session::evaluate_windows() {
  is_busy_ = true;
  const auto keep_going = [this] {
    serve(0);
    return !is_asked_to_stop();
  };
  const auto result =
      trainer_->evaluate(trainer_->config()["train"]["eval_windows"].as_integer(), keep_going);
  is_busy_ = false;
  if (!result.ok()) {
    return result.error().code == ErrorCode::kStopped ? Status() : Status(result.error());
  }
  eval_step_ = trainer_->position().step;
  eval_loss_ = last_val_loss_ = result->loss;
  recorder_->evaluation(*trainer_, result->loss);
  recorder_->event("eval",
                   trainer_->position().step,
                   Json::object({{"split", Json("val")}, {"loss", Json(result->loss)}}));
  Json event = event_of("eval");
  event.set("step", Json(eval_step_));
  event.set("split", Json("val"));
  event.set("loss", Json(result->loss));
  event.set("tokens", Json(result->tokens));
  emit(std::move(event));
  return {};
}

Result<Evaluation> Session::evaluate_split() {
  is_busy_ = true;
  auto result = trainer_->evaluate(0, [this] {
    serve(0);
    return !is_asked_to_stop();
  });
  is_busy_ = false;
  if (!result.ok()) return result;
  last_val_loss_ = result->loss;
  recorder_->evaluation(*trainer_, result->loss);
  recorder_->event("eval",
                   trainer_->position().step,
                   Json::object({{"split", Json("val")}, {"loss", Json(result->loss)}}));
  Json event = event_of("eval");
  event.set("step", Json(trainer_->position().step));
  event.set("split", Json("val"));
  event.set("loss", Json(result->loss));
  event.set("tokens", Json(result->tokens));
  event.set("is_whole_split", Json(true));
  emit(std::move(event));
  return result;
}

Status Session::save_checkpoint(bool is_forced) {
  const double now = system_clock().monotonic_seconds();
  if (!is_forced && !checkpointer_->may_try(now)) {
    if (!checkpointer_->is_lost(now)) return {};
    return Error{ErrorCode::kDiskFull,
                 paths_.checkpoints(),
                 "no checkpoint could be written for half an hour.",
                 "Free some space and resume the run.",
                 {}};
  }
  const std::int64_t step = trainer_->position().step;
  if (eval_step_ == step && (trainer_->best_step < 0 || eval_loss_ < trainer_->best_val_loss)) {
    trainer_->best_step = step;
    trainer_->best_val_loss = eval_loss_;
  }
  Status flushed = recorder_->flush();  // no sample before a checkpoint may be missing after it
  Result<Checkpointer::Saved> saved =
      flushed.ok()
          ? checkpointer_->save(
                *trainer_,
                static_cast<int>(trainer_->config()["checkpoint"]["keep_last"].as_integer()))
          : Result<Checkpointer::Saved>(flushed.error());
  checkpointer_->note_outcome(saved.ok(), system_clock().monotonic_seconds());
  if (!saved.ok()) {
    if (is_forced) return saved.error();
    log_error(saved.error());
    Json detail = Json::object({{"code", Json(error_code_name(saved.error().code))},
                                {"where", Json(saved.error().where)},
                                {"message", Json(saved.error().message)},
                                {"hint", Json("Training goes on; the next try comes later.")}});
    recorder_->event("error", step, detail);
    detail.set("event", Json("warning"));
    emit(std::move(detail));
    return check_folder();
  }
  Json detail = Json::object(
      {{"path", Json(saved->path)}, {"step", Json(step)}, {"is_best", Json(saved->is_best)}});
  recorder_->event("checkpoint", step, detail);
  detail.set("event", Json("checkpoint"));
  emit(std::move(detail));
  if (saved->is_new) answer_pins();
  return {};
}

}  // namespace switchyard::train
