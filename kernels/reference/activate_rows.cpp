#include "kernels/include/activate_rows.h"

#include <algorithm>

#include "kernels/include/gelu.h"
#include "kernels/include/swiglu.h"
#include "kernels/reference/element.h"

namespace switchyard::kernels {
namespace {

using reference::with_type;

std::int64_t num_used(const ActivateRows& shape) {
  if (shape.num_used_rows == nullptr) return shape.num_rows;
  return std::clamp<std::int64_t>(*shape.num_used_rows, 0, shape.num_rows);
}

GeluKind gelu_kind(const ActivateRows& shape) {
  return shape.activation == RowActivation::kGeluErf ? GeluKind::kErf : GeluKind::kTanh;
}

void set_zero(Dtype dtype, void* at, std::int64_t begin, std::int64_t end) {
  with_type(dtype, [&]<typename T>(T*) {
    for (std::int64_t i = begin; i < end; ++i) static_cast<T*>(at)[i].set(0.0);
  });
}

}  // namespace

void activate_rows_reference(const ActivateRows& shape, const void* h, void* y) {
  const std::int64_t rows = num_used(shape), size = rows * shape.F;
  if (shape.activation == RowActivation::kSwiglu) {
    swiglu_reference(shape.dtype, h, nullptr, rows, shape.F, y);
  } else if (shape.activation == RowActivation::kRelu) {
    with_type(shape.dtype, [&]<typename T>(T*) {
      for (std::int64_t i = 0; i < size; ++i) {
        static_cast<T*>(y)[i].set(std::max(static_cast<const T*>(h)[i].get(), 0.0));
      }
    });
  } else {
    gelu_reference(gelu_kind(shape), shape.dtype, h, size, y);
  }
  set_zero(shape.dtype, y, size, shape.num_rows * shape.F);
}

void activate_rows_backward_reference(const ActivateRows& shape,
                                      const void* dy,
                                      const void* h,
                                      void* dh) {
  const std::int64_t rows = num_used(shape), size = rows * shape.F;
  const std::int64_t width = (shape.activation == RowActivation::kSwiglu ? 2 : 1) * shape.F;
  if (shape.activation == RowActivation::kSwiglu) {
    swiglu_backward_reference(shape.dtype, dy, h, nullptr, rows, shape.F, dh);
  } else if (shape.activation == RowActivation::kRelu) {
    with_type(shape.dtype, [&]<typename T>(T*) {
      for (std::int64_t i = 0; i < size; ++i) {
        const bool is_open = static_cast<const T*>(h)[i].get() > 0.0;
        static_cast<T*>(dh)[i].set(is_open ? static_cast<const T*>(dy)[i].get() : 0.0);
      }
    });
  } else {
    gelu_backward_reference(gelu_kind(shape), shape.dtype, dy, h, size, dh);
  }
  set_zero(shape.dtype, dh, rows * width, shape.num_rows * width);
}

}  // namespace switchyard::kernels
