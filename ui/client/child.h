#pragma once

#include <string>
#include <vector>

#include "engine/base/core/result.h"

namespace switchyard::ui {

/// Whether a program of this name stands in a folder of PATH.
bool has_program(const std::string& name);

/// Runs a program of PATH without a shell and returns its standard output; standard error and input
/// are /dev/null.
///
/// Errors: kUnavailable when it cannot be started, ends with a failure, or takes longer than
///         `timeout_seconds` (it is then ended).
/// Limits: the first 256 kB of output. Threads: any but the frame thread, it waits.
Result<std::string> output_of(const std::vector<std::string>& arguments, double timeout_seconds);

}  // namespace switchyard::ui
