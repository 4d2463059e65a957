#include "ui/model/probe_view.h"

#include <algorithm>
#include <cctype>
#include <limits>

namespace switchyard::ui {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& letter : result)
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return result;
}

/// Position of a probe among those of a run, or nothing where they were read anew.
std::vector<double> overlap(const std::vector<store::ProbeSample>& probes,
                            std::size_t layer,
                            bool is_against_last) {
  std::vector<double> curve(probes.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < probes.size(); ++i) {
    if (!is_against_last && i == 0) continue;
    const store::ProbeSample& reference = is_against_last ? probes.back() : probes[i - 1];
    if (layer >= probes[i].probe->layers.size() || layer >= reference.probe->layers.size())
      continue;
    const auto same = routing::saturation(*probes[i].probe, *reference.probe, layer);
    if (same.has_value()) curve[i] = same->top_k;
  }
  return curve;
}

}  // namespace

const store::ProbeSample* probe_at(const RunView& run, std::int64_t step) {
  if (run.probes.empty()) return nullptr;
  const store::ProbeSample* found = &run.probes.front();
  for (const store::ProbeSample& sample : run.probes) {
    if (sample.at.step <= step) found = &sample;
  }
  return found;
}

const routing::ProbeLayer* probe_layer(const routing::RoutingProbe& probe, int layer) {
  for (const routing::ProbeLayer& one : probe.layers) {
    if (one.layer == layer) return &one;
  }
  return nullptr;
}

void append_probes(std::vector<store::ProbeSample>& probes,
                   std::span<const store::ProbeSample> fresh) {
  for (const store::ProbeSample& sample : fresh) {
    while (!probes.empty() && probes.back().at.step >= sample.at.step) probes.pop_back();
    probes.push_back(sample);
  }
}

std::vector<float> coactivation_map(const routing::ProbeLayer& layer) {
  std::vector<float> map;
  if (layer.coactivation.empty()) return map;
  for (std::int64_t i = 0; i < layer.num_experts; ++i) {
    const bool is_used =
        layer.coactivation[static_cast<std::size_t>(i * layer.num_experts + i)] > 0;
    for (std::int64_t j = 0; j < layer.num_experts; ++j)
      map.push_back(i == j || !is_used ? kNone
                                       : static_cast<float>(layer.coactivation_share(i, j)));
  }
  return map;
}

std::vector<float> transition_map(const routing::ProbeLayer& layer) {
  std::vector<float> map;
  if (layer.transition.empty()) return map;
  const std::int64_t columns = layer.next_num_experts;
  for (std::int64_t i = 0; i < layer.num_experts; ++i) {
    const auto row = layer.transition.begin() + i * columns;
    const bool is_used = std::any_of(row, row + columns, [](std::uint32_t n) { return n > 0; });
    for (std::int64_t j = 0; j < columns; ++j)
      map.push_back(is_used ? static_cast<float>(layer.transition_share(i, j)) : kNone);
  }
  return map;
}

std::vector<float> position_map(const routing::ProbeLayer& layer) {
  std::vector<float> map;
  if (layer.position_counts.empty() || layer.top_k < 1) return map;
  const double fair = static_cast<double>(layer.top_k) / static_cast<double>(layer.num_experts);
  for (std::int64_t bucket = 0; bucket < routing::kNumPositionBuckets; ++bucket) {
    const auto row = layer.position_counts.begin() + bucket * layer.num_experts;
    const bool is_used =
        std::any_of(row, row + layer.num_experts, [](std::uint32_t n) { return n > 0; });
    for (std::int64_t e = 0; e < layer.num_experts; ++e)
      map.push_back(is_used ? static_cast<float>(layer.position_share(bucket, e) / fair) : kNone);
  }
  return map;
}

std::vector<SaturationCurve> saturation_curves(const RunView& run) {
  std::vector<SaturationCurve> curves;
  if (run.probes.empty()) return curves;
  const routing::RoutingProbe& last = *run.probes.back().probe;
  for (std::size_t i = 0; i < last.layers.size(); ++i) {
    curves.push_back(
        {last.layers[i].layer, overlap(run.probes, i, false), overlap(run.probes, i, true)});
  }
  return curves;
}

const std::vector<std::vector<routing::TokenUse>>& tokens_of(const routing::ProbeLayer& layer,
                                                             TokenList list) {
  switch (list) {
    case TokenList::kInputByCount:
      return layer.input_by_count;
    case TokenList::kTargetByShare:
      return layer.target_by_share;
    case TokenList::kInputByShare:
      break;
  }
  return layer.input_by_share;
}

std::vector<TokenExpert> experts_of_token(const routing::ProbeLayer& layer,
                                          TokenList list,
                                          std::string_view wanted,
                                          std::span<const std::string> vocabulary) {
  std::vector<TokenExpert> found;
  const std::string needle = lower(wanted);
  const auto& tokens = tokens_of(layer, list);
  for (std::size_t e = 0; e < tokens.size(); ++e) {
    for (const routing::TokenUse& use : tokens[e]) {
      const auto id = static_cast<std::size_t>(use.token);
      const bool is_match = id < vocabulary.size()
                                ? lower(vocabulary[id]).find(needle) != std::string::npos
                                : std::to_string(use.token) == needle;
      if (is_match) found.push_back({static_cast<int>(e), use});
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const TokenExpert& a, const TokenExpert& b) {
    return a.use.share() > b.use.share();
  });
  return found;
}

}  // namespace switchyard::ui
