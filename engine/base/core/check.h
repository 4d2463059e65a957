#pragma once

#include <string>

namespace switchyard {

/// Called with the message of a failed SY_CHECK before the program stops. The engine writes its
/// crash note here; the window throws CheckFailure, so that only one panel fails.
using CheckHandler = void (*)(const std::string& message);

/// Replaces the handler; returns the former one. Threads: call before starting others.
CheckHandler set_check_handler(CheckHandler handler);

/// What a handler may throw where a program can go on without the part that failed.
struct CheckFailure {
  std::string message;
};

[[noreturn]] void check_failed(const char* file,
                               int line,
                               const char* condition,
                               const std::string& message);

}  // namespace switchyard

/// Stops at a broken promise of our own code. Never for what a user, file or peer can cause.
#define SY_CHECK(condition, message)                                                         \
  do {                                                                                       \
    if (!(condition)) ::switchyard::check_failed(__FILE__, __LINE__, #condition, (message)); \
  } while (false)
