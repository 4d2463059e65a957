#include <cmath>
#include <cstdio>
#include <map>
#include <memory>

#include <unistd.h>

#include "app/cli.h"
#include "app/exit_codes.h"
#include "engine/base/core/clock.h"
#include "engine/base/core/text.h"
#include "engine/base/ipc/channel.h"
#include "engine/base/routing/findings.h"
#include "engine/base/store/event_reader.h"
#include "engine/base/store/run_folder.h"
#include "engine/base/store/run_store.h"

namespace switchyard::cli {
namespace {

constexpr int kReplyWaitMs = 200;

Json number_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json json_from(const store::RunSummary& run) {
  return Json::object({{"run", Json(run.root)},
                       {"name", Json(run.name)},
                       {"preset", Json(run.preset)},
                       {"state", Json(run.state)},
                       {"detail", Json(run.detail)},
                       {"step", Json(run.step)},
                       {"max_steps", Json(run.max_steps)},
                       {"train_loss", number_or_null(run.train_loss)},
                       {"val_loss", number_or_null(run.val_loss)},
                       {"parent_name", Json(run.parent_name)},
                       {"fork_step", Json(run.fork_step)}});
}

std::string loss_text(double loss) {
  if (!std::isfinite(loss)) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", loss);
  return text;
}

std::string row_from(const store::RunSummary& run) {
  char text[512];
  const std::string steps = std::to_string(run.step) + "/" + std::to_string(run.max_steps);
  std::snprintf(text,
                sizeof text,
                "%-32s %-10s %15s  loss %-8s val %-8s %s",
                run.name.c_str(),
                run.state.c_str(),
                steps.c_str(),
                loss_text(run.train_loss).c_str(),
                loss_text(run.val_loss).c_str(),
                run.detail.c_str());
  return text;
}

void print_run(const Context& context, const store::RunSummary& run) {
  if (context.use_json) {
    print_json(json_from(run));
  } else {
    print_line(row_from(run));
  }
}

/// A run's line, and what the doctor has found in it.
void print_status(const Context& context, const store::RunSummary& run) {
  std::vector<routing::Finding> findings;
  const auto events =
      store::read_events(store::RunPaths{run.root}.database(), {"doctor", "state", "guard"});
  if (events.ok()) findings = routing::open_findings(*events);  // else the summary names the damage
  if (context.use_json) {
    Json line = json_from(run);
    Json list = Json::array();
    for (routing::Finding& finding : findings)
      list.push_back(routing::json_from({true, std::move(finding)}));
    line.set("findings", std::move(list));
    print_json(line);
    return;
  }
  print_line(row_from(run));
  for (const routing::Finding& finding : findings) {
    print_line("  " + std::string(routing::severity_name(finding.severity)) + ": " +
               finding.message + " " + finding.hint);
  }
}

int run_runs(Context& context) {
  const std::vector<store::RunSummary> runs = store::list_runs(store::runs_directory());
  for (const store::RunSummary& run : runs) print_run(context, run);
  if (runs.empty() && !context.use_json) print_line("no runs below " + store::runs_directory());
  return kExitDone;
}

bool is_alive(const store::RunSummary& run) {
  return run.state == "running" || run.state == "paused" || run.state == "stopping";
}

int run_status(Context& context, const std::string& name, bool is_watched) {
  if (is_watched) catch_stop_signals();
  for (;;) {
    bool is_any_alive = false;
    if (!name.empty()) {
      const store::RunSummary run = store::summarize_run(run_directory(name));
      print_status(context, run);
      is_any_alive = is_alive(run);
      if (run.state == "damaged" && !is_watched) {
        return fail(context, Error{ErrorCode::kInputFile, run.root, run.detail, "", {}});
      }
    } else {
      for (const store::RunSummary& run : store::list_runs(store::runs_directory())) {
        if (!is_alive(run)) continue;
        print_status(context, run);
        is_any_alive = true;
      }
      if (!is_any_alive && !context.use_json) print_line("no run is training");
    }
    if (!is_watched || !is_any_alive || is_stop_requested()) return kExitDone;
    ::usleep(1'000'000);
  }
}

// ---- metrics ----------------------------------------------------------------------------------

void print_scalars(const store::ScalarSeries& series, bool is_csv) {
  for (std::size_t i = 0; i < series.step.size(); ++i) {
    if (is_csv) {
      std::printf("%s,,%lld,%lld,%.17g,%.17g,%.17g\n",
                  series.metric.c_str(),
                  static_cast<long long>(series.step[i]),
                  static_cast<long long>(series.tokens[i]),
                  series.seconds[i],
                  series.flops[i],
                  series.value[i]);
      continue;
    }
    const Json line = Json::object({{"metric", Json(series.metric)},
                                    {"step", Json(series.step[i])},
                                    {"tokens", Json(series.tokens[i])},
                                    {"seconds", Json(series.seconds[i])},
                                    {"value", Json(series.value[i])}});
    std::puts(line.dump().c_str());
  }
}

void print_vectors(const store::VectorSeries& series, bool is_csv) {
  for (const store::VectorSample& sample : series.samples) {
    if (is_csv) {
      std::string values;
      for (const float value : sample.values) {
        values += (values.empty() ? "" : " ") + short_number(static_cast<double>(value));
      }
      std::printf("%s,%d,%lld,%lld,%.17g,%.17g,%s\n",
                  series.metric.c_str(),
                  series.layer,
                  static_cast<long long>(sample.at.step),
                  static_cast<long long>(sample.at.tokens),
                  sample.at.seconds,
                  sample.at.flops,
                  values.c_str());
      continue;
    }
    Json values = Json::array();
    for (const float value : sample.values) values.push_back(Json(static_cast<double>(value)));
    const Json line = Json::object({{"metric", Json(series.metric)},
                                    {"layer", Json(series.layer)},
                                    {"step", Json(sample.at.step)},
                                    {"tokens", Json(sample.at.tokens)},
                                    {"seconds", Json(sample.at.seconds)},
                                    {"value", std::move(values)}});
    std::puts(line.dump().c_str());
  }
}

int run_metrics(Context& context, const std::string& run, const std::string& format) {
  const auto reader = store::Reader::open(store::RunPaths{run_directory(run)}.database());
  if (!reader.ok()) return fail(context, reader.error());
  const bool is_csv = format == "csv";
  if (is_csv) std::puts("metric,layer,step,tokens,seconds,flops,value");
  for (;;) {
    const auto delta = (*reader)->poll();
    if (!delta.ok()) return fail(context, delta.error());
    if (delta->scalars.empty() && delta->vectors.empty()) break;
    for (const store::ScalarSeries& series : delta->scalars) print_scalars(series, is_csv);
    for (const store::VectorSeries& series : delta->vectors) print_vectors(series, is_csv);
  }
  std::fflush(stdout);
  return kExitDone;
}

int run_verify(Context& context, const std::string& run) {
  const std::string root = run_directory(run);
  const auto report = store::verify_run(root);
  if (!report.ok()) return fail(context, report.error());
  if (context.use_json) {
    Json intact = Json::array(), problems = Json::array();
    for (const std::string& line : report->intact) intact.push_back(Json(line));
    for (const std::string& line : report->problems) problems.push_back(Json(line));
    print_json(Json::object({{"run", Json(root)},
                             {"is_clean", Json(report->problems.empty())},
                             {"intact", std::move(intact)},
                             {"problems", std::move(problems)}}));
  } else {
    for (const std::string& line : report->intact) print_line("ok       " + line);
    for (const std::string& line : report->problems) print_line("PROBLEM  " + line);
  }
  if (report->problems.empty()) return kExitDone;
  std::vector<Error> errors;
  for (const std::string& line : report->problems) {
    errors.push_back({ErrorCode::kInputFile, root, line, "", {}});
  }
  return fail(context, errors);
}

// ---- ctl --------------------------------------------------------------------------------------

struct ControlOptions {
  std::string run, command, argument;
  double timeout_seconds = 600.0;
  bool is_discarding = false;
};

Result<Json> ask_engine(const ControlOptions& options) {
  const std::string root = run_directory(options.run);
  SY_RETURN_IF_ERROR(store::read_run_config(root));  // no run folder: says so
  if (!store::RunLock::is_held(root)) {
    return Error{ErrorCode::kUnavailable,
                 root,
                 "no engine is training this run.",
                 "`switchyard-engine train --resume --run " + root + "` starts one.",
                 {}};
  }
  SY_ASSIGN_OR_RETURN(const auto connection,
                      ipc::Connection::connect(store::RunPaths{root}.socket()));
  Json message = Json::object(
      {{"type", Json("command")}, {"id", Json(1)}, {"command", Json(options.command)}});
  if (options.command == "set") message.set("assignment", Json(options.argument));
  if (options.command == "pin") message.set("prompt", Json(options.argument));
  if (options.command == "unpin") {
    SY_ASSIGN_OR_RETURN(Json number, parse_json(options.argument, "ctl unpin"));
    message.set("pin_id", std::move(number));
  }
  if (options.command == "stop") message.set("save", Json(!options.is_discarding));
  SY_RETURN_IF_ERROR(connection->send(message));
  const double deadline = system_clock().monotonic_seconds() + options.timeout_seconds;
  while (system_clock().monotonic_seconds() < deadline) {
    SY_RETURN_IF_ERROR(connection->flush());
    SY_ASSIGN_OR_RETURN(const auto messages, connection->receive(kReplyWaitMs));
    for (const Json& answer : messages) {
      if (answer["type"].as_string() == "reply" && answer["id"].as_integer() == 1) return answer;
    }
  }
  return Error{ErrorCode::kUnavailable, root, "the engine did not answer in time.", "", {}};
}

Error error_from_reply(const Json& error) {
  Error out{ErrorCode::kInternal,
            error["where"].as_string(),
            error["message"].as_string(),
            error["hint"].as_string(),
            {}};
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    if (error["code"].as_string() == error_code_name(static_cast<ErrorCode>(code))) {
      out.code = static_cast<ErrorCode>(code);
    }
  }
  return out;
}

int run_control(Context& context, const ControlOptions& options) {
  const auto answer = ask_engine(options);
  if (!answer.ok()) return fail(context, answer.error());
  if (!(*answer)["ok"].as_bool()) return fail(context, error_from_reply((*answer)["error"]));
  if (context.use_json) {
    print_json(*answer);
    return kExitDone;
  }
  std::string line = options.command + ": done";
  for (const Json::Member& member : answer->members()) {
    if (member.first == "type" || member.first == "id" || member.first == "ok") continue;
    line += "  " + member.first + " " +
            (member.second.is_string() ? member.second.as_string() : member.second.dump());
  }
  print_line(line);
  return kExitDone;
}

void add_control(CLI::App& app, Context& context) {
  auto options = std::make_shared<ControlOptions>();
  CLI::App* command = app.add_subcommand("ctl", "Control a run that is training");
  command->add_option("run", options->run, "run folder or name")->required()->type_name("RUN");
  command->add_option("command", options->command, "what it shall do")
      ->required()
      ->check(CLI::IsMember(
          {"pause", "resume", "stop", "checkpoint", "evaluate", "status", "set", "pin", "unpin"}));
  command->add_option("argument",
                      options->argument,
                      "for set: path=value; for pin: a prompt to answer at every checkpoint; "
                      "for unpin: its number");
  command->add_option("--timeout", options->timeout_seconds, "seconds to wait for the answer");
  command->add_flag("--discard", options->is_discarding, "with stop: do not save");
  add_json_option(*command, context);
  command->callback([&context, options] {
    const std::map<std::string, std::string> expected = {
        {"set", "expected path=value."},
        {"pin", "expected the prompt."},
        {"unpin", "expected the number that `ctl RUN pin` printed."}};
    const auto argument = expected.find(options->command);
    if (argument != expected.end() && options->argument.empty()) {
      fail(context, Error{ErrorCode::kUsage, "ctl " + options->command, argument->second, "", {}});
      return;
    }
    run_control(context, *options);
  });
}

}  // namespace

void add_run_commands(CLI::App& app, Context& context) {
  add_control(app, context);
  CLI::App* runs = app.add_subcommand("runs", "List all runs");
  add_json_option(*runs, context);
  runs->callback([&context] { run_runs(context); });

  auto name = std::make_shared<std::string>();
  auto is_watched = std::make_shared<bool>(false);
  CLI::App* status = app.add_subcommand("status", "State of one run, or of all that are training");
  status->add_option("run", *name, "run folder or name")->type_name("RUN");
  status->add_flag("--watch", *is_watched, "again every second while a run trains");
  add_json_option(*status, context);
  status->callback([&context, name, is_watched] { run_status(context, *name, *is_watched); });

  auto run = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>("jsonl");
  CLI::App* metrics = app.add_subcommand("metrics", "Export every sample of a run");
  metrics->add_option("--run", *run, "run folder or name")->required()->type_name("DIR");
  metrics->add_option("--format", *format, "csv or jsonl")->check(CLI::IsMember({"csv", "jsonl"}));
  add_json_option(*metrics, context);
  metrics->callback([&context, run, format] { run_metrics(context, *run, *format); });

  auto verified = std::make_shared<std::string>();
  CLI::App* verify = app.add_subcommand("verify", "Check everything in a run folder");
  verify->add_option("run", *verified, "run folder or name")->required()->type_name("DIR");
  add_json_option(*verify, context);
  verify->callback([&context, verified] { run_verify(context, *verified); });
}

}  // namespace switchyard::cli
