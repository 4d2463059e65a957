#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string_view>

#include <unistd.h>

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

/// Starts the program again with GOMP_SPINCOUNT set, unless the environment already says how idle
/// threads wait. libgomp (as shipped with LibTorch 2.11) reads it only while it is loaded, and by
/// default lets threads spin for milliseconds at every barrier: alone on the machine that gains
/// nothing over a short spin, beside a window or a compiler it costs a factor of five.
void wait_briefly_at_barriers(int argc, char** argv) {
  if (argc < 2 || std::getenv("GOMP_SPINCOUNT") != nullptr ||
      std::getenv("OMP_WAIT_POLICY") != nullptr) {
    return;
  }
  const std::string_view command = argv[1];
  if (command != "train" && command != "eval" && command != "bench") return;
  ::setenv("GOMP_SPINCOUNT", "3000", 1);
  ::execv("/proc/self/exe", argv);  // comes back only if that fails: then it trains as it is
}

}  // namespace

int main(int argc, char** argv) {
  using namespace switchyard;
  wait_briefly_at_barriers(argc, argv);
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
  cli::add_routing_commands(app, context);
  cli::add_queue_commands(app, context);
  cli::add_sweep_commands(app, context);
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
