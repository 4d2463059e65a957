#include "ui/model/series_requests.h"

#include <algorithm>
#include <utility>

namespace switchyard::ui {

void SeriesRequests::ask(const std::string& metric) {
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = asked_.insert_or_assign(metric, ++now_);
  if (is_new && call_) call_();
}

std::vector<std::string> SeriesRequests::wanted() const {
  std::vector<std::pair<std::uint64_t, std::string>> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [metric, when] : asked_) all.emplace_back(when, metric);
  }
  std::sort(all.rbegin(), all.rend());
  std::vector<std::string> metrics;
  metrics.reserve(all.size());
  for (auto& [when, metric] : all) metrics.push_back(std::move(metric));
  return metrics;
}

void SeriesRequests::on_new(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  call_ = std::move(call);
}

}  // namespace switchyard::ui
