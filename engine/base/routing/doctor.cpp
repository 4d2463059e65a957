#include "engine/base/routing/doctor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "engine/base/core/text.h"
#include "engine/base/routing/load.h"

namespace switchyard::routing {
namespace {

// The thresholds, each with the one that clears; README.md explains them.
constexpr double kCollapsedShare = 0.5, kCollapsedClear = 0.6;  ///< effective experts / E
constexpr double kOverload = 3.0, kOverloadClear = 2.5;         ///< largest load / mean
constexpr double kOverloadOfMost = 0.9, kOverloadOfMostClear = 0.8;
constexpr double kUniformEntropy = 0.995, kUniformClear = 0.98;  ///< H / ln E
constexpr double kOneHotEntropy = 0.05, kOneHotClear = 0.1;      ///< H / ln E
constexpr double kTinyMargin = 0.05, kTinyMarginClear = 0.1;     ///< (v1 - v2) E
constexpr double kDropped = 0.01, kDroppedClear = 0.005;
constexpr double kZFactor = 4.0, kZLeast = 50.0, kZGrowth = 1.2, kZRunaway = 400.0;
constexpr std::int64_t kZWindow = 100;  ///< steps over which growth is measured
constexpr double kPairShare = 0.9, kPairClear = 0.8, kPairChance = 0.5, kPairLoad = 0.25;
constexpr double kConvention = 0.1, kBalancedLoad = 0.98;
constexpr std::int64_t kWarmSteps = 200;  ///< before them probabilities are still settling
constexpr std::int64_t kEarlyPart = 5;    ///< entropy must not collapse in the first fifth
constexpr std::int64_t kLatePart = 4;     ///< and the router must have begun after a quarter

constexpr double kUsualBalanceCoef = 0.01, kUsualZCoef = 0.001, kMostCoef = 10.0;

constexpr std::array<std::string_view, 10> kFindingNames{"collapsed_router",
                                                         "dead_experts",
                                                         "overloaded_expert",
                                                         "router_not_learning",
                                                         "entropy_collapse",
                                                         "vanishing_margin",
                                                         "growing_logits",
                                                         "dropped_tokens",
                                                         "redundant_pair",
                                                         "balance_convention"};
constexpr std::array<std::string_view, 3> kSeverityNames{"note", "attention", "failure"};

std::string fixed(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

std::string percent(double share) {
  return fixed(100.0 * share, share < 0.1 ? 1 : 0) + " %";
}

std::string layer_words(int layer) {
  return "Layer " + std::to_string(layer) + ": ";
}

void suggest(Finding& finding, std::string pointer, double value, const std::string& why) {
  finding.pointer = std::move(pointer);
  finding.value = value;
  finding.hint = why + " Try " + finding.pointer + " = " + short_number(value) + ".";
}

/// More pressure towards equal loads.
void suggest_balance(Finding& finding, const LayerPlan& plan) {
  const double coef = plan.load_balance_coef;
  const bool is_off = coef < kUsualBalanceCoef;
  suggest(finding,
          plan.pointer + "/load_balance_coef",
          is_off ? kUsualBalanceCoef : std::min(4.0 * coef, kMostCoef),
          coef == 0.0 ? "The balance loss is switched off."
                      : "The balance loss weighs " + short_number(coef) + ".");
}

void suggest_z(Finding& finding, const LayerPlan& plan) {
  const double coef = plan.router_z_coef;
  suggest(finding,
          plan.pointer + "/router_z_coef",
          coef < kUsualZCoef ? kUsualZCoef : std::min(10.0 * coef, kMostCoef),
          coef == 0.0 ? "The router z-loss is switched off."
                      : "The router z-loss weighs " + short_number(coef) + ".");
}

/// Less pressure towards equal probabilities, or faster steps where there is little.
void suggest_contrast(Finding& finding, const LayerPlan& plan, double learning_rate) {
  if (plan.load_balance_coef > kUsualBalanceCoef) {
    suggest(finding,
            plan.pointer + "/load_balance_coef",
            kUsualBalanceCoef,
            "The balance loss weighs " + short_number(plan.load_balance_coef) +
                " and flattens the probabilities.");
    return;
  }
  suggest(finding,
          "/optimizer/learning_rate",
          2.0 * learning_rate,
          "The router hardly moves at this learning rate.");
}

double number_of(std::int64_t value) {
  return static_cast<double>(value);
}

template <std::size_t N>
std::optional<std::size_t> index_in(const std::array<std::string_view, N>& names,
                                    std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

}  // namespace

std::string_view finding_name(FindingKind kind) {
  return kFindingNames[static_cast<std::size_t>(kind)];
}

std::string_view severity_name(Severity severity) {
  return kSeverityNames[static_cast<std::size_t>(severity)];
}

Json json_from(const FindingChange& change) {
  const Finding& finding = change.finding;
  Json detail = Json::object({{"action", Json(change.is_open ? "found" : "cleared")},
                              {"finding", Json(finding_name(finding.kind))},
                              {"layer", Json(finding.layer)},
                              {"severity", Json(severity_name(finding.severity))},
                              {"message", Json(finding.message)},
                              {"hint", Json(finding.hint)}});
  if (!finding.pointer.empty()) {
    detail.set("pointer", finding.pointer);
    detail.set("value", finding.value);
  }
  detail.set("since_step", finding.since_step);
  return detail;
}

std::optional<FindingChange> finding_change_from(const Json& detail) {
  const auto kind = index_in(kFindingNames, detail["finding"].as_string());
  const auto severity = index_in(kSeverityNames, detail["severity"].as_string());
  const std::string& action = detail["action"].as_string();
  if (!kind.has_value() || !severity.has_value() || (action != "found" && action != "cleared"))
    return std::nullopt;
  FindingChange change;
  change.is_open = action == "found";
  Finding& finding = change.finding;
  finding.kind = static_cast<FindingKind>(*kind);
  finding.severity = static_cast<Severity>(*severity);
  finding.layer = static_cast<int>(detail["layer"].as_integer(-1));
  finding.message = detail["message"].as_string();
  finding.hint = detail["hint"].as_string();
  finding.pointer = detail["pointer"].as_string();
  finding.value = detail["value"].as_number(finding.value);
  finding.since_step = detail["since_step"].as_integer();
  return change;
}

std::vector<LayerPlan> layer_plans(const Json& config) {
  std::vector<LayerPlan> plans;
  const Json::Array& entries = config["model"]["layers"].items();
  int layer = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Json& feed_forward = entries[i]["feed_forward"];
    for (std::int64_t n = entries[i]["repeat"].as_integer(1); n > 0; --n, ++layer) {
      const std::int64_t num_experts = feed_forward["num_experts"].as_integer();
      if (num_experts < 1) continue;
      plans.push_back({layer,
                       num_experts,
                       feed_forward["router"]["top_k"].as_integer(1),
                       feed_forward["load_balance_coef"].as_number(),
                       feed_forward["router_z_coef"].as_number(),
                       "/model/layers/" + std::to_string(i) + "/feed_forward"});
    }
  }
  return plans;
}

Doctor::Doctor(const Json& config)
    : max_steps_(config["train"]["max_steps"].as_integer()),
      learning_rate_(config["optimizer"]["learning_rate"].as_number()) {
  for (LayerPlan& plan : layer_plans(config)) {
    const int layer = plan.layer;
    layers_[layer].plan = std::move(plan);
  }
}

Doctor::LayerState* Doctor::state_of(int layer) {
  const auto found = layers_.find(layer);
  return found == layers_.end() ? nullptr : &found->second;
}

bool Doctor::is_open(FindingKind kind, int layer) const {
  const auto found = watches_.find({layer, kind});
  return found != watches_.end() && found->second.is_open;
}

void Doctor::note(std::int64_t step, Sign sign, Finding finding, int num_to_open) {
  Watch& watch = watches_[{finding.layer, finding.kind}];
  if (sign == Sign::kBad) {
    if (watch.num_bad++ == 0 && !watch.is_open) watch.since_step = step;
    watch.num_good = 0;
    finding.since_step = watch.since_step;
    watch.finding = std::move(finding);
    if (watch.is_open || watch.num_bad < num_to_open) return;
    if (step - watch.since_step < kStepsToOpen) return;
    watch.is_open = true;
    watch.finding.message += " Since step " + grouped(watch.since_step) + ".";
    changes_.push_back({true, watch.finding});
  } else if (sign == Sign::kGood) {
    watch.num_bad = 0;
    if (!watch.is_open || ++watch.num_good < num_to_open) return;
    watch.is_open = false;
    watch.num_good = 0;
    finding.since_step = watch.since_step;
    finding.hint.clear();
    finding.pointer.clear();
    finding.severity = Severity::kNote;
    changes_.push_back({false, std::move(finding)});
  }
}

std::vector<FindingChange> Doctor::read(const RoutingReading& reading) {
  for (const LayerReading& layer : reading.layers) {
    LayerState* const state = state_of(layer.layer);
    if (state == nullptr || state->plan.num_experts < 2) continue;
    read_loads(reading.step, layer, *state);
    read_probabilities(reading.step, layer, *state);
  }
  read_losses(reading);
  return std::exchange(changes_, {});
}

std::vector<FindingChange> Doctor::read(std::int64_t step, const RoutingProbe& probe) {
  for (const ProbeLayer& layer : probe.layers) {
    LayerState* const state = state_of(layer.layer);
    if (state != nullptr) read_pairs(step, layer, *state);
  }
  return std::exchange(changes_, {});
}

void Doctor::read_loads(std::int64_t step, const LayerReading& reading, LayerState& state) {
  const LayerPlan& plan = state.plan;
  if (reading.tokens_per_expert.size() != static_cast<std::size_t>(plan.num_experts)) return;
  state.tokens.resize(reading.tokens_per_expert.size(), 0.0);
  double total = 0.0;
  for (std::size_t e = 0; e < state.tokens.size(); ++e)
    total += state.tokens[e] += static_cast<double>(reading.tokens_per_expert[e]);
  const double E = number_of(plan.num_experts), K = number_of(plan.top_k);
  if (total / E < kLeastMeanTokens) return;
  const LoadStatistics load = load_statistics(state.tokens, kDeadFraction);
  const auto busiest = static_cast<std::int64_t>(
      std::max_element(state.tokens.begin(), state.tokens.end()) - state.tokens.begin());
  state.tokens.clear();
  const std::string where = layer_words(plan.layer);
  const auto sign = [](bool is_bad, bool is_good) {
    return is_bad ? Sign::kBad : is_good ? Sign::kGood : Sign::kBetween;
  };

  // A set of K experts cannot load fewer than K, so the limit is raised where K is near E.
  const double effective = load.effective_experts;
  const double limit = std::max(kCollapsedShare * E, K + (E - K) / 4.0);
  const double clear = std::max(kCollapsedClear * E, K + (E - K) / 3.0);
  const bool is_collapsed = plan.num_experts > plan.top_k && effective < limit;
  Finding collapsed{FindingKind::kCollapsedRouter, plan.layer};
  collapsed.severity = effective < K + (E - K) / 8.0 ? Severity::kFailure : Severity::kAttention;
  collapsed.message = where + "the load of " + std::to_string(plan.num_experts) +
                      " experts is that of " + fixed(effective, 1) + ", " +
                      std::to_string(load.dead_experts) + " receive next to nothing.";
  suggest_balance(collapsed, plan);
  note(step, sign(is_collapsed, effective > clear), std::move(collapsed));
  // A collapse is dead and overloaded experts as well: it is named once.
  const bool is_covered = is_collapsed || is_open(FindingKind::kCollapsedRouter, plan.layer);

  Finding dead{FindingKind::kDeadExperts, plan.layer};
  dead.message = where + std::to_string(load.dead_experts) + " of " +
                 std::to_string(plan.num_experts) + " experts (" +
                 percent(number_of(load.dead_experts) / E) +
                 ") receive less than 1 % of a fair share.";
  suggest_balance(dead, plan);
  note(step, sign(load.dead_experts > 0 && !is_covered, load.dead_experts == 0), std::move(dead));

  const double most = E / K;  // an expert takes each token at most once
  const double overload = std::min(kOverload, kOverloadOfMost * most);
  const double relief = std::min(kOverloadClear, kOverloadOfMostClear * most);
  Finding overloaded{FindingKind::kOverloadedExpert, plan.layer};
  overloaded.message = where + "expert " + std::to_string(busiest) + " carries " +
                       fixed(load.max_over_mean, 1) + " times its fair share.";
  suggest_balance(overloaded, plan);
  note(step,
       sign(load.max_over_mean > overload && !is_covered && plan.num_experts > plan.top_k,
            load.max_over_mean < relief),
       std::move(overloaded));
}

void Doctor::read_probabilities(std::int64_t step,
                                const LayerReading& reading,
                                const LayerState& state) {
  const LayerPlan& plan = state.plan;
  const std::string where = layer_words(plan.layer);
  const double entropy = reading.entropy_normalized;
  const bool is_uniform = entropy > kUniformEntropy;
  const bool is_late = step >= std::max(kWarmSteps, max_steps_ / kLatePart);
  if (std::isfinite(entropy)) {
    Finding idle{FindingKind::kRouterNotLearning, plan.layer};
    idle.message = where + "the router's probabilities are still uniform, entropy " +
                   fixed(entropy, 3) + " of ln E.";
    suggest_contrast(idle, plan, learning_rate_);
    note(step,
         is_uniform && is_late     ? Sign::kBad
         : entropy < kUniformClear ? Sign::kGood
                                   : Sign::kBetween,
         std::move(idle));

    const bool is_early = step <= std::max(kWarmSteps, max_steps_ / kEarlyPart);
    Finding one_hot{FindingKind::kEntropyCollapse, plan.layer};
    one_hot.message = where + "the router is certain of every token this early, entropy " +
                      fixed(entropy, 3) + " of ln E.";
    suggest_z(one_hot, plan);
    note(step,
         entropy < kOneHotEntropy && is_early ? Sign::kBad
         : entropy > kOneHotClear             ? Sign::kGood
                                              : Sign::kBetween,
         std::move(one_hot));
  }
  const double margin = reading.top1_margin * number_of(plan.num_experts);
  if (std::isfinite(margin) && std::isfinite(entropy)) {
    Finding tied{FindingKind::kVanishingMargin, plan.layer};
    tied.message = where + "the two best experts of a token differ by " +
                   short_number(std::round(1e4 * reading.top1_margin) / 1e4) +
                   " in probability on average: small changes turn the choice.";
    suggest_contrast(tied, plan, learning_rate_);
    note(step,
         margin < kTinyMargin && is_late && !is_uniform ? Sign::kBad
         : margin > kTinyMarginClear                    ? Sign::kGood
                                                        : Sign::kBetween,
         std::move(tied));
  }
  const double dropped_frac = reading.dropped_frac;
  if (std::isfinite(dropped_frac)) {
    Finding dropped{FindingKind::kDroppedTokens, plan.layer};
    dropped.message = where + percent(dropped_frac) + " of the tokens find no expert.";
    suggest_balance(dropped, plan);
    note(step,
         dropped_frac > kDropped        ? Sign::kBad
         : dropped_frac < kDroppedClear ? Sign::kGood
                                        : Sign::kBetween,
         std::move(dropped));
  }
}

void Doctor::read_losses(const RoutingReading& reading) {
  if (layers_.empty()) return;
  const LayerPlan& plan = layers_.begin()->second.plan;
  double log_E = 0.0;
  for (const auto& [layer, state] : layers_)
    log_E = std::max(log_E, std::log(number_of(state.plan.num_experts)));
  const double z = reading.router_z_loss;
  if (std::isfinite(z)) {
    z_losses_.emplace_back(reading.step, z);
    while (z_losses_.size() > 1 && z_losses_[1].first <= reading.step - kZWindow)
      z_losses_.erase(z_losses_.begin());
    const auto& [old_step, old_z] = z_losses_.front();
    const bool is_old = old_step <= reading.step - kZWindow;
    const double limit = std::max(kZFactor * log_E * log_E, kZLeast);
    const bool has_grown = is_old && z > kZGrowth * old_z;
    Finding growing{FindingKind::kGrowingLogits, -1};
    growing.severity = z > kZRunaway ? Severity::kFailure : Severity::kAttention;
    growing.message = "The router z-loss is " + fixed(z, 1) + ", " + fixed(z / (log_E * log_E), 1) +
                      " times that of zero logits.";
    suggest_z(growing, plan);
    note(reading.step,
         z > kZRunaway || (z > limit && has_grown) ? Sign::kBad
         : z < limit                               ? Sign::kGood
                                                   : Sign::kBetween,
         std::move(growing));
  }
  const double balance = reading.load_balance_loss;
  if (!std::isfinite(balance) || plan.top_k < 2 || reading.layers.size() != layers_.size()) return;
  double least_load = 1.0;  // the loss is a mean over layers: it tells nothing unless all are even
  for (const LayerReading& layer : reading.layers) {
    const std::vector<double> tokens(layer.tokens_per_expert.begin(),
                                     layer.tokens_per_expert.end());
    least_load = std::min(least_load, load_statistics(tokens, kDeadFraction).entropy_normalized);
  }
  const double K = number_of(plan.top_k);
  Finding convention{FindingKind::kBalanceConvention, -1};
  convention.severity = Severity::kNote;
  convention.message = "The balance loss is " + fixed(balance, 2) +
                       " at even loads: it counts to k = " + std::to_string(plan.top_k) +
                       ", not to 1, and weighs as much more.";
  suggest(convention,
          plan.pointer + "/load_balance_coef",
          plan.load_balance_coef / K,
          "Coefficients do not transfer between the two conventions.");
  const bool is_k = std::abs(balance - K) < kConvention * K && least_load > kBalancedLoad;
  note(reading.step,
       is_k                             ? Sign::kBad
       : std::abs(balance - 1.0) < 0.25 ? Sign::kGood
                                        : Sign::kBetween,
       std::move(convention));
}

void Doctor::read_pairs(std::int64_t step, const ProbeLayer& layer, LayerState& state) {
  const LayerPlan& plan = state.plan;
  const double E = number_of(plan.num_experts), K = number_of(plan.top_k);
  const bool has_meaning = plan.top_k > 1 && (K - 1.0) / (E - 1.0) < kPairChance &&
                           layer.num_experts == plan.num_experts && !layer.coactivation.empty();
  if (!has_meaning) return;
  double total = 0.0;
  for (const double tokens : layer.tokens_per_expert()) total += tokens;
  const auto least = static_cast<std::uint32_t>(std::max(kPairLoad * total / E, kLeastMeanTokens));
  const std::vector<ExpertPair> pairs = strongest_pairs(layer, 1, least);
  const double share = pairs.empty() ? 0.0 : pairs.front().share;
  const bool is_collapsed = is_open(FindingKind::kCollapsedRouter, plan.layer);
  const bool is_bad = share > kPairShare && !is_collapsed;
  Finding pair{FindingKind::kRedundantPair, plan.layer};
  if (is_bad) {
    const ExpertPair& found = pairs.front();
    if (found.first != state.pair_first || found.second != state.pair_second)
      watches_[{plan.layer, pair.kind}].num_bad = 0;
    state.pair_first = found.first;
    state.pair_second = found.second;
    pair.message = layer_words(plan.layer) + "experts " + std::to_string(found.first) + " and " +
                   std::to_string(found.second) + " are chosen together for " + percent(share) +
                   " of the tokens of " + std::to_string(found.first) +
                   ": one of the two may be superfluous.";
    suggest(pair,
            plan.pointer + "/router/top_k",
            K - 1.0,
            "A second expert that always comes along adds width, not choice.");
  } else {
    pair.message = layer_words(plan.layer) + "no two experts are always chosen together.";
  }
  note(step,
       is_bad               ? Sign::kBad
       : share < kPairClear ? Sign::kGood
                            : Sign::kBetween,
       std::move(pair),
       kProbesToOpen);
}

std::vector<Finding> Doctor::open_findings() const {
  std::vector<Finding> findings;
  for (const auto& [key, watch] : watches_) {
    if (watch.is_open) findings.push_back(watch.finding);
  }
  return findings;
}

}  // namespace switchyard::routing
