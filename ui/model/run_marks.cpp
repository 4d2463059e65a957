#include "ui/model/run_marks.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/base/core/text.h"
#include "ui/model/run_index.h"

namespace switchyard::ui {
namespace {

constexpr int kNumColors = 8;
constexpr std::size_t kMostTags = 32;

}  // namespace

const RunMark& RunMarks::of(const std::string& root) const {
  static const RunMark none;
  const auto found = marks_.find(root);
  return found == marks_.end() ? none : found->second;
}

void RunMarks::set(const std::string& root, RunMark mark) {
  if (of(root) == mark) return;
  ++revision_;
  if (mark == RunMark{}) {
    marks_.erase(root);
  } else {
    marks_[root] = std::move(mark);
  }
}

std::vector<std::string> RunMarks::tags() const {
  std::set<std::string> all;
  for (const auto& [root, mark] : marks_) all.insert(mark.tags.begin(), mark.tags.end());
  return {all.begin(), all.end()};
}

Json RunMarks::to_json() const {
  Json runs = Json::object();
  for (const auto& [root, mark] : marks_) {
    Json tags = Json::array();
    for (const std::string& tag : mark.tags) tags.push_back(tag);
    runs.set(root,
             Json::object({{"tags", std::move(tags)},
                           {"notes", mark.notes},
                           {"color", mark.color},
                           {"is_archived", mark.is_archived}}));
  }
  return Json::object({{"schema", "switchyard.studio"}, {"version", 1}, {"runs", std::move(runs)}});
}

void RunMarks::restore(const Json& json) {
  marks_.clear();
  ++revision_;
  for (const auto& [root, entry] : json["runs"].members()) {
    RunMark mark;
    for (const Json& tag : entry["tags"].items()) {
      if (!tag.as_string().empty() && mark.tags.size() < kMostTags)
        mark.tags.push_back(tag.as_string());
    }
    mark.notes = entry["notes"].as_string();
    const std::int64_t color = entry["color"].as_integer(-1);
    mark.color = color >= 0 && color < kNumColors ? static_cast<int>(color) : -1;
    mark.is_archived = entry["is_archived"].as_bool();
    if (!(mark == RunMark{})) marks_[root] = std::move(mark);
  }
}

std::vector<std::string> tags_from_text(std::string_view text) {
  std::vector<std::string> tags;
  while (!text.empty() && tags.size() < kMostTags) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view tag = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    while (!tag.empty() && tag.front() == ' ') tag.remove_prefix(1);
    while (!tag.empty() && tag.back() == ' ') tag.remove_suffix(1);
    if (!tag.empty() && std::find(tags.begin(), tags.end(), tag) == tags.end())
      tags.emplace_back(tag);
  }
  return tags;
}

std::string text_from_tags(const std::vector<std::string>& tags) {
  return join(tags, ", ");
}

std::vector<std::string> all_tags(const store::RunOverview& run, const RunMark& mark) {
  std::vector<std::string> tags = run.tags;
  for (const std::string& tag : mark.tags) {
    if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(tag);
  }
  return tags;
}

int run_color_index(const RunMarks& marks, const std::string& root, std::string_view name) {
  const int chosen = marks.of(root).color;
  return chosen >= 0 ? chosen : run_color_index(name);
}

}  // namespace switchyard::ui
