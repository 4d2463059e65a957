#pragma once

namespace switchyard::kernels {

/// Element types of floating-point arguments.
enum class Dtype { kF32, kBf16 };

}  // namespace switchyard::kernels
