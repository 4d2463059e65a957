#include "ui/model/run_overlay.h"

#include <algorithm>
#include <set>

#include "engine/base/core/file_system.h"
#include "ui/model/run_index.h"
#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {
namespace {

std::vector<OverlayRun>::const_iterator find(const std::vector<OverlayRun>& runs,
                                             std::string_view root) {
  return std::find_if(
      runs.begin(), runs.end(), [&](const OverlayRun& run) { return run.root == root; });
}

const Series* any_series(const RunView& run) {
  const Series* loss = run.scalar("train_loss");
  return loss != nullptr && !loss->empty() ? loss : nullptr;
}

/// Place of the parent in `runs`, or its size.
std::size_t parent_of(std::span<const ShownRun> runs, std::size_t child) {
  if (runs[child].view == nullptr) return runs.size();
  const std::optional<ForkPoint> fork = fork_of(*runs[child].view);
  if (!fork.has_value()) return runs.size();
  std::size_t by_name = runs.size();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i == child || runs[i].view == nullptr) continue;
    if (!fork->parent_root.empty() && runs[i].root == fork->parent_root) return i;
    if (runs[i].name == fork->parent_name) by_name = i;
  }
  return by_name;
}

}  // namespace

bool RunOverlay::contains(std::string_view root) const {
  return find(runs, root) != runs.end();
}

bool RunOverlay::add(const std::string& root) {
  if (root.empty() || contains(root) || runs.size() >= kMaxRuns) return false;
  runs.push_back({root, false});
  return true;
}

void RunOverlay::remove(std::string_view root) {
  std::erase_if(runs, [&](const OverlayRun& run) { return run.root == root; });
  if (solo_root == root) solo_root.clear();
  if (hovered_root == root) hovered_root.clear();
}

void RunOverlay::set_hidden(std::string_view root, bool is_hidden) {
  for (OverlayRun& run : runs) {
    if (run.root != root) continue;
    run.is_hidden = is_hidden;
    return;
  }
  is_own_hidden = is_hidden;
}

bool RunOverlay::is_hidden(std::string_view root) const {
  const auto found = find(runs, root);
  return found == runs.end() ? is_own_hidden : found->is_hidden;
}

void RunOverlay::solo(const std::string& root) {
  solo_root = solo_root == root ? std::string() : root;
}

int RunOverlay::color_index(const std::string& root) const {
  const auto found = colors.find(root);
  return found != colors.end() ? found->second : run_color_index(base_name(root));
}

void RunOverlay::take_colors(const RunMarks& marks, const std::string& own_root) {
  const auto take = [&](const std::string& root) {
    if (const int chosen = marks.of(root).color; chosen >= 0) colors[root] = chosen;
  };
  take(own_root);
  for (const OverlayRun& run : runs) take(run.root);
}

void RunOverlay::keep_colors_apart(const std::string& own_root) {
  std::set<int> taken;
  if (!own_root.empty()) taken.insert(color_index(own_root));
  for (const OverlayRun& run : runs) {
    if (run.root == own_root) continue;
    if (taken.size() >= static_cast<std::size_t>(kNumRunColors)) return;  // the rest is dashed
    int color = color_index(run.root);
    if (taken.count(color) != 0) {
      color = 0;
      while (taken.count(color) != 0) ++color;
      colors[run.root] = color;
    }
    taken.insert(color);
  }
}

std::vector<ShownRun> shown_runs(const RunOverlay& overlay,
                                 const std::shared_ptr<const RunView>& own) {
  std::vector<ShownRun> shown;
  const auto add = [&](const std::string& root, std::shared_ptr<const RunView> view, bool is_own) {
    ShownRun run;
    run.root = root;
    run.name = base_name(root);
    run.view = std::move(view);
    run.color = overlay.color_index(root);
    run.is_dashed = shown.size() >= static_cast<std::size_t>(kNumRunColors);
    run.is_own = is_own;
    run.is_drawn = overlay.solo_root.empty() ? !overlay.is_hidden(root) : overlay.solo_root == root;
    run.is_muted = !overlay.hovered_root.empty() && overlay.hovered_root != root;
    shown.push_back(std::move(run));
  };
  const bool has_own = own != nullptr && !own->root.empty();
  if (has_own) add(own->root, own, true);
  for (const OverlayRun& run : overlay.runs) {
    if (has_own && run.root == own->root) continue;
    const auto view = overlay.views.find(run.root);
    add(run.root, view == overlay.views.end() ? nullptr : view->second, false);
  }
  // A solo run that is not among them any more hides nothing.
  const bool has_solo = std::any_of(shown.begin(), shown.end(), [&](const ShownRun& run) {
    return run.root == overlay.solo_root;
  });
  if (!has_solo) {
    for (ShownRun& run : shown) run.is_drawn = !overlay.is_hidden(run.root);
  }
  return shown;
}

std::optional<ForkPoint> fork_of(const RunView& run) {
  for (const store::Event& event : run.events) {
    if (event.kind != "fork") continue;
    ForkPoint fork;
    fork.parent_root = event.detail["parent"].as_string();
    fork.parent_name = event.detail["parent_name"].as_string();
    fork.step = event.detail["step"].as_integer(event.step);
    return fork;
  }
  return std::nullopt;
}

double fork_shift(const RunView& child, const RunView& parent, XAxis axis) {
  const std::optional<ForkPoint> fork = fork_of(child);
  const Series* own = any_series(child);
  const Series* from = any_series(parent);
  if (!fork.has_value() || own == nullptr || from == nullptr) return 0.0;
  const double at_fork = x_at_step(*from, axis, static_cast<double>(fork->step));
  const double first = own->x(axis, 0);
  // The child's own count at its start: 0, or the parent's at the fork.
  const bool has_kept_count = first >= at_fork * (1.0 - 1e-9);
  return has_kept_count ? 0.0 : at_fork;
}

std::vector<double> fork_shifts(std::span<const ShownRun> runs, XAxis axis) {
  std::vector<double> shifts(runs.size(), 0.0);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::size_t at = i;
    for (std::size_t depth = 0; depth < runs.size(); ++depth) {  // ends in a ring of names too
      const std::size_t parent = parent_of(runs, at);
      if (parent == runs.size()) break;
      shifts[i] += fork_shift(*runs[at].view, *runs[parent].view, axis);
      at = parent;
    }
  }
  return shifts;
}

std::string seed_key(const Json& config) {
  if (!config.is_object() || config.size() == 0) return {};
  Json copy = config;
  if (Json* train = copy.find("train"); train != nullptr && train->is_object()) {
    std::erase_if(train->mutable_members(),
                  [](const Json::Member& member) { return member.first == "seed"; });
  }
  return copy.dump();
}

std::vector<int> seed_groups(std::span<const ShownRun> runs) {
  std::map<std::string, std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].view == nullptr || !runs[i].is_drawn || runs[i].view->seed_key.empty()) continue;
    members[runs[i].view->seed_key].push_back(i);
  }
  std::vector<int> groups(runs.size(), -1);
  int next = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {  // numbered in the order of the runs
    for (const auto& [key, indices] : members) {
      if (indices.front() != i || indices.size() < 2) continue;
      for (const std::size_t index : indices) groups[index] = next;
      ++next;
    }
  }
  return groups;
}

std::vector<double> OverlayScene::shifts(XAxis axis) const {
  return is_aligned_at_fork ? fork_shifts(runs, axis) : std::vector<double>(runs.size(), 0.0);
}

OverlayScene overlay_scene(const RunOverlay& overlay, const std::shared_ptr<const RunView>& own) {
  OverlayScene scene;
  scene.runs = shown_runs(overlay, own);
  scene.groups =
      overlay.has_seed_bands ? seed_groups(scene.runs) : std::vector<int>(scene.runs.size(), -1);
  scene.is_aligned_at_fork = overlay.is_aligned_at_fork;
  return scene;
}

Json overlay_json(const RunOverlay& overlay) {
  Json runs = Json::array();
  for (const OverlayRun& run : overlay.runs) {
    runs.push_back(Json::object({{"root", run.root}, {"is_hidden", run.is_hidden}}));
  }
  Json colors = Json::object();
  for (const auto& [root, color] : overlay.colors) colors.set(root, color);
  return Json::object({{"runs", std::move(runs)},
                       {"colors", std::move(colors)},
                       {"is_own_hidden", overlay.is_own_hidden},
                       {"solo", overlay.solo_root},
                       {"is_aligned_at_fork", overlay.is_aligned_at_fork},
                       {"has_seed_bands", overlay.has_seed_bands}});
}

void restore_overlay(RunOverlay& overlay, const Json& saved) {
  overlay.runs.clear();
  for (const Json& run : saved["runs"].items()) {
    const std::string& root = run["root"].as_string();
    if (overlay.add(root)) overlay.set_hidden(root, run["is_hidden"].as_bool());
  }
  overlay.colors.clear();
  for (const auto& [root, color] : saved["colors"].members()) {
    const std::int64_t index = color.as_integer(-1);
    if (index >= 0 && index < kNumRunColors) overlay.colors[root] = static_cast<int>(index);
  }
  overlay.is_own_hidden = saved["is_own_hidden"].as_bool();
  overlay.solo_root = saved["solo"].as_string();
  overlay.is_aligned_at_fork = saved["is_aligned_at_fork"].as_bool();
  overlay.has_seed_bands = saved["has_seed_bands"].as_bool();
}

}  // namespace switchyard::ui
