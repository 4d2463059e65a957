#include "app/crash_report.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>

#include <execinfo.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace switchyard {
namespace {

std::atomic<int> note_descriptor{-1};
std::atomic<std::int64_t> noted_step{-1};
std::string note_path;                        // touched by the main thread only
std::array<char, 64 * 1024> handler_stack{};  // a crash may come from a full stack

void write_all(int descriptor, const char* text, std::size_t length) {
  while (length > 0) {
    const ssize_t written = ::write(descriptor, text, length);
    if (written <= 0) return;
    text += written;
    length -= static_cast<std::size_t>(written);
  }
}

void write_text(int descriptor, const char* text) {
  write_all(descriptor, text, std::strlen(text));
}

void write_number(int descriptor, std::int64_t value) {
  std::array<char, 24> digits{};
  std::size_t at = digits.size();
  const bool is_negative = value < 0;
  auto rest =
      is_negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  do {
    digits[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (is_negative) digits[--at] = '-';
  write_all(descriptor, &digits[at], digits.size() - at);
}

const char* signal_name(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    case SIGABRT:
      return "SIGABRT";
    default:
      return "signal";
  }
}

void write_note(int descriptor, int signal) {
  write_text(descriptor, "signal ");
  write_number(descriptor, signal);
  write_text(descriptor, " (");
  write_text(descriptor, signal_name(signal));
  write_text(descriptor, ") step ");
  write_number(descriptor, noted_step.load());
  write_text(descriptor, " version " SY_VERSION "\n");
  std::array<void*, 48> frames{};
  const int num_frames = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  ::backtrace_symbols_fd(frames.data(), num_frames, descriptor);
}

extern "C" void on_crash(int signal) {
  const int descriptor = note_descriptor.load();
  if (descriptor >= 0) {
    write_note(descriptor, signal);
    ::fsync(descriptor);
  }
  write_note(STDERR_FILENO, signal);
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

}  // namespace

void CrashReport::install() {
  std::array<void*, 1> frame{};
  ::backtrace(frame.data(), 1);  // loads what it needs now, not inside a handler
  stack_t stack{};
  stack.ss_sp = handler_stack.data();
  stack.ss_size = handler_stack.size();
  ::sigaltstack(&stack, nullptr);

  struct sigaction action {};

  action.sa_handler = on_crash;
  action.sa_flags = SA_ONSTACK | SA_RESETHAND;
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    ::sigaction(signal, &action, nullptr);
  }
}

void CrashReport::open_note(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  note_path = path;
  note_descriptor.store(descriptor);
}

void CrashReport::set_step(std::int64_t step) {
  noted_step.store(step);
}

void CrashReport::close_note() {
  const int descriptor = note_descriptor.exchange(-1);
  if (descriptor < 0) return;

  struct stat info {};

  const bool is_empty = ::fstat(descriptor, &info) == 0 && info.st_size == 0;
  ::close(descriptor);
  if (is_empty) ::unlink(note_path.c_str());
}

}  // namespace switchyard
