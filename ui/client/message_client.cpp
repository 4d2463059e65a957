#include "ui/client/message_client.h"

#include <array>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/base/store/run_folder.h"

namespace switchyard::ui {
namespace {

constexpr int kConnectInterval = 100;  ///< ms between attempts while an engine is alive
constexpr int kIdleInterval = 250;     ///< ms between looks at the lock

struct OrderText {
  const char* command;
  const char* what;
};

OrderText text_of(EngineOrder::Kind kind) {
  switch (kind) {
    case EngineOrder::Kind::kPause:
      return {"pause", "Pause"};
    case EngineOrder::Kind::kResume:
      return {"resume", "Resume"};
    case EngineOrder::Kind::kStopAndSave:
    case EngineOrder::Kind::kStopAndDiscard:
      return {"stop", "Stop"};
    case EngineOrder::Kind::kSave:
      return {"checkpoint", "Save"};
    case EngineOrder::Kind::kEvaluate:
      return {"evaluate", "Evaluate"};
  }
  return {"status", "Status"};
}

Json command(const char* name) {
  return Json::object({{"type", "command"}, {"command", name}});
}

}  // namespace

MessageClient::MessageClient(Mailbox& mailbox, Hooks hooks)
    : mailbox_(mailbox),
      hooks_(std::move(hooks)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { work(); }) {}

MessageClient::~MessageClient() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  eventfd_write(wake_.get(), 1);
  thread_.join();
}

void MessageClient::attach(const std::string& root) {
  {
    const std::lock_guard lock(mutex_);
    next_root_ = root;
    has_next_root_ = true;
  }
  eventfd_write(wake_.get(), 1);
}

void MessageClient::post(Outgoing outgoing) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(outgoing));
  }
  eventfd_write(wake_.get(), 1);
}

void MessageClient::order(EngineOrder order) {
  const OrderText text = text_of(order.kind);
  Json message = command(text.command);
  if (order.kind == EngineOrder::Kind::kStopAndSave) message.set("save", true);
  if (order.kind == EngineOrder::Kind::kStopAndDiscard) message.set("save", false);
  post({std::move(message), text.what, 0});
}

void MessageClient::change_setting(const ChangeSetting& change) {
  Json message = command("set");
  message.set("assignment", change.assignment);
  post({std::move(message), "Changing " + change.what, 0});
}

namespace {

void set_sampling(Json& message, const SamplingSettings& s) {
  message.set("max_tokens", s.max_tokens);
  message.set("temperature", s.temperature);
  message.set("top_k", s.top_k);
  message.set("top_p", s.top_p);
  message.set("min_p", s.min_p);
  message.set("repetition_penalty", s.repetition_penalty);
  message.set("seed", s.seed);
}

bool is_sampling(const Json& message) {
  const std::string& name = message["command"].as_string();
  return name == "sample" || name == "score";
}

}  // namespace

bool MessageClient::generate(const Generate& request) {
  if (!is_attached_.load()) return false;
  Json message = command("sample");
  message.set("prompt", request.prompt);
  set_sampling(message, request.settings);
  if (!request.settings.stop.empty()) {
    Json stop = Json::array();
    for (const std::string& text : request.settings.stop) stop.push_back(text);
    message.set("stop", std::move(stop));
  }
  post({std::move(message), "Generate", request.answer_id});
  return true;
}

bool MessageClient::score(const ScoreText& request) {
  if (!is_attached_.load() || request.text.size() > kMaxLiveTextBytes) return false;
  Json message = command("score");
  message.set("text", request.text);
  post({std::move(message), "Score", request.answer_id});
  return true;
}

void MessageClient::pin(const PinPrompt& request) {
  Json message = command("pin");
  message.set("prompt", request.prompt);
  set_sampling(message, request.settings);
  post({std::move(message), "Pin", 0});
}

void MessageClient::unpin(const UnpinPrompt& request) {
  Json message = command("unpin");
  message.set("pin_id", request.pin_id);
  post({std::move(message), "Unpin", 0});
}

void MessageClient::stop_generating(std::int64_t answer_id) {
  Json message = command("cancel_sample");
  message.set("answer", answer_id);
  post({std::move(message), "Stop generating", answer_id});
}

void MessageClient::work() {
  for (;;) {
    bool has_root = false;
    std::string root;
    {
      const std::lock_guard lock(mutex_);
      if (is_stopping_) break;
      has_root = std::exchange(has_next_root_, false);
      root = next_root_;
    }
    if (has_root && root != root_) {
      disconnect("another run was opened");
      root_ = root;
    }
    connect_if_possible();
    send_waiting();
    const bool is_alive = hooks_.is_engine_alive();
    wait(connection_ != nullptr ? 1000 : (is_alive ? kConnectInterval : kIdleInterval));
    receive();
  }
  disconnect("");
}

void MessageClient::wait(int timeout_ms) {
  std::array<pollfd, 2> watched{};
  watched[0] = {wake_.get(), POLLIN, 0};
  nfds_t count = 1;
  if (connection_ != nullptr) watched[count++] = {connection_->descriptor(), POLLIN, 0};
  poll(watched.data(), count, timeout_ms);
  eventfd_t value = 0;
  eventfd_read(wake_.get(), &value);
}

void MessageClient::connect_if_possible() {
  if (connection_ != nullptr || root_.empty() || !hooks_.is_engine_alive()) return;
  auto connection = ipc::Connection::connect(store::RunPaths{root_}.socket());
  // An engine that has the lock opens its socket a moment later: the next attempt finds it.
  if (!connection.ok()) return;
  connection_ = std::move(connection).value();
  is_attached_ = true;
  hooks_.set_attached(true);
}

void MessageClient::disconnect(const std::string& reason) {
  if (connection_ == nullptr) return;
  connection_.reset();
  is_attached_ = false;
  hooks_.set_attached(false);
  for (const auto& [sample, answer] : answer_of_sample_)
    mailbox_.put(AnswerFailed{answer, "The answer ended early: " + reason + "."});
  answer_of_sample_.clear();
  cancelled_.clear();
  // A stop is answered by going away.
  std::erase_if(commands_, [](const auto& command) { return command.second == "Stop"; });
  for (const auto& [id, what] : commands_) {
    if (what != "Generate" && what != "Score" && !reason.empty())
      mailbox_.put(Notice{NoticeKind::kAttention, what + " was not answered", reason});
  }
  commands_.clear();
}

void MessageClient::send_waiting() {
  std::vector<Outgoing> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = std::exchange(waiting_, {});
  }
  for (Outgoing& outgoing : waiting) {
    const bool is_sample = is_sampling(outgoing.message);
    if (connection_ == nullptr) {
      if (is_sample)
        mailbox_.put(AnswerFailed{outgoing.answer_id, "The engine is not connected. Try again."});
      else if (outgoing.answer_id == 0)
        mailbox_.put(Notice{NoticeKind::kAttention,
                            outgoing.what + " was not sent",
                            "The engine is not connected."});
      continue;
    }
    if (outgoing.message["command"].as_string() == "cancel_sample") {
      std::int64_t sample = 0;
      for (const auto& [id, answer] : answer_of_sample_) {
        if (answer == outgoing.answer_id) sample = id;
      }
      if (sample == 0) continue;  // it has ended meanwhile
      outgoing.message = command("cancel_sample");
      outgoing.message.set("sample_id", sample);
      cancelled_.insert(sample);
    }
    const std::int64_t id = next_id_++;
    outgoing.message.set("id", id);
    if (is_sample) answer_of_sample_[id] = outgoing.answer_id;
    commands_[id] = outgoing.what;
    const Status sent = connection_->send(outgoing.message);
    if (!sent.ok()) {
      disconnect(sent.error().message);
      return;
    }
  }
  if (connection_ == nullptr) return;
  if (const Status flushed = connection_->flush(); !flushed.ok())
    disconnect("the engine went away");
}

void MessageClient::receive() {
  if (connection_ == nullptr) return;
  const auto messages = connection_->receive(0);
  if (!messages.ok()) {
    disconnect("the engine went away");
    return;
  }
  for (const Json& message : messages.value()) take_message(message);
}

void MessageClient::take_message(const Json& message) {
  const std::string& type = message["type"].as_string();
  if (type == "reply") {
    take_reply(message);
  } else if (type == "sample_token") {
    const auto found = answer_of_sample_.find(message["sample_id"].as_integer());
    if (found != answer_of_sample_.end())
      mailbox_.put(AnswerToken{found->second, token_from_json(message)});
  } else if (type == "sample_done") {
    take_sample_done(message);
  }
  // "hello", "state" and "step" repeat what the lock and the store say; those decide.
}

void MessageClient::take_reply(const Json& message) {
  const std::int64_t id = message["id"].as_integer();
  const auto found = commands_.find(id);
  if (found == commands_.end()) return;
  const std::string what = found->second;
  commands_.erase(found);
  const bool is_ok = message["ok"].as_bool();
  const Json& error = message["error"];
  std::string problem = error["message"].as_string();
  if (const std::string& hint = error["hint"].as_string(); !hint.empty()) problem += " " + hint;
  if (const auto sample = answer_of_sample_.find(id); sample != answer_of_sample_.end()) {
    if (is_ok) return;
    mailbox_.put(AnswerFailed{sample->second, problem});
    answer_of_sample_.erase(sample);
    return;
  }
  if (!is_ok) {
    if (what != "Stop generating")
      mailbox_.put(Notice{NoticeKind::kFailure, what + " did not work", problem});
    return;
  }
  if (what == "Save") mailbox_.put(Notice{NoticeKind::kOk, "Checkpoint requested", ""});
  if (what == "Pause")
    mailbox_.put(Notice{NoticeKind::kInfo, "Training pauses after this step", ""});
}

AnswerDone answer_done_from_json(std::int64_t answer_id, const Json& message) {
  AnswerDone done;
  done.answer_id = answer_id;
  done.step = message["step"].as_integer(-1);
  done.tokens_per_second = message["tokens_per_second"].as_number();
  done.is_cancelled = message["cancelled"].as_bool();
  done.stopped_by = message["stopped_by"].as_string();
  if (message["loss"].is_number())
    done.score = {message["loss"].as_number(),
                  message["perplexity"].as_number(),
                  message["bits_per_byte"].as_number(),
                  message["tokens"].as_integer()};
  return done;
}

void MessageClient::take_sample_done(const Json& message) {
  const auto found = answer_of_sample_.find(message["sample_id"].as_integer());
  if (found == answer_of_sample_.end()) return;
  const Json& error = message["error"];
  if (error.is_object()) {
    mailbox_.put(AnswerFailed{found->second, error["message"].as_string()});
  } else {
    AnswerDone done = answer_done_from_json(found->second, message);
    done.is_cancelled = done.is_cancelled || cancelled_.contains(found->first);
    mailbox_.put(std::move(done));
  }
  cancelled_.erase(found->first);
  answer_of_sample_.erase(found);
}

}  // namespace switchyard::ui
