#include "ui/model/run_compare.h"

#include <algorithm>
#include <map>
#include <set>

#include "ui/model/config_text.h"

namespace switchyard::ui {
namespace {

bool is_about_the_file(std::string_view key) {
  return key == "note" || key == "schema" || key == "version" || key == "name" || key == "preset";
}

using Leaves = std::vector<std::pair<std::string, Json>>;

void add_leaves(const Json& value, const std::string& path, Leaves& leaves) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.members()) {
      if (!is_about_the_file(key))
        add_leaves(member, path.empty() ? key : path + "." + key, leaves);
    }
  } else if (value.is_array() && value.size() > 0 && value[0].is_object()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      add_leaves(value[i], path + "." + std::to_string(i), leaves);
  } else {
    leaves.emplace_back(path, value);
  }
}

/// The keys of all runs, each new one behind its neighbour in the run that brings it.
std::vector<std::string> keys_of(const std::vector<Leaves>& all) {
  std::vector<std::string> keys;
  for (const Leaves& leaves : all) {
    std::size_t place = 0;
    for (const auto& [key, value] : leaves) {
      const auto at = std::find(keys.begin(), keys.end(), key);
      if (at == keys.end()) {
        keys.insert(keys.begin() + static_cast<std::ptrdiff_t>(place), key);
        ++place;
      } else {
        place = static_cast<std::size_t>(at - keys.begin()) + 1;
      }
    }
  }
  return keys;
}

void mark_changed(DifferenceRow& row) {
  std::map<std::string, std::size_t> counts;
  for (const std::string& value : row.values) ++counts[value];
  row.is_different = counts.size() > 1;
  std::string usual = row.values.empty() ? "" : row.values.front();
  for (const std::string& value : row.values) {
    if (counts[value] > counts[usual]) usual = value;
  }
  for (const std::string& value : row.values) row.is_changed.push_back(value != usual);
}

bool is_child(const store::RunOverview& run, const store::RunOverview& parent) {
  if (!run.parent_root.empty() && run.parent_root == parent.root) return true;
  return !run.parent_name.empty() && run.parent_name == parent.name;
}

constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

std::size_t parent_of(std::span<const store::RunOverview> runs, std::size_t child) {
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i != child && runs[child].parent_root == runs[i].root && !runs[child].parent_root.empty())
      return i;
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i != child && is_child(runs[child], runs[i])) return i;
  }
  return kNowhere;
}

std::size_t oldest_ancestor(std::span<const store::RunOverview> runs, std::size_t run) {
  std::set<std::size_t> seen;
  while (seen.insert(run).second) {
    const std::size_t parent = parent_of(runs, run);
    if (parent == kNowhere) return run;
    run = parent;
  }
  return *seen.begin();  // a ring: any of it may stand at the top
}

class FamilyTree {
 public:
  FamilyTree(std::span<const store::RunOverview> runs, std::span<const std::string> selected)
      : runs_(runs), selected_(selected), parents_(runs.size()) {
    for (std::size_t i = 0; i < runs.size(); ++i) parents_[i] = parent_of(runs, i);
  }

  void add(std::size_t run, int depth, bool is_last) {
    if (!seen_.insert(run).second) return;
    const store::RunOverview& one = runs_[run];
    const bool is_selected =
        std::find(selected_.begin(), selected_.end(), one.root) != selected_.end();
    rows.push_back({one.name,
                    one.root,
                    depth,
                    one.fork_step,
                    one.step,
                    one.best_val_loss,
                    is_selected,
                    is_last});
    std::vector<std::size_t> children;
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      if (parents_[i] == run) children.push_back(i);
    }
    std::stable_sort(children.begin(), children.end(), [&](std::size_t a, std::size_t b) {
      if (runs_[a].fork_step != runs_[b].fork_step) return runs_[a].fork_step < runs_[b].fork_step;
      return runs_[a].name < runs_[b].name;
    });
    for (const std::size_t child : children) add(child, depth + 1, child == children.back());
  }

  std::vector<LineageRow> rows;

 private:
  std::span<const store::RunOverview> runs_;
  std::span<const std::string> selected_;
  std::vector<std::size_t> parents_;
  std::set<std::size_t> seen_;
};

}  // namespace

ConfigDifference config_difference(std::span<const Json> configs) {
  std::vector<Leaves> all;
  for (const Json& config : configs) {
    all.emplace_back();
    add_leaves(config, "", all.back());
  }
  ConfigDifference result;
  for (const std::string& key : keys_of(all)) {
    DifferenceRow row;
    row.key = key;
    for (const Leaves& leaves : all) {
      const auto found = std::find_if(
          leaves.begin(), leaves.end(), [&](const auto& leaf) { return leaf.first == key; });
      row.values.push_back(found == leaves.end() ? "–" : config_value_text(found->second));
    }
    mark_changed(row);
    if (row.is_different) ++result.num_different;
    result.rows.push_back(std::move(row));
  }
  return result;
}

std::vector<LineageRow> lineage_of(std::span<const store::RunOverview> runs,
                                   std::span<const std::string> selected) {
  FamilyTree tree(runs, selected);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (std::find(selected.begin(), selected.end(), runs[i].root) == selected.end()) continue;
    const std::size_t top = oldest_ancestor(runs, i);
    const store::RunOverview& oldest = runs[top];
    const bool has_lost_parent = !oldest.parent_name.empty() && parent_of(runs, top) == kNowhere;
    const std::size_t before = tree.rows.size();
    tree.add(top, has_lost_parent ? 1 : 0, true);
    if (has_lost_parent && tree.rows.size() > before)
      tree.rows.insert(tree.rows.begin() + static_cast<std::ptrdiff_t>(before),
                       {oldest.parent_name, "", 0, -1, 0, 0.0, false, true});
  }
  return tree.rows;
}

}  // namespace switchyard::ui
