#include "engine/base/ipc/channel.h"

#include <cerrno>
#include <cstring>
#include <map>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/core/file_system.h"
#include "engine/base/ipc/stream.h"

namespace switchyard::ipc {
namespace {

constexpr int kBacklog = 16;
constexpr std::size_t kMaxClients = 64;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error{ErrorCode::kIo,
                 path,
                 "expected a socket path of 1 to " + std::to_string(sizeof address.sun_path - 1) +
                     " bytes, found " + std::to_string(path.size()) + ".",
                 "",
                 {}};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);  // the socket interface's own cast
}

Result<int> open_socket(const std::string& path) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return error_from_errno(errno, path, "open a socket");
  return descriptor;
}

bool wait_for(int descriptor, short events, int timeout_ms) {
  pollfd watched{descriptor, events, 0};
  return ::poll(&watched, 1, timeout_ms) > 0;
}

class StreamConnection final : public Connection {
 public:
  explicit StreamConnection(int descriptor) : stream_(descriptor) {}

  Status send(const Json& message, bool is_droppable) override {
    return stream_.send(message, is_droppable);
  }

  Result<std::vector<Json>> receive(int timeout_ms) override {
    SY_RETURN_IF_ERROR(stream_.flush());
    const auto events = static_cast<short>(POLLIN | (stream_.has_unsent() ? POLLOUT : 0));
    if (failure_.has_value()) return *failure_;
    wait_for(stream_.descriptor(), events, timeout_ms);
    SY_RETURN_IF_ERROR(stream_.flush());
    std::vector<Json> messages;
    const Status status = stream_.receive(messages);
    if (status.ok()) return messages;
    if (messages.empty()) return status.error();
    failure_ = status.error();  // what came before the end is delivered first
    return messages;
  }

  [[nodiscard]] int descriptor() const override { return stream_.descriptor(); }

  Status flush() override { return stream_.flush(); }

 private:
  Stream stream_;
  std::optional<Error> failure_;
};

class SocketServer final : public Server {
 public:
  SocketServer(int descriptor, std::string path) : listening_(descriptor), path_(std::move(path)) {
    struct stat known {};

    if (::stat(path_.c_str(), &known) == 0) inode_ = known.st_ino;
  }

  ~SocketServer() override {
    clients_.clear();

    // Only our own file: a successor may have bound the name already.
    struct stat known {};

    if (::stat(path_.c_str(), &known) == 0 && known.st_ino == inode_) ::unlink(path_.c_str());
    ::close(listening_);
  }

  std::vector<Incoming> poll(int timeout_ms) override {
    wait(timeout_ms);
    accept_new();
    std::vector<Incoming> incoming;
    for (auto at = clients_.begin(); at != clients_.end();) {
      std::vector<Json> messages;
      Status status = at->second.flush();
      if (status.ok()) status = at->second.receive(messages);
      for (Json& message : messages) incoming.push_back({at->first, std::move(message)});
      at = status.ok() ? std::next(at) : clients_.erase(at);
    }
    return incoming;
  }

  void send(int client, const Json& message, bool is_droppable) override {
    const auto at = clients_.find(client);
    if (at == clients_.end()) return;  // it left in between: nobody waits for the answer
    if (!at->second.send(message, is_droppable).ok()) clients_.erase(at);
  }

  void broadcast(const Json& message) override {
    for (auto at = clients_.begin(); at != clients_.end();) {
      at = at->second.send(message, true).ok() ? std::next(at) : clients_.erase(at);
    }
  }

  [[nodiscard]] int num_clients() const override { return static_cast<int>(clients_.size()); }

 private:
  void wait(int timeout_ms) {
    std::vector<pollfd> watched{{listening_, POLLIN, 0}};
    for (const auto& [client, stream] : clients_) {
      const auto events = static_cast<short>(POLLIN | (stream.has_unsent() ? POLLOUT : 0));
      watched.push_back({stream.descriptor(), events, 0});
    }
    ::poll(watched.data(), watched.size(), timeout_ms);
  }

  void accept_new() {
    for (;;) {
      const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (client < 0 && errno == EINTR) continue;
      if (client < 0) return;
      if (clients_.size() >= kMaxClients) {
        ::close(client);
        continue;
      }
      clients_.emplace(next_client_++, client);
    }
  }

  int listening_;
  std::string path_;
  ino_t inode_ = 0;
  int next_client_ = 1;
  std::map<int, Stream> clients_;
};

}  // namespace

Result<std::unique_ptr<Connection>> Connection::connect(const std::string& socket_path) {
  SY_ASSIGN_OR_RETURN(const sockaddr_un address, address_of(socket_path));
  SY_ASSIGN_OR_RETURN(const int descriptor, open_socket(socket_path));
  auto connection = std::make_unique<StreamConnection>(descriptor);
  if (::connect(descriptor, generic(address), sizeof address) != 0) {
    Error error = error_from_errno(errno, socket_path, "reach the engine");
    error.code = ErrorCode::kUnavailable;
    error.hint = "No engine listens there: is the run being trained?";
    return error;
  }
  return std::unique_ptr<Connection>(std::move(connection));
}

Result<std::unique_ptr<Server>> Server::listen(const std::string& socket_path) {
  SY_ASSIGN_OR_RETURN(const sockaddr_un address, address_of(socket_path));

  struct stat known {};

  if (::lstat(socket_path.c_str(), &known) == 0) {
    if (!S_ISSOCK(known.st_mode)) {
      return Error{
          ErrorCode::kIo, socket_path, "expected a socket or nothing, found a file.", "", {}};
    }
    if (::unlink(socket_path.c_str()) != 0) {
      return error_from_errno(errno, socket_path, "replace the socket of an ended engine");
    }
  }
  SY_ASSIGN_OR_RETURN(const int descriptor, open_socket(socket_path));
  // The mode is set before anybody can connect: bind creates the file, listen opens the door.
  if (::bind(descriptor, generic(address), sizeof address) != 0 ||
      ::chmod(socket_path.c_str(), 0600) != 0 || ::listen(descriptor, kBacklog) != 0) {
    Error error = error_from_errno(errno, socket_path, "listen for commands");
    ::close(descriptor);
    return error;
  }
  return std::unique_ptr<Server>(std::make_unique<SocketServer>(descriptor, socket_path));
}

}  // namespace switchyard::ipc
