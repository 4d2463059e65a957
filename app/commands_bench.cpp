#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "app/cli.h"
#include "app/exit_codes.h"
#include "engine/base/formats/dataset.h"
#include "engine/train/loop/run_setup.h"
#include "engine/train/loop/step_bench.h"

namespace switchyard::cli {
namespace {

struct BenchOptions {
  std::string preset, config_file;
  std::vector<std::string> settings;
  train::StepBenchRequest request;
};

int run_step_bench(Context& context, const BenchOptions& options) {
  std::string source;
  const auto loaded =
      train::load_config(options.preset, options.config_file, options.settings, source);
  if (!loaded.ok()) return fail(context, loaded.error());
  config::Resolved resolved = config::resolve(train::program_schema(), *loaded, source);
  if (!resolved.ok()) return fail(context, resolved.errors);
  train::StepBenchRequest request = options.request;
  request.config = std::move(resolved.config);
  if (request.vocab_size == 0) {
    request.vocab_size = request.config["model"]["vocab_size"].as_integer();
  }
  if (request.vocab_size == 0) {
    const auto data = formats::prepare_data(request.config["data"],
                                            request.config["model"]["seq_len"].as_integer());
    if (!data.ok()) return fail(context, data.error());
    request.vocab_size = data->tokenizer->vocab_size();
  }
  const auto report = train::step_bench(request);
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

}  // namespace

void add_bench_commands(CLI::App& app, Context& context) {
  CLI::App* bench = app.add_subcommand("bench", "Measure; never judge");
  bench->require_subcommand(1);
  auto options = std::make_shared<BenchOptions>();
  CLI::App* step = bench->add_subcommand("step", "Time whole training steps on random tokens");
  step->add_option("--preset", options->preset, "name of a preset")->type_name("NAME");
  step->add_option("--config", options->config_file, "configuration file")->type_name("FILE");
  step->add_option("--set", options->settings, "change one key")
      ->type_name("PATH=VALUE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  step->add_option("--device", options->request.device, "auto, cpu or cuda:N");
  step->add_option("--warmup", options->request.num_warmup_steps, "steps before the clock starts")
      ->check(CLI::Range(0, 1'000'000));
  step->add_option("--steps", options->request.num_steps, "timed steps")
      ->check(CLI::Range(1, 1'000'000));
  step->add_option("--vocab-size",
                   options->request.vocab_size,
                   "0 takes the vocabulary of the model or of its data set")
      ->check(CLI::Range(0, 16'777'216));
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
  add_json_option(*step, context);
  step->callback([&context, options] { run_step_bench(context, *options); });
}

}  // namespace switchyard::cli
