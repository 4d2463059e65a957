#include "engine/base/core/result.h"

namespace switchyard {

std::string Error::text() const {
  std::string line = where.empty() ? message : where + ": " + message;
  if (!hint.empty()) line += " " + hint;
  for (const std::string& step : context) line += " (" + step + ")";
  return line;
}

const char* error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return "usage";
    case ErrorCode::kConfig:
      return "config";
    case ErrorCode::kInputFile:
      return "input_file";
    case ErrorCode::kNumerics:
      return "numerics";
    case ErrorCode::kDiskFull:
      return "disk_full";
    case ErrorCode::kBusy:
      return "busy";
    case ErrorCode::kOutOfMemory:
      return "out_of_memory";
    case ErrorCode::kStopped:
      return "stopped";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

Error with_context(Error error, std::string context) {
  error.context.push_back(std::move(context));
  return error;
}

}  // namespace switchyard
