#include "ui/model/playback.h"

#include <algorithm>
#include <cmath>

#include "ui/model/routing_view.h"
#include "ui/plot/map_columns.h"

namespace switchyard::ui {
namespace {

/// Index of the newest step at or before `at`; 0 when all are later. `steps` is not empty.
std::int64_t index_at(const std::vector<std::int64_t>& steps, std::int64_t at) {
  const auto after = std::upper_bound(steps.begin(), steps.end(), at);
  return after == steps.begin() ? 0 : after - steps.begin() - 1;
}

}  // namespace

std::int64_t Playback::head(const std::vector<std::int64_t>& steps) const {
  if (steps.empty()) return 0;
  return is_live ? steps.back() : steps[static_cast<std::size_t>(index_at(steps, step))];
}

void Playback::seek(const std::vector<std::int64_t>& steps, std::int64_t at) {
  if (steps.empty()) return;
  is_live = false;
  step = steps[static_cast<std::size_t>(index_at(steps, at))];
}

void Playback::move_by(const std::vector<std::int64_t>& steps, std::int64_t samples) {
  if (steps.empty()) return;
  is_playing = false;
  const std::int64_t last = std::ssize(steps) - 1;
  const std::int64_t wanted = index_at(steps, head(steps)) + samples;
  seek(steps, steps[static_cast<std::size_t>(std::clamp<std::int64_t>(wanted, 0, last))]);
}

void Playback::toggle(const std::vector<std::int64_t>& steps, double now) {
  if (steps.empty()) return;
  is_playing = !is_playing;
  if (!is_playing) return;
  last_move = now;
  const bool is_at_end = head(steps) == steps.back();
  seek(steps, is_at_end ? steps.front() : step);
}

bool Playback::advance(const std::vector<std::int64_t>& steps, double now) {
  if (!is_playing || steps.empty()) return false;
  const double moves = std::floor((now - last_move) / kSecondsPerSample);
  if (moves < 1.0) return true;
  last_move += moves * kSecondsPerSample;
  const double limit = static_cast<double>(std::ssize(steps));
  const auto samples =
      static_cast<std::int64_t>(std::min(moves * static_cast<double>(speed), limit));
  move_by(steps, samples);
  is_playing = step != steps.back();
  return is_playing;
}

void Playback::go_live() {
  is_live = true;
  is_playing = false;
}

std::vector<std::int64_t> routing_steps(const RunView& run) {
  std::vector<std::int64_t> steps;
  const std::vector<int> layers = routed_layers(run);
  if (layers.empty()) return steps;
  const MapView* map = run.map("tokens_per_expert", layers.front());
  for (const store::Position& at : map->columns->first) steps.push_back(at.step);
  return steps;
}

std::size_t column_at(const MapColumns& columns, std::int64_t step) {
  const auto after = std::upper_bound(
      columns.first.begin(),
      columns.first.end(),
      step,
      [](std::int64_t wanted, const store::Position& at) { return wanted < at.step; });
  return after == columns.first.begin()
             ? 0
             : static_cast<std::size_t>(after - columns.first.begin()) - 1;
}

}  // namespace switchyard::ui
