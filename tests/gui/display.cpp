#include "tests/gui/display.h"

#include <array>
#include <cstdlib>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace switchyard::test {

Display::Display() {
  setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);
  setenv("LC_ALL", "C.UTF-8", 1);
  const char* display = std::getenv("DISPLAY");
  if (display != nullptr && *display != '\0') return;
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) {
    problem_ = "no pipe for Xvfb";
    return;
  }
  server_ = fork();
  if (server_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // no server is left behind by a test that dies
    close(ends[0]);
    const std::string descriptor = std::to_string(ends[1]);
    const int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execlp("Xvfb",
           "Xvfb",
           "-displayfd",
           descriptor.c_str(),
           "-screen",
           "0",
           "1600x1000x24",
           "-noreset",
           "-nolisten",
           "tcp",
           static_cast<char*>(nullptr));
    _exit(127);
  }
  close(ends[1]);
  std::string number;
  char c = 0;
  while (read(ends[0], &c, 1) == 1 && c != '\n') number += c;
  close(ends[0]);
  if (number.empty()) {
    problem_ = "Xvfb could not be started (package xvfb)";
    return;
  }
  setenv("DISPLAY", (":" + number).c_str(), 1);
}

Display::~Display() {
  if (server_ <= 0) return;
  kill(server_, SIGTERM);
  int status = 0;
  waitpid(server_, &status, 0);
  unsetenv("DISPLAY");
}

}  // namespace switchyard::test
