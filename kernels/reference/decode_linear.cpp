#include "kernels/include/decode_linear.h"

#include <cmath>
#include <vector>

#include "kernels/reference/element.h"

namespace switchyard::kernels {
namespace {

using reference::ConstElements;
using reference::Elements;
using reference::with_type;

double rounded(double number, Dtype dtype) {
  double result = number;
  with_type(dtype, [&]<typename T>(T*) {
    T stored{};
    stored.set(number);
    result = stored.get();
  });
  return result;
}

/// Row m of x as the product reads it.
std::vector<double> input_row(const DecodeLinear& shape,
                              const DecodeLinearArguments& args,
                              std::int64_t m) {
  const ConstElements x(args.x, shape.in_dtype);
  std::vector<double> row(static_cast<std::size_t>(shape.K));
  for (std::int64_t k = 0; k < shape.K; ++k) {
    row[static_cast<std::size_t>(k)] = x.get(m * shape.K + k);
  }
  if (args.norm_weight == nullptr) return row;
  const auto size = static_cast<double>(shape.K);
  double mean = 0.0, variance = 0.0;
  if (!shape.is_rms) {
    for (const double number : row) mean += number / size;
  }
  for (const double number : row) variance += (number - mean) * (number - mean) / size;
  const double rstd = 1.0 / std::sqrt(variance + static_cast<double>(shape.eps));
  for (std::size_t k = 0; k < row.size(); ++k) {
    const double bias = args.norm_bias != nullptr ? static_cast<double>(args.norm_bias[k]) : 0.0;
    row[k] = rounded((row[k] - mean) * rstd * static_cast<double>(args.norm_weight[k]) + bias,
                     shape.weight_dtype);
  }
  return row;
}

double product(const std::vector<double>& row,
               const void* weight,
               const void* bias,
               Dtype dtype,
               std::int64_t n) {
  const ConstElements w(weight, dtype);
  const auto K = static_cast<std::int64_t>(row.size());
  double sum = bias != nullptr ? ConstElements(bias, dtype).get(n) : 0.0;
  for (std::int64_t k = 0; k < K; ++k) {
    sum += row[static_cast<std::size_t>(k)] * w.get(n * K + k);
  }
  return sum;
}

double gelu(DecodeActivation activation, double h) {
  if (activation == DecodeActivation::kGeluErf) {
    return 0.5 * h * std::erfc(-h / std::sqrt(2.0));
  }
  return 0.5 * h * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (h + 0.044715 * h * h * h)));
}

}  // namespace

void decode_linear_reference(const DecodeLinear& shape, const DecodeLinearArguments& args) {
  const ConstElements residual(args.residual, shape.out_dtype);
  Elements y(args.y, shape.out_dtype);
  for (std::int64_t m = 0; m < shape.M; ++m) {
    const std::vector<double> row = input_row(shape, args, m);
    for (std::int64_t n = 0; n < shape.N; ++n) {
      double a = product(row, args.weight, args.bias, shape.weight_dtype, n);
      if (shape.activation == DecodeActivation::kSwiglu) {
        const double gate = product(row, args.gate, args.gate_bias, shape.weight_dtype, n);
        a *= gate / (1.0 + std::exp(-gate));
      } else if (shape.activation != DecodeActivation::kNone) {
        a = gelu(shape.activation, a);
      }
      const std::int64_t at = m * shape.N + n;
      y.set(at, args.residual != nullptr ? residual.get(at) + a : a);
    }
  }
}

}  // namespace switchyard::kernels
