#include "ui/model/memory_estimate.h"

#include <algorithm>
#include <cmath>

#include "engine/base/config/model_size.h"
#include "engine/base/core/text.h"
#include "ui/plot/ticks.h"

namespace switchyard::ui {
namespace {

constexpr double kTightFrac = 0.85;
/// Resident memory of the engine with LibTorch and a model of no size, measured.
constexpr double kProgramBytes = 150e6;

/// Bytes that one layer keeps for its backward pass, for each token.
double layer_bytes_per_token(const Json& feed_forward, double d_model, double compute_bytes) {
  const auto d_ff = static_cast<double>(feed_forward["d_ff"].as_integer());
  const std::string& activation = feed_forward["activation"].as_string();
  const double num_hidden = activation == "swiglu" || activation == "geglu" ? 3.0 : 2.0;
  const double residuals = 8.0 * d_model;
  if (feed_forward["type"].as_string() == "dense")
    return residuals + compute_bytes * (6.0 * d_model + num_hidden * d_ff);
  const auto num_experts = static_cast<double>(feed_forward["num_experts"].as_integer());
  const auto top_k = static_cast<double>(feed_forward["router"]["top_k"].as_integer(1));
  return residuals + 8.0 * num_experts +
         compute_bytes * (5.0 * d_model + top_k * (2.0 * d_model + num_hidden * d_ff));
}

std::string times(double a, const char* unit, double b) {
  return switchyard::short_number(a) + unit + " × " +
         grouped_number(static_cast<long long>(std::llround(b)));
}

}  // namespace

MemoryEstimate memory_estimate(const Json& resolved,
                               std::int64_t params_total,
                               std::int64_t vocab_size,
                               bool is_gpu) {
  const Json& model = resolved["model"];
  const Json& train = resolved["train"];
  const std::string& type = train["compute_dtype"].as_string();
  const bool is_half = type == "bfloat16" || (type == "auto" && is_gpu);
  const double compute = is_half ? 2.0 : 4.0;
  const auto params = static_cast<double>(params_total);
  const auto d_model = static_cast<double>(model["d_model"].as_integer());
  const double tokens = static_cast<double>(train["micro_batch_size"].as_integer()) *
                        static_cast<double>(model["seq_len"].as_integer());
  double per_token = 0.0, num_layers = 0.0, largest = 0.0;
  for (const Json& group : model["layers"].items()) {
    const auto repeat = static_cast<double>(group["repeat"].as_integer(1));
    num_layers += repeat;
    const double layer = layer_bytes_per_token(group["feed_forward"], d_model, compute);
    per_token += repeat * layer;
    largest = std::max(largest, layer);
  }
  per_token += 8.0 * d_model + compute * d_model;
  const auto table = static_cast<double>(config::model_vocab_size(resolved, vocab_size));
  const double copy = is_half ? 2.0 : 0.0;
  const double head =
      is_gpu ? tokens * compute * d_model + 4.0 * table * d_model : 12.0 * tokens * table;

  MemoryEstimate estimate;
  const auto part = [&](const char* name, double bytes, std::string formula) {
    estimate.parts.push_back({name, bytes, std::move(formula)});
    estimate.total_bytes += bytes;
  };
  part("weights", (4.0 + copy) * params, times(4.0 + copy, " B", params) + " parameters");
  part("gradients", (4.0 + copy) * params, times(4.0 + copy, " B", params) + " parameters");
  const int num_moments = num_optimizer_moments(resolved);
  part("optimizer",
       4.0 * num_moments * params,
       times(4.0 * num_moments, " B", params) +
           (num_moments == 3 ? " parameters (three moments)" : " parameters (two moments)"));
  if (train["use_activation_checkpointing"].as_bool()) {
    per_token = num_layers * (4.0 + compute) * d_model + largest;  // inputs of layers, and one layer
  }
  part("activations",
       tokens * per_token,
       bytes_text(per_token) + " × " +
           grouped_number(static_cast<long long>(std::llround(tokens))) + " tokens, " +
           grouped_number(static_cast<long long>(std::llround(num_layers))) + " layers");
  part("backward",
       tokens * largest,
       bytes_text(largest) + " × " + grouped_number(static_cast<long long>(std::llround(tokens))) +
           " tokens, one layer");
  part("logits",
       head,
       is_gpu ? "by blocks of rows"
              : "12 B × " + grouped_number(static_cast<long long>(std::llround(tokens))) +
                    " tokens × " + grouped_number(static_cast<long long>(std::llround(table))) +
                    " words");
  if (!is_gpu) part("program", kProgramBytes, "the engine without a model");
  return estimate;
}

int num_optimizer_moments(const Json& resolved) {
  return resolved["optimizer"]["type"].as_string() == "amsgrad" ? 3 : 2;
}

double checkpoint_bytes(std::int64_t params_total, int num_moments) {
  return 4.0 * (1.0 + num_moments) * static_cast<double>(params_total);
}

Fit fit_of(double needed_bytes, double available_bytes) {
  if (!(needed_bytes > 0.0) || !(available_bytes > 0.0)) return Fit::kUnknown;
  if (needed_bytes > available_bytes) return Fit::kTooLarge;
  return needed_bytes > kTightFrac * available_bytes ? Fit::kTight : Fit::kFits;
}

const char* fit_name(Fit fit) {
  switch (fit) {
    case Fit::kFits:
      return "Fits";
    case Fit::kTight:
      return "Tight";
    case Fit::kTooLarge:
      return "Does not fit";
    case Fit::kUnknown:
      break;
  }
  return "Not known";
}

DraftFigures draft_figures(const Json& resolved,
                           std::int64_t vocab_size,
                           std::int64_t data_tokens,
                           bool is_gpu) {
  DraftFigures figures;
  const Json& train = resolved["train"];
  figures.tokens_per_step = static_cast<double>(train["micro_batch_size"].as_integer()) *
                            static_cast<double>(train["grad_accum_steps"].as_integer()) *
                            static_cast<double>(resolved["model"]["seq_len"].as_integer());
  figures.tokens_total =
      figures.tokens_per_step * static_cast<double>(train["max_steps"].as_integer());
  if (data_tokens > 0) figures.epochs = figures.tokens_total / static_cast<double>(data_tokens);
  const std::int64_t words = std::max(vocab_size, resolved["model"]["vocab_size"].as_integer());
  if (words <= 0) return figures;
  const config::ModelSize size = config::model_size(resolved, words);
  figures.params_total = size.params_total;
  figures.params_active = size.params_active;
  figures.flops_per_token = size.flops_per_token_step;
  figures.memory = memory_estimate(resolved, size.params_total, words, is_gpu);
  figures.checkpoint_bytes = checkpoint_bytes(size.params_total, num_optimizer_moments(resolved));
  const Json& checkpoint = resolved["checkpoint"];
  const std::int64_t max_steps = train["max_steps"].as_integer();
  const std::int64_t interval = checkpoint["interval_steps"].as_integer();
  const std::int64_t num_saved = interval > 0 ? (max_steps + interval - 1) / interval : 1;
  const std::int64_t num_kept = std::min(num_saved, checkpoint["keep_last"].as_integer() + 1);
  figures.disk_bytes = figures.checkpoint_bytes * static_cast<double>(num_kept);
  return figures;
}

TimeRange run_time(const Json& resolved, double ms_low, double ms_high) {
  const Json& train = resolved["train"];
  const auto max_steps = static_cast<double>(train["max_steps"].as_integer());
  const std::int64_t interval = train["eval_interval_steps"].as_integer();
  const auto rows = static_cast<double>(train["micro_batch_size"].as_integer()) *
                    static_cast<double>(train["grad_accum_steps"].as_integer());
  double num_evaluations = 1.0;
  if (interval > 0) num_evaluations += std::floor(max_steps / static_cast<double>(interval));
  const auto windows = static_cast<double>(train["eval_windows"].as_integer());
  const double steps = max_steps + num_evaluations * windows / std::max(1.0, rows) / 3.0;
  return {steps * ms_low / 1000.0, steps * ms_high / 1000.0};
}

}  // namespace switchyard::ui
