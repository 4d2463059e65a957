#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "engine/base/core/result.h"
#include "tests/golden/comparison.h"

namespace switchyard::golden {

using Tensors = std::map<std::string, at::Tensor>;

/// Every tensor of a safetensors file, on the CPU.
Result<Tensors> read_tensors(const std::string& path);

/// Compares element by element, in double.
void compare_tensor(Comparison& comparison,
                    const std::string& what,
                    const at::Tensor& got,
                    const at::Tensor& want,
                    const Json& tolerance);

/// Passes when max|got - want| <= atol + rtol x max|want| over the tensor.
void compare_whole(Comparison& comparison,
                   const std::string& what,
                   const at::Tensor& got,
                   const at::Tensor& want,
                   double atol,
                   double rtol);

}  // namespace switchyard::golden
