#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "app/cli.h"
#include "app/exit_codes.h"
#include "app/training_child.h"
#include "engine/base/config/presets.h"
#include "engine/base/core/file_system.h"
#include "engine/base/sweep/sweep.h"
#include "engine/base/sweep/sweep_runs.h"
#include "engine/base/sweep/sweep_table.h"
#include "engine/train/loop/run_setup.h"

namespace switchyard::cli {
namespace {

struct SweepOptions {
  std::string file, preset, config_file, name, csv, device = "auto";
  std::vector<std::string> axes, settings;
  std::vector<std::int64_t> seeds;
  std::int64_t max_steps = 0;
  bool is_retrying = false;
};

/// A sweep that was read and found valid, run by run.
struct Loaded {
  sweep::Paths paths;
  sweep::Plan plan;
  std::string file;
  std::vector<Error> errors;
};

bool is_file(const std::string& path) {
  const auto info = real_file_system().info(path);
  return info.ok() && info->exists && !info->is_directory;
}

/// The file that a person means: a path, a sweep once given on a command line, or one that comes
/// with the program. Errors: kUsage with the names of the latter.
Result<std::string> find_sweep_file(const std::string& name_or_path) {
  if (is_file(name_or_path)) return name_or_path;
  const std::string shipped = config::configs_directory() + "/sweeps";
  if (name_or_path.find('/') == std::string::npos) {
    for (const std::string& path : {sweep::Paths{store::runs_directory(), name_or_path}.file(),
                                    shipped + "/" + name_or_path + ".json"}) {
      if (is_file(path)) return path;
    }
  }
  std::string names;
  if (const auto listed = real_file_system().list(shipped); listed.ok()) {
    for (const std::string& file : *listed) {
      if (!file.ends_with(".json")) continue;
      names += (names.empty() ? "" : ", ") + file.substr(0, file.size() - 5);
    }
  }
  return Error{ErrorCode::kUsage,
               "sweep " + name_or_path,
               "expected a sweep file or the name of a sweep, found neither.",
               "Sweeps that come with Switchyard: " + names + ".",
               {}};
}

/// Plans a parsed sweep; `file` is where it stands.
Loaded plan_parsed(sweep::Parsed parsed, const std::string& file) {
  Loaded loaded;
  loaded.file = file;
  loaded.errors = std::move(parsed.errors);
  if (!loaded.errors.empty()) return loaded;
  const sweep::Sweep& sweep = parsed.sweep;
  const bool is_relative = !sweep.config_file.empty() && sweep.config_file[0] != '/';
  std::string source;
  const auto base = train::load_config(
      sweep.preset,
      is_relative ? parent_directory(file) + "/" + sweep.config_file : sweep.config_file,
      {},
      source);
  if (!base.ok()) {
    loaded.errors.push_back(with_context(base.error(), "reading the base of " + file));
    return loaded;
  }
  loaded.plan = sweep::make_plan(train::program_schema(), sweep, *base, file);
  loaded.errors = loaded.plan.errors;
  loaded.paths = {store::runs_directory(), sweep.name};
  return loaded;
}

/// Reads and parses the file that a person means, whose path becomes `file`.
Result<sweep::Parsed> read_sweep(const std::string& name_or_path, std::string& file) {
  SY_ASSIGN_OR_RETURN(file, find_sweep_file(name_or_path));
  SY_ASSIGN_OR_RETURN(const Json document, config::read_config_file(file));
  return sweep::parse(document, file);
}

Loaded load_sweep(const std::string& name_or_path) {
  std::string file;
  auto parsed = read_sweep(name_or_path, file);
  if (parsed.ok()) return plan_parsed(std::move(parsed).value(), file);
  Loaded failed;
  failed.errors.push_back(std::move(parsed).error());
  return failed;
}

/// Do the options describe a sweep of their own, or a file with changes?
bool is_described(const SweepOptions& options) {
  return options.file.empty() || !options.axes.empty() || !options.settings.empty() ||
         !options.seeds.empty() || options.max_steps > 0 || !options.name.empty();
}

std::string absolute_path(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::absolute(path, ignored).lexically_normal().string();
}

/// What the options change: nothing yet, or the sweep of the file.
Result<sweep::Sweep> described_base(const SweepOptions& options) {
  sweep::Sweep sweep;
  if (options.file.empty()) {
    sweep.preset = options.preset;
    if (!options.config_file.empty()) sweep.config_file = absolute_path(options.config_file);
    const std::string stem = base_name(options.config_file);
    sweep.name =
        (options.preset.empty() ? stem.substr(0, stem.rfind(".json")) : options.preset) + "-sweep";
    return sweep;
  }
  if (options.name.empty())
    return Error{ErrorCode::kUsage,
                 "--name",
                 "expected a name for the changed sweep, found none.",
                 "With --axis, --set, --seeds or --max-steps the file becomes a new sweep.",
                 {}};
  std::string file;
  SY_ASSIGN_OR_RETURN(sweep::Parsed parsed, read_sweep(options.file, file));
  if (!parsed.ok()) return parsed.errors.front();
  std::string& config_file = parsed.sweep.config_file;
  if (!config_file.empty() && config_file[0] != '/')
    config_file = absolute_path(parent_directory(file) + "/" + config_file);
  return std::move(parsed.sweep);
}

/// The sweep that the options describe, as a document.
Result<Json> document_from(const SweepOptions& options) {
  SY_ASSIGN_OR_RETURN(sweep::Sweep sweep, described_base(options));
  if (!options.name.empty()) sweep.name = options.name;
  if (!options.seeds.empty()) sweep.seeds = options.seeds;
  if (options.max_steps > 0) sweep.max_steps = options.max_steps;
  for (const std::string& text : options.axes) {
    SY_ASSIGN_OR_RETURN(sweep::Axis axis, sweep::axis_from_text(text));
    sweep.axes.push_back(std::move(axis));
  }
  for (const std::string& text : options.settings) {
    Json nothing;  // refuses what is no path=value, in the words of every --set
    SY_RETURN_IF_ERROR(config::apply_setting(nothing, text));
    const std::size_t equals = text.find('=');
    const auto value = parse_json(text.substr(equals + 1), "--set");
    sweep.settings.emplace_back(text.substr(0, equals),
                                value.ok() ? *value : Json(text.substr(equals + 1)));
  }
  return sweep::json_from(sweep);
}

/// Writes the sweep of a command line as a file, unless it stands there already.
Loaded write_sweep(const SweepOptions& options) {
  Loaded failed;
  const auto document = document_from(options);
  if (!document.ok()) {
    failed.errors.push_back(document.error());
    return failed;
  }
  const std::string file =
      sweep::Paths{store::runs_directory(), (*document)["name"].as_string()}.file();
  Loaded loaded = plan_parsed(sweep::parse(*document, file), file);
  if (!loaded.errors.empty()) return loaded;
  if (is_file(file)) {
    const auto before = config::read_config_file(file);
    if (before.ok() && *before == *document) return loaded;
    failed.errors.push_back(
        {ErrorCode::kUsage,
         file,
         "expected a new name, found another sweep called \"" + loaded.plan.name + "\".",
         "Choose a --name; `switchyard-engine sweep " + loaded.plan.name +
             "` goes on with that one.",
         {}});
    return failed;
  }
  Status written = make_directories(parent_directory(file));
  if (written.ok()) written = write_file_durably(file, document->dump(2) + "\n");
  if (!written.ok()) loaded.errors.push_back(written.error());
  return loaded;
}

// ---- table ------------------------------------------------------------------------------------

int print_table(Context& context, const Loaded& loaded, const std::string& csv) {
  std::vector<sweep::Measure> measures;
  for (const sweep::Run& run : loaded.plan.runs)
    measures.push_back(sweep::measure_run(train::program_schema(), loaded.paths, run));
  const std::vector<sweep::Row> rows = sweep::make_table(loaded.plan, measures);
  if (!csv.empty()) {
    const Status written = write_file_durably(csv, sweep::csv_from(rows));
    if (!written.ok()) return fail(context, written.error());
  }
  if (context.use_json) {
    for (const sweep::Row& row : rows) print_json(sweep::json_from(row));
    return context.exit_code;
  }
  std::fputs(sweep::text_from(rows).c_str(), stdout);
  std::fflush(stdout);
  return context.exit_code;
}

int run_table(Context& context, const SweepOptions& options) {
  const Loaded loaded = load_sweep(options.file);
  if (!loaded.errors.empty()) return fail(context, loaded.errors);
  return print_table(context, loaded, options.csv);
}

// ---- run --------------------------------------------------------------------------------------

/// Says what happens to one run: a line, or an event of the name.
void announce(const Context& context,
              const char* event,
              const Loaded& loaded,
              const sweep::Run& run,
              const sweep::RunState& state) {
  const auto number = static_cast<std::int64_t>(&run - loaded.plan.runs.data()) + 1;
  const auto count = static_cast<std::int64_t>(loaded.plan.runs.size());
  if (context.use_json) {
    print_json(Json::object({{"event", Json(event)},
                             {"run", Json(loaded.paths.run(run))},
                             {"setting", Json(loaded.plan.settings[run.setting])},
                             {"seed", Json(run.seed)},
                             {"number", Json(number)},
                             {"num_runs", Json(count)},
                             {"state", Json(sweep::state_name(state.state))},
                             {"exit_code", Json(state.exit_code)},
                             {"message", Json(state.reason)}}));
    return;
  }
  print_line("[" + std::to_string(number) + "/" + std::to_string(count) + "] " + run.name + ": " +
             sweep::state_name(state.state) + (state.reason.empty() ? "" : ": " + state.reason));
}

/// Trains one run, or goes on with it. Errors: of the sweep's own files.
Result<sweep::RunState> train_one(const Context& context,
                                  const Loaded& loaded,
                                  const sweep::Run& run,
                                  const SweepOptions& options) {
  const std::string root = loaded.paths.run(run);
  const auto state = [&] { return sweep::state_of(train::program_schema(), loaded.paths, run); };
  announce(context, "run_start", loaded, run, {sweep::State::kTraining, "", 0});
  // The process of a killed sweep may still be at it, and may finish it.
  if (!wait_until_released(root)) return state();
  if (state().state == sweep::State::kDone) return state();
  SY_RETURN_IF_ERROR(sweep::prepare_run(loaded.paths, run));
  const std::string log = root + ".log";
  SY_ASSIGN_OR_RETURN(const pid_t child,
                      start_training({"--resume",
                                      "--run",
                                      root,
                                      "--config",
                                      loaded.paths.config(run),
                                      "--device",
                                      options.device},
                                     log));
  const int exit_code = wait_for_training(child);
  if (exit_code != kExitDone && exit_code != kExitStopped && !is_stop_requested()) {
    SY_RETURN_IF_ERROR(
        sweep::note_failure(loaded.paths, run, failure_of_training(log, exit_code), exit_code));
  }
  return state();
}

bool is_skipped(const sweep::RunState& state, bool is_retrying) {
  return state.state == sweep::State::kDone || state.state == sweep::State::kForeign ||
         (state.state == sweep::State::kFailed && !is_retrying);
}

int train_sweep(Context& context, const SweepOptions& options) {
  const bool is_written = is_described(options);
  const Loaded loaded = is_written ? write_sweep(options) : load_sweep(options.file);
  if (!loaded.errors.empty()) return fail(context, loaded.errors);
  const auto lock = sweep::lock_sweep(loaded.paths);
  if (!lock.ok()) return fail(context, lock.error());
  catch_stop_signals();
  if (!context.use_json && is_written) print_line("the sweep stands in " + loaded.file);
  int exit_code = kExitDone;
  for (const sweep::Run& run : loaded.plan.runs) {
    if (is_stop_requested()) break;
    sweep::RunState state = sweep::state_of(train::program_schema(), loaded.paths, run);
    if (!is_skipped(state, options.is_retrying)) {
      const auto trained = train_one(context, loaded, run, options);
      if (!trained.ok()) return fail(context, trained.error());
      state = *trained;
    }
    announce(context, "run_done", loaded, run, state);
    if (exit_code == kExitDone && state.exit_code != 0)
      exit_code = state.exit_code > kExitMemory ? kExitInternal : state.exit_code;
  }
  context.exit_code = is_stop_requested() ? kExitStopped : exit_code;
  if (!context.use_json) print_line("");
  print_table(context, loaded, options.csv);
  if (is_stop_requested() && !context.use_json)
    print_line("stopped; go on with: switchyard-engine sweep " +
               (is_written ? loaded.plan.name : options.file));
  return context.exit_code;
}

void add_repeatable(CLI::App& command,
                    const char* flag,
                    std::vector<std::string>& to,
                    const char* help,
                    const char* type) {
  command.add_option(flag, to, help)
      ->type_name(type)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace

void add_sweep_commands(CLI::App& app, Context& context) {
  auto options = std::make_shared<SweepOptions>();
  CLI::App* command = app.add_subcommand("sweep", "Train a list or a grid of settings and seeds");
  CLI::Option* file =
      command->add_option("file", options->file, "sweep file, or the name of a sweep")
          ->type_name("FILE");
  command->add_option("--preset", options->preset, "instead of FILE: the base of all runs")
      ->type_name("NAME")
      ->excludes(file);
  command->add_option("--config", options->config_file, "instead of FILE: the base of all runs")
      ->type_name("FILE")
      ->excludes(file);
  add_repeatable(*command, "--axis", options->axes, "a key and its values", "PATH=V1,V2,…");
  add_repeatable(*command, "--set", options->settings, "change one key of all runs", "PATH=VALUE");
  command->add_option("--seeds", options->seeds, "each setting once with each")
      ->type_name("N,N,…")
      ->delimiter(',');
  command->add_option("--max-steps", options->max_steps, "of every run")
      ->check(CLI::PositiveNumber);
  command->add_option("--name", options->name, "of the sweep, its runs and their tag")
      ->type_name("NAME");
  command->add_flag("--retry-failed", options->is_retrying, "train failed runs again");
  command->add_option("--device", options->device, "auto, cpu or cuda:N")->type_name("DEVICE");
  command->add_option("--csv", options->csv, "write the table there as well")->type_name("FILE");
  add_json_option(*command, context);
  command->footer(
      "Trains one run after another, each as a process of its own in a run folder of its own, and\n"
      "prints the table. Started again it skips what is done and goes on with what was\n"
      "interrupted; Ctrl-C saves and stops. With FILE, the options that change it need a --name:\n"
      "they make a sweep of their own. The file: engine/base/sweep/README.md.");
  CLI::App* table = command->add_subcommand("table", "Print the table, train nothing");
  table->add_option("file", options->file, "sweep file, or the name of a sweep")
      ->required()
      ->type_name("FILE");
  table->add_option("--csv", options->csv, "write the table there as well")->type_name("FILE");
  add_json_option(*table, context);
  table->callback([&context, options] { run_table(context, *options); });
  command->callback([&context, options, table] {
    if (table->parsed()) return;
    if (options->file.empty() && options->preset.empty() && options->config_file.empty()) {
      fail(context,
           Error{ErrorCode::kUsage,
                 "sweep",
                 "expected FILE, or --preset NAME with --axis and --seeds, found neither.",
                 "`switchyard-engine sweep --help` shows the options.",
                 {}});
      return;
    }
    train_sweep(context, *options);
  });
}

}  // namespace switchyard::cli
