#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace switchyard::routing {

/// Positions of a window are counted in this many equal buckets.
inline constexpr std::int64_t kNumPositionBuckets = 16;
/// Tokens listed per expert, and how often one must occur to be listed by its share.
inline constexpr std::size_t kMostTopTokens = 20;
inline constexpr std::uint32_t kLeastOccurrences = 8;
/// Layers with more experts than this have no [E, E] tables.
inline constexpr std::int64_t kMostPairExperts = 1024;
/// All expert sets of a probe together; fewer tokens are kept where they do not fit.
inline constexpr std::int64_t kMostExpertSetBytes = 256 << 10;

/// How often one expert took one token id.
struct TokenUse {
  std::int32_t token = 0;
  std::uint32_t count = 0;        ///< occurrences that went to the expert
  std::uint32_t occurrences = 0;  ///< of the id in the probe

  /// P(e | token id).
  [[nodiscard]] double share() const {
    return static_cast<double>(count) / static_cast<double>(occurrences);
  }

  friend bool operator==(const TokenUse&, const TokenUse&) = default;
};

/// One routed layer of a probe. Counts are tokens; "took" means that the expert is in the token's
/// set of top_k.
struct ProbeLayer {
  int layer = 0;  ///< index among all layers of the model
  std::int64_t num_experts = 0;
  std::int64_t top_k = 0;

  double router_entropy_nats = 0.0;  ///< mean over tokens of H(p)
  double top1_margin = 0.0;          ///< mean of v_1 - v_2 of the sorted probabilities
  /// Mean of v_k - v_{k+1}: how firmly the set is chosen. NaN where every expert is chosen.
  double boundary_margin = std::numeric_limits<double>::quiet_NaN();
  /// Mean over input ids with kLeastOccurrences of the share of the id's most frequent expert; NaN
  /// without such ids. It is 1 when each id always meets one same expert, about top_k / E at
  /// chance.
  double vocabulary_specialization = std::numeric_limits<double>::quiet_NaN();

  /// [E, E] N_ij: tokens whose set holds i and j; N_ii = N_i, tokens that i took. Empty above
  /// kMostPairExperts.
  std::vector<std::uint32_t> coactivation;
  int next_layer = -1;                ///< the next routed layer, -1 for the last
  std::int64_t next_num_experts = 0;  ///< its E
  /// [E, E of next_layer]: tokens with first choice i here and j there. Empty for the last layer
  /// and above kMostPairExperts.
  std::vector<std::uint32_t> transition;
  /// [kNumPositionBuckets, E]: tokens of the bucket that the expert took.
  std::vector<std::uint32_t> position_counts;

  /// [E][at most kMostTopTokens] token ids of an expert: by share (ids with kLeastOccurrences), by
  /// count, and the ids that come next by share. Equal ones: greater count, then lower id, first.
  std::vector<std::vector<TokenUse>> input_by_share;
  std::vector<std::vector<TokenUse>> input_by_count;
  std::vector<std::vector<TokenUse>> target_by_share;

  /// [num_set_tokens, top_k] experts of the probe's first tokens, best first; E: no expert.
  std::vector<std::uint16_t> experts;

  /// N_i.
  [[nodiscard]] std::vector<double> tokens_per_expert() const;
  /// N_ij / N_i: of the tokens that i took, the share that j took as well; 0 for an unused i.
  [[nodiscard]] double coactivation_share(std::int64_t i, std::int64_t j) const;
  /// P(first choice j in next_layer | first choice i here); 0 for an i that is nobody's first.
  [[nodiscard]] double transition_share(std::int64_t i, std::int64_t j) const;
  /// P(e | bucket): of the bucket's tokens, the share that e took (where slots stay empty: of its
  /// assignments, times k); 0 for an empty bucket.
  [[nodiscard]] double position_share(std::int64_t bucket, std::int64_t e) const;

  friend bool operator==(const ProbeLayer&, const ProbeLayer&);
};

/// How a fixed piece of validation text was routed at one time.
struct RoutingProbe {
  std::int64_t num_tokens = 0;
  std::int64_t num_set_tokens = 0;  ///< tokens whose expert sets are kept: the first ones
  std::uint32_t text_crc = 0;       ///< CRC32C of the input ids: equal for the same text
  std::vector<ProbeLayer> layers;   ///< routed layers, ascending

  friend bool operator==(const RoutingProbe&, const RoutingProbe&) = default;
};

/// The text of a probe: windows of seq_len tokens, one after another.
struct ProbeText {
  std::vector<std::int32_t> inputs;   ///< [N]
  std::vector<std::int32_t> targets;  ///< [N] the id after each
  std::int64_t seq_len = 1;
};

/// What the model did with the text in one routed layer.
struct ProbeReading {
  int layer = 0;
  std::int64_t num_experts = 0;
  std::int64_t top_k = 0;
  std::vector<std::uint16_t> experts;  ///< [N, top_k] best first; E where there is none
  double router_entropy_nats = 0.0;
  double top1_margin = 0.0;
  double boundary_margin = std::numeric_limits<double>::quiet_NaN();
};

/// Counts everything that a probe shows.
///
/// Shapes: readings in layer order, each of the text's N tokens.
/// Limits: expert numbers below 65,536.
/// Determinism: exact.
/// Source: Muennighoff et al. 2024, arXiv 2409.02060, section 5; all pairs of a token's set count,
///         not only those of neighbouring rank.
RoutingProbe make_probe(const ProbeText& text, std::vector<ProbeReading> readings);

/// How alike two probes chose.
struct Saturation {
  double top1 = 0.0;   ///< share of tokens with the same first choice
  double top_k = 0.0;  ///< mean over tokens of |set ∩ other set| / size of the larger; 1 for none
};

/// Router saturation of routed layer `i` (index into layers) at `probe` against a `reference`: the
/// one before, or the last of the run. Nothing for another text or another k.
std::optional<Saturation> saturation(const RoutingProbe& probe,
                                     const RoutingProbe& reference,
                                     std::size_t i);

/// Two experts that are chosen together.
struct ExpertPair {
  std::int64_t first = 0, second = 0;  ///< first has fewer tokens: share is the larger direction
  double share = 0.0;                  ///< N_ij / N_first
  std::uint32_t count = 0;             ///< N_ij
};

/// The `most` pairs with the largest N_ij / min(N_i, N_j), of experts that took at least
/// `least_tokens`; unordered pairs, equal ones by count, then by number.
std::vector<ExpertPair> strongest_pairs(const ProbeLayer& layer,
                                        std::size_t most,
                                        std::uint32_t least_tokens = 1);

/// Mutual information of a table of counts [rows, columns], in nats: between the first choices of
/// neighbouring layers for `transition`, between position and expert for `position_counts`.
double mutual_information_nats(std::span<const std::uint32_t> counts, std::int64_t columns);

/// What a stored probe costs.
struct ProbeSize {
  std::int64_t step = 0;
  std::int64_t bytes = 0;
};

inline constexpr std::size_t kMostProbes = 24;
inline constexpr std::int64_t kMostProbeBytes = 64 << 20;

/// Which probe a run gives up, if it keeps too many: never the first or one of the last two, else
/// the one whose neighbours are nearest on a logarithmic axis of steps ((s_next + 1) / (s_before +
/// 1) smallest, the earlier of equal ones). Nothing while `probes` (ascending steps) are at most
/// kMostProbes and kMostProbeBytes, or only three.
std::optional<std::size_t> probe_to_drop(std::span<const ProbeSize> probes);

}  // namespace switchyard::routing
