#include "engine/base/routing/routing_probe.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "engine/base/core/hash.h"

namespace switchyard::routing {
namespace {

using Counts = std::vector<std::uint32_t>;

std::size_t size_from(std::int64_t value) {
  return static_cast<std::size_t>(value);
}

double ratio(std::uint32_t part, std::uint32_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

/// The slots of a token, each with an expert or, where its number is E, without one.
std::span<const std::uint16_t> set_of(std::span<const std::uint16_t> experts,
                                      std::size_t token,
                                      std::int64_t top_k) {
  return experts.subspan(token * size_from(top_k), size_from(top_k));
}

Counts coactivation_of(const ProbeReading& reading) {
  const auto E = size_from(reading.num_experts);
  Counts counts(E * E, 0);
  const std::size_t N = reading.experts.size() / size_from(reading.top_k);
  for (std::size_t n = 0; n < N; ++n) {
    const auto set = set_of(reading.experts, n, reading.top_k);
    for (const std::uint16_t i : set) {
      for (const std::uint16_t j : set) {
        if (i < E && j < E) ++counts[i * E + j];
      }
    }
  }
  return counts;
}

Counts transition_of(const ProbeReading& from, const ProbeReading& to) {
  const auto columns = size_from(to.num_experts);
  Counts counts(size_from(from.num_experts) * columns, 0);
  const std::size_t N = from.experts.size() / size_from(from.top_k);
  for (std::size_t n = 0; n < N; ++n) {
    const std::uint16_t i = from.experts[n * size_from(from.top_k)];
    const std::uint16_t j = to.experts[n * size_from(to.top_k)];
    if (i < from.num_experts && j < to.num_experts) ++counts[i * columns + j];
  }
  return counts;
}

Counts positions_of(const ProbeReading& reading, std::int64_t seq_len) {
  const auto E = size_from(reading.num_experts), K = size_from(reading.top_k);
  Counts counts(size_from(kNumPositionBuckets) * E, 0);
  for (std::size_t i = 0; i < reading.experts.size(); ++i) {
    if (reading.experts[i] >= E) continue;
    const auto position = static_cast<std::int64_t>(i / K) % seq_len;
    ++counts[size_from(position * kNumPositionBuckets / seq_len) * E + reading.experts[i]];
  }
  return counts;
}

/// The token ids of a text with their places, so that each layer can be counted id by id.
struct Vocabulary {
  std::vector<std::size_t> places;  ///< [N] sorted by id, then by place
  std::vector<std::size_t> begins;  ///< of each distinct id in `places`, and the end
};

Vocabulary vocabulary_of(std::span<const std::int32_t> ids) {
  Vocabulary vocabulary;
  vocabulary.places.resize(ids.size());
  std::iota(vocabulary.places.begin(), vocabulary.places.end(), std::size_t{0});
  std::stable_sort(vocabulary.places.begin(),
                   vocabulary.places.end(),
                   [&](std::size_t a, std::size_t b) { return ids[a] < ids[b]; });
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i == 0 || ids[vocabulary.places[i]] != ids[vocabulary.places[i - 1]])
      vocabulary.begins.push_back(i);
  }
  vocabulary.begins.push_back(ids.size());
  return vocabulary;
}

/// Which ids each expert took: [E], ids ascending.
std::vector<std::vector<TokenUse>> uses_of(const ProbeReading& reading,
                                           std::span<const std::int32_t> ids,
                                           const Vocabulary& vocabulary) {
  std::vector<std::vector<TokenUse>> uses(size_from(reading.num_experts));
  Counts counts(uses.size(), 0);
  std::vector<std::uint16_t> touched;
  for (std::size_t v = 0; v + 1 < vocabulary.begins.size(); ++v) {
    const std::size_t begin = vocabulary.begins[v], end = vocabulary.begins[v + 1];
    for (std::size_t i = begin; i < end; ++i) {
      for (const std::uint16_t e : set_of(reading.experts, vocabulary.places[i], reading.top_k)) {
        if (e < counts.size() && counts[e]++ == 0) touched.push_back(e);
      }
    }
    for (const std::uint16_t e : touched) {
      uses[e].push_back({ids[vocabulary.places[begin]],
                         std::exchange(counts[e], 0),
                         static_cast<std::uint32_t>(end - begin)});
    }
    touched.clear();
  }
  return uses;
}

void keep_top(std::vector<TokenUse>& uses, bool is_by_share) {
  if (is_by_share) {
    std::erase_if(uses, [](const TokenUse& use) { return use.occurrences < kLeastOccurrences; });
  }
  const auto is_before = [is_by_share](const TokenUse& a, const TokenUse& b) {
    // Shares compare exactly as products of counts.
    const auto left = std::uint64_t{a.count} * b.occurrences;
    const auto right = std::uint64_t{b.count} * a.occurrences;
    if (is_by_share && left != right) return left > right;
    if (a.count != b.count) return a.count > b.count;
    return a.token < b.token;
  };
  const std::size_t most = std::min(uses.size(), kMostTopTokens);
  const auto middle = uses.begin() + static_cast<std::ptrdiff_t>(most);
  std::partial_sort(uses.begin(), middle, uses.end(), is_before);
  uses.resize(most);
  uses.shrink_to_fit();
}

std::vector<std::vector<TokenUse>> top_of(std::vector<std::vector<TokenUse>> uses,
                                          bool is_by_share) {
  for (std::vector<TokenUse>& of_expert : uses) keep_top(of_expert, is_by_share);
  return uses;
}

double vocabulary_specialization_of(const std::vector<std::vector<TokenUse>>& uses,
                                    std::span<const std::int32_t> ids,
                                    const Vocabulary& vocabulary) {
  std::vector<double> largest(vocabulary.begins.size() - 1, 0.0);
  const auto index_of = [&](std::int32_t token) {
    const auto found = std::partition_point(
        vocabulary.begins.begin(), vocabulary.begins.end() - 1, [&](std::size_t begin) {
          return ids[vocabulary.places[begin]] < token;
        });
    return static_cast<std::size_t>(found - vocabulary.begins.begin());
  };
  for (const std::vector<TokenUse>& of_expert : uses) {
    for (const TokenUse& use : of_expert) {
      if (use.occurrences < kLeastOccurrences) continue;
      double& known = largest[index_of(use.token)];
      known = std::max(known, use.share());
    }
  }
  const auto num_ids =
      std::count_if(largest.begin(), largest.end(), [](double share) { return share > 0.0; });
  if (num_ids == 0) return std::numeric_limits<double>::quiet_NaN();
  return std::accumulate(largest.begin(), largest.end(), 0.0) / static_cast<double>(num_ids);
}

std::int64_t num_set_tokens_of(std::int64_t N, const std::vector<ProbeReading>& readings) {
  constexpr std::int64_t kByteExperts = 255;
  std::int64_t bytes_per_token = 0;
  for (const ProbeReading& reading : readings)
    bytes_per_token += reading.top_k * (reading.num_experts <= kByteExperts ? 1 : 2);
  return bytes_per_token > 0 ? std::min(N, kMostExpertSetBytes / bytes_per_token) : 0;
}

/// NaN equals NaN: a number that is not known in both.
bool is_same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

}  // namespace

bool operator==(const ProbeLayer& a, const ProbeLayer& b) {
  return a.layer == b.layer && a.num_experts == b.num_experts && a.top_k == b.top_k &&
         is_same(a.router_entropy_nats, b.router_entropy_nats) &&
         is_same(a.top1_margin, b.top1_margin) && is_same(a.boundary_margin, b.boundary_margin) &&
         is_same(a.vocabulary_specialization, b.vocabulary_specialization) &&
         a.coactivation == b.coactivation && a.next_layer == b.next_layer &&
         a.next_num_experts == b.next_num_experts && a.transition == b.transition &&
         a.position_counts == b.position_counts && a.input_by_share == b.input_by_share &&
         a.input_by_count == b.input_by_count && a.target_by_share == b.target_by_share &&
         a.experts == b.experts;
}

std::vector<double> ProbeLayer::tokens_per_expert() const {
  std::vector<double> tokens(size_from(num_experts), 0.0);
  for (std::size_t i = 0; i < position_counts.size(); ++i)
    tokens[i % tokens.size()] += static_cast<double>(position_counts[i]);
  return tokens;
}

double ProbeLayer::coactivation_share(std::int64_t i, std::int64_t j) const {
  if (coactivation.empty()) return 0.0;
  return ratio(coactivation[size_from(i * num_experts + j)],
               coactivation[size_from(i * num_experts + i)]);
}

double ProbeLayer::transition_share(std::int64_t i, std::int64_t j) const {
  if (transition.empty()) return 0.0;
  const auto row = transition.begin() + i * next_num_experts;
  const std::uint32_t whole = std::accumulate(row, row + next_num_experts, std::uint32_t{0});
  return ratio(row[j], whole);
}

double ProbeLayer::position_share(std::int64_t bucket, std::int64_t e) const {
  const auto row = position_counts.begin() + bucket * num_experts;
  const std::uint32_t assignments = std::accumulate(row, row + num_experts, std::uint32_t{0});
  return ratio(row[e], assignments) * static_cast<double>(top_k);
}

RoutingProbe make_probe(const ProbeText& text, std::vector<ProbeReading> readings) {
  RoutingProbe probe;
  probe.num_tokens = static_cast<std::int64_t>(text.inputs.size());
  probe.num_set_tokens = num_set_tokens_of(probe.num_tokens, readings);
  probe.text_crc = crc32c(text.inputs.data(), text.inputs.size() * sizeof(std::int32_t));
  const Vocabulary inputs = vocabulary_of(text.inputs), targets = vocabulary_of(text.targets);
  for (std::size_t i = 0; i < readings.size(); ++i) {
    ProbeReading& reading = readings[i];
    ProbeLayer& layer = probe.layers.emplace_back();
    layer.layer = reading.layer;
    layer.num_experts = reading.num_experts;
    layer.top_k = reading.top_k;
    layer.router_entropy_nats = reading.router_entropy_nats;
    layer.top1_margin = reading.top1_margin;
    layer.boundary_margin = reading.boundary_margin;
    const bool has_pairs = reading.num_experts <= kMostPairExperts;
    if (has_pairs) layer.coactivation = coactivation_of(reading);
    if (i + 1 < readings.size()) {
      layer.next_layer = readings[i + 1].layer;
      layer.next_num_experts = readings[i + 1].num_experts;
      if (has_pairs && layer.next_num_experts <= kMostPairExperts)
        layer.transition = transition_of(reading, readings[i + 1]);
    }
    layer.position_counts = positions_of(reading, text.seq_len);
    auto uses = uses_of(reading, text.inputs, inputs);
    layer.vocabulary_specialization = vocabulary_specialization_of(uses, text.inputs, inputs);
    layer.input_by_share = top_of(uses, true);
    layer.input_by_count = top_of(std::move(uses), false);
    layer.target_by_share = top_of(uses_of(reading, text.targets, targets), true);
  }
  for (std::size_t i = 0; i < readings.size(); ++i) {  // read by the layer before until here
    readings[i].experts.resize(size_from(probe.num_set_tokens * readings[i].top_k));
    probe.layers[i].experts = std::move(readings[i].experts);
  }
  return probe;
}

std::optional<Saturation> saturation(const RoutingProbe& probe,
                                     const RoutingProbe& reference,
                                     std::size_t i) {
  if (probe.text_crc != reference.text_crc || probe.num_tokens != reference.num_tokens ||
      i >= probe.layers.size() || i >= reference.layers.size())
    return std::nullopt;
  const ProbeLayer &a = probe.layers[i], &b = reference.layers[i];
  const std::int64_t N = std::min(probe.num_set_tokens, reference.num_set_tokens);
  if (a.layer != b.layer || a.top_k != b.top_k || a.num_experts != b.num_experts || N < 1)
    return std::nullopt;
  const auto size_of = [&](std::span<const std::uint16_t> set) {
    return std::count_if(
        set.begin(), set.end(), [&](std::uint16_t e) { return e < a.num_experts; });
  };
  std::int64_t num_first = 0;
  double common_share = 0.0;
  for (std::size_t n = 0; n < size_from(N); ++n) {
    const auto ours = set_of(a.experts, n, a.top_k), theirs = set_of(b.experts, n, b.top_k);
    if (ours[0] == theirs[0]) ++num_first;
    const auto larger = std::max(size_of(ours), size_of(theirs));
    const auto num_common = std::count_if(ours.begin(), ours.end(), [&](std::uint16_t e) {
      return e < a.num_experts && std::find(theirs.begin(), theirs.end(), e) != theirs.end();
    });
    common_share +=
        larger > 0 ? static_cast<double>(num_common) / static_cast<double>(larger) : 1.0;
  }
  const auto tokens = static_cast<double>(N);
  return Saturation{static_cast<double>(num_first) / tokens, common_share / tokens};
}

std::vector<ExpertPair> strongest_pairs(const ProbeLayer& layer,
                                        std::size_t most,
                                        std::uint32_t least_tokens) {
  std::vector<ExpertPair> pairs;
  if (layer.coactivation.empty()) return pairs;
  const std::int64_t E = layer.num_experts;
  const auto count = [&](std::int64_t i, std::int64_t j) {
    return layer.coactivation[size_from(i * E + j)];
  };
  for (std::int64_t i = 0; i < E; ++i) {
    for (std::int64_t j = i + 1; j < E; ++j) {
      const bool is_first_smaller = count(i, i) <= count(j, j);
      const std::int64_t first = is_first_smaller ? i : j, second = is_first_smaller ? j : i;
      if (count(first, first) < std::max(least_tokens, 1U) || count(i, j) == 0) continue;
      pairs.push_back({first, second, layer.coactivation_share(first, second), count(i, j)});
    }
  }
  const auto is_before = [](const ExpertPair& a, const ExpertPair& b) {
    if (a.share != b.share) return a.share > b.share;
    if (a.count != b.count) return a.count > b.count;
    return std::pair(a.first, a.second) < std::pair(b.first, b.second);
  };
  const std::size_t kept = std::min(most, pairs.size());
  std::partial_sort(
      pairs.begin(), pairs.begin() + static_cast<std::ptrdiff_t>(kept), pairs.end(), is_before);
  pairs.resize(kept);
  return pairs;
}

double mutual_information_nats(std::span<const std::uint32_t> counts, std::int64_t columns) {
  if (counts.empty()) return 0.0;
  const auto C = size_from(columns);
  std::vector<double> row_sums(counts.size() / C, 0.0), column_sums(C, 0.0);
  double total = 0.0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto count = static_cast<double>(counts[i]);
    row_sums[i / C] += count;
    column_sums[i % C] += count;
    total += count;
  }
  double information = 0.0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const auto count = static_cast<double>(counts[i]);
    information += count / total * std::log(count * total / (row_sums[i / C] * column_sums[i % C]));
  }
  return std::max(information, 0.0);
}

std::optional<std::size_t> probe_to_drop(std::span<const ProbeSize> probes) {
  constexpr std::size_t kLeastProbes = 3;
  if (probes.size() <= kLeastProbes) return std::nullopt;
  std::int64_t bytes = 0;
  for (const ProbeSize& probe : probes) bytes += probe.bytes;
  if (probes.size() <= kMostProbes && bytes <= kMostProbeBytes) return std::nullopt;
  const auto at = [&](std::size_t i) { return static_cast<double>(probes[i].step + 1); };
  std::size_t nearest = 1;
  for (std::size_t i = 2; i + 2 < probes.size(); ++i) {
    if (at(i + 1) / at(i - 1) < at(nearest + 1) / at(nearest - 1)) nearest = i;
  }
  return nearest;
}

}  // namespace switchyard::routing
