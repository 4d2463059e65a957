#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/routing/routing_probe.h"
#include "ui/model/run_view.h"

namespace switchyard::ui {

/// The newest probe at or before `step`, else the first; nullptr without one.
const store::ProbeSample* probe_at(const RunView& run, std::int64_t step);

/// A layer of a probe; nullptr when it has none of that number.
const routing::ProbeLayer* probe_layer(const routing::RoutingProbe& probe, int layer);

/// Adds probes in the order in which they are read; one that does not follow takes the place of
/// those from its step on (training went back).
void append_probes(std::vector<store::ProbeSample>& probes,
                   std::span<const store::ProbeSample> fresh);

/// N_ij / N_i row by row; NaN on the diagonal and for unused i. Empty where none was counted.
std::vector<float> coactivation_map(const routing::ProbeLayer& layer);

/// P(first choice j in the next layer | first choice i here), row by row; NaN for unused i.
std::vector<float> transition_map(const routing::ProbeLayer& layer);

/// P(e | bucket) ÷ (k / E), [bucket, E] row by row; NaN for an empty bucket.
std::vector<float> position_map(const routing::ProbeLayer& layer);

/// Router saturation of a layer over all probes, top-k overlap. NaN where they do not compare.
struct SaturationCurve {
  int layer = 0;
  std::vector<double> against_previous;  ///< the first is NaN
  std::vector<double> against_last;      ///< the last is 1
};

std::vector<SaturationCurve> saturation_curves(const RunView& run);

/// Which list of an expert's tokens is shown.
enum class TokenList { kInputByShare, kInputByCount, kTargetByShare };

const std::vector<std::vector<routing::TokenUse>>& tokens_of(const routing::ProbeLayer& layer,
                                                             TokenList list);

/// An expert that lists a token.
struct TokenExpert {
  int expert = 0;
  routing::TokenUse use;
};

/// Experts whose lists hold a token that contains `wanted` (bytes, letters of any case), by share.
/// `vocabulary`: bytes by id; without it a number is looked for among the ids.
std::vector<TokenExpert> experts_of_token(const routing::ProbeLayer& layer,
                                          TokenList list,
                                          std::string_view wanted,
                                          std::span<const std::string> vocabulary);

}  // namespace switchyard::ui
