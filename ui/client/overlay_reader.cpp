#include "ui/client/overlay_reader.h"

#include <algorithm>
#include <utility>

namespace switchyard::ui {

OverlayReader::OverlayReader(Mailbox& mailbox) : mailbox_(mailbox), thread_([this] { work(); }) {}

OverlayReader::~OverlayReader() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void OverlayReader::set_wanted(const std::vector<std::string>& roots) {
  {
    const std::lock_guard lock(mutex_);
    if (roots == wanted_) return;
    wanted_ = roots;
    is_changed_ = true;
  }
  wake_.notify_all();
}

OverlayReader::Views OverlayReader::views() const {
  const std::lock_guard lock(mutex_);
  Views views;
  for (const auto& [root, watcher] : watchers_) {
    if (auto view = watcher->view(); !view->root.empty()) views.emplace(root, std::move(view));
  }
  return views;
}

void OverlayReader::work() {
  for (;;) {
    std::vector<std::string> added;
    std::vector<std::shared_ptr<RunWatcher>> dropped;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return is_stopping_ || is_changed_; });
      if (is_stopping_) break;
      is_changed_ = false;
      for (auto at = watchers_.begin(); at != watchers_.end();) {
        if (std::find(wanted_.begin(), wanted_.end(), at->first) != wanted_.end()) {
          ++at;
          continue;
        }
        dropped.push_back(std::move(at->second));
        at = watchers_.erase(at);
      }
      for (const std::string& root : wanted_) {
        if (watchers_.find(root) == watchers_.end()) added.push_back(root);
      }
    }
    dropped.clear();  // waits for each to finish what it reads, without the lock
    for (const std::string& root : added) {
      auto watcher = std::make_shared<RunWatcher>(mailbox_);
      watcher->watch(root);
      const std::lock_guard lock(mutex_);
      watchers_.emplace(root, std::move(watcher));
    }
  }
  watchers_.clear();
}

}  // namespace switchyard::ui
