#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/store/run_overview.h"

namespace switchyard::ui {

/// What a person says about a run. Kept in the window's state folder, never in the run.
struct RunMark {
  std::vector<std::string> tags;
  std::string notes;
  int color = -1;  ///< 0 to 7; -1: the run's own
  bool is_archived = false;

  friend bool operator==(const RunMark&, const RunMark&) = default;
};

/// The marks of all runs, by root.
class RunMarks {
 public:
  [[nodiscard]] const RunMark& of(const std::string& root) const;

  /// A mark that says nothing is forgotten.
  void set(const std::string& root, RunMark mark);

  /// Grows with every change.
  [[nodiscard]] std::int64_t revision() const { return revision_; }

  /// Every tag in use, in alphabetical order.
  [[nodiscard]] std::vector<std::string> tags() const;

  /// Text of the file that keeps the marks, and back; entries that cannot be read are left out.
  [[nodiscard]] Json to_json() const;
  void restore(const Json& json);

 private:
  std::map<std::string, RunMark> marks_;
  std::int64_t revision_ = 0;
};

/// "baseline, lr sweep" → {"baseline", "lr sweep"}: without blanks around, empty and double ones.
std::vector<std::string> tags_from_text(std::string_view text);
std::string text_from_tags(const std::vector<std::string>& tags);

/// The tags that a run brought along (its sweep), then the person's own.
std::vector<std::string> all_tags(const store::RunOverview& run, const RunMark& mark);

/// The colour of a run with the person's own choice, 0 to 7.
int run_color_index(const RunMarks& marks, const std::string& root, std::string_view name);

}  // namespace switchyard::ui
