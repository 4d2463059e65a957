#include "engine/train/loop/session.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "engine/base/config/node.h"
#include "engine/base/core/clock.h"
#include "engine/base/core/file_system.h"
#include "engine/base/core/log.h"
#include "engine/train/loop/session_impl.h"
#include "engine/train/model/transformer.h"

namespace switchyard::train {
namespace {

constexpr int kPausedWaitMs = 100;
constexpr double kStepMessageInterval = 0.1;  ///< seconds; a message costs the loop a system call
constexpr std::int64_t kRollbackDistanceSteps = 100;
constexpr double kNotKnown = std::numeric_limits<double>::quiet_NaN();

/// When memory runs out the kernel should take the engine, not the window.
void offer_process_to_the_oom_killer() {
  const int handle = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (handle < 0) return;
  if (::write(handle, "300", 3) != 3) log_debug("oom_score_adj could not be set");
  ::close(handle);
}

Json event_of(const char* name) {
  return Json::object({{"event", Json(name)}});
}

}  // namespace

Result<TrainOutcome> train_run(const RunSetup& setup,
                               const std::string& device,
                               const EventSink& sink,
                               const std::function<bool()>& is_stop_requested) {
  return Session(setup, device, sink, is_stop_requested).run();
}

Session::Session(const RunSetup& setup,
                 std::string device,
                 const EventSink& sink,
                 const std::function<bool()>& is_stop_requested)
    : setup_(setup),
      device_(std::move(device)),
      sink_(sink),
      is_stop_requested_(is_stop_requested),
      paths_{setup.run_dir},
      pins_(paths_.pins()),
      last_train_loss_(kNotKnown),
      last_val_loss_(kNotKnown) {}

Result<TrainOutcome> Session::run() {
  const Status started = start();
  if (!started.ok()) {
    fail(started.error());
    return started.error();
  }
  Result<TrainOutcome> outcome = loop();
  if (!outcome.ok()) fail(outcome.error());
  if (recorder_ != nullptr) {
    const Status flushed = recorder_->flush();
    if (!flushed.ok() && outcome.ok()) outcome = flushed.error();
  }
  close_log();
  return outcome;
}

// ---- start ------------------------------------------------------------------------------------

Status Session::start() {
  offer_process_to_the_oom_killer();
  SY_RETURN_IF_ERROR(setup_.fork.has_value() ? start_forked()
                     : setup_.is_resume      ? start_resumed()
                                             : start_new());
  for (const config::Difference& change : setup_.changes) {
    recorder_->event(
        "setting",
        trainer_->position().step,
        Json::object(
            {{"pointer", Json(change.pointer)}, {"from", change.left}, {"to", change.right}}));
  }
  begin_diagnosis();
  announce_start();
  return {};
}

Status Session::start_new() {
  const config::Node config(setup_.config);
  SY_ASSIGN_OR_RETURN(
      auto data,
      formats::prepare_data(setup_.config["data"], config.child("model").integer("seq_len")));
  const Json tokenizer = data.tokenizer->to_json();
  SY_ASSIGN_OR_RETURN(trainer_, Trainer::create({setup_.config, std::move(data), device_, 0}));
  SY_RETURN_IF_ERROR(store::create_run_folder(paths_.root, setup_.config));
  SY_ASSIGN_OR_RETURN(lock_, store::RunLock::acquire(paths_.root));
  SY_RETURN_IF_ERROR(write_file_durably(paths_.tokenizer(), tokenizer.dump(1)));
  checkpointer_ = std::make_unique<Checkpointer>(paths_.checkpoints());
  return open_services(-1);
}

Status Session::start_resumed() {
  SY_ASSIGN_OR_RETURN(lock_, store::RunLock::acquire(paths_.root));
  checkpoint::remove_leftovers(paths_.checkpoints());
  const checkpoint::ScanResult scan =
      checkpoint::scan(paths_.checkpoints(), checkpoint::ScanDepth::kChecksums);
  for (const std::string& reason : scan.rejected) {
    log_warning("a damaged checkpoint is left aside", {{"reason", Json(reason)}});
    emit(Json::object({{"event", Json("warning")},
                       {"where", Json("checkpoints")},
                       {"message", Json("damaged checkpoint left aside: " + reason)}}));
  }
  const checkpoint::Found* newest = newest_checkpoint(scan);
  if (newest == nullptr && !scan.rejected.empty()) {
    return Error{ErrorCode::kInputFile,
                 paths_.checkpoints(),
                 "expected an intact checkpoint, found only damaged ones: " + scan.rejected.back(),
                 "Put a copy back, or start a new run with the same config.",
                 {}};
  }
  const config::Node config(setup_.config);
  SY_ASSIGN_OR_RETURN(
      auto data,
      formats::prepare_data(setup_.config["data"], config.child("model").integer("seq_len")));
  int num_threads = static_cast<int>(config.child("train").integer("num_threads"));
  if (num_threads == 0 && newest != nullptr) {  // the same bits need the same thread count
    num_threads = static_cast<int>(newest->manifest["num_threads"].as_integer());
  }
  const Json tokenizer = data.tokenizer->to_json();
  SY_ASSIGN_OR_RETURN(trainer_,
                      Trainer::create({setup_.config, std::move(data), device_, num_threads}));
  if (newest != nullptr) SY_RETURN_IF_ERROR(Checkpointer::restore(*trainer_, *newest));
  if (is_batch_split_changed()) trainer_->use_configured_batch_split();
  if (!setup_.changes.empty()) {
    SY_RETURN_IF_ERROR(write_file_durably(paths_.config(), setup_.config.dump(2)));
  }
  SY_RETURN_IF_ERROR(write_file_durably(paths_.tokenizer(), tokenizer.dump(1)));
  checkpointer_ = std::make_unique<Checkpointer>(paths_.checkpoints());
  const std::int64_t step = trainer_->position().step;
  SY_RETURN_IF_ERROR(open_services(step));
  if (const Status pinned = pins_.load(); !pinned.ok()) {  // training does not depend on them
    log_warning("the pinned prompts are lost", {{"reason", Json(pinned.error().text())}});
    emit(
        Json::object({{"event", Json("warning")},
                      {"message", Json("the pinned prompts are lost: " + pinned.error().text())}}));
  }
  if (newest == nullptr) return {};
  Json detail = Json::object({{"path", Json(newest->path)}, {"step", Json(step)}});
  const bool is_exact = is_same_machine(*newest);
  detail.set("is_exact", Json(is_exact && !is_batch_split_changed()));
  if (!is_exact) {
    const std::string message = "the continuation is not bit for bit: it began with " +
                                std::to_string(newest->manifest["num_threads"].as_integer()) +
                                " threads on " + newest->manifest["device"].as_string() + ", now " +
                                std::to_string(trainer_->num_threads()) + " on " +
                                trainer_->device_name();
    log_warning(message);
    emit(Json::object({{"event", Json("warning")}, {"message", Json(message)}}));
  }
  recorder_->event("resume", step, std::move(detail));
  return {};
}

Status Session::open_services(std::int64_t resume_after_step) {
  const Status logging = open_log(paths_.log());
  if (!logging.ok()) log_warning("no log file", {{"reason", Json(logging.error().text())}});
  SY_ASSIGN_OR_RETURN(recorder_,
                      Recorder::open(paths_.database(), trainer_->attempt(), resume_after_step));
  auto server = ipc::Server::listen(paths_.socket());
  if (server.ok()) {
    server_ = std::move(server).value();
  } else {  // training goes on without commands
    log_warning("no command socket", {{"reason", Json(server.error().text())}});
  }
  return {};
}

void Session::announce_start() {
  const config::ModelSize& size = trainer_->size();
  Json event = event_of("start");
  event.set("run", Json(paths_.root));
  event.set("params_total", Json(size.params_total));
  event.set("params_active", Json(size.params_active));
  event.set("device", Json(trainer_->device_name()));
  event.set("num_threads", Json(trainer_->num_threads()));
  event.set("step", Json(trainer_->position().step));
  event.set("max_steps", Json(trainer_->max_steps()));
  event.set("tokens_per_step", Json(trainer_->tokens_per_step()));
  if (setup_.fork.has_value()) event.set("parent", Json(setup_.fork->root));
  emit(std::move(event));
  const bool is_fork = setup_.fork.has_value();
  set_state("running", is_fork ? "forked" : setup_.is_resume ? "resumed" : "started");
}

// ---- loop -------------------------------------------------------------------------------------

bool Session::is_asked_to_stop() {
  if (is_stop_requested_ && is_stop_requested_()) is_stop_wanted_ = true;
  return is_stop_wanted_;
}

bool Session::is_due(const char* section, const char* key, std::int64_t step) const {
  const std::int64_t interval = trainer_->config()[section][key].as_integer();
  return interval > 0 && step % interval == 0;
}

Result<TrainOutcome> Session::loop() {
  for (;;) {
    serve(state_ == "paused" && samples_.empty() ? kPausedWaitMs : 0);
    note_gaps();
    if (is_asked_to_stop()) return finish_stopped();
    run_requests();
    if (is_pause_wanted_ != (state_ == "paused"))
      set_state(is_pause_wanted_ ? "paused" : "running");
    if (is_pause_wanted_) continue;
    if (trainer_->position().step >= trainer_->max_steps()) {
      Result<TrainOutcome> outcome = finish_completed();
      if (!outcome.ok() && outcome.error().code == ErrorCode::kStopped) return finish_stopped();
      return outcome;
    }
    SY_RETURN_IF_ERROR(one_step());
  }
}

Status Session::one_step() {
  const std::int64_t next = trainer_->position().step + 1;
  const bool is_last = next >= trainer_->max_steps();
  const bool must_log = next == 1 || is_last || is_due("log", "interval_steps", next);
  Result<StepReport> stepped = trainer_->step(must_log);
  if (!stepped.ok()) {
    if (stepped.error().code == ErrorCode::kNumerics) return give_up_on_numerics(stepped.error());
    if (stepped.error().code == ErrorCode::kOutOfMemory) return give_up_on_memory(stepped.error());
    return stepped.error();
  }
  const StepReport& report = *stepped;
  for (const Json& action : report.actions) note_guard_action(report.step, action);
  step_time_ms_sum_ += report.step_time_ms;
  tokens_since_log_ += trainer_->tokens_per_step();
  if (report.verdict.action == GuardAction::kRollback) return roll_back(report.verdict);
  if (must_log) {
    log_step(report);
    SY_RETURN_IF_ERROR(check_folder());
  }
  if (is_due("log", "routing_interval_steps", next)) note_routing(report);
  if (is_last) return {};
  if (is_due("train", "eval_interval_steps", next)) SY_RETURN_IF_ERROR(evaluate_windows());
  if (is_probe_due(next)) probe_routing();
  if (is_due("checkpoint", "interval_steps", next)) return save_checkpoint(false);
  return {};
}

void Session::log_step(const StepReport& report) {
  const double seconds = step_time_ms_sum_ / 1000.0;
  const double rate = seconds > 0 ? static_cast<double>(tokens_since_log_) / seconds : 0.0;
  step_time_ms_sum_ = 0.0;
  tokens_since_log_ = 0;
  last_train_loss_ = report.train_loss;
  recorder_->step(*trainer_, report, rate);
  Json event = event_of("step");
  event.set("step", Json(report.step));
  event.set("tokens", Json(trainer_->position().tokens));
  event.set("train_loss", Json(report.train_loss));
  event.set("learning_rate", Json(report.learning_rate));
  event.set("grad_norm", Json(report.grad_norm));
  event.set("tokens_per_second", Json(rate));
  event.set("step_time_ms", Json(report.step_time_ms));
  event.set("seconds", Json(trainer_->position().seconds));
  emit(event);
  if (server_ == nullptr || server_->num_clients() == 0) return;
  // For clients a step is a sign of life; each one is in the store.
  const double now = system_clock().monotonic_seconds();
  if (now - last_step_message_ < kStepMessageInterval) return;
  last_step_message_ = now;
  event.set("type", Json("step"));
  server_->broadcast(event);
}

Status Session::check_folder() {
  if (::access(paths_.config().c_str(), F_OK) == 0) {
    const std::optional<Error> problem = recorder_->problem();
    if (problem.has_value() && checkpointer_->is_lost(system_clock().monotonic_seconds())) {
      return *problem;
    }
    return {};
  }
  return Error{ErrorCode::kIo,
               paths_.root,
               "the run folder was removed or renamed while training.",
               "Put it back and resume the run.",
               {}};
}

Status Session::roll_back(const GuardVerdict& verdict) {
  const checkpoint::ScanResult scan =
      checkpoint::scan(paths_.checkpoints(), checkpoint::ScanDepth::kChecksums);
  const checkpoint::Found* target = newest_checkpoint(
      scan, std::max<std::int64_t>(verdict.first_skip - kRollbackDistanceSteps, 0));
  if (target == nullptr)
    target = newest_checkpoint(scan, std::max<std::int64_t>(verdict.first_skip - 1, 0));
  const std::int64_t from = trainer_->position().step;
  if (target == nullptr) {
    return give_up_on_numerics(
        {ErrorCode::kNumerics,
         "step " + std::to_string(from),
         verdict.cause + " since step " + std::to_string(verdict.first_skip) +
             ", and there is no earlier checkpoint to go back to.",
         "Lower /optimizer/learning_rate or /checkpoint/interval_steps, or look at the data.",
         {}});
  }
  const Trainer::RollbackNote note = trainer_->rollback_note();
  SY_RETURN_IF_ERROR(Checkpointer::restore(*trainer_, *target));
  trainer_->note_rollback(note);
  const std::int64_t to = target->step;
  const std::string path = target->path;
  checkpointer_->discard_after(to);
  SY_RETURN_IF_ERROR(recorder_->flush());
  SY_ASSIGN_OR_RETURN(recorder_, Recorder::open(paths_.database(), trainer_->attempt(), to));
  Json detail = Json::object({{"action", Json("rollback")},
                              {"cause", Json(verdict.cause)},
                              {"from_step", Json(from)},
                              {"to_step", Json(to)},
                              {"path", Json(path)},
                              {"attempt", Json(trainer_->attempt())}});
  begin_diagnosis();
  recorder_->event("guard", to, detail);
  log_warning("rolled back", {{"detail", detail}});
  Json event = event_of("guard");
  event.set("step", Json(to));
  for (const Json::Member& member : detail.members()) event.set(member.first, member.second);
  emit(std::move(event));
  return {};
}

Status Session::give_up_on_numerics(const Error& error) {
  recorder_->event("guard",
                   trainer_->position().step,
                   Json::object({{"action", Json("stop")}, {"cause", Json(error.message)}}));
  const Status saved = save_checkpoint(true);  // the weights are those of the last good step
  if (!saved.ok()) log_error(saved.error());
  return error;
}

Status Session::give_up_on_memory(const Error& error) {
  const auto& shortage = trainer_->memory_shortage();
  if (!shortage.has_value()) return error;
  for (const Json& action : shortage->actions) {
    note_guard_action(trainer_->position().step + 1, action);
  }
  if (!shortage->is_state_intact) return error;
  const Status saved = save_checkpoint(true);  // the weights are those of the last good step
  if (!saved.ok()) log_error(saved.error());
  return error;
}

void Session::note_guard_action(std::int64_t step, const Json& action) {
  recorder_->event("guard", step, action);
  log_warning("guard", {{"step", Json(step)}, {"detail", action}});
  Json event = event_of("guard");
  event.set("step", Json(step));
  for (const Json::Member& member : action.members()) event.set(member.first, member.second);
  emit(std::move(event));
}

void Session::note_gaps() {
  for (const Gap& gap : trainer_->take_gaps()) {
    const std::int64_t step = trainer_->position().step;
    Json detail = Json::object({{"seconds", Json(gap.seconds)},
                                {"cause", Json(gap.is_suspend ? "suspended" : "stopped")}});
    recorder_->event("gap", step, detail);
    log_warning("the process stood still", {{"detail", detail}});
    detail.set("event", Json("gap"));
    detail.set("step", Json(step));
    emit(std::move(detail));
  }
}

// ---- end --------------------------------------------------------------------------------------

Result<TrainOutcome> Session::finish_completed() {
  const std::int64_t step = trainer_->position().step;
  if (is_due("train", "eval_interval_steps", step) && eval_step_ != step &&
      trainer_->config()["train"]["eval_windows"].as_integer() > 0) {
    const auto regular =
        trainer_->evaluate(trainer_->config()["train"]["eval_windows"].as_integer(),
                           [this] { return !is_asked_to_stop(); });
    if (!regular.ok()) return regular.error();
    eval_step_ = step;  // compared with earlier ones; the whole split is what is recorded
    eval_loss_ = regular->loss;
  }
  SY_ASSIGN_OR_RETURN(const Evaluation whole, evaluate_split());
  if (trainer_->config()["train"]["eval_windows"].as_integer() == 0) {
    eval_step_ = step;
    eval_loss_ = whole.loss;
  }
  if (trainer_->config()["log"]["probe_interval_steps"].as_integer() != 0) probe_routing();
  SY_RETURN_IF_ERROR(save_checkpoint(true));
  set_state("completed");
  SY_RETURN_IF_ERROR(recorder_->flush());
  Json event = event_of("done");
  event.set("run", Json(paths_.root));
  event.set("step", Json(step));
  event.set("seconds", Json(trainer_->position().seconds));
  event.set("val_loss", Json(whole.loss));
  emit(std::move(event));
  return TrainOutcome{true, step, whole.loss};
}

Result<TrainOutcome> Session::finish_stopped() {
  set_state("stopping");
  if (is_save_wanted_) SY_RETURN_IF_ERROR(save_checkpoint(true));
  set_state("stopped", "on request");
  SY_RETURN_IF_ERROR(recorder_->flush());
  return TrainOutcome{false, trainer_->position().step, kNotKnown};
}

void Session::fail(const Error& error) {
  if (recorder_ == nullptr) return;
  const std::int64_t step = trainer_->position().step;
  Json detail = Json::object({{"code", Json(error_code_name(error.code))},
                              {"where", Json(error.where)},
                              {"message", Json(error.message)},
                              {"hint", Json(error.hint)}});
  const auto& shortage = trainer_->memory_shortage();
  if (error.code == ErrorCode::kOutOfMemory && shortage.has_value()) {
    if (shortage->needed_bytes.has_value()) detail.set("needed_bytes", *shortage->needed_bytes);
    if (shortage->free_bytes.has_value()) detail.set("free_bytes", *shortage->free_bytes);
    detail.set("micro_batch_size", Json(shortage->micro_batch_size));
    detail.set("grad_accum_steps", Json(shortage->grad_accum_steps));
  }
  recorder_->event("error", step, std::move(detail));
  set_state("failed", error.text());
}

void Session::emit(Json event) const {
  if (sink_) sink_(event);
}

void Session::set_state(const std::string& state, const std::string& reason) {
  state_ = state;
  const config::ModelSize& size = trainer_->size();
  const std::int64_t step = trainer_->position().step;
  recorder_->event("state",
                   step,
                   Json::object({{"state", Json(state)},
                                 {"reason", Json(reason)},
                                 {"pid", Json(std::int64_t{::getpid()})},
                                 {"max_steps", Json(trainer_->max_steps())},
                                 {"params_total", Json(size.params_total)},
                                 {"params_active", Json(size.params_active)},
                                 {"device", Json(trainer_->device_name())}}));
  Json message = Json::object(
      {{"state", Json(state)}, {"step", Json(step)}, {"max_steps", Json(trainer_->max_steps())}});
  Json event = message;
  event.set("event", Json("state"));
  if (!reason.empty()) event.set("reason", Json(reason));
  emit(std::move(event));
  if (reason.empty()) {
    log_info(state, {{"step", Json(step)}});
  } else {
    log_info(state, {{"step", Json(step)}, {"reason", Json(reason)}});
  }
  if (server_ == nullptr) return;
  message.set("type", Json("state"));
  server_->broadcast(message);
}

}  // namespace switchyard::train
