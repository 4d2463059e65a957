#include "ui/model/notice_list.h"

#include <algorithm>
#include <array>

namespace switchyard::ui {
namespace {

constexpr std::array kKinds = {"info", "ok", "attention", "failure"};

}  // namespace

void NoticeList::add(const Notice& notice, double wall_time) {
  items_.push_back({notice, wall_time});
  items_.back().notice.action.clear();  // what it would have undone is past
  items_.back().notice.command = nullptr;
  if (items_.size() > kMaxNotices) items_.erase(items_.begin());
  num_unread_ = std::min(num_unread_ + 1, items_.size());
}

void NoticeList::clear() {
  items_.clear();
  num_unread_ = 0;
}

Json NoticeList::json() const {
  Json list = Json::array();
  for (const PastNotice& past : items_)
    list.push_back(Json::object({{"kind", kKinds[static_cast<std::size_t>(past.notice.kind)]},
                                 {"title", past.notice.title},
                                 {"detail", past.notice.detail},
                                 {"time", past.wall_time}}));
  return Json::object(
      {{"unread", static_cast<std::int64_t>(num_unread_)}, {"items", std::move(list)}});
}

void NoticeList::restore(const Json& json) {
  clear();
  for (const Json& item : json["items"].items()) {
    PastNotice past;
    past.notice.title = item["title"].as_string();
    past.notice.detail = item["detail"].as_string();
    past.wall_time = item["time"].as_number(0.0);
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
      if (item["kind"].as_string() == kKinds[i]) past.notice.kind = static_cast<NoticeKind>(i);
    }
    if (!past.notice.title.empty()) items_.push_back(std::move(past));
    if (items_.size() > kMaxNotices) items_.erase(items_.begin());
  }
  const std::int64_t unread = std::max<std::int64_t>(0, json["unread"].as_integer(0));
  num_unread_ = std::min(items_.size(), static_cast<std::size_t>(unread));
}

}  // namespace switchyard::ui
