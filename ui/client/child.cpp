#include "ui/client/child.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ui/client/launcher.h"

extern char** environ;

namespace switchyard::ui {
namespace {

constexpr std::size_t kMostBytes = 256'000;

Error failed(const std::string& program, const std::string& reason) {
  return Error{
      ErrorCode::kUnavailable, program, reason, "the rest of the window works without", {}};
}

/// Starts the program with its output in `write_end`; 0 when it cannot be started.
pid_t start(const std::vector<std::string>& arguments, int write_end) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, write_end, STDOUT_FILENO);
  std::vector<std::string> words = arguments;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int problem = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return problem == 0 ? pid : 0;
}

/// Reads to the end of the output; false when that takes too long.
bool read_output(int read_end, double timeout_seconds, std::string& output) {
  using Clock = std::chrono::steady_clock;
  const auto limit = Clock::now() + std::chrono::duration<double>(timeout_seconds);
  std::array<char, 4096> buffer{};
  while (output.size() < kMostBytes) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - Clock::now());
    pollfd ready{read_end, POLLIN, 0};
    const int count = ::poll(&ready, 1, std::max(0, static_cast<int>(left.count())));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    const ssize_t n = ::read(read_end, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return true;
    output.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

bool has_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "/usr/bin:/bin" : path;
  folders += ':';
  for (std::size_t start = 0, end = folders.find(':'); end != std::string::npos;
       start = end + 1, end = folders.find(':', start)) {
    const std::string folder = folders.substr(start, end - start);
    if (!folder.empty() && ::access((folder + "/" + name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

Result<std::string> output_of(const std::vector<std::string>& arguments, double timeout_seconds) {
  const std::string& program = arguments.front();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failed(program, std::strerror(errno));
  const Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  const pid_t pid = start(arguments, write_end.get());
  write_end.reset();
  if (pid == 0) return failed(program, "it cannot be started");
  std::string output;
  const bool is_done = read_output(read_end.get(), timeout_seconds, output);
  if (!is_done) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!is_done) return failed(program, "it did not answer in time");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return failed(program, "it failed");
  return output;
}

}  // namespace switchyard::ui
