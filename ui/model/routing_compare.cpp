#include "ui/model/routing_compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ui/model/playback.h"
#include "ui/model/routing_state.h"
#include "ui/plot/ticks.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kMostCheckpoints = 200;

float quotient(float a, float b) {
  if (!std::isfinite(a) || !std::isfinite(b)) return std::numeric_limits<float>::quiet_NaN();
  if (a == 0.0F && b == 0.0F) return 1.0F;
  if (b == 0.0F) return 0.0F;
  const auto least = static_cast<float>(kLeastCompared);
  return std::max(b, least) / std::max(a, least);
}

/// Index of a layer in a grid; -1 when it is not there.
std::ptrdiff_t index_of(const RoutingGrid& grid, int layer) {
  const auto at = std::find(grid.layers.begin(), grid.layers.end(), layer);
  return at == grid.layers.end() ? -1 : at - grid.layers.begin();
}

}  // namespace

RoutingGrid quotient_of(const RoutingGrid& a, const RoutingGrid& b) {
  RoutingGrid result;
  result.num_columns = std::min(a.num_columns, b.num_columns);
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const std::ptrdiff_t other = index_of(b, a.layers[i]);
    if (other < 0) continue;
    result.layers.push_back(a.layers[i]);
    const auto from = a.row(i), to = b.row(static_cast<std::size_t>(other));
    for (std::size_t e = 0; e < static_cast<std::size_t>(result.num_columns); ++e)
      result.values.push_back(quotient(from[e], to[e]));
  }
  return result;
}

double reach_of(const RoutingGrid& quotients) {
  double reach = 0.1;
  for (const float value : quotients.values) {
    if (value > 0.0F && std::isfinite(value))
      reach = std::max(reach, std::abs(std::log2(static_cast<double>(value))));
  }
  return reach;
}

RoutingChange change_of(const RoutingGrid& a, const RoutingGrid& b) {
  RoutingChange change;
  double sum = 0.0, most = -1.0;
  int num_layers = 0;
  const auto width = static_cast<std::size_t>(std::min(a.num_columns, b.num_columns));
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const std::ptrdiff_t other = index_of(b, a.layers[i]);
    if (other < 0) continue;
    const auto from = a.row(i), to = b.row(static_cast<std::size_t>(other));
    double moved = 0.0;
    int cells = 0;
    for (std::size_t e = 0; e < width; ++e) {
      if (!std::isfinite(from[e]) || !std::isfinite(to[e])) continue;
      ++cells;
      if (from[e] > 0.0F && to[e] == 0.0F) ++change.num_died;
      if (from[e] == 0.0F && to[e] > 0.0F) ++change.num_revived;
      moved += std::abs(static_cast<double>(to[e]) - static_cast<double>(from[e]));
    }
    if (cells == 0) continue;
    change.num_cells += cells;
    ++num_layers;
    moved /= 2.0 * cells;
    sum += moved;
    if (moved > most) {
      most = moved;
      change.most_changed_layer = a.layers[i];
    }
  }
  change.moved_share =
      num_layers == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / num_layers;
  return change;
}

std::vector<MomentChoice> moment_choices(const RunView& run) {
  std::vector<MomentChoice> choices = {{RoutingMoment::kHead, "play-back"},
                                       {RoutingMoment::kNewest, "newest"}};
  const std::vector<std::int64_t> steps = routing_steps(run);
  if (steps.empty()) return choices;
  choices.push_back({0, "first, step " + grouped_number(steps.front())});
  std::size_t count = 0;
  for (auto event = run.events.rbegin(); event != run.events.rend(); ++event) {
    if (event->kind != "checkpoint" || event->step <= 0) continue;
    if (++count > kMostCheckpoints) break;
    choices.push_back({event->step, "checkpoint " + grouped_number(event->step)});
  }
  return choices;
}

}  // namespace switchyard::ui
