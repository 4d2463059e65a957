#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "ui/model/commands.h"

namespace switchyard::ui {

enum class NoticeKind { kInfo, kOk, kAttention, kFailure };

/// A short message for the person: becomes a toast, and stays in the list behind the bell.
struct Notice {
  NoticeKind kind = NoticeKind::kInfo;
  std::string title = {};
  std::string detail = {};
  std::string action = {};                           ///< words to click: "Undo"
  std::shared_ptr<const Command> command = nullptr;  ///< sent when they are clicked
};

struct PastNotice {
  Notice notice;
  double wall_time = 0.0;
};

/// What was said, newest last. Limits: kMaxNotices.
class NoticeList {
 public:
  static constexpr std::size_t kMaxNotices = 100;

  void add(const Notice& notice, double wall_time);

  void mark_read() { num_unread_ = 0; }

  void clear();

  [[nodiscard]] const std::vector<PastNotice>& items() const { return items_; }

  [[nodiscard]] std::size_t num_unread() const { return num_unread_; }

  [[nodiscard]] Json json() const;
  /// Replaces everything; what is wrong is left out.
  void restore(const Json& json);

 private:
  std::vector<PastNotice> items_;
  std::size_t num_unread_ = 0;
};

}  // namespace switchyard::ui
