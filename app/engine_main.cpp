#include <csignal>
#include <cstring>
#include <exception>

#include "app/cli.h"
#include "app/crash_report.h"
#include "app/exit_codes.h"

namespace {

bool is_json_asked(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace switchyard;
  std::signal(SIGPIPE, SIG_IGN);
  CrashReport::install();
  cli::Context context;
  CLI::App app("Trains sparse language models: everything the studio can do, from a terminal.",
               "switchyard-engine");
  app.set_version_flag("--version", "switchyard-engine " SY_VERSION);
  app.require_subcommand(1);
  cli::add_train_commands(app, context);
  cli::add_model_commands(app, context);
  cli::add_bench_commands(app, context);
  cli::add_inspect_commands(app, context);
  cli::add_data_commands(app, context);
  cli::add_run_commands(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    context.use_json = is_json_asked(argc, argv);
    return cli::fail(context,
                     Error{ErrorCode::kUsage,
                           "command line",
                           error.what(),
                           "`switchyard-engine --help` lists the commands and options.",
                           {}});
  } catch (const std::exception& error) {
    return cli::fail(context,
                     Error{ErrorCode::kInternal,
                           "switchyard-engine",
                           error.what(),
                           "This is a defect of the program.",
                           {}});
  }
  return context.exit_code;
}
