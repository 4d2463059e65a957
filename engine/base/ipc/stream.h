#pragma once

#include <deque>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/base/ipc/frame.h"

namespace switchyard::ipc {

/// One non-blocking stream socket with its frame decoder and its bounded queue of frames to send.
///
/// Limits: droppable frames are dropped while more than 256 KiB wait; a peer that lets 32 MiB of
/// other frames wait has stopped reading and is given up.
/// Errors: kUnavailable when the peer went; kInputFile when it broke the protocol.
/// Threads: one.
class Stream {
 public:
  explicit Stream(int descriptor) : descriptor_(descriptor) {}

  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&&) = delete;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  Status send(const Json& message, bool is_droppable);
  /// Writes as much of the queue as the socket takes now.
  Status flush();
  /// Appends all messages that have arrived. Messages before a failure are delivered with it.
  Status receive(std::vector<Json>& messages);

  [[nodiscard]] bool has_unsent() const { return !queue_.empty(); }

  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  Status take_frames(std::vector<Json>& messages);

  int descriptor_ = -1;
  FrameDecoder decoder_;
  std::deque<std::string> queue_;
  std::size_t queued_bytes_ = 0;
  std::size_t sent_of_first_ = 0;
};

}  // namespace switchyard::ipc
