#include "ui/plot/decimate.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace switchyard::ui {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

struct Writer {
  Decimated& out;
  double shift = 0.0;

  void point(double x, double y) {
    out.x.push_back(x + shift);
    out.y.push_back(y);
  }

  void gap(double x) {
    if (!out.y.empty() && !std::isnan(out.y.back())) point(x, kGap);
  }

  /// Samples [first, last) one by one.
  void samples(const Column& x, const Values& y, std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      if (std::isfinite(y[i])) {
        point(x[i], y[i]);
      } else {
        gap(x[i]);
      }
    }
  }
};

double last_finite(const Values& y, std::size_t first, std::size_t last) {
  for (std::size_t i = last; i > first; --i) {
    if (std::isfinite(y[i - 1])) return y[i - 1];
  }
  return kGap;
}

void add_column(
    Writer& writer, const Column& x, const Values& y, std::size_t first, std::size_t last) {
  const Extent extent = y.range(first, last);
  writer.out.visible.merge(extent);
  if (extent.num_bad > 0) writer.out.bad.push_back({x[first] + writer.shift, extent.num_bad});
  if (last - first <= 2) {
    writer.samples(x, y, first, last);
    return;
  }
  const double centre = 0.5 * (x[first] + x[last - 1]);
  if (extent.num_bad > 0) writer.gap(centre);
  if (!extent.empty()) {
    const double end = last_finite(y, first, last);
    const bool max_is_last = std::abs(extent.max - end) <= std::abs(extent.min - end);
    writer.point(centre, max_is_last ? extent.min : extent.max);
    if (extent.min < extent.max) writer.point(centre, max_is_last ? extent.max : extent.min);
  }
  if (extent.num_bad > 0) writer.gap(centre);
}

}  // namespace

double ViewRange::edge(int column) const {
  const double t = static_cast<double>(column) / num_columns;
  if (is_log_x && x_min > 0.0) return x_min * std::pow(x_max / x_min, t);
  return x_min + (x_max - x_min) * t;
}

int ViewRange::column(double x) const {
  const double t = is_log_x && x_min > 0.0
                       ? std::log(std::max(x, x_min) / x_min) / std::log(x_max / x_min)
                       : (x - x_min) / (x_max - x_min);
  return std::clamp(static_cast<int>(t * num_columns), 0, num_columns - 1);
}

std::size_t lower_index(const Column& x, double value) {
  std::size_t first = 0, count = x.size();
  while (count > 0) {
    const std::size_t half = count / 2;
    if (x[first + half] < value) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return first;
}

/// lower_index within [first, end), looking around `guess`: neighbouring pixel columns hold about
/// as many samples.
std::size_t index_near(
    const Column& x, double value, std::size_t first, std::size_t end, std::size_t guess) {
  if (first >= end) return end;
  guess = std::clamp(guess, first, end - 1);
  std::size_t low = first, high = end;
  if (x[guess] < value) {
    low = guess + 1;
    for (std::size_t step = 1; guess + step < end; step *= 2) {
      if (x[guess + step] >= value) {
        high = guess + step;
        break;
      }
      low = guess + step + 1;
    }
  } else {
    high = guess;
    for (std::size_t step = 1; guess - first >= step; step *= 2) {
      if (x[guess - step] < value) {
        low = guess - step + 1;
        break;
      }
      high = guess - step;
    }
  }
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (x[middle] < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void Decimated::clear() {
  x.clear();
  y.clear();
  bad.clear();
  visible = {};
  samples_per_column = 0.0;
}

void decimate(const Column& x, const Values& y, const ViewRange& view, Decimated& out) {
  out.clear();
  const std::size_t n = std::min(x.size(), y.size());
  if (n == 0 || view.num_columns <= 0 || !(view.x_max > view.x_min)) return;
  const double x_min = view.x_min - view.x_shift, x_max = view.x_max - view.x_shift;
  const std::size_t begin = std::min(lower_index(x, x_min), n);
  std::size_t end = begin;
  while (end < n && x[end] <= x_max) {  // binary search would stop before equal positions
    const std::size_t upper = std::min(lower_index(x, x_max), n);
    end = std::max(end + 1, upper);
  }
  Writer writer{out, view.x_shift};
  out.samples_per_column = static_cast<double>(end - begin) / view.num_columns;
  if (begin > 0) writer.samples(x, y, begin - 1, begin);
  std::size_t first = begin, stride = 1;
  for (int column = 0; column < view.num_columns && first < end; ++column) {
    std::size_t last = end;
    if (column + 1 < view.num_columns) {
      const double edge = view.edge(column + 1) - view.x_shift;
      if (x[first] >= edge) continue;
      last = index_near(x, edge, first + 1, end, first + stride);
      stride = last - first;
    }
    add_column(writer, x, y, first, last);
    first = last;
  }
  if (end < n) writer.samples(x, y, end, end + 1);
}

}  // namespace switchyard::ui
