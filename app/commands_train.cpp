#include <memory>

#include <unistd.h>

#include "app/cli.h"
#include "app/crash_report.h"
#include "app/exit_codes.h"
#include "app/progress.h"
#include "engine/base/core/log.h"
#include "engine/base/store/run_folder.h"
#include "engine/train/loop/run_setup.h"
#include "engine/train/loop/session.h"

namespace switchyard::cli {
namespace {

struct TrainOptions {
  train::RunRequest request;
  std::string device = "auto";
};

int run_train(Context& context, const TrainOptions& options) {
  train::RunRequest request = options.request;
  if (!request.run_dir.empty() && request.is_resume)
    request.run_dir = run_directory(request.run_dir);
  if (!request.fork.empty()) request.fork = run_directory(request.fork);
  const train::PlannedRun plan = train::plan_run(request);
  if (!plan.ok()) return fail(context, plan.errors);
  set_log_level(context.use_json ? LogLevel::kInfo : LogLevel::kError);
  catch_stop_signals();
  ProgressView progress(::isatty(STDOUT_FILENO) == 1);
  const train::EventSink sink = [&](const Json& event) {
    const std::string& name = event["event"].as_string();
    if (name == "start")
      CrashReport::open_note(store::RunPaths{event["run"].as_string()}.crash_note());
    if (const Json* step = event.find("step")) CrashReport::set_step(step->as_integer());
    if (context.use_json) {
      print_json(event);
    } else {
      progress.show(event);
    }
  };
  const Result<train::TrainOutcome> outcome =
      train::train_run(plan.setup, options.device, sink, &is_stop_requested);
  progress.finish();
  CrashReport::close_note();
  if (!outcome.ok()) return fail(context, outcome.error());
  context.exit_code = outcome->is_completed ? kExitDone : kExitStopped;
  if (!outcome->is_completed && !context.use_json) {
    print_line("stopped at step " + std::to_string(outcome->step) + "; continue with: " +
               "switchyard-engine train --resume --run " + plan.setup.run_dir);
  }
  return context.exit_code;
}

}  // namespace

void add_train_commands(CLI::App& app, Context& context) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = app.add_subcommand("train", "Train a model");
  command->add_option("--preset", options->request.preset, "name of a preset")->type_name("NAME");
  command->add_option("--config", options->request.config_file, "configuration file")
      ->type_name("FILE");
  command
      ->add_option("--set",
                   options->request.settings,
                   "change one key, e.g. --set optimizer.learning_rate=0.0005 (repeatable)")
      ->type_name("PATH=VALUE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--run", options->request.run_dir, "run folder")->type_name("DIR");
  command->add_flag("--resume", options->request.is_resume, "continue the run in --run");
  CLI::Option* fork = command
                          ->add_option("--fork",
                                       options->request.fork,
                                       "begin a new run from a checkpoint of this one: weights, "
                                       "optimizer, position in the data")
                          ->type_name("RUN");
  command
      ->add_option("--checkpoint", options->request.checkpoint, "of --fork: last, best or a step")
      ->needs(fork);
  command->add_option("--device", options->device, "auto, cpu or cuda:N")->type_name("DEVICE");
  add_json_option(*command, context);
  command->footer(
      "Ctrl-C finishes the step, saves and stops; twice ends at once. For tests the environment\n"
      "variable SY_INJECT plans faults, e.g. nan_loss@30 (see engine/train/loop/fault_plan.h).");
  command->callback([&context, options] { run_train(context, *options); });
}

}  // namespace switchyard::cli
