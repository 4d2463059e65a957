#pragma once

#include "engine/base/core/result.h"

namespace switchyard {

// The exit codes of switchyard-engine: scripts depend on them, never renumber.
inline constexpr int kExitDone = 0;
inline constexpr int kExitInternal = 1;  ///< a defect of the program
inline constexpr int kExitUsage = 2;     ///< bad usage or configuration
inline constexpr int kExitInput = 3;     ///< bad input file, folder or device file
inline constexpr int kExitNumerics = 4;
inline constexpr int kExitDiskFull = 5;
inline constexpr int kExitBusy = 6;
inline constexpr int kExitMemory = 7;
inline constexpr int kExitStopped = 130;

constexpr int exit_code_from(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
    case ErrorCode::kConfig:
    case ErrorCode::kUnavailable:
      return kExitUsage;
    case ErrorCode::kInputFile:
    case ErrorCode::kIo:
      return kExitInput;
    case ErrorCode::kNumerics:
      return kExitNumerics;
    case ErrorCode::kDiskFull:
      return kExitDiskFull;
    case ErrorCode::kBusy:
      return kExitBusy;
    case ErrorCode::kOutOfMemory:
      return kExitMemory;
    case ErrorCode::kStopped:
      return kExitStopped;
    case ErrorCode::kInternal:
      return kExitInternal;
  }
  return kExitInternal;
}

}  // namespace switchyard
