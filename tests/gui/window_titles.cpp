#include "tests/gui/window_titles.h"

#include <X11/Xlib.h>

namespace switchyard::test {
namespace {

Display* connection() {
  static Display* display = XOpenDisplay(nullptr);
  // A window that is killed while its name is read is no failure of the test.
  XSetErrorHandler([](Display*, XErrorEvent*) { return 0; });
  return display;
}

}  // namespace

bool has_window_titled(const std::string& title) {
  Display* display = connection();
  if (display == nullptr) return false;
  Window root = DefaultRootWindow(display), parent = 0;
  Window* children = nullptr;
  unsigned count = 0;
  if (XQueryTree(display, root, &root, &parent, &children, &count) == 0) return false;
  bool is_found = false;
  for (unsigned i = 0; i < count; ++i) {
    char* name = nullptr;
    if (XFetchName(display, children[i], &name) == 0 || name == nullptr) continue;
    is_found = is_found || title == name;
    XFree(name);
  }
  if (children != nullptr) XFree(children);
  return is_found;
}

}  // namespace switchyard::test
