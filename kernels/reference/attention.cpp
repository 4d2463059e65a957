#include "kernels/include/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/reference/attention.h"
#include "kernels/reference/element.h"

namespace switchyard::kernels {
namespace {

std::int64_t bytes_of(Dtype dtype) {
  return dtype == Dtype::kF32 ? 4 : 2;
}

/// One sequence of one head: the numbers of a tensor [T, C] as f64.
using Rows = std::vector<double>;

std::size_t at(std::int64_t row, std::int64_t column, std::int64_t width) {
  return static_cast<std::size_t>(row * width + column);
}

Rows read_rows(const AttentionShape& s,
               Dtype dtype,
               const void* data,
               std::int64_t row,
               std::int64_t b,
               std::int64_t h) {
  const reference::ConstElements elements(data, dtype);
  Rows rows(static_cast<std::size_t>(s.T * s.C));
  for (std::int64_t t = 0; t < s.T; ++t) {
    for (std::int64_t c = 0; c < s.C; ++c) {
      rows[at(t, c, s.C)] = elements.get((b * s.T + t) * row + h * s.C + c);
    }
  }
  return rows;
}

void write_rows(const AttentionShape& s,
                Dtype dtype,
                const Rows& rows,
                void* data,
                std::int64_t row,
                std::int64_t b,
                std::int64_t h) {
  reference::Elements elements(data, dtype);
  for (std::int64_t t = 0; t < s.T; ++t) {
    for (std::int64_t c = 0; c < s.C; ++c) {
      elements.set((b * s.T + t) * row + h * s.C + c, rows[at(t, c, s.C)]);
    }
  }
}

double dot(const Rows& a, std::int64_t t, const Rows& b, std::int64_t u, std::int64_t C) {
  double sum = 0.0;
  for (std::int64_t c = 0; c < C; ++c) sum += a[at(t, c, C)] * b[at(u, c, C)];
  return sum;
}

double scale_of(const AttentionShape& s) {
  return 1.0 / std::sqrt(static_cast<double>(s.C));
}

std::int64_t num_seen(const AttentionShape& s, std::int64_t t) {
  return s.is_causal ? t + 1 : s.T;
}

std::size_t stats_at(const AttentionShape& s, std::int64_t b, std::int64_t h, std::int64_t t) {
  return static_cast<std::size_t>((b * s.H + h) * s.T + t);
}

void* moved(void* data, std::int64_t num_elements, Dtype dtype) {
  return static_cast<unsigned char*>(data) + num_elements * bytes_of(dtype);
}

const void* moved(const void* data, std::int64_t num_elements, Dtype dtype) {
  return static_cast<const unsigned char*>(data) + num_elements * bytes_of(dtype);
}

}  // namespace

AttentionShape AttentionShape::packed(std::int64_t B,
                                      std::int64_t T,
                                      std::int64_t H,
                                      std::int64_t C,
                                      float dropout_frac,
                                      bool is_deterministic,
                                      bool is_causal) {
  AttentionShape shape;
  shape.B = B;
  shape.T = T;
  shape.H = H;
  shape.C = C;
  const std::int64_t D = H * C;
  shape.q_row = shape.k_row = shape.v_row = 3 * D;
  shape.dq_row = shape.dk_row = shape.dv_row = 3 * D;
  shape.out_row = D;
  shape.dropout_frac = dropout_frac;
  shape.is_causal = is_causal;
  shape.is_deterministic = is_deterministic;
  return shape;
}

AttentionInputs AttentionInputs::packed(const void* qkv,
                                        std::int64_t H,
                                        std::int64_t C,
                                        Dtype dtype) {
  return {qkv, moved(qkv, H * C, dtype), moved(qkv, 2 * H * C, dtype)};
}

AttentionGradients AttentionGradients::packed(void* dqkv,
                                              std::int64_t H,
                                              std::int64_t C,
                                              Dtype dtype) {
  return {dqkv, moved(dqkv, H * C, dtype), moved(dqkv, 2 * H * C, dtype)};
}

const char* fault_of_attention_shape(const AttentionShape& shape) {
  if (shape.B < 0 || shape.T < 0 || shape.H < 0) return "attention: a size is negative";
  if (shape.C < 8 || shape.C > 128 || shape.C % 8 != 0) {
    return "attention: C is not a multiple of 8 in [8, 128]";
  }
  for (const std::int64_t row : {shape.q_row,
                                 shape.k_row,
                                 shape.v_row,
                                 shape.out_row,
                                 shape.dq_row,
                                 shape.dk_row,
                                 shape.dv_row}) {
    if (row < shape.H * shape.C) return "attention: a row is shorter than H * C";
    if (row % 8 != 0) return "attention: a row is not a multiple of 8 elements";
  }
  if (!(shape.dropout_frac >= 0.0F && shape.dropout_frac < 1.0F)) {
    return "attention: dropout_frac is outside [0, 1)";
  }
  return nullptr;
}

void reference::attend(const AttentionShape& shape,
                       Dtype dtype,
                       const AttentionInputs& in,
                       void* out,
                       float* stats,
                       const WeightFactor& factor) {
  const std::int64_t T = shape.T, C = shape.C;
  for (std::int64_t b = 0; b < shape.B; ++b) {
    for (std::int64_t h = 0; h < shape.H; ++h) {
      const Rows q = read_rows(shape, dtype, in.q, shape.q_row, b, h);
      const Rows k = read_rows(shape, dtype, in.k, shape.k_row, b, h);
      const Rows v = read_rows(shape, dtype, in.v, shape.v_row, b, h);
      Rows mixed(q.size(), 0.0), weights(static_cast<std::size_t>(T));
      for (std::int64_t t = 0; t < T; ++t) {
        double largest = -std::numeric_limits<double>::infinity(), sum = 0.0;
        for (std::int64_t u = 0; u < num_seen(shape, t); ++u) {
          weights[static_cast<std::size_t>(u)] = dot(q, t, k, u, C) * scale_of(shape);
          largest = std::max(largest, weights[static_cast<std::size_t>(u)]);
        }
        for (std::int64_t u = 0; u < num_seen(shape, t); ++u) {
          sum += std::exp(weights[static_cast<std::size_t>(u)] - largest);
        }
        const double log_sum = largest + std::log(sum);
        stats[stats_at(shape, b, h, t)] = static_cast<float>(log_sum);
        for (std::int64_t u = 0; u < num_seen(shape, t); ++u) {
          const double p = std::exp(weights[static_cast<std::size_t>(u)] - log_sum) *
                           factor(b * shape.H + h, t, u);
          for (std::int64_t c = 0; c < C; ++c) mixed[at(t, c, C)] += p * v[at(u, c, C)];
        }
      }
      write_rows(shape, dtype, mixed, out, shape.out_row, b, h);
    }
  }
}

void reference::attend_backward(const AttentionShape& shape,
                                Dtype dtype,
                                const AttentionInputs& in,
                                const void* out,
                                const float* stats,
                                const void* dout,
                                const AttentionGradients& gradients,
                                const WeightFactor& factor) {
  const std::int64_t T = shape.T, C = shape.C;
  for (std::int64_t b = 0; b < shape.B; ++b) {
    for (std::int64_t h = 0; h < shape.H; ++h) {
      const Rows q = read_rows(shape, dtype, in.q, shape.q_row, b, h);
      const Rows k = read_rows(shape, dtype, in.k, shape.k_row, b, h);
      const Rows v = read_rows(shape, dtype, in.v, shape.v_row, b, h);
      const Rows o = read_rows(shape, dtype, out, shape.out_row, b, h);
      const Rows g = read_rows(shape, dtype, dout, shape.out_row, b, h);
      Rows dq(q.size(), 0.0), dk(q.size(), 0.0), dv(q.size(), 0.0);
      for (std::int64_t t = 0; t < T; ++t) {
        const double r = dot(g, t, o, t, C);
        const auto log_sum = static_cast<double>(stats[stats_at(shape, b, h, t)]);
        for (std::int64_t u = 0; u < num_seen(shape, t); ++u) {
          const double p = std::exp(dot(q, t, k, u, C) * scale_of(shape) - log_sum);
          const double m = factor(b * shape.H + h, t, u);
          const double ds = p * (m * dot(g, t, v, u, C) - r) * scale_of(shape);
          for (std::int64_t c = 0; c < C; ++c) {
            dv[at(u, c, C)] += p * m * g[at(t, c, C)];
            dq[at(t, c, C)] += ds * k[at(u, c, C)];
            dk[at(u, c, C)] += ds * q[at(t, c, C)];
          }
        }
      }
      write_rows(shape, dtype, dq, gradients.dq, shape.dq_row, b, h);
      write_rows(shape, dtype, dk, gradients.dk, shape.dk_row, b, h);
      write_rows(shape, dtype, dv, gradients.dv, shape.dv_row, b, h);
    }
  }
}

namespace {

double no_factor(std::int64_t /*sequence*/, std::int64_t /*t*/, std::int64_t /*u*/) {
  return 1.0;
}

}  // namespace

void attention_forward_reference(
    const AttentionShape& shape, Dtype dtype, const AttentionInputs& in, void* out, float* stats) {
  reference::attend(shape, dtype, in, out, stats, no_factor);
}

void attention_backward_reference(const AttentionShape& shape,
                                  Dtype dtype,
                                  const AttentionInputs& in,
                                  const void* out,
                                  const float* stats,
                                  const void* dout,
                                  const AttentionGradients& gradients) {
  reference::attend_backward(shape, dtype, in, out, stats, dout, gradients, no_factor);
}

}  // namespace switchyard::kernels
