#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/cli.h"
#include "app/exit_codes.h"
#include "engine/base/formats/dataset.h"
#include "engine/train/loop/experts_bench.h"
#include "engine/train/loop/run_setup.h"
#include "engine/train/loop/sample_bench.h"
#include "engine/train/loop/step_bench.h"

namespace switchyard::cli {
namespace {

template <typename Request>
struct BenchOptions {
  std::string preset, config_file;
  std::vector<std::string> settings;
  Request request;
};

/// The request with its configuration resolved and its vocabulary known.
template <typename Request>
std::optional<Request> resolved_request(Context& context, const BenchOptions<Request>& options) {
  std::string source;
  const auto loaded =
      train::load_config(options.preset, options.config_file, options.settings, source);
  if (!loaded.ok()) {
    fail(context, loaded.error());
    return std::nullopt;
  }
  config::Resolved resolved = config::resolve(train::program_schema(), *loaded, source);
  if (!resolved.ok()) {
    fail(context, resolved.errors);
    return std::nullopt;
  }
  Request request = options.request;
  request.config = std::move(resolved.config);
  if (request.vocab_size == 0) {
    request.vocab_size = request.config["model"]["vocab_size"].as_integer();
  }
  if (request.vocab_size == 0) {
    const auto data = formats::prepare_data(request.config["data"],
                                            request.config["model"]["seq_len"].as_integer());
    if (!data.ok()) {
      fail(context, data.error());
      return std::nullopt;
    }
    request.vocab_size = data->tokenizer->vocab_size();
  }
  return request;
}

int run_step_bench(Context& context, const BenchOptions<train::StepBenchRequest>& options) {
  const auto request = resolved_request(context, options);
  if (!request) return context.exit_code;
  const auto report = train::step_bench(*request);
  if (!report.ok()) return fail(context, report.error());
  if (context.use_json) {
    print_json(*report);
    return kExitDone;
  }
  const Json& row = *report;
  std::printf("%-28s %s, %s, %lld threads: %.2f ms/step (p95 %.2f), %.0f tokens/s, %.2f GiB\n",
              row["name"].as_string().c_str(),
              row["device"].as_string().c_str(),
              row["compute_dtype"].as_string().c_str(),
              static_cast<long long>(row["num_threads"].as_integer()),
              row["ms"].as_number(),
              row["ms_p95"].as_number(),
              row["tokens_per_second"].as_number(),
              row["peak_gib"].as_number());
  if (const Json* mfu = row.find("mfu"); mfu != nullptr) {
    std::printf("%-28s MFU %.1f %% of %.4g TFLOP/s by the rule %s\n",
                "",
                100.0 * mfu->as_number(),
                row["peak_tflops"].as_number(),
                row["mfu_rule"].as_string().c_str());
  }
  if (const Json* profile = row.find("profile"); profile != nullptr) {
    for (const Json& stage : (*profile)["stages"].items()) {
      std::printf("%-28s %8.3f ms %5.1f %%  %s\n",
                  stage["stage"].as_string().c_str(),
                  stage["ms"].as_number(),
                  100.0 * stage["share"].as_number(),
                  stage["kernels"][0]["name"].as_string().substr(0, 60).c_str());
    }
  }
  return kExitDone;
}

int run_sample_bench(Context& context, const BenchOptions<train::SampleBenchRequest>& options) {
  const auto request = resolved_request(context, options);
  if (!request) return context.exit_code;
  const auto report = train::sample_bench(*request);
  if (!report.ok()) return fail(context, report.error());
  if (context.use_json) {
    print_json(*report);
    return kExitDone;
  }
  const Json& row = *report;
  std::printf("%-28s %s, %s, batch %lld: %.0f tokens/s, %.3f ms/token of each, %.2f GiB\n",
              row["name"].as_string().c_str(),
              row["device"].as_string().c_str(),
              row["compute_dtype"].as_string().c_str(),
              static_cast<long long>(row["batch"].as_integer()),
              row["tokens_per_second"].as_number(),
              row["ms_per_step"].as_number(),
              row["peak_gib"].as_number());
  if (const std::string& reason = row["why_slow"].as_string(); !reason.empty()) {
    std::printf("%-28s without recorded batches: %s\n", "", reason.c_str());
  }
  return kExitDone;
}

/// What both benches take.
template <typename Request>
void add_common_options(CLI::App& command, BenchOptions<Request>& options, Context& context) {
  command.add_option("--preset", options.preset, "name of a preset")->type_name("NAME");
  command.add_option("--config", options.config_file, "configuration file")->type_name("FILE");
  command.add_option("--set", options.settings, "change one key")
      ->type_name("PATH=VALUE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--device", options.request.device, "auto, cpu or cuda:N");
  command
      .add_option("--vocab-size",
                  options.request.vocab_size,
                  "0 takes the vocabulary of the model or of its data set")
      ->check(CLI::Range(0, 16'777'216));
  add_json_option(command, context);
}

void add_step_bench(CLI::App& bench, Context& context) {
  auto options = std::make_shared<BenchOptions<train::StepBenchRequest>>();
  CLI::App* step = bench.add_subcommand("step", "Time whole training steps on random tokens");
  add_common_options(*step, *options, context);
  step->add_option("--warmup", options->request.num_warmup_steps, "steps before the clock starts")
      ->check(CLI::Range(0, 1'000'000));
  step->add_option("--steps", options->request.num_steps, "timed steps")
      ->check(CLI::Range(1, 1'000'000));
  step->add_flag("--routing-stats",
                 options->request.use_routing_stats,
                 "record routing statistics as a run does");
  step->add_flag("--profile",
                 options->request.use_profile,
                 "also show which kernels of the GPU the step consists of");
  step->add_option("--peak-tflops",
                   options->request.peak_tflops,
                   "peak of the device in TFLOP/s; adds the utilisation (MFU) and its rule")
      ->check(CLI::Range(1e-6, 1e9));
  step->callback([&context, options] { run_step_bench(context, *options); });
}

void add_sample_bench(CLI::App& bench, Context& context) {
  auto options = std::make_shared<BenchOptions<train::SampleBenchRequest>>();
  train::SampleBenchRequest& request = options->request;
  CLI::App* sample =
      bench.add_subcommand("sample", "Time sampling from random weights, prompts included");
  add_common_options(*sample, *options, context);
  sample->add_option("--batch", request.batch, "prompts at once")->check(CLI::Range(1, 4096));
  sample->add_option("--prompt-tokens", request.num_prompt_tokens, "tokens of each prompt")
      ->check(CLI::Range(1, 1'000'000));
  sample->add_option("--tokens", request.num_tokens, "new tokens of each prompt")
      ->check(CLI::Range(1, 1'000'000));
  sample->add_option("--temperature", request.settings.temperature, "0 takes the likeliest");
  sample->add_option("--top-k", request.settings.top_k, "0 is off");
  sample->add_option("--top-p", request.settings.top_p, "1 is off");
  sample->add_option("--min-p", request.settings.min_p, "0 is off");
  sample->add_option("--rounds", request.num_rounds, "timed calls, after one that is not")
      ->check(CLI::Range(1, 1000));
  sample->callback([&context, options] { run_sample_bench(context, *options); });
}

int run_experts_bench(Context& context, const train::ExpertsBenchRequest& request) {
  const auto report = train::experts_bench(request);
  if (!report.ok()) return fail(context, report.error());
  if (context.use_json) {
    print_json(*report);
    return kExitDone;
  }
  const Json& row = *report;
  std::printf("%s, %s, %s: %.3f ms forward and backward, %.1f TFLOP/s, %.2f GiB\n",
              row["device"].as_string().c_str(),
              row["compute_dtype"].as_string().c_str(),
              row["activation"].as_string().c_str(),
              row["ms"].as_number(),
              row["tflops"].as_number(),
              row["peak_gib"].as_number());
  return kExitDone;
}

void add_experts_bench(CLI::App& bench, Context& context) {
  auto request = std::make_shared<train::ExpertsBenchRequest>();
  CLI::App* experts =
      bench.add_subcommand("experts", "Time one layer of routed experts, forward and backward");
  experts->add_option("--shape", request->shape, "width, expert width, experts, top-k, tokens")
      ->type_name("D,F,E,K,N")
      ->delimiter(',')
      ->required();
  experts->add_option("--activation", request->activation, "of the experts")
      ->check(CLI::IsMember({"gelu_erf", "gelu_tanh", "relu", "swiglu", "geglu"}));
  experts->add_option("--device", request->device, "auto, cpu or cuda:N");
  experts->add_option("--blocks", request->num_blocks, "timed blocks")->check(CLI::Range(1, 1000));
  experts->add_option("--per-block", request->per_block, "passes of a block")
      ->check(CLI::Range(1, 1000));
  experts->add_option("--warmup", request->num_warmup, "passes before the clock starts")
      ->check(CLI::Range(0, 1000));
  add_json_option(*experts, context);
  experts->callback([&context, request] { run_experts_bench(context, *request); });
}

}  // namespace

void add_bench_commands(CLI::App& app, Context& context) {
  CLI::App* bench = app.add_subcommand("bench", "Measure; never judge");
  bench->require_subcommand(1);
  add_step_bench(*bench, context);
  add_sample_bench(*bench, context);
  add_experts_bench(*bench, context);
}

}  // namespace switchyard::cli
