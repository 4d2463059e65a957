#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "engine/base/core/result.h"

namespace switchyard::cli {

/// Starts `train` as a child with its output appended to `log`. It is a process of its own: should
/// this one be killed, the training goes on; should that one crash, this one goes on.
/// Errors: kIo when the log or the process cannot be made.
Result<pid_t> start_training(const std::vector<std::string>& arguments, const std::string& log);

/// Waits for a child; passes the first request to stop on to it. The exit code, or 128 + signal.
int wait_for_training(pid_t child);

/// Waits until no process trains the run folder; false when a stop was asked for before.
bool wait_until_released(const std::string& root);

/// Why a child ended with this exit code: the last error that its log names, or the signal.
std::string failure_of_training(const std::string& log, int exit_code);

}  // namespace switchyard::cli
