#include <ATen/ATen.h>

#include "engine/train/fused/functions.h"
#include "engine/train/fused/launch.h"
#include "engine/train/fused/tape.h"
#include "kernels/include/embedding.h"

namespace switchyard::train {
namespace {

struct EmbeddingFunction : torch::autograd::Function<EmbeddingFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& /*anchor*/,
                            const at::Tensor& tokens,
                            Fusion& fusion,
                            const Slot& table,
                            const Slot& position,
                            std::int64_t begin,
                            const Dropout& dropout,
                            at::ScalarType stream_type) {
    kernels::Embedding shape;
    shape.N = tokens.numel();
    shape.T = tokens.size(1);
    shape.D = table.value.size(1);
    shape.V = table.value.size(0);
    shape.stream_dtype = dtype_of(stream_type);
    shape.compute_dtype = dtype_of(table.value);
    shape.dropout = static_cast<float>(dropout.p);
    shape.site = dropout.site;
    const at::Tensor x = at::empty({tokens.size(0), shape.T, shape.D},
                                   table.value.options().dtype(stream_type));
    kernels::EmbeddingForward arguments;
    arguments.tokens = tokens.const_data_ptr<std::int64_t>();
    arguments.table = table.value.const_data_ptr();
    arguments.position = pointer_or_null(position.value);
    arguments.begin = begin;
    arguments.state = fusion.step_state();
    arguments.x = x.mutable_data_ptr();
    run_kernel(
        x.device(),
        [&] { kernels::embedding_reference(shape, arguments); },
        [&](auto stream) { return kernels::embedding_cuda(shape, arguments, stream); });
    context->save_for_backward({tokens});
    keep(*context, fusion);
    keep(*context, "table", table);
    keep(*context, "position", position);
    context->saved_data["begin"] = begin;
    context->saved_data["dropout"] = dropout.p;
    context->saved_data["site"] = static_cast<std::int64_t>(dropout.site);
    return x;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    if (!gradients[0].defined()) return {{}, {}, {}, {}, {}, {}, {}, {}};
    const at::Tensor tokens = context->get_saved_variables()[0];
    const Slot table = kept_slot(*context, "table"), position = kept_slot(*context, "position");
    const at::Tensor dx = rows_of(gradients[0]);
    kernels::Embedding shape;
    shape.N = tokens.numel();
    shape.T = tokens.size(1);
    shape.D = table.value.size(1);
    shape.V = table.value.size(0);
    shape.stream_dtype = dtype_of(dx);
    shape.compute_dtype = dtype_of(table.value);
    shape.dropout = static_cast<float>(context->saved_data["dropout"].toDouble());
    shape.site = static_cast<std::uint32_t>(context->saved_data["site"].toInt());
    kernels::EmbeddingBackward arguments;
    arguments.tokens = tokens.const_data_ptr<std::int64_t>();
    arguments.dx = dx.const_data_ptr();
    arguments.state = kept_fusion(*context).step_state();
    arguments.dtable = table.gradient.mutable_data_ptr<float>();
    arguments.beta_table = 1.0F;
    if (position.defined()) {
      const std::int64_t begin = context->saved_data["begin"].toInt();
      arguments.dposition = position.gradient.mutable_data_ptr<float>() + begin * shape.D;
    }
    arguments.beta_position = 1.0F;
    at::Tensor workspace;
    run_kernel(
        dx.device(),
        [&] { kernels::embedding_backward_reference(shape, arguments); },
        [&](auto stream) {
          const std::size_t bytes =
              kernels::embedding_workspace_bytes(shape.N, shape.D, shape.V);
          workspace =
              at::empty({static_cast<std::int64_t>(bytes)}, dx.options().dtype(at::kByte));
          arguments.workspace = workspace.mutable_data_ptr();
          return kernels::embedding_backward_cuda(shape, arguments, stream);
        });
    return {{}, {}, {}, {}, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor fused_embedding(Fusion& fusion,
                           const at::Tensor& tokens,
                           const Slot& table,
                           const Slot& position,
                           std::int64_t begin,
                           const Dropout& dropout,
                           at::ScalarType stream,
                           const at::Tensor& anchor) {
  return EmbeddingFunction::apply(
      anchor, tokens.contiguous(), fusion, table, position, begin, dropout, stream);
}

}  // namespace switchyard::train
