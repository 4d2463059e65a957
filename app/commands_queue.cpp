#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/cli.h"
#include "app/exit_codes.h"
#include "app/training_child.h"
#include "engine/base/core/clock.h"
#include "engine/base/core/file_system.h"
#include "engine/base/store/run_folder.h"
#include "engine/base/store/run_queue.h"
#include "engine/train/loop/run_setup.h"

namespace switchyard::cli {
namespace {

struct QueueOptions {
  std::string preset, config_file, name, id, device = "auto";
  std::vector<std::string> settings;
  std::size_t position = 0;
};

Json json_from(const store::QueuedRun& entry) {
  return Json::object({{"id", Json(entry.id)},
                       {"name", Json(entry.name)},
                       {"preset", Json(entry.preset)},
                       {"max_steps", Json(entry.max_steps)},
                       {"config", Json(entry.config)},
                       {"is_running", Json(entry.is_running)},
                       {"run", Json(entry.run)}});
}

int print_entry(const Context& context, const store::QueuedRun& entry) {
  if (context.use_json) {
    print_json(json_from(entry));
    return kExitDone;
  }
  char text[512];
  std::snprintf(text,
                sizeof text,
                "%-36s %-32s %8lld steps  %s",
                entry.id.c_str(),
                entry.preset.c_str(),
                static_cast<long long>(entry.max_steps),
                entry.is_running ? ("in " + entry.run).c_str() : "waits");
  print_line(text);
  return kExitDone;
}

int run_add(Context& context, const QueueOptions& options) {
  std::string source;
  const auto loaded =
      train::load_config(options.preset, options.config_file, options.settings, source);
  if (!loaded.ok()) return fail(context, loaded.error());
  const config::Resolved resolved = config::resolve(train::program_schema(), *loaded, source);
  if (!resolved.ok()) return fail(context, resolved.errors);
  const auto entry = store::enqueue(store::runs_directory(), options.name, resolved.config);
  if (!entry.ok()) return fail(context, entry.error());
  return print_entry(context, *entry);
}

int run_list(Context& context) {
  const std::vector<store::QueuedRun> queue = store::list_queue(store::runs_directory());
  for (const store::QueuedRun& entry : queue) print_entry(context, entry);
  if (context.use_json) return kExitDone;
  if (queue.empty()) print_line("the queue is empty");
  if (!queue.empty() && !store::QueueRunner::is_running(store::runs_directory())) {
    print_line("nobody trains them: `switchyard-engine queue run` does");
  }
  return kExitDone;
}

int run_remove(Context& context, const QueueOptions& options) {
  const Status removed = store::remove_queued(store::runs_directory(), options.id);
  if (!removed.ok()) return fail(context, removed.error());
  if (!context.use_json) print_line("removed " + options.id);
  return kExitDone;
}

int run_move(Context& context, const QueueOptions& options) {
  const auto moved = store::move_queued(store::runs_directory(), options.id, options.position);
  if (!moved.ok()) return fail(context, moved.error());
  return print_entry(context, *moved);
}

// ---- run --------------------------------------------------------------------------------------

store::QueueOutcome outcome_of(const store::QueuedRun& entry, int exit_code) {
  store::QueueOutcome outcome{entry.id, entry.name, entry.run, "completed", "", exit_code, 0.0};
  outcome.wall_time = system_clock().wall_seconds();
  if (exit_code == kExitDone) return outcome;
  outcome.state = exit_code == kExitStopped ? "stopped" : "failed";
  if (outcome.state == "stopped") return outcome;
  outcome.message = failure_of_training(entry.run + ".log", exit_code);
  return outcome;
}

void announce(const Context& context, const char* event, const store::QueueOutcome& outcome) {
  if (context.use_json) {
    print_json(Json::object({{"event", Json(event)},
                             {"id", Json(outcome.id)},
                             {"run", Json(outcome.run)},
                             {"state", Json(outcome.state)},
                             {"exit_code", Json(outcome.exit_code)},
                             {"message", Json(outcome.message)}}));
    return;
  }
  print_line(outcome.id + ": " + outcome.state + (outcome.run.empty() ? "" : "  " + outcome.run) +
             (outcome.message.empty() ? "" : "  " + outcome.message));
}

/// Trains one entry in its run folder, or goes on with it when a runner before left it there.
int train_entry(const Context& context, const QueueOptions& options, const store::QueuedRun& run) {
  announce(context, "queue_start", {run.id, run.name, run.run, "training", "", 0, 0.0});
  // The process of a killed runner may still be at it.
  if (!wait_until_released(run.run)) return kExitStopped;
  std::vector<std::string> words{"--resume", "--run", run.run, "--device", options.device};
  // A run that has begun goes on as it stands: its settings may have been changed since.
  const auto begun = real_file_system().info(store::RunPaths{run.run}.config());
  if (!begun.ok() || !begun->exists) words.insert(words.end(), {"--config", run.config});
  const auto child = start_training(words, run.run + ".log");
  if (!child.ok()) {
    std::fprintf(stderr, "error: %s\n", child.error().text().c_str());
    return exit_code_from(child.error().code);
  }
  return wait_for_training(*child);
}

int run_queue(Context& context, const QueueOptions& options) {
  auto runner = store::QueueRunner::start(store::runs_directory());
  if (!runner.ok()) return fail(context, runner.error());
  catch_stop_signals();
  for (;;) {
    const auto entry = runner->next();
    if (!entry.ok()) return fail(context, entry.error());
    if (!entry->has_value()) return kExitDone;
    const int exit_code = train_entry(context, options, **entry);
    if (is_stop_requested()) {  // the entry stays: the next `queue run` goes on with it
      context.exit_code = kExitStopped;
      return kExitStopped;
    }
    const store::QueueOutcome outcome = outcome_of(**entry, exit_code);
    announce(context, "queue_done", outcome);
    const Status finished = runner->finish(outcome);
    if (!finished.ok()) return fail(context, finished.error());
  }
}

}  // namespace

void add_queue_commands(CLI::App& app, Context& context) {
  CLI::App* queue = app.add_subcommand("queue", "Runs that are trained one after another");
  queue->require_subcommand(1);
  auto options = std::make_shared<QueueOptions>();

  CLI::App* add = queue->add_subcommand("add", "Add a run at the end");
  add->add_option("--preset", options->preset, "name of a preset")->type_name("NAME");
  add->add_option("--config", options->config_file, "configuration file")->type_name("FILE");
  add->add_option("--set", options->settings, "change one key (repeatable)")
      ->type_name("PATH=VALUE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add->add_option("--name", options->name, "stem of the run folder")->type_name("NAME");
  add_json_option(*add, context);
  add->callback([&context, options] { run_add(context, *options); });

  CLI::App* list = queue->add_subcommand("list", "Show what waits");
  add_json_option(*list, context);
  list->callback([&context] { run_list(context); });

  CLI::App* remove = queue->add_subcommand("remove", "Take a waiting run out");
  remove->add_option("id", options->id, "as `queue list` shows it")->required();
  add_json_option(*remove, context);
  remove->callback([&context, options] { run_remove(context, *options); });

  CLI::App* move = queue->add_subcommand("move", "Change the order");
  move->add_option("id", options->id, "as `queue list` shows it")->required();
  move->add_option("position", options->position, "0 is next")->required();
  add_json_option(*move, context);
  move->callback([&context, options] { run_move(context, *options); });

  CLI::App* run = queue->add_subcommand("run", "Train all entries, then end");
  run->add_option("--device", options->device, "auto, cpu or cuda:N")->type_name("DEVICE");
  add_json_option(*run, context);
  run->footer(
      "A run that fails is noted in .queue/done and skipped. Ctrl-C saves and ends; the next\n"
      "`queue run` goes on with the same run. Standard output of a run: RUN.log beside its "
      "folder.");
  run->callback([&context, options] { run_queue(context, *options); });
}

}  // namespace switchyard::cli
