#include "ui/plot/seed_band.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace switchyard::ui {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::size_t size_of(const SeedMember& member) {
  return std::min(member.x.size(), member.y->size());
}

/// Value between samples; `at` is a hint that only grows.
double value_between(const SeedMember& member, double x, std::size_t& at) {
  const std::size_t n = size_of(member);
  const double wanted = x - member.x_shift;
  while (at + 1 < n && member.x[at + 1] < wanted) ++at;
  if (at + 1 >= n) return (*member.y)[n - 1];
  const double left = member.x[at], right = member.x[at + 1];
  const double t = right > left ? std::clamp((wanted - left) / (right - left), 0.0, 1.0) : 1.0;
  if (t <= 0.0) return (*member.y)[at];
  if (t >= 1.0) return (*member.y)[at + 1];
  return (*member.y)[at] * (1.0 - t) + (*member.y)[at + 1] * t;
}

}  // namespace

SeedBand seed_band(std::span<const SeedMember> members) {
  SeedBand band;
  if (members.empty()) return band;
  double first = -HUGE_VAL, last = HUGE_VAL;
  const SeedMember* longest = &members[0];
  for (const SeedMember& member : members) {
    const std::size_t n = size_of(member);
    if (n == 0) return band;
    first = std::max(first, member.x[0] + member.x_shift);
    last = std::min(last, member.x[n - 1] + member.x_shift);
    if (n > size_of(*longest)) longest = &member;
  }
  std::vector<std::size_t> at(members.size(), 0);
  std::vector<double> values(members.size());
  const auto count = static_cast<double>(members.size());
  for (std::size_t i = 0; i < size_of(*longest); ++i) {
    const double x = longest->x[i] + longest->x_shift;
    if (x < first || x > last) continue;
    double mean = 0.0;
    for (std::size_t m = 0; m < members.size(); ++m) {
      values[m] = value_between(members[m], x, at[m]);
      mean += values[m] / count;
    }
    double squares = 0.0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    const double sigma = members.size() > 1 ? std::sqrt(squares / (count - 1.0)) : 0.0;
    const bool is_finite = std::isfinite(mean) && std::isfinite(sigma);
    band.x.push_back(x);
    band.mean.append(is_finite ? mean : kNaN);
    band.low.append(is_finite ? mean - sigma : kNaN);
    band.high.append(is_finite ? mean + sigma : kNaN);
  }
  return band;
}

BandArea decimate_band(const SeedBand& band, const ViewRange& view) {
  BandArea area;
  const Column x(band.x);
  const std::size_t n = band.x.size();
  if (n == 0 || view.num_columns <= 0 || !(view.x_max > view.x_min)) return area;
  std::size_t first = std::min(lower_index(x, view.x_min), n);
  first -= first > 0 ? 1 : 0;
  for (int column = -1; column <= view.num_columns && first < n; ++column) {
    const bool is_before = column < 0;
    const double edge = is_before ? view.x_min : view.edge(std::min(column + 1, view.num_columns));
    std::size_t last = lower_index(x, edge);
    if (column == view.num_columns) last = std::min(first + 1, n);  // one sample beyond the edge
    if (last <= first) continue;
    const Extent low = band.low.range(first, last), high = band.high.range(first, last);
    area.x.push_back(0.5 * (x[first] + x[last - 1]));
    area.low.push_back(low.empty() ? kNaN : low.min);
    area.high.push_back(high.empty() ? kNaN : high.max);
    first = last;
  }
  return area;
}

}  // namespace switchyard::ui
