#include "app/training_child.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/exit_codes.h"
#include "engine/base/core/file_system.h"
#include "engine/base/store/run_folder.h"

namespace switchyard::cli {
namespace {

constexpr useconds_t kWaitMicroseconds = 50'000;
constexpr std::uint64_t kMostLogBytes = 64U << 20U;
constexpr int kSignalBase = 128;

/// The last line of a log that names an error.
std::string error_in_log(const std::string& log) {
  const auto text = read_file(log, kMostLogBytes);
  if (!text.ok()) return "";
  constexpr std::string_view kMark = "error: ";
  const std::size_t at = text->rfind(kMark);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + kMark.size();
  return text->substr(begin, text->find('\n', begin) - begin);
}

}  // namespace

Result<pid_t> start_training(const std::vector<std::string>& arguments, const std::string& log) {
  std::vector<std::string> words{"switchyard-engine", "train"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) return error_from_errno(errno, log, "open the log of the run");
  const pid_t child = ::fork();
  if (child == 0) {
    ::setpgid(0, 0);  // Ctrl-C reaches this process, which passes it on once
    const int input = ::open("/dev/null", O_RDONLY);
    ::dup2(input, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::execv("/proc/self/exe", argv.data());
    ::_exit(127);
  }
  const int fork_error = errno;
  ::close(output);
  if (child < 0) return error_from_errno(fork_error, "switchyard-engine train", "start a process");
  return child;
}

int wait_for_training(pid_t child) {
  for (bool is_told = false;;) {
    int status = 0;
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child)
      return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalBase + WTERMSIG(status);
    if (ended < 0 && errno != EINTR) return kExitInternal;
    if (is_stop_requested() && !is_told) {
      ::kill(child, SIGTERM);
      is_told = true;
    }
    ::usleep(kWaitMicroseconds);
  }
}

bool wait_until_released(const std::string& root) {
  while (store::RunLock::is_held(root)) {
    if (is_stop_requested()) return false;
    ::usleep(kWaitMicroseconds);
  }
  return true;
}

std::string failure_of_training(const std::string& log, int exit_code) {
  if (exit_code > kSignalBase) {
    return "the training process was ended by signal " + std::to_string(exit_code - kSignalBase) +
           " (" + ::strsignal(exit_code - kSignalBase) + "); see " + log;
  }
  const std::string named = error_in_log(log);
  if (!named.empty()) return named;
  return "the training process ended with exit code " + std::to_string(exit_code) + "; see " + log;
}

}  // namespace switchyard::cli
