#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <memory>
#include <span>

#include "app/cli.h"
#include "app/exit_codes.h"
#include "engine/base/core/text.h"
#include "engine/base/formats/tokenizer.h"
#include "engine/base/routing/findings.h"
#include "engine/base/routing/load.h"
#include "engine/base/store/run_folder.h"
#include "engine/train/loop/stored_run.h"

namespace switchyard::cli {
namespace {

using routing::ProbeLayer;
using routing::TokenUse;

constexpr std::size_t kMostPairs = 5;
constexpr std::size_t kMostTokensInText = 12;

/// What a run knows of its routing.
struct RoutingFacts {
  std::vector<store::ProbeSample> probes;
  std::vector<routing::Finding> findings;
  std::unique_ptr<formats::Tokenizer> tokenizer;
};

Result<RoutingFacts> read_facts(const std::string& root) {
  const store::RunPaths paths{root};
  SY_ASSIGN_OR_RETURN(const auto reader, store::Reader::open(paths.database()));
  RoutingFacts facts;
  std::vector<store::Event> events;
  for (bool has_more = true; has_more;) {
    SY_ASSIGN_OR_RETURN(store::Delta delta, reader->poll(std::span<const std::string>()));
    std::move(delta.probes.begin(), delta.probes.end(), std::back_inserter(facts.probes));
    std::move(delta.events.begin(), delta.events.end(), std::back_inserter(events));
    has_more = delta.has_more;
  }
  facts.findings = routing::open_findings(events);
  SY_ASSIGN_OR_RETURN(facts.tokenizer, train::load_tokenizer(root));
  return facts;
}

std::string quoted(const formats::Tokenizer& tokenizer, std::int32_t token) {
  return Json(valid_utf8(tokenizer.decode(token))).dump();
}

Json json_from(const std::vector<TokenUse>& uses, const formats::Tokenizer& tokenizer) {
  Json list = Json::array();
  for (const TokenUse& use : uses) {
    list.push_back(Json::object({{"id", Json(std::int64_t{use.token})},
                                 {"text", Json(valid_utf8(tokenizer.decode(use.token)))},
                                 {"share", Json(use.share())},
                                 {"count", Json(std::int64_t{use.count})},
                                 {"occurrences", Json(std::int64_t{use.occurrences})}}));
  }
  return list;
}

/// Saturation of routed layer `i` of every probe against the one before and the last.
Json saturation_from(const std::vector<store::ProbeSample>& probes, std::size_t i) {
  Json list = Json::array();
  for (std::size_t p = 0; p < probes.size(); ++p) {
    Json entry = Json::object({{"step", Json(probes[p].at.step)}});
    const auto add = [&](const std::string& name, const store::ProbeSample& reference) {
      const auto same = routing::saturation(*probes[p].probe, *reference.probe, i);
      if (!same.has_value()) return;
      entry.set("top1_vs_" + name, same->top1);
      entry.set("top_k_vs_" + name, same->top_k);
    };
    if (p > 0) add("previous", probes[p - 1]);
    add("last", probes.back());
    list.push_back(std::move(entry));
  }
  return list;
}

Json pairs_from(const ProbeLayer& layer) {
  Json list = Json::array();
  for (const routing::ExpertPair& pair : routing::strongest_pairs(layer, kMostPairs)) {
    list.push_back(Json::object({{"first", Json(pair.first)},
                                 {"second", Json(pair.second)},
                                 {"share", Json(pair.share)},
                                 {"count", Json(std::int64_t{pair.count})}}));
  }
  return list;
}

void print_layer_json(const RoutingFacts& facts, std::size_t i) {
  const store::ProbeSample& last = facts.probes.back();
  const ProbeLayer& layer = last.probe->layers[i];
  const std::vector<double> tokens = layer.tokens_per_expert();
  const routing::LoadStatistics load = routing::load_statistics(tokens, routing::kDeadFraction);
  Json experts = Json::array();
  for (std::size_t e = 0; e < tokens.size(); ++e) {
    experts.push_back(
        Json::object({{"expert", Json(static_cast<std::int64_t>(e))},
                      {"tokens", Json(static_cast<std::int64_t>(tokens[e]))},
                      {"input_by_share", json_from(layer.input_by_share[e], *facts.tokenizer)},
                      {"input_by_count", json_from(layer.input_by_count[e], *facts.tokenizer)},
                      {"target_by_share", json_from(layer.target_by_share[e], *facts.tokenizer)}}));
  }
  print_json(Json::object(
      {{"event", Json("layer")},
       {"step", Json(last.at.step)},
       {"layer", Json(layer.layer)},
       {"num_experts", Json(layer.num_experts)},
       {"top_k", Json(layer.top_k)},
       {"num_tokens", Json(last.probe->num_tokens)},
       {"effective_experts", Json(load.effective_experts)},
       {"dead_experts", Json(load.dead_experts)},
       {"max_over_mean", Json(load.max_over_mean)},
       {"router_entropy_nats", Json(layer.router_entropy_nats)},
       {"top1_margin", Json(layer.top1_margin)},
       {"boundary_margin", Json(layer.boundary_margin)},
       {"vocabulary_specialization", Json(layer.vocabulary_specialization)},
       {"transition_information_nats",
        Json(routing::mutual_information_nats(layer.transition, layer.next_num_experts))},
       {"position_information_nats",
        Json(routing::mutual_information_nats(layer.position_counts, layer.num_experts))},
       {"pairs", pairs_from(layer)},
       {"saturation", saturation_from(facts.probes, i)},
       {"experts", std::move(experts)}}));
}

std::string token_words(const std::vector<TokenUse>& uses, const formats::Tokenizer& tokenizer) {
  std::vector<std::string> words;
  for (const TokenUse& use : uses) {
    if (words.size() == kMostTokensInText) break;
    words.push_back(quoted(tokenizer, use.token) + " " +
                    std::to_string(std::lround(100.0 * use.share())) + "%");
  }
  return words.empty() ? "-" : join(words, "  ");
}

void print_layer_text(const RoutingFacts& facts, std::size_t i) {
  const ProbeLayer& layer = facts.probes.back().probe->layers[i];
  const std::vector<double> tokens = layer.tokens_per_expert();
  const routing::LoadStatistics load = routing::load_statistics(tokens, routing::kDeadFraction);
  std::printf(
      "\nlayer %d: %lld experts, %lld per token; effective %.1f, dead %lld, largest load x%.1f\n",
      layer.layer,
      static_cast<long long>(layer.num_experts),
      static_cast<long long>(layer.top_k),
      load.effective_experts,
      static_cast<long long>(load.dead_experts),
      load.max_over_mean);
  std::printf("  entropy %.3f nats, margin v1-v2 %.4f, v_k-v_(k+1) %.4f, token ids %.2f\n",
              layer.router_entropy_nats,
              layer.top1_margin,
              layer.boundary_margin,
              layer.vocabulary_specialization);
  const double mean = static_cast<double>(facts.probes.back().probe->num_tokens * layer.top_k) /
                      static_cast<double>(layer.num_experts);
  std::printf("  expert   load  tokens most of which it takes\n");
  for (std::size_t e = 0; e < tokens.size(); ++e) {
    std::printf("  %6zu  x%.2f  %s\n",
                e,
                tokens[e] / mean,
                token_words(layer.input_by_share[e], *facts.tokenizer).c_str());
  }
  for (const routing::ExpertPair& pair : routing::strongest_pairs(layer, kMostPairs)) {
    std::printf("  pair   %lld+%lld  %.0f %% of the tokens of %lld\n",
                static_cast<long long>(pair.first),
                static_cast<long long>(pair.second),
                100.0 * pair.share,
                static_cast<long long>(pair.first));
  }
  for (const store::ProbeSample& sample : facts.probes) {
    const auto same = routing::saturation(*sample.probe, *facts.probes.back().probe, i);
    if (!same.has_value()) continue;
    std::printf("  step %-8lld routed as at the last probe: first choice %.0f %%, set %.0f %%\n",
                static_cast<long long>(sample.at.step),
                100.0 * same->top1,
                100.0 * same->top_k);
  }
}

void print_findings(const Context& context, const std::vector<routing::Finding>& findings) {
  for (const routing::Finding& finding : findings) {
    if (context.use_json) {
      Json line = routing::json_from({true, finding});
      line.set("event", Json("finding"));
      print_json(line);
    } else {
      print_line(std::string(routing::severity_name(finding.severity)) + ": " + finding.message +
                 " " + finding.hint);
    }
  }
}

int run_routing(Context& context, const std::string& name, int only_layer) {
  const std::string root = run_directory(name);
  const auto facts = read_facts(root);
  if (!facts.ok()) return fail(context, facts.error());
  print_findings(context, facts->findings);
  if (facts->probes.empty()) {
    return fail(context,
                Error{ErrorCode::kUnavailable,
                      root,
                      "expected a routing probe, found none so far.",
                      "One is made at each evaluation of a run with routed layers "
                      "(/log/probe_interval_steps).",
                      {}});
  }
  const store::ProbeSample& last = facts->probes.back();
  if (!context.use_json) {
    print_line("probe at step " + grouped(last.at.step) + ", " + grouped(last.probe->num_tokens) +
               " tokens, " + std::to_string(facts->probes.size()) + " probes kept");
  }
  bool has_layer = false;
  for (std::size_t i = 0; i < last.probe->layers.size(); ++i) {
    if (only_layer >= 0 && last.probe->layers[i].layer != only_layer) continue;
    has_layer = true;
    context.use_json ? print_layer_json(*facts, i) : print_layer_text(*facts, i);
  }
  if (has_layer) return kExitDone;
  return fail(context,
              Error{ErrorCode::kUsage,
                    "--layer",
                    "layer " + std::to_string(only_layer) + " routes nothing.",
                    "",
                    {}});
}

}  // namespace

void add_routing_commands(CLI::App& app, Context& context) {
  auto name = std::make_shared<std::string>();
  auto layer = std::make_shared<int>(-1);
  CLI::App* command =
      app.add_subcommand("routing", "What the routers of a run choose, by its last probe");
  command->add_option("run", *name, "run folder or name")->required()->type_name("RUN");
  command->add_option("--layer", *layer, "only this layer")->check(CLI::NonNegativeNumber);
  add_json_option(*command, context);
  command->callback([&context, name, layer] { run_routing(context, *name, *layer); });
}

}  // namespace switchyard::cli
