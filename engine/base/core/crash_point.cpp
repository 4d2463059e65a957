#include "engine/base/core/crash_point.h"

#include <atomic>
#include <cstdlib>
#include <string_view>

#include <signal.h>

namespace switchyard {

void pass_crash_point(const char* name) {
  const char* wanted = std::getenv("SY_CRASH_AT");
  if (wanted == nullptr) return;
  std::string_view place = wanted;
  long passage = 1;
  if (const auto colon = place.find(':'); colon != std::string_view::npos) {
    passage = std::strtol(wanted + colon + 1, nullptr, 10);
    place = place.substr(0, colon);
  }
  if (place != name) return;
  static std::atomic<long> passages = 0;
  if (++passages < passage) return;
  ::raise(place.ends_with(".segv") ? SIGSEGV : SIGKILL);
}

}  // namespace switchyard
