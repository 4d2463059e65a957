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

/// The two points of a pixel column; the line goes on towards `next`.
void add_column(Writer& writer, double centre, const Extent& extent, double next) {
  if (extent.num_bad > 0) writer.gap(centre);
  if (!extent.empty()) {
    const bool max_is_last = std::abs(extent.max - next) <= std::abs(extent.min - next);
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

void Decimated::clear() {
  x.clear();
  y.clear();
  bad.clear();
  visible = {};
  samples_per_column = 0.0;
}

void ColumnEdges::clear() {
  first.clear();
  centre.clear();
  end = 0;
  num_columns = 0;
  x_shift = 0.0;
}

void find_edges(const Column& x, const ViewRange& view, ColumnEdges& out) {
  out.clear();
  const std::size_t n = x.size();
  if (n == 0 || view.num_columns <= 0 || !(view.x_max > view.x_min)) return;
  ColumnCursor at(x);
  const double after = std::nextafter(view.x_max - view.x_shift, HUGE_VAL);
  std::size_t first = at.lower_index(view.x_min - view.x_shift, 0, n);
  out.end = at.lower_index(after, first, n);
  out.num_columns = view.num_columns;
  out.x_shift = view.x_shift;
  for (int column = 0; column < view.num_columns && first < out.end; ++column) {
    std::size_t last = out.end;
    if (column + 1 < view.num_columns) {
      const double edge = view.edge(column + 1) - view.x_shift;
      last = at.lower_index(edge, first, out.end);
      if (last == first) continue;
    }
    out.first.push_back(first);
    out.centre.push_back(0.5 * (at[first] + at[last - 1]));
    first = last;
  }
}

void decimate(const Column& x, const Values& y, const ColumnEdges& edges, Decimated& out) {
  out.clear();
  const std::size_t n = std::min(x.size(), y.size()), end = std::min(edges.end, n);
  if (n == 0 || edges.num_columns == 0) return;
  Writer writer{out, edges.x_shift};
  const std::size_t begin = std::min(edges.first.empty() ? edges.end : edges.first.front(), n);
  out.samples_per_column = begin < end ? static_cast<double>(end - begin) / edges.num_columns : 0.0;
  if (begin > 0) writer.samples(x, y, begin - 1, begin);
  std::size_t num_columns = edges.first.size();
  while (num_columns > 0 && edges.first[num_columns - 1] >= end) --num_columns;
  const auto last_of = [&](std::size_t k) {
    return k + 1 < num_columns ? edges.first[k + 1] : end;
  };
  Extent extent, next;
  if (num_columns > 0) next = y.range(edges.first[0], last_of(0));
  for (std::size_t k = 0; k < num_columns; ++k) {
    const std::size_t first = edges.first[k], last = last_of(k);
    extent = next;
    next = k + 1 < num_columns ? y.range(last, last_of(k + 1)) : Extent{};
    out.visible.merge(extent);
    if (extent.num_bad > 0) out.bad.push_back({x[first] + edges.x_shift, extent.num_bad});
    if (last - first <= 2) {
      writer.samples(x, y, first, last);
    } else {
      const double ahead =
          next.empty() ? last_finite(y, first, last) : 0.5 * next.min + 0.5 * next.max;
      add_column(writer, edges.centre[k], extent, ahead);
    }
  }
  if (end < n) writer.samples(x, y, end, end + 1);
}

void decimate(const Column& x, const Values& y, const ViewRange& view, Decimated& out) {
  ColumnEdges edges;
  find_edges(x, view, edges);
  decimate(x, y, edges, out);
}

}  // namespace switchyard::ui
