#include "kernels/include/attention.h"

#include <ATen/ATen.h>

#include "engine/train/fused/functions.h"
#include "engine/train/fused/launch.h"
#include "engine/train/fused/tape.h"
#include "kernels/include/rotary.h"
#include "kernels/include/short_attention.h"

namespace switchyard::train {
namespace {

kernels::AttentionShape shape_of(const at::Tensor& qkv, double dropout, bool is_deterministic) {
  return kernels::AttentionShape::packed(qkv.size(0),
                                         qkv.size(1),
                                         qkv.size(3),
                                         qkv.size(4),
                                         static_cast<float>(dropout),
                                         is_deterministic);
}

at::Tensor workspace_for(const at::Tensor& near, std::size_t bytes) {
  return at::empty({static_cast<std::int64_t>(bytes)}, near.options().dtype(at::kByte));
}

/// Rotates queries and keys in place, backward by the negative angles.
void rotate(const at::Tensor& qkv, const at::Tensor& cosine, const at::Tensor& sine, bool back) {
  run_kernel(
      qkv.device(),
      [&] {
        kernels::rotary_reference(qkv.mutable_data_ptr(),
                                  dtype_of(qkv),
                                  cosine.const_data_ptr<float>(),
                                  sine.const_data_ptr<float>(),
                                  qkv.size(0),
                                  qkv.size(1),
                                  qkv.size(3),
                                  qkv.size(4),
                                  back);
      },
      [&](auto stream) {
        return kernels::rotary_cuda(qkv.mutable_data_ptr(),
                                    dtype_of(qkv),
                                    cosine.const_data_ptr<float>(),
                                    sine.const_data_ptr<float>(),
                                    qkv.size(0),
                                    qkv.size(1),
                                    qkv.size(3),
                                    qkv.size(4),
                                    back,
                                    stream);
      });
}

/// Do our own kernels take a shape on the device? The others go through cuDNN.
bool is_short(const kernels::AttentionShape& shape) {
  return kernels::fault_of_short_attention(shape) == nullptr;
}

/// Room for the dropout that the forward leaves to the backward; undefined where there is none.
at::Tensor mask_for(const at::Tensor& qkv, const kernels::AttentionShape& shape) {
  const std::size_t bytes =
      qkv.is_cuda() && is_short(shape) ? kernels::short_attention_mask_bytes(shape) : 0;
  return bytes == 0 ? at::Tensor() : workspace_for(qkv, bytes);
}

std::uint8_t* mask_at(const at::Tensor& mask) {
  return mask.defined() ? mask.mutable_data_ptr<std::uint8_t>() : nullptr;
}

void attend(Fusion& fusion,
            const kernels::AttentionShape& shape,
            const at::Tensor& qkv,
            const at::Tensor& out,
            const at::Tensor& stats,
            const at::Tensor& mask,
            const std::int64_t* random) {
  const auto in =
      kernels::AttentionInputs::packed(qkv.const_data_ptr(), shape.H, shape.C, dtype_of(qkv));
  auto* const log_sums = stats.mutable_data_ptr<float>();
  run_kernel(
      qkv.device(),
      [&] {
        kernels::attention_forward_reference(
            shape, dtype_of(qkv), in, out.mutable_data_ptr(), log_sums);
      },
      [&](auto stream) {
        if (is_short(shape)) {
          return kernels::short_attention_cuda(
              shape,
              {in, out.mutable_data_ptr(), log_sums, random, random + 1, mask_at(mask)},
              stream);
        }
        kernels::Attention& attention = *fusion.attention();
        const at::Tensor workspace = workspace_for(qkv, attention.forward_workspace_bytes(shape));
        return attention.forward(shape,
                                 in,
                                 out.mutable_data_ptr(),
                                 log_sums,
                                 random,
                                 random + 1,
                                 workspace.mutable_data_ptr(),
                                 stream);
      });
}

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& qkv,
                            Fusion& fusion,
                            const RotaryTable& rotary,
                            double dropout,
                            std::int64_t layer) {
    const kernels::AttentionShape shape = shape_of(qkv, dropout, fusion.is_deterministic());
    const bool is_rotated = rotary.cosine.defined();
    const at::Tensor cosine = is_rotated ? rotary.cosine.narrow(0, 0, shape.T) : at::Tensor();
    const at::Tensor sine = is_rotated ? rotary.sine.narrow(0, 0, shape.T) : at::Tensor();
    if (is_rotated) rotate(qkv, cosine, sine, false);
    const at::Tensor out = at::empty({shape.B, shape.T, shape.H * shape.C}, qkv.options());
    const at::Tensor stats =
        at::empty({shape.B, shape.H, shape.T}, qkv.options().dtype(at::kFloat));
    const at::Tensor mask = mask_for(qkv, shape);
    attend(fusion, shape, qkv, out, stats, mask, fusion.attention_random(layer));
    context->save_for_backward({qkv, out, stats, cosine, sine, mask});
    keep(*context, fusion);
    context->saved_data["dropout"] = dropout;
    context->saved_data["layer"] = layer;
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    if (!gradients[0].defined()) return {{}, {}, {}, {}, {}};
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &qkv = saved[0], &out = saved[1], &stats = saved[2], &cosine = saved[3];
    Fusion& fusion = kept_fusion(*context);
    const double dropout = context->saved_data["dropout"].toDouble();
    const std::int64_t* const random =
        fusion.attention_random(context->saved_data["layer"].toInt());
    const kernels::AttentionShape shape = shape_of(qkv, dropout, fusion.is_deterministic());
    const at::Tensor dout = gradients[0].contiguous();
    const at::Tensor dqkv = at::empty_like(qkv);
    const kernels::Dtype dtype = dtype_of(qkv);
    const auto in = kernels::AttentionInputs::packed(qkv.const_data_ptr(), shape.H, shape.C, dtype);
    const auto into =
        kernels::AttentionGradients::packed(dqkv.mutable_data_ptr(), shape.H, shape.C, dtype);
    run_kernel(
        qkv.device(),
        [&] {
          kernels::attention_backward_reference(shape,
                                                dtype,
                                                in,
                                                out.const_data_ptr(),
                                                stats.const_data_ptr<float>(),
                                                dout.const_data_ptr(),
                                                into);
        },
        [&](auto stream) {
          if (is_short(shape)) {
            return kernels::short_attention_backward_cuda(shape,
                                                          {in,
                                                           out.const_data_ptr(),
                                                           stats.const_data_ptr<float>(),
                                                           dout.const_data_ptr(),
                                                           into,
                                                           random,
                                                           random + 1,
                                                           mask_at(saved[5])},
                                                          stream);
          }
          kernels::Attention& attention = *fusion.attention();
          const at::Tensor workspace =
              workspace_for(qkv, attention.backward_workspace_bytes(shape));
          return attention.backward(shape,
                                    in,
                                    out.const_data_ptr(),
                                    stats.const_data_ptr<float>(),
                                    dout.const_data_ptr(),
                                    into,
                                    random,
                                    random + 1,
                                    workspace.mutable_data_ptr(),
                                    stream);
        });
    if (cosine.defined()) rotate(dqkv, cosine, saved[4], true);
    return {dqkv, {}, {}, {}, {}};
  }
};

/// Builds the plans for a shape the first time it is met; false where there are none.
bool is_prepared(Fusion& fusion, const at::Tensor& qkv, double dropout) {
  if (qkv.is_cpu()) return dropout == 0.0;
  if constexpr (kHasKernels) {
    if (qkv.scalar_type() != at::kBFloat16) return false;
    const kernels::AttentionShape shape = shape_of(qkv, dropout, fusion.is_deterministic());
    return is_short(shape) || fusion.prepare_attention(shape);
  }
  return false;
}

}  // namespace

at::Tensor fused_attention(Fusion& fusion,
                           const at::Tensor& qkv,
                           const RotaryTable& rotary,
                           double dropout,
                           std::int64_t layer) {
  if (!is_prepared(fusion, qkv, dropout)) return {};
  return AttentionFunction::apply(qkv, fusion, rotary, dropout, layer);
}

}  // namespace switchyard::train
