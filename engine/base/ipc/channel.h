#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::ipc {

/// Frames: magic "SYD1", protocol number, length (<= 1 MiB), CRC32C, JSON body. A bad frame closes
/// the connection.
inline constexpr int kProtocolVersion = 1;

/// One end of a connection. Sending never blocks: a bounded queue drops streamed messages
/// ("is_droppable"), never commands or replies. Threads: one thread per object.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> connect(const std::string& socket_path);
  virtual ~Connection() = default;
  virtual Status send(const Json& message, bool is_droppable = false) = 0;
  /// All complete messages that have arrived; waits up to timeout_ms for the first. Errors: the
  /// peer went or broke the protocol.
  virtual Result<std::vector<Json>> receive(int timeout_ms) = 0;
  [[nodiscard]] virtual int descriptor() const = 0;  ///< for poll(2)
  /// Writes what is queued as far as the socket takes it now.
  virtual Status flush() = 0;
};

/// The engine's listening end: any number of windows and `ctl` calls.
class Server {
 public:
  /// Binds with mode 0600; replaces a stale socket file (the caller holds the run lock).
  static Result<std::unique_ptr<Server>> listen(const std::string& socket_path);
  virtual ~Server() = default;

  struct Incoming {
    int client = 0;
    Json message;
  };

  /// New messages of all clients; waits up to timeout_ms. Broken clients are dropped silently
  /// (returned in no list).
  virtual std::vector<Incoming> poll(int timeout_ms) = 0;
  virtual void send(int client, const Json& message, bool is_droppable = false) = 0;
  virtual void broadcast(const Json& message) = 0;  ///< droppable
  [[nodiscard]] virtual int num_clients() const = 0;
};

}  // namespace switchyard::ipc
