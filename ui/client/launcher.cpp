#include "ui/client/launcher.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/core/assets.h"
#include "engine/base/core/file_system.h"

namespace switchyard::ui {
namespace {

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// What the new process says before it becomes another program.
struct StartReport {
  pid_t pid = 0;
  int error = 0;  ///< of exec; 0 when it went well
};

/// In a forked process, up to exec: only calls that are safe after fork.
[[noreturn]] void become(char* const* arguments, int input, int output, int error, int report) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(error, STDERR_FILENO);
  // CLOSE_RANGE_CLOEXEC = 4: nothing of this program's files reaches the other one.
  syscall(SYS_close_range, 3U, ~0U, 4U);
  execv(arguments[0], arguments);
  const StartReport failed{getpid(), errno};
  const ssize_t written = write(report, &failed, sizeof failed);
  _exit(written == sizeof failed ? 127 : 126);
}

Error cannot_start(const std::string& program, int number) {
  return {ErrorCode::kUnavailable,
          program,
          std::string("expected to start this program, found: ") + std::strerror(number) + ".",
          "Build it (./studio --build), or name it in SWITCHYARD_ENGINE.",
          {}};
}

/// Reads all reports until the writer's end is closed by exec.
StartReport read_reports(int descriptor) {
  StartReport result;
  StartReport one;
  for (;;) {
    const ssize_t got = read(descriptor, &one, sizeof one);
    if (got < 0 && errno == EINTR) continue;
    if (got != sizeof one) return result;
    if (one.pid != 0) result.pid = one.pid;
    if (one.error != 0) result.error = one.error;
  }
}

/// In the first of the two forked processes: leaves the session and makes the second one.
[[noreturn]] void detach(char* const* arguments, int input, int log, int report) {
  setsid();
  const pid_t engine = fork();
  if (engine == 0) {
    const StartReport mine{getpid(), 0};
    if (write(report, &mine, sizeof mine) != sizeof mine) _exit(126);
    become(arguments, input, log, log, report);
  }
  if (engine < 0) {
    const StartReport failed{0, errno};
    if (write(report, &failed, sizeof failed) != sizeof failed) _exit(126);
  }
  _exit(0);
}

}  // namespace

void Descriptor::reset(int descriptor) {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = descriptor;
}

std::string engine_path() {
  const char* chosen = std::getenv("SWITCHYARD_ENGINE");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  return executable_directory() + "/switchyard-engine";
}

bool LaunchedEngine::has_ended() const {
  if (!pid_descriptor.is_open()) return kill(pid, 0) != 0 && errno == ESRCH;
  pollfd wait{pid_descriptor.get(), POLLIN, 0};
  return poll(&wait, 1, 0) > 0 && (wait.revents & POLLIN) != 0;
}

Result<LaunchedEngine> launch_detached(const std::vector<std::string>& arguments,
                                       const std::string& log_path) {
  std::vector<std::string> words = arguments;
  const std::vector<char*> pointers = pointers_to(words);
  const Descriptor log(open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log.is_open()) return error_from_errno(errno, log_path, "open this log for writing");
  const Descriptor input(open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    return error_from_errno(errno, words[0], "make a pipe for starting");
  const Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  const pid_t first = fork();
  if (first == 0) detach(pointers.data(), input.get(), log.get(), to.get());
  if (first < 0) return cannot_start(words[0], errno);
  to.reset();
  const StartReport report = read_reports(from.get());
  int status = 0;
  while (waitpid(first, &status, 0) < 0 && errno == EINTR) {
  }
  if (report.error != 0 || report.pid == 0) return cannot_start(words[0], report.error);
  LaunchedEngine engine;
  engine.pid = report.pid;
  engine.pid_descriptor.reset(static_cast<int>(syscall(SYS_pidfd_open, report.pid, 0U)));
  engine.log_path = log_path;
  return engine;
}

namespace {

/// A descriptor from which exactly this text can be read; /dev/null for none.
Descriptor readable_text(const std::string& text) {
  if (text.empty()) return Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC));
  Descriptor memory(memfd_create("input", MFD_CLOEXEC));
  std::size_t done = 0;
  while (memory.is_open() && done < text.size()) {
    const ssize_t wrote = write(memory.get(), text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return Descriptor();
    done += static_cast<std::size_t>(wrote);
  }
  if (memory.is_open()) lseek(memory.get(), 0, SEEK_SET);
  return memory;
}

}  // namespace

Result<PipedChild> start_piped(const std::vector<std::string>& arguments, const std::string& text) {
  std::vector<std::string> words = arguments;
  const std::vector<char*> pointers = pointers_to(words);
  std::array<int, 2> output{}, errors{}, reports{};
  if (pipe2(output.data(), O_CLOEXEC) != 0)
    return error_from_errno(errno, words[0], "make a pipe for starting");
  PipedChild child;
  child.output.reset(output[0]);
  Descriptor output_end(output[1]);
  if (pipe2(errors.data(), O_CLOEXEC) != 0)
    return error_from_errno(errno, words[0], "make a pipe for starting");
  child.errors.reset(errors[0]);
  Descriptor error_end(errors[1]);
  if (pipe2(reports.data(), O_CLOEXEC) != 0)
    return error_from_errno(errno, words[0], "make a pipe for starting");
  const Descriptor from(reports[0]);
  Descriptor to(reports[1]);
  const Descriptor input = readable_text(text);
  if (!input.is_open()) return error_from_errno(errno, words[0], "hand over the text");
  child.pid = fork();
  if (child.pid == 0)
    become(pointers.data(), input.get(), output_end.get(), error_end.get(), to.get());
  if (child.pid < 0) return cannot_start(words[0], errno);
  to.reset();
  output_end.reset();
  error_end.reset();
  const StartReport report = read_reports(from.get());
  if (report.error != 0) {
    int status = 0;
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    return cannot_start(words[0], report.error);
  }
  return child;
}

ChildOutput read_to_end(const PipedChild& child, const std::function<void(int)>& before_wait) {
  ChildOutput result;
  std::array<pollfd, 2> watched{pollfd{child.output.get(), POLLIN, 0},
                                pollfd{child.errors.get(), POLLIN, 0}};
  const std::array<std::string*, 2> into{&result.output, &result.errors};
  std::array<char, 8192> buffer{};
  while (watched[0].fd >= 0 || watched[1].fd >= 0) {
    if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) break;
    for (std::size_t i = 0; i < watched.size(); ++i) {
      if (watched[i].fd < 0 || watched[i].revents == 0) continue;
      const ssize_t got = read(watched[i].fd, buffer.data(), buffer.size());
      if (got > 0) into[i]->append(buffer.data(), static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EINTR)) watched[i].fd = -1;
    }
  }
  siginfo_t ended{};  // the number stays the child's until waitpid
  while (waitid(P_PID, static_cast<id_t>(child.pid), &ended, WEXITED | WNOWAIT) < 0 &&
         errno == EINTR) {
  }
  if (before_wait) before_wait(child.pid);
  int status = 0;
  while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

std::string log_tail(const std::string& path, std::size_t max_bytes) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const auto size = static_cast<std::size_t>(std::max<std::streamoff>(0, file.tellg()));
  const std::size_t start = size > max_bytes ? size - max_bytes : 0;
  file.seekg(static_cast<std::streamoff>(start));
  std::string text(size - start, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  if (start > 0) text.erase(0, text.find('\n') + 1);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace switchyard::ui
