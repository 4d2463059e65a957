#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace switchyard::ui {

/// The series that somebody looks at: asked for while drawing, served by the reader thread, which
/// leaves the samples of all others on disk.
///
/// Threads: any.
class SeriesRequests {
 public:
  /// Wants the samples of a metric; cheap enough for every frame.
  void ask(const std::string& metric);

  /// All that was asked for, newest wish first.
  [[nodiscard]] std::vector<std::string> wanted() const;

  /// Called with each metric's first wish; an empty function forgets the last one.
  void on_new(std::function<void()> call);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> asked_;  ///< when, counted in wishes
  std::uint64_t now_ = 0;
  std::function<void()> call_;
};

}  // namespace switchyard::ui
