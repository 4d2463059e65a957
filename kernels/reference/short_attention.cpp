#include "kernels/include/short_attention.h"

#include "kernels/reference/attention.h"
#include "kernels/reference/element.h"

namespace switchyard::kernels {
namespace {

reference::WeightFactor factor_of(const AttentionShape& shape,
                                  const std::int64_t* seed,
                                  const std::int64_t* offset) {
  StepState state;
  if (seed != nullptr) state.seed = static_cast<std::uint64_t>(*seed);
  if (offset != nullptr) state.step = static_cast<std::uint64_t>(*offset);
  const reference::DropoutMask mask(shape.dropout_frac, 0, &state);
  return [mask](std::int64_t sequence, std::int64_t t, std::int64_t u) {
    if (!mask.is_active()) return 1.0;
    return mask.factor(
        static_cast<std::int64_t>(short_attention_number(static_cast<std::uint64_t>(sequence),
                                                         static_cast<std::uint32_t>(t),
                                                         static_cast<std::uint32_t>(u))));
  };
}

}  // namespace

const char* fault_of_short_attention(const AttentionShape& shape) {
  if (const char* fault = fault_of_attention_shape(shape); fault != nullptr) return fault;
  if (!shape.is_causal) return "short attention: not causal";
  if (shape.T > kShortAttentionLength) return "short attention: T is above 256";
  if (shape.C != 32 && shape.C != 64) return "short attention: C is neither 32 nor 64";
  if (shape.H > 0 && shape.B >= (std::int64_t{1} << 30U) / shape.H) {
    return "short attention: B H is 2^30 or more";
  }
  return nullptr;
}

std::size_t short_attention_mask_bytes(const AttentionShape& shape) {
  if (dropout_threshold(shape.dropout_frac) == 0) return 0;
  const std::int64_t tiles = (shape.T + 15) / 16, pairs = (tiles + 1) / 2;
  return static_cast<std::size_t>(shape.B * shape.H * tiles * pairs * 64);
}

void short_attention_reference(const AttentionShape& shape,
                               Dtype dtype,
                               const ShortAttentionForward& args) {
  reference::attend(
      shape, dtype, args.in, args.out, args.stats, factor_of(shape, args.seed, args.offset));
}

void short_attention_backward_reference(const AttentionShape& shape,
                                        Dtype dtype,
                                        const ShortAttentionBackward& args) {
  reference::attend_backward(shape,
                             dtype,
                             args.in,
                             args.out,
                             args.stats,
                             args.dout,
                             args.gradients,
                             factor_of(shape, args.seed, args.offset));
}

}  // namespace switchyard::kernels
