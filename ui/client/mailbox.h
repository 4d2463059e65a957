#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ui/model/dropped_path.h"
#include "ui/model/prompt.h"
#include "ui/model/studio.h"

namespace switchyard::ui {

// What the client's threads tell the frame thread.

struct AnswerToken {
  std::int64_t answer_id = 0;
  Token token;
};

struct AnswerDone {
  std::int64_t answer_id = 0;
  std::int64_t step = -1;
  double tokens_per_second = 0.0;
  bool is_cancelled = false;
  std::string stopped_by = {};  ///< the stop text that ended it
  TextScore score = {};         ///< of a scored text
};

/// A sample_done message (socket) or a done line (--json): both carry the same fields.
AnswerDone answer_done_from_json(std::int64_t answer_id, const Json& message);

struct AnswerFailed {
  std::int64_t answer_id = 0;
  std::string problem;
};

/// A text file was read for scoring.
struct TextRead {
  std::string path;
  std::string text;
  std::string problem;  ///< where, expected, found, what to do; empty when it went well
};

/// A run was created, or is to be shown.
struct RunChosen {
  std::string root;
};

/// Text for the clipboard, which only the frame thread may touch.
struct ClipboardText {
  std::string text;
};

using ClientEvent = std::variant<Notice,
                                 ClipboardText,
                                 AnswerToken,
                                 AnswerDone,
                                 AnswerFailed,
                                 TextRead,
                                 RunChosen,
                                 DroppedPath,
                                 ConfigEvent>;

/// A queue from many threads to the frame thread. `wake` is called after each put and must be safe
/// from any thread.
class Mailbox {
 public:
  explicit Mailbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void put(ClientEvent event) {
    {
      const std::lock_guard lock(mutex_);
      events_.push_back(std::move(event));
    }
    wake_();
  }

  std::vector<ClientEvent> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
  }

  void wake() const { wake_(); }

 private:
  std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<ClientEvent> events_;
};

}  // namespace switchyard::ui
