#include "engine/base/core/check.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace switchyard {
namespace {

void print_message(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
}

CheckHandler current_handler = &print_message;

}  // namespace

CheckHandler set_check_handler(CheckHandler handler) {
  CheckHandler former = current_handler;
  current_handler = handler == nullptr ? &print_message : handler;
  return former;
}

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  const char* name = std::strrchr(file, '/');
  const std::string place =
      std::string(name == nullptr ? file : name + 1) + ":" + std::to_string(line);
  current_handler("internal error at " + place + ": " + message + " (" + condition + ")");
  std::abort();
}

}  // namespace switchyard
