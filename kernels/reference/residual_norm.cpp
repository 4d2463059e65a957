#include "kernels/include/residual_norm.h"

#include <cmath>
#include <vector>

#include "kernels/reference/element.h"

namespace switchyard::kernels {
namespace {

using reference::DropoutMask;
using reference::with_type;

/// Eight elements per byte, the first in the lowest bit.
void write_bits(const DropoutMask& mask, std::int64_t row, std::int64_t D, std::uint8_t* bytes) {
  for (std::int64_t d = 0; d < D; d += 8) {
    unsigned byte = 0;
    for (std::int64_t i = 0; i < 8 && d + i < D; ++i) {
      if (mask.is_kept(row + d + i)) byte |= 1U << static_cast<unsigned>(i);
    }
    bytes[d / 8] = static_cast<std::uint8_t>(byte);
  }
}

template <typename Stream, typename Compute>
void forward(const ResidualNorm& shape, const ResidualNormForward& args) {
  const DropoutMask mask(shape.dropout, shape.site, args.state);
  const auto size = static_cast<double>(shape.D);
  for (std::int64_t n = 0; n < shape.N; ++n) {
    const std::int64_t row = n * shape.D;
    const Stream* sum = static_cast<const Stream*>(args.x) + row;
    if (args.delta != nullptr) {
      auto* written = static_cast<Stream*>(args.sum) + row;
      const Compute* delta = static_cast<const Compute*>(args.delta) + row;
      for (std::int64_t d = 0; d < shape.D; ++d) {
        written[d].set(sum[d].get() + mask.factor(row + d) * delta[d].get());
      }
      if (args.mask != nullptr && mask.is_active()) {
        write_bits(mask, row, shape.D, args.mask + n * ((shape.D + 7) / 8));
      }
      sum = written;
    }
    double mean = 0.0;
    if (!shape.is_rms) {
      for (std::int64_t d = 0; d < shape.D; ++d) mean += sum[d].get() / size;
    }
    double variance = 0.0;
    for (std::int64_t d = 0; d < shape.D; ++d) {
      const double centred = sum[d].get() - mean;
      variance += centred * centred / size;
    }
    const double rstd = 1.0 / std::sqrt(variance + static_cast<double>(shape.eps));
    auto* y = static_cast<Compute*>(args.y) + row;
    for (std::int64_t d = 0; d < shape.D; ++d) {
      const double bias = args.bias != nullptr ? static_cast<double>(args.bias[d]) : 0.0;
      y[d].set((sum[d].get() - mean) * rstd * static_cast<double>(args.weight[d]) + bias);
    }
    if (args.mean != nullptr && !shape.is_rms) args.mean[n] = static_cast<float>(mean);
    if (args.rstd != nullptr) args.rstd[n] = static_cast<float>(rstd);
  }
}

void add_to(float* gradient, float beta, const std::vector<double>& sums) {
  if (gradient == nullptr) return;
  for (std::size_t d = 0; d < sums.size(); ++d) {
    const double old = beta == 0.0F ? 0.0 : static_cast<double>(beta * gradient[d]);
    gradient[d] = static_cast<float>(old + sums[d]);
  }
}

template <typename Stream, typename Compute>
void backward(const ResidualNorm& shape, const ResidualNormBackward& args) {
  const DropoutMask mask(shape.dropout, shape.site, args.state);
  const auto size = static_cast<double>(shape.D);
  std::vector<double> dweight(static_cast<std::size_t>(shape.D), 0.0), dbias = dweight;
  for (std::int64_t n = 0; n < shape.N; ++n) {
    const std::int64_t row = n * shape.D;
    const Stream* sum = static_cast<const Stream*>(args.sum) + row;
    const Compute* dy = static_cast<const Compute*>(args.dy) + row;
    const double mean = shape.is_rms ? 0.0 : static_cast<double>(args.mean[n]);
    const auto rstd = static_cast<double>(args.rstd[n]);
    double mean_g = 0.0, mean_gh = 0.0;
    for (std::int64_t d = 0; d < shape.D; ++d) {
      const double h = (sum[d].get() - mean) * rstd;
      const double g = dy[d].get() * static_cast<double>(args.weight[d]);
      if (!shape.is_rms) mean_g += g / size;
      mean_gh += g * h / size;
      dweight[static_cast<std::size_t>(d)] += dy[d].get() * h;
      dbias[static_cast<std::size_t>(d)] += dy[d].get();
    }
    for (std::int64_t d = 0; d < shape.D; ++d) {
      const double h = (sum[d].get() - mean) * rstd;
      const double g = dy[d].get() * static_cast<double>(args.weight[d]);
      double dx = rstd * (g - mean_g - h * mean_gh);
      if (args.dsum != nullptr) dx += static_cast<const Stream*>(args.dsum)[row + d].get();
      static_cast<Stream*>(args.dx)[row + d].set(dx);
      if (args.ddelta != nullptr) {
        double factor = mask.factor(row + d);
        if (args.mask != nullptr && mask.is_active()) {
          const unsigned byte = args.mask[n * ((shape.D + 7) / 8) + d / 8];
          factor = mask.factor_if((byte >> static_cast<unsigned>(d % 8) & 1U) != 0);
        }
        static_cast<Compute*>(args.ddelta)[row + d].set(factor * dx);
      }
    }
  }
  add_to(args.dweight, args.beta, dweight);
  add_to(args.dbias, args.beta, dbias);
}

}  // namespace

void residual_norm_reference(const ResidualNorm& shape, const ResidualNormForward& args) {
  with_type(shape.stream_dtype, [&]<typename Stream>(Stream*) {
    with_type(shape.compute_dtype,
              [&]<typename Compute>(Compute*) { forward<Stream, Compute>(shape, args); });
  });
}

void residual_norm_backward_reference(const ResidualNorm& shape, const ResidualNormBackward& args) {
  with_type(shape.stream_dtype, [&]<typename Stream>(Stream*) {
    with_type(shape.compute_dtype,
              [&]<typename Compute>(Compute*) { backward<Stream, Compute>(shape, args); });
  });
}

}  // namespace switchyard::kernels
