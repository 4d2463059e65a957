#include <chrono>
#include <utility>

#include <unistd.h>

#include "engine/base/core/clock.h"
#include "engine/base/core/file_system.h"
#include "engine/base/core/log.h"
#include "engine/train/loop/session_impl.h"
#include "engine/train/model/transformer.h"

namespace switchyard::train {
namespace {

// While training, samples may take this long between two steps; while paused, until the next look
// at the socket.
constexpr double kSampleBudgetMs = 12.0;
constexpr int kSampleTokensPerStep = 4;
constexpr double kPausedSampleBudgetMs = 50.0;
constexpr int kPausedSampleTokens = 64;

Error bad_command(std::string message, std::string hint = "") {
  return {ErrorCode::kUsage, "command", std::move(message), std::move(hint), {}};
}

}  // namespace

void Session::serve(int timeout_ms) {
  if (server_ == nullptr) {
    if (timeout_ms > 0) ::usleep(static_cast<useconds_t>(timeout_ms) * 1000);
    return;
  }
  for (const ipc::Server::Incoming& incoming : server_->poll(timeout_ms)) handle(incoming);
  greet_new_clients();
  if (samples_.empty()) return;
  if (state_ == "paused" && !is_busy_) {
    sample_for(kPausedSampleBudgetMs, kPausedSampleTokens);
  } else {
    sample_for(kSampleBudgetMs, kSampleTokensPerStep);
  }
}

void Session::greet_new_clients() {
  const int num_clients = server_->num_clients();
  if (num_clients > num_clients_) {
    Json hello = status_fields();
    hello.set("type", Json("hello"));
    hello.set("protocol", Json(ipc::kProtocolVersion));
    server_->broadcast(hello);
  }
  num_clients_ = num_clients;
}

Json Session::status_fields() const {
  return Json::object({{"pid", Json(std::int64_t{::getpid()})},
                       {"state", Json(state_)},
                       {"step", Json(trainer_->position().step)},
                       {"max_steps", Json(trainer_->max_steps())},
                       {"train_loss", Json(last_train_loss_)},
                       {"val_loss", Json(last_val_loss_)},
                       {"device", Json(trainer_->device_name())}});
}

void Session::handle(const ipc::Server::Incoming& incoming) {
  const Json& message = incoming.message;
  const std::int64_t id = message["id"].as_integer();
  if (message["type"].as_string() != "command") {
    reply(incoming.client, id, bad_command("expected a message of type `command`."));
    return;
  }
  Result<Json> result = execute(incoming.client, id, message);
  if (result.ok() && result->is_null()) return;  // answered later
  reply(incoming.client, id, result);
}

void Session::reply(int client, std::int64_t id, const Result<Json>& result) {
  Json answer =
      Json::object({{"type", Json("reply")}, {"id", Json(id)}, {"ok", Json(result.ok())}});
  if (result.ok()) {
    for (const Json::Member& member : result->members()) answer.set(member.first, member.second);
  } else {
    const Error& error = result.error();
    answer.set("error",
               Json::object({{"code", Json(error_code_name(error.code))},
                             {"where", Json(error.where)},
                             {"message", Json(error.message)},
                             {"hint", Json(error.hint)}}));
  }
  server_->send(client, answer);
}

Result<Json> Session::execute(int client, std::int64_t id, const Json& message) {
  const std::string& command = message["command"].as_string();
  if (command == "status") return status_fields();
  if (command == "pause" || command == "resume") {
    is_pause_wanted_ = command == "pause";
    return Json::object();
  }
  if (command == "stop") {
    is_save_wanted_ = message["save"].as_bool(true);
    is_stop_wanted_ = true;
    return Json::object();
  }
  if (command == "checkpoint") {
    waiting_checkpoints_.push_back({client, id});
    return Json();
  }
  if (command == "evaluate") {
    waiting_evaluations_.push_back({client, id});
    return Json();
  }
  if (command == "set") return change_setting(message);
  if (command == "sample" || command == "score") return add_sample(client, id, message);
  if (command == "cancel_sample") return cancel_sample(client, message);
  if (command == "pin") return add_pin(message);
  if (command == "unpin") return remove_pin(message);
  return bad_command("unknown command `" + command + "`.",
                     "Known: pause, resume, stop, checkpoint, evaluate, status, sample, score, "
                     "cancel_sample, pin, unpin, set.");
}

Result<Json> Session::change_setting(const Json& message) {
  std::string assignment = message["assignment"].as_string();
  if (assignment.empty() && message["key"].is_string()) {
    assignment = message["key"].as_string() + "=" + message["value"].dump();
  }
  Json wanted = trainer_->config();
  SY_RETURN_IF_ERROR(config::apply_setting(wanted, assignment));
  config::Resolved resolved = config::resolve(program_schema(), wanted, "set");
  if (!resolved.ok()) return resolved.errors.front();
  const auto changes = config::differences(program_schema(), trainer_->config(), resolved.config);
  for (const config::Difference& change : changes) {
    if (!change.is_resumable) {
      return Error{ErrorCode::kConfig,
                   change.pointer,
                   "cannot change while a run trains.",
                   "Start a new run with this value.",
                   {}};
    }
  }
  SY_RETURN_IF_ERROR(check_batch_split(trainer_->config(), resolved.config));
  SY_RETURN_IF_ERROR(write_file_durably(paths_.config(), resolved.config.dump(2)));
  SY_RETURN_IF_ERROR(trainer_->change_config(resolved.config));
  for (const config::Difference& change : changes) {
    Json detail = Json::object(
        {{"pointer", Json(change.pointer)}, {"from", change.left}, {"to", change.right}});
    recorder_->event("setting", trainer_->position().step, std::move(detail));
  }
  return Json::object({{"num_changes", Json(std::int64_t{std::ssize(changes)})}});
}

void Session::run_requests() {
  if (!waiting_checkpoints_.empty()) {
    const Status saved = save_checkpoint(true);
    const Json fields = Json::object({{"step", Json(trainer_->position().step)}});
    for (const Waiting& waiting : std::exchange(waiting_checkpoints_, {})) {
      reply(waiting.client,
            waiting.id,
            saved.ok() ? Result<Json>(fields) : Result<Json>(saved.error()));
    }
  }
  if (!waiting_evaluations_.empty()) {
    const std::vector<Waiting> asked = std::exchange(waiting_evaluations_, {});
    const Result<Evaluation> whole = evaluate_split();
    for (const Waiting& waiting : asked) {
      if (!whole.ok()) {
        reply(waiting.client, waiting.id, whole.error());
        continue;
      }
      reply(waiting.client,
            waiting.id,
            Json::object({{"step", Json(trainer_->position().step)},
                          {"split", Json("val")},
                          {"loss", Json(whole->loss)},
                          {"tokens", Json(whole->tokens)}}));
    }
  }
}

}  // namespace switchyard::train
