#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::train {

/// How the next token is chosen from the model's logits.
struct SamplingSettings {
  double temperature = 0.8;         ///< 0: the first arg-max
  std::int64_t top_k = 0;           ///< 0 or >= vocabulary: off
  double top_p = 1.0;               ///< 1: off
  double min_p = 0.0;               ///< 0: off
  double repetition_penalty = 1.0;  ///< 1: off
};

/// Checks ranges: temperature in [0, 100], top_k >= 0, top_p in (0, 1], min_p in [0, 1],
/// repetition_penalty in (0, 100]. Errors: kUsage naming the setting.
Status check_settings(const SamplingSettings& settings);

/// Turns logits into the distribution that a token is drawn from.
///
/// Math:   in this order: repetition penalty (once for each distinct id in `history`: a negative
///         logit is multiplied, another divided), division by the temperature, top-k (logits below
///         the k-th largest are removed, ties with it stay), top-p (in descending order a token
///         stays while the probability before it is below top_p; the first always stays), min-p
///         (tokens below min_p x the largest remaining probability are removed); probabilities are
///         renormalised between the filters. Temperature 0 gives the first arg-max after the
///         penalty probability one.
/// Shapes: logits [V]; result [V], sums to one, removed tokens exactly 0.
/// Determinism: exact; equal probabilities are ordered by ascending id.
/// Source: Fan et al. 2018 (top-k), Holtzman et al. 2020 (top-p), Nguyen et al. 2024 (min-p),
///         Keskar et al. 2019 (penalty).
std::vector<double> sampling_distribution(std::span<const double> logits,
                                          std::span<const std::int32_t> history,
                                          const SamplingSettings& settings);

/// The id whose cumulative probability, summed in ascending id order, is the first to exceed `u`
/// in [0, 1); the last possible id when rounding leaves none.
std::int32_t draw(std::span<const double> probabilities, double u);

/// Uniform numbers in [0, 1) with 53 bits from a counter: number i of a seed never depends on how
/// many were drawn before, nor on where it is drawn (kernels/include/philox.h).
double uniform(std::uint64_t seed, std::uint64_t i);

/// ln of the softmax of `logits` at `id`: finite also where the probability underflows.
double log_probability(std::span<const double> logits, std::int32_t id);

/// -sum p ln p over the tokens with p > 0.
double entropy_nats(std::span<const double> probabilities);

/// How many tokens come before `id` in descending probability, equal ones by ascending id.
std::int64_t rank_of(std::span<const double> probabilities, std::int32_t id);

struct StopMatch {
  std::size_t position = 0;  ///< where the stop text begins
  std::size_t index = 0;     ///< which one
};

/// The earliest occurrence of any of `stops` in `text` that ends after byte `from` (what came
/// before was searched already); of several at one place the first in the list.
std::optional<StopMatch> find_stop(std::string_view text,
                                   std::size_t from,
                                   std::span<const std::string> stops);

}  // namespace switchyard::train
