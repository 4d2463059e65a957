#include "kernels/include/decode_embedding.h"

#include "kernels/reference/element.h"

namespace switchyard::kernels {

void decode_embedding_reference(const DecodeEmbedding& shape,
                                const DecodeEmbeddingArguments& args) {
  const reference::ConstElements table(args.table, shape.table_dtype);
  const reference::ConstElements position(args.position, shape.table_dtype);
  reference::Elements x(args.x, shape.stream_dtype);
  for (std::int64_t m = 0; m < shape.M; ++m) {
    const std::int64_t token = args.token[m], at = args.length[m];
    const bool has_token = token >= 0 && token < shape.V;
    const bool has_position = args.position != nullptr && at >= 0 && at < shape.S;
    for (std::int64_t d = 0; d < shape.D; ++d) {
      x.set(m * shape.D + d,
            (has_token ? table.get(token * shape.D + d) : 0.0) +
                (has_position ? position.get(at * shape.D + d) : 0.0));
    }
  }
}

}  // namespace switchyard::kernels
