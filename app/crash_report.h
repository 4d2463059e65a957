#pragma once

#include <cstdint>
#include <string>

namespace switchyard {

/// Leaves a note (signal, step, program version, return addresses) in a run folder when the process
/// crashes: signal-safe, to a descriptor opened beforehand, then the default action follows.
///
/// Threads: any thread may crash; the functions below are for the main thread.
class CrashReport {
 public:
  /// Installs the handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT (own stack).
  static void install();
  /// Opens (and empties) the note's file; without it a crash is noted on standard error only.
  static void open_note(const std::string& path);
  /// The step that the note will name.
  static void set_step(std::int64_t step);
  /// Removes the note when nothing was written to it.
  static void close_note();
};

}  // namespace switchyard
