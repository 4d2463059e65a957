#include "engine/base/ipc/stream.h"

#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace switchyard::ipc {
namespace {

constexpr std::size_t kDropAboveBytes = std::size_t{256} << 10;
constexpr std::size_t kGiveUpAboveBytes = std::size_t{32} << 20;
constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr std::size_t kMaxReadsPerCall = 64;  // a flooding peer must not hold the caller

Error peer_gone(std::string message) {
  return {ErrorCode::kUnavailable, "connection", std::move(message), "", {}};
}

}  // namespace

Stream::Stream(Stream&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      decoder_(std::move(other.decoder_)),
      queue_(std::move(other.queue_)),
      queued_bytes_(other.queued_bytes_),
      sent_of_first_(other.sent_of_first_) {}

Stream::~Stream() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status Stream::send(const Json& message, bool is_droppable) {
  if (is_droppable && queued_bytes_ > kDropAboveBytes) return flush();
  SY_ASSIGN_OR_RETURN(std::string frame, encode_frame(message.dump()));
  queued_bytes_ += frame.size();
  queue_.push_back(std::move(frame));
  SY_RETURN_IF_ERROR(flush());
  if (queued_bytes_ > kGiveUpAboveBytes) return peer_gone("the peer has stopped reading.");
  return {};
}

Status Stream::flush() {
  while (!queue_.empty()) {
    const std::string& first = queue_.front();
    const ssize_t n = ::send(descriptor_,
                             first.data() + sent_of_first_,
                             first.size() - sent_of_first_,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
    if (n < 0) return peer_gone("the peer closed the connection.");
    sent_of_first_ += static_cast<std::size_t>(n);
    if (sent_of_first_ < first.size()) continue;
    queued_bytes_ -= first.size();
    sent_of_first_ = 0;
    queue_.pop_front();
  }
  return {};
}

Status Stream::take_frames(std::vector<Json>& messages) {
  for (;;) {
    SY_ASSIGN_OR_RETURN(std::optional<std::string> body, decoder_.next());
    if (!body.has_value()) return {};
    SY_ASSIGN_OR_RETURN(Json message, parse_json(*body, "message"));
    messages.push_back(std::move(message));
  }
}

Status Stream::receive(std::vector<Json>& messages) {
  std::string buffer(kReadBytes, '\0');
  for (std::size_t read = 0; read < kMaxReadsPerCall; ++read) {
    const ssize_t n = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
    if (n <= 0) return peer_gone("the peer closed the connection.");
    decoder_.feed(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
    SY_RETURN_IF_ERROR(take_frames(messages));
  }
  return {};
}

}  // namespace switchyard::ipc
