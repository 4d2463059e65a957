#pragma once

#include <cstdint>
#include <span>

namespace switchyard::routing {

/// How evenly assignments fall on the experts of one layer.
struct LoadStatistics {
  double entropy_nats = 0.0;        ///< H = -sum f ln f, f = count / sum
  double entropy_normalized = 0.0;  ///< H / ln E; 1 for one expert
  double effective_experts = 0.0;   ///< exp H
  double cv = 0.0;                  ///< population standard deviation / mean
  double max_over_mean = 0.0;
  double min_over_mean = 0.0;
  double gini = 0.0;
  std::int64_t dead_experts = 0;    ///< count < dead_fraction x mean
  std::int64_t unused_experts = 0;  ///< count = 0
};

/// Math:   the formulas above; every value is 0 when nothing was assigned.
/// Shapes: tokens_per_expert [E].
/// Units:  entropies in nats.
/// Determinism: exact.
/// Source: load and its spread as in Shazeer et al. 2017, arXiv 1701.06538, section 4.
LoadStatistics load_statistics(std::span<const double> tokens_per_expert, double dead_fraction);

/// H = -sum p ln p with 0 ln 0 = 0, in nats.
double entropy_of(std::span<const double> shares);

/// Population variance over the squared mean.
double squared_cv(std::span<const double> values);

/// A layer without tokens for an expert over this share of the fair load counts it as dead.
inline constexpr double kDeadFraction = 0.01;

}  // namespace switchyard::routing
