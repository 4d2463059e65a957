#pragma once

#include <string>

#include <ATen/core/Generator.h>

#include "engine/base/core/result.h"

namespace switchyard::train {

/// The state of a random generator as hexadecimal digits, for state.json.
std::string hex_from_generator(const at::Generator& generator);

/// Puts such a state back. Errors: kInputFile when the digits are none, or of another kind of
/// generator.
Status restore_generator(at::Generator& generator, const std::string& hex);

}  // namespace switchyard::train
