#pragma once

#include <cstdint>
#include <functional>

#include "kernels/include/attention.h"

namespace switchyard::kernels::reference {

/// Factor of weight [t, u] of sequence and head b H + h in the mixture of values.
using WeightFactor = std::function<double(std::int64_t sequence, std::int64_t t, std::int64_t u)>;

/// attention_forward_reference with p[t, u] multiplied by a factor in out.
void attend(const AttentionShape& shape,
            Dtype dtype,
            const AttentionInputs& in,
            void* out,
            float* stats,
            const WeightFactor& factor);

/// attention_backward_reference for the same.
void attend_backward(const AttentionShape& shape,
                     Dtype dtype,
                     const AttentionInputs& in,
                     const void* out,
                     const float* stats,
                     const void* dout,
                     const AttentionGradients& gradients,
                     const WeightFactor& factor);

}  // namespace switchyard::kernels::reference
