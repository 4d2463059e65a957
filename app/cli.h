#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::cli {

/// What the commands share: how to answer, and the exit code that main returns.
struct Context {
  bool use_json = false;
  int exit_code = 0;
};

/// One JSON object as a line on standard output, flushed.
void print_json(const Json& object);
/// A line of text on standard output.
void print_line(const std::string& text);

/// Reports failures: text on standard error and, with --json, one error object per line on standard
/// output. Sets and returns the exit code of the first.
int fail(Context& context, const std::vector<Error>& errors);
int fail(Context& context, const Error& error);

/// Has a person pressed Ctrl-C or sent SIGTERM? The second time ends the process at once.
bool is_stop_requested();
/// From now on SIGINT, SIGTERM and SIGHUP ask to stop instead of ending the process.
void catch_stop_signals();

/// The run folder that a person means: a path, or a name below the runs folder.
std::string run_directory(const std::string& name_or_path);

// Each adds its commands to the program; one .cpp per group.
void add_train_commands(CLI::App& app, Context& context);    ///< train
void add_model_commands(CLI::App& app, Context& context);    ///< eval, sample, score
void add_bench_commands(CLI::App& app, Context& context);    ///< bench
void add_inspect_commands(CLI::App& app, Context& context);  ///< presets, params, schema
void add_run_commands(CLI::App& app, Context& context);      ///< status, runs, metrics, verify, ctl
void add_routing_commands(CLI::App& app, Context& context);  ///< routing
void add_queue_commands(CLI::App& app, Context& context);    ///< queue
void add_sweep_commands(CLI::App& app, Context& context);    ///< sweep
void add_data_commands(CLI::App& app, Context& context);     ///< data, tokenize

/// Registers --json on a command.
void add_json_option(CLI::App& command, Context& context);

}  // namespace switchyard::cli
