#include "kernels/include/decode_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/reference/element.h"

namespace switchyard::kernels {
namespace {

using reference::ConstElements;
using reference::Elements;

/// One head of one sequence.
struct Head {
  const DecodeAttention& shape;
  const DecodeAttentionArguments& args;
  std::int64_t b, h, t;

  /// Appends q's or k's (part 0, 1) or v's (part 2) C numbers, rotated, to a row of `to`.
  void copy_part(std::int64_t part, Elements& to, std::int64_t row) const {
    const ConstElements qkv(args.qkv, shape.dtype);
    const std::int64_t C = shape.C, first = ((b * 3 + part) * shape.H + h) * C;
    for (std::int64_t i = 0; i < C; ++i) {
      double x = qkv.get(first + i);
      if (args.cosine != nullptr && part < 2) {
        const std::int64_t half = C / 2, pair = i % half;
        const auto c = static_cast<double>(args.cosine[t * half + pair]);
        const auto s = static_cast<double>(args.sine[t * half + pair]);
        x = i < half ? x * c - qkv.get(first + i + half) * s
                     : x * c + qkv.get(first + i - half) * s;
      }
      to.set(row * C + i, x);
    }
  }

  void run() const {
    const std::int64_t C = shape.C, cache = (b * shape.H + h) * shape.S;
    Elements key(args.key, shape.dtype), value(args.value, shape.dtype);
    copy_part(1, key, cache + t);
    copy_part(2, value, cache + t);
    std::vector<float> storage(static_cast<std::size_t>(C));  // room for either type
    Elements query(storage.data(), shape.dtype);
    copy_part(0, query, 0);
    std::vector<double> weights;
    double largest = -HUGE_VAL, total = 0.0;
    for (std::int64_t p = 0; p <= t; ++p) {
      double score = 0.0;
      for (std::int64_t i = 0; i < C; ++i) score += query.get(i) * key.get((cache + p) * C + i);
      weights.push_back(score / std::sqrt(static_cast<double>(C)));
      largest = std::max(largest, weights.back());
    }
    for (double& weight : weights) total += weight = std::exp(weight - largest);
    Elements out(args.out, shape.dtype);
    for (std::int64_t i = 0; i < C; ++i) {
      double sum = 0.0;
      for (std::int64_t p = 0; p <= t; ++p) {
        sum += weights[static_cast<std::size_t>(p)] * value.get((cache + p) * C + i);
      }
      out.set((b * shape.H + h) * C + i, sum / total);
    }
  }
};

}  // namespace

void decode_attention_reference(const DecodeAttention& shape,
                                const DecodeAttentionArguments& args) {
  for (std::int64_t b = 0; b < shape.B; ++b) {
    const std::int64_t t = args.length[b];
    if (t < 0 || t >= shape.S) continue;
    for (std::int64_t h = 0; h < shape.H; ++h) Head{shape, args, b, h, t}.run();
  }
}

}  // namespace switchyard::kernels
