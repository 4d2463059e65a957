#pragma once

#include <functional>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace switchyard::test {

/// Runs `body` in a child process; the child ends with what body returns, without cleaning up.
/// Returns its process id.
inline pid_t start_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  return child;
}

/// How a child ended: its exit status, or minus the signal.
inline int end_of_child(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return -1000;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

inline int kill_child(pid_t child) {
  ::kill(child, SIGKILL);
  return end_of_child(child);
}

}  // namespace switchyard::test
