#pragma once

#include <exception>
#include <string>

#include "engine/base/core/result.h"

namespace switchyard::train {

/// The Error for what LibTorch or the library threw: kOutOfMemory by type (c10::OutOfMemoryError,
/// std::bad_alloc) or for the CPU allocator's refusal, kInternal otherwise.
Error error_from_exception(const std::exception& exception, std::string where);

/// The first line of an exception's text, without the stack trace that LibTorch appends.
std::string first_line(const std::exception& exception);

}  // namespace switchyard::train
