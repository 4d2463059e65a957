#pragma once

namespace switchyard {

/// Kills the process (SIGKILL, or SIGSEGV for names that end in ".segv") when the environment
/// variable SY_CRASH_AT is `name`, or `name:n` at the n-th passage.
///
/// Threads: any.
void pass_crash_point(const char* name);

}  // namespace switchyard

/// Marks a place inside a protocol where the crash tests stop the process; nothing in releases.
#if defined(SY_CRASH_POINTS)
#define SY_CRASH_POINT(name) ::switchyard::pass_crash_point(name)
#else
#define SY_CRASH_POINT(name) static_cast<void>(0)
#endif
