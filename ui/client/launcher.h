#pragma once

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "engine/base/core/result.h"

namespace switchyard::ui {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;

  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}

  ~Descriptor() { reset(); }

  Descriptor(Descriptor&& other) noexcept : descriptor_(other.release()) {}

  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }

  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int get() const { return descriptor_; }

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }

  int release() {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    return descriptor;
  }

  void reset(int descriptor = -1);

 private:
  int descriptor_ = -1;
};

/// $SWITCHYARD_ENGINE, else switchyard-engine beside this program.
std::string engine_path();

/// An engine that was started and belongs to nobody.
struct LaunchedEngine {
  pid_t pid = 0;
  Descriptor pid_descriptor;  ///< readable once the process has ended
  std::string log_path;       ///< its standard output and error

  /// True once the process has ended; never blocks.
  [[nodiscard]] bool has_ended() const;
};

/// Starts a program detached: a session of its own, no terminal, standard output and error appended
/// to `log_path`. It lives on whatever happens to this process.
///
/// Errors: kIo when the log cannot be opened, kUnavailable when the program cannot be executed.
Result<LaunchedEngine> launch_detached(const std::vector<std::string>& arguments,
                                       const std::string& log_path);

/// A child whose standard output and error are read by us.
struct PipedChild {
  pid_t pid = 0;
  Descriptor output;
  Descriptor errors;
};

/// `input` is what the child finds on its standard input.
Result<PipedChild> start_piped(const std::vector<std::string>& arguments,
                               const std::string& input = "");

/// All that a child wrote, and how it ended.
struct ChildOutput {
  std::string output;
  std::string errors;
  int exit_code = 0;  ///< 128 + the signal's number when one ended it
};

/// Reads a child to its end and takes its status; blocks. `before_wait` is called once the child
/// writes no more, before its process number may be used again.
ChildOutput read_to_end(const PipedChild& child, const std::function<void(int)>& before_wait = {});

/// The last lines of a log file as one text, at most `max_bytes`: what a person sees when a start
/// failed. Empty when there is nothing.
std::string log_tail(const std::string& path, std::size_t max_bytes = 600);

}  // namespace switchyard::ui
