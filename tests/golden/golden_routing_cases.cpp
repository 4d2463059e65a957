#include <algorithm>

#include <ATen/ATen.h>

#include "engine/base/config/schema.h"
#include "engine/train/optim/optimizer.h"
#include "engine/train/routing/statistics.h"
#include "tests/golden/tensor_file.h"

namespace switchyard::golden {
namespace {

/// The schedule section that the row of a case describes, in our words.
Result<Json> schedule_from_row(const std::string& type, const Json& settings) {
  Json schedule = Json::object();
  const auto copy = [&](const char* from, const char* to) {
    if (const Json* value = settings.find(from)) schedule.set(to, *value);
  };
  schedule.set("type", type);
  copy("warmup", "warmup_steps");
  copy("total", "decay_steps");
  copy("decay", "decay_steps");
  copy("min_lr", "min_learning_rate");
  if (type == "cosine_nanogpt") schedule.set("type", "cosine");
  if (type == "cosine" || type == "cosine_plain") {
    schedule.set("type", "cosine");
    schedule.set("use_zero_start", true);
    schedule.set("min_learning_rate", 0.0);
    if (type == "cosine_plain") schedule.set("warmup_steps", 0);
  }
  if (type == "wsd") {
    copy("stable", "stable_steps");
    copy("decay_steps", "cooldown_steps");
    copy("decay_shape", "decay_shape");
    schedule.set("min_learning_rate",
                 settings["min_ratio"].as_number() * settings["lr"].as_number());
  }
  if (type == "wsd_fraction") {
    copy("stable_fraction", "stable_frac");
    schedule.set("min_learning_rate",
                 settings["final_fraction"].as_number() * settings["lr"].as_number());
  }
  if (type == "inverse_sqrt") copy("timescale", "timescale_steps");
  Json document = Json::object({{"schema", "switchyard.run"}, {"version", config::kRunVersion}});
  document.set("schedule", std::move(schedule));
  config::Resolved resolved = config::resolve(config::run_schema({}), document, "case");
  if (!resolved.ok()) return resolved.errors.front();
  return std::move(resolved.config);
}

}  // namespace

CaseOutcome run_lr_schedule(const Json& c,
                            const std::string& /*folder*/,
                            const std::string& /*data*/) {
  Comparison comparison;
  const Json& tolerance = c["tolerance"]["lr"];
  const std::int64_t first = c["params"]["first_step"].as_integer();
  for (const Json& row : c["expected"]["rows"].items()) {
    const std::string& type = row["type"].as_string();
    const Result<Json> config = schedule_from_row(type, row["settings"]);
    if (!config.ok()) {
      comparison.failure(type + ": " + config.error().text());
      continue;
    }
    const config::Node schedule = config::Node(*config).child("schedule");
    for (std::size_t s = 0; s < row["lr"].size(); ++s) {
      const double rate = train::learning_rate(
          schedule, row["settings"]["lr"].as_number(), first + static_cast<std::int64_t>(s));
      comparison.value(
          type + " step " + std::to_string(s), rate, row["lr"][s].as_number(), tolerance);
    }
  }
  return comparison.outcome();
}

CaseOutcome run_routing_stats(const Json& c,
                              const std::string& folder,
                              const std::string& /*data*/) {
  Comparison comparison;
  const auto tensors = read_tensors(folder + "/" + c["name"].as_string() + ".safetensors");
  if (!tensors.ok()) {
    comparison.failure(tensors.error().text());
    return comparison.outcome();
  }
  const auto input = [&](const char* name) { return tensors->at(name).to(at::kDouble); };
  const train::RoutingAnalysis analysis =
      train::analyze_routing(input("in.probs"),
                             input("in.indices"),
                             input("in.weights"),
                             c["config"]["dead_fraction"].as_number());
  for (const auto& [key, want] : c["scalars"].members()) {
    const std::string name = key.substr(key.find('.') + 1);
    const auto found = analysis.scalars.find(name);
    if (found == analysis.scalars.end()) {
      comparison.failure(name + " is not computed");
      continue;
    }
    const Json& tolerance = c["tolerances"]["scalar"];
    comparison.value(name,
                     found->second,
                     want.as_number(),
                     tolerance["atol"].as_number(),
                     tolerance["rtol"].as_number());
  }
  const Json& forward = c["tolerances"]["forward"];
  const auto compare = [&](const char* name, const at::Tensor& got) {
    compare_whole(comparison,
                  name,
                  got,
                  tensors->at(std::string("out.") + name),
                  forward["atol"].as_number(),
                  forward["rtol"].as_number());
  };
  compare_whole(
      comparison, "counts", at::tensor(analysis.counts), tensors->at("out.counts"), 0.0, 0.0);
  compare("load", at::tensor(analysis.load));
  compare("importance", at::tensor(analysis.importance));
  compare("coactivation", at::tensor(analysis.coactivation));
  return comparison.outcome();
}

}  // namespace switchyard::golden
