#include "app/cli.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include <unistd.h>

#include "app/exit_codes.h"
#include "engine/base/store/run_folder.h"

namespace switchyard::cli {
namespace {

std::atomic<int> num_stop_requests{0};

extern "C" void on_stop_signal(int) {
  if (num_stop_requests.fetch_add(1) > 0) ::_exit(kExitStopped);
}

}  // namespace

void print_json(const Json& object) {
  print_line(object.dump());
}

void print_line(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

int fail(Context& context, const std::vector<Error>& errors) {
  for (const Error& error : errors) {
    if (context.use_json) {
      Json object = Json::object({{"event", Json("error")},
                                  {"code", Json(error_code_name(error.code))},
                                  {"where", Json(error.where)},
                                  {"message", Json(error.message)},
                                  {"hint", Json(error.hint)}});
      print_json(object);
    }
    std::fprintf(stderr, "error: %s\n", error.text().c_str());
  }
  context.exit_code = errors.empty() ? kExitInternal : exit_code_from(errors.front().code);
  return context.exit_code;
}

int fail(Context& context, const Error& error) {
  return fail(context, std::vector<Error>{error});
}

bool is_stop_requested() {
  return num_stop_requests.load() > 0;
}

void catch_stop_signals() {
  struct sigaction action {};

  action.sa_handler = on_stop_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
}

std::string run_directory(const std::string& name_or_path) {
  std::error_code ignored;
  if (name_or_path.find('/') != std::string::npos ||
      std::filesystem::is_directory(name_or_path, ignored)) {
    return name_or_path;
  }
  const std::string below = store::runs_directory() + "/" + name_or_path;
  return std::filesystem::is_directory(below, ignored) ? below : name_or_path;
}

void add_json_option(CLI::App& command, Context& context) {
  command.add_flag("--json", context.use_json, "one JSON object per line on standard output");
}

}  // namespace switchyard::cli
