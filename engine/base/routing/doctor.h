#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/routing/routing_probe.h"

namespace switchyard::routing {

/// What can be wrong with a router. Names and numbers reach files: append only.
enum class FindingKind : std::uint8_t {
  kCollapsedRouter,    ///< "collapsed_router": few experts carry the load
  kDeadExperts,        ///< "dead_experts": some receive next to nothing
  kOverloadedExpert,   ///< "overloaded_expert": one receives a multiple of its share
  kRouterNotLearning,  ///< "router_not_learning": probabilities stay uniform
  kEntropyCollapse,    ///< "entropy_collapse": probabilities are one-hot early in training
  kVanishingMargin,    ///< "vanishing_margin": the first two choices are as good as tied
  kGrowingLogits,      ///< "growing_logits": the z-loss runs away
  kDroppedTokens,      ///< "dropped_tokens": tokens that no expert takes
  kRedundantPair,      ///< "redundant_pair": two experts are always chosen together
  kBalanceConvention,  ///< "balance_convention": the balance loss is k, not 1, at uniform load
};

std::string_view finding_name(FindingKind kind);

enum class Severity : std::uint8_t { kNote, kAttention, kFailure };

std::string_view severity_name(Severity severity);  ///< "note", "attention", "failure"

/// Something that a person should know about one routed layer.
struct Finding {
  FindingKind kind = FindingKind::kCollapsedRouter;
  int layer = -1;  ///< index among all layers; -1: all routed layers together
  Severity severity = Severity::kAttention;
  std::string message = {};  ///< a sentence with its figure
  std::string hint = {};     ///< what to change, in words
  std::string pointer = {};  ///< JSON pointer into the run's config of what to change
  double value = std::numeric_limits<double>::quiet_NaN();  ///< suggested for it
  std::int64_t since_step = 0;                              ///< first reading that showed it
};

/// A finding that begins to hold, or no longer does.
struct FindingChange {
  bool is_open = true;
  Finding finding;
};

/// The detail of a "doctor" event: action "found" or "cleared", finding, layer, severity, message,
/// hint, pointer, value, since_step.
Json json_from(const FindingChange& change);
/// Nothing for a detail that is no doctor's (a newer kind of finding, say).
std::optional<FindingChange> finding_change_from(const Json& detail);

/// What the doctor must know of a routed layer, from the run's config.
struct LayerPlan {
  int layer = 0;
  std::int64_t num_experts = 0;
  std::int64_t top_k = 0;
  double load_balance_coef = 0.0;
  double router_z_coef = 0.0;
  std::string pointer;  ///< "/model/layers/0/feed_forward"
};

/// The routed layers of a resolved config, ascending; an entry with `repeat` stands for as many.
std::vector<LayerPlan> layer_plans(const Json& config);

/// One layer since the reading before. NaN: not known.
struct LayerReading {
  int layer = 0;
  std::vector<float> tokens_per_expert;                                  ///< [E] assignments
  double entropy_normalized = std::numeric_limits<double>::quiet_NaN();  ///< of a token's routing
  double top1_margin = std::numeric_limits<double>::quiet_NaN();
  double dropped_frac = std::numeric_limits<double>::quiet_NaN();
};

/// All routed layers at one step. NaN: not known.
struct RoutingReading {
  std::int64_t step = 0;
  std::vector<LayerReading> layers;
  double load_balance_loss = std::numeric_limits<double>::quiet_NaN();  ///< mean over layers
  double router_z_loss = std::numeric_limits<double>::quiet_NaN();      ///< mean over layers
};

/// Reads the routing statistics of a run as they come, and says what is wrong with them.
///
/// Math:   README.md beside this file: rules, thresholds, hysteresis. A finding opens after
///         kReadingsToOpen readings in a row that show it (over kStepsToOpen steps where readings
///         come every step) and closes after as many that clearly do not; what lies between the two
///         thresholds changes nothing. Readings with too few tokens are added up first.
/// Determinism: a pure function of the plan and the readings in order.
/// Source: alarms of Switch, ST-MoE and OLMoE practice (Fedus et al. 2021, arXiv 2101.03961; Zoph
/// et
///         al. 2022, arXiv 2202.08906; Muennighoff et al. 2024, arXiv 2409.02060).
class Doctor {
 public:
  Doctor() = default;
  explicit Doctor(const Json& config);

  /// Steps ascending. Layers that the plan does not know are ignored.
  std::vector<FindingChange> read(const RoutingReading& reading);
  /// The same for what only a probe shows.
  std::vector<FindingChange> read(std::int64_t step, const RoutingProbe& probe);

  /// What holds now, by layer, then kind.
  [[nodiscard]] std::vector<Finding> open_findings() const;

  static constexpr int kReadingsToOpen = 3;
  static constexpr int kProbesToOpen = 2;
  static constexpr std::int64_t kStepsToOpen = 20;
  static constexpr double kLeastMeanTokens = 32.0;  ///< per expert, for a verdict on loads

 private:
  /// What one reading says about one finding.
  enum class Sign { kBad, kBetween, kGood };

  struct Watch {
    int num_bad = 0, num_good = 0;
    std::int64_t since_step = 0;
    bool is_open = false;
    Finding finding;
  };

  struct LayerState {
    LayerPlan plan;
    std::vector<double> tokens;  ///< since the last verdict on loads
    std::int64_t pair_first = -1, pair_second = -1;
  };

  void read_loads(std::int64_t step, const LayerReading& reading, LayerState& state);
  void read_probabilities(std::int64_t step, const LayerReading& reading, const LayerState& state);
  void read_losses(const RoutingReading& reading);
  void read_pairs(std::int64_t step, const ProbeLayer& layer, LayerState& state);
  void note(std::int64_t step, Sign sign, Finding finding, int num_to_open = kReadingsToOpen);
  [[nodiscard]] bool is_open(FindingKind kind, int layer) const;
  [[nodiscard]] LayerState* state_of(int layer);

  std::map<int, LayerState> layers_;
  std::map<std::pair<int, FindingKind>, Watch> watches_;
  std::vector<FindingChange> changes_;  ///< of the reading under way
  std::vector<std::pair<std::int64_t, double>>
      z_losses_;  ///< step, value; of the last kZWindow steps
  std::int64_t max_steps_ = 0;
  double learning_rate_ = 0.0;
};

}  // namespace switchyard::routing
