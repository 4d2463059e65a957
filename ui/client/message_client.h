#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/ipc/channel.h"
#include "ui/client/launcher.h"
#include "ui/client/mailbox.h"
#include "ui/model/commands.h"

namespace switchyard::ui {

/// Talks to the open run's engine over its socket, on a thread of its own: commands with ids out,
/// replies and sampled tokens in.
///
/// Errors: a command that cannot be sent or that the engine refuses becomes a notice (or a failed
/// answer), never silence.
/// Threads: all public functions from any thread.
class MessageClient {
 public:
  struct Hooks {
    std::function<bool()> is_engine_alive;  ///< from the run's lock
    std::function<void(bool)> set_attached;
  };

  MessageClient(Mailbox& mailbox, Hooks hooks);
  ~MessageClient();
  MessageClient(const MessageClient&) = delete;
  MessageClient& operator=(const MessageClient&) = delete;

  /// Connects to this run's engine from now on; drops the connection to another one.
  void attach(const std::string& root);

  void order(EngineOrder order);
  void change_setting(const ChangeSetting& change);

  /// Asks the engine for an answer. False when there is no connection: sample elsewhere.
  bool generate(const Generate& request);

  /// Has the engine read a text. False when there is no connection, or the text is too long for a
  /// message: read it from a checkpoint.
  bool score(const ScoreText& request);

  void stop_generating(std::int64_t answer_id);

  void pin(const PinPrompt& request);
  void unpin(const UnpinPrompt& request);

  [[nodiscard]] bool is_attached() const { return is_attached_.load(); }

 private:
  struct Outgoing {
    Json message;
    std::string what;            ///< for people: "Pause"
    std::int64_t answer_id = 0;  ///< of a sample command
  };

  void work();
  void post(Outgoing outgoing);
  void connect_if_possible();
  void disconnect(const std::string& reason);
  void send_waiting();
  void receive();
  void take_message(const Json& message);
  void take_reply(const Json& message);
  void take_sample_done(const Json& message);
  void wait(int timeout_ms);

  Mailbox& mailbox_;
  Hooks hooks_;
  Descriptor wake_;
  std::atomic<bool> is_attached_{false};

  std::mutex mutex_;
  std::string next_root_;
  bool has_next_root_ = false;
  bool is_stopping_ = false;
  std::vector<Outgoing> waiting_;

  // Of the thread.
  std::string root_;
  std::unique_ptr<ipc::Connection> connection_;
  std::int64_t next_id_ = 1;
  std::map<std::int64_t, std::string> commands_;  ///< id → what
  std::map<std::int64_t, std::int64_t> answer_of_sample_;
  std::set<std::int64_t> cancelled_;  ///< samples that were asked to end
  std::thread thread_;
};

}  // namespace switchyard::ui
