#include "kernels/include/embedding.h"

#include <vector>

#include "kernels/reference/element.h"

namespace switchyard::kernels {
namespace {

using reference::DropoutMask;
using reference::with_type;

template <typename Stream, typename Compute>
void forward(const Embedding& shape, const EmbeddingForward& args) {
  const DropoutMask mask(shape.dropout, shape.site, args.state);
  const auto* table = static_cast<const Compute*>(args.table);
  const auto* position = static_cast<const Compute*>(args.position);
  for (std::int64_t n = 0; n < shape.N; ++n) {
    const std::int64_t token = args.tokens[n], at = n % shape.T + args.begin;
    const bool is_known = token >= 0 && token < shape.V;
    for (std::int64_t d = 0; d < shape.D; ++d) {
      double x = is_known ? table[token * shape.D + d].get() : 0.0;
      if (position != nullptr) x += position[at * shape.D + d].get();
      const std::int64_t i = n * shape.D + d;
      static_cast<Stream*>(args.x)[i].set(mask.factor(i) * x);
    }
  }
}

/// gradient <- beta gradient + sums of the rows that `row_of` sends there (-1: nowhere).
template <typename Stream, typename RowOf>
void sum_rows(const Embedding& shape,
              const EmbeddingBackward& args,
              std::int64_t num_rows,
              float beta,
              float* gradient,
              const RowOf& row_of) {
  const DropoutMask mask(shape.dropout, shape.site, args.state);
  std::vector<double> sums(static_cast<std::size_t>(num_rows * shape.D), 0.0);
  for (std::int64_t n = 0; n < shape.N; ++n) {
    const std::int64_t row = row_of(n);
    if (row < 0) continue;
    for (std::int64_t d = 0; d < shape.D; ++d) {
      const std::int64_t i = n * shape.D + d;
      sums[static_cast<std::size_t>(row * shape.D + d)] +=
          mask.factor(i) * static_cast<const Stream*>(args.dx)[i].get();
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double old = beta == 0.0F ? 0.0 : static_cast<double>(beta * gradient[i]);
    gradient[i] = static_cast<float>(old + sums[i]);
  }
}

}  // namespace

void embedding_reference(const Embedding& shape, const EmbeddingForward& args) {
  with_type(shape.stream_dtype, [&]<typename Stream>(Stream*) {
    with_type(shape.compute_dtype,
              [&]<typename Compute>(Compute*) { forward<Stream, Compute>(shape, args); });
  });
}

void embedding_backward_reference(const Embedding& shape, const EmbeddingBackward& args) {
  with_type(shape.stream_dtype, [&]<typename Stream>(Stream*) {
    if (args.dtable != nullptr) {
      sum_rows<Stream>(
          shape, args, shape.V, args.beta_table, args.dtable, [&](std::int64_t n) -> std::int64_t {
            const std::int64_t token = args.tokens[n];
            return token >= 0 && token < shape.V ? token : -1;
          });
    }
    if (args.dposition != nullptr) {
      sum_rows<Stream>(
          shape, args, shape.T, args.beta_position, args.dposition, [&](std::int64_t n) {
            return n % shape.T;
          });
    }
  });
}

}  // namespace switchyard::kernels
