#pragma once

#include <string>

#include <sys/types.h>

namespace switchyard::test {

/// A virtual display of its own for this process when DISPLAY is unset: Xvfb with software OpenGL.
/// Ends with the object.
class Display {
 public:
  Display();
  ~Display();
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  /// Empty when a display is there, else why not.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  pid_t server_ = 0;
  std::string problem_;
};

}  // namespace switchyard::test
