#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "kernels/include/dtype.h"

namespace switchyard::kernels {

/// Numbers of an element type known at run time, in host memory.
class HostArray {
 public:
  HostArray(Dtype dtype, std::int64_t size, double value = 0.0)
      : dtype_(dtype), bytes_(static_cast<std::size_t>(size) * element_bytes(dtype)) {
    for (std::int64_t i = 0; i < size; ++i) set(i, value);
  }

  /// Normal numbers of one spread.
  static HostArray random(Dtype dtype, std::int64_t size, std::uint32_t seed, double spread = 1.0) {
    HostArray array(dtype, size);
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal(0.0, spread);
    for (std::int64_t i = 0; i < size; ++i) array.set(i, normal(generator));
    return array;
  }

  static std::size_t element_bytes(Dtype dtype) { return dtype == Dtype::kF32 ? 4 : 2; }

  [[nodiscard]] Dtype dtype() const { return dtype_; }

  [[nodiscard]] std::int64_t size() const {
    return static_cast<std::int64_t>(bytes_.size() / element_bytes(dtype_));
  }

  [[nodiscard]] void* data() { return bytes_.data(); }

  [[nodiscard]] const void* data() const { return bytes_.data(); }

  /// Of an array of kF32.
  [[nodiscard]] float* floats() { return reinterpret_cast<float*>(bytes_.data()); }

  [[nodiscard]] const float* floats() const {
    return reinterpret_cast<const float*>(bytes_.data());
  }

  [[nodiscard]] std::size_t num_bytes() const { return bytes_.size(); }

  [[nodiscard]] double operator[](std::int64_t i) const;
  void set(std::int64_t i, double value);  ///< rounded to nearest, ties to even

  [[nodiscard]] std::vector<double> doubles() const {
    std::vector<double> numbers;
    for (std::int64_t i = 0; i < size(); ++i) numbers.push_back((*this)[i]);
    return numbers;
  }

  bool operator==(const HostArray& other) const = default;

 private:
  Dtype dtype_;
  std::vector<char> bytes_;
};

/// How far numbers are from those wanted.
struct Errors {
  double normalised_square = 0.0;  ///< sum of squared differences over the sum of squares wanted
  double largest = 0.0;            ///< largest difference over the largest number wanted, or over 1
  std::int64_t at = -1;            ///< where the largest is

  Errors(const std::vector<double>& got, const std::vector<double>& want) {
    double squares = 0.0, differences = 0.0, scale = 1.0;
    for (const double x : want) scale = std::max(scale, std::fabs(x));
    for (std::size_t i = 0; i < want.size(); ++i) {
      double difference = i < got.size() ? std::fabs(got[i] - want[i]) : INFINITY;
      if (got.size() == want.size() && std::isnan(got[i]) && std::isnan(want[i])) difference = 0.0;
      if (std::isnan(difference)) difference = INFINITY;
      squares += want[i] * want[i];
      differences += difference * difference;
      if (difference / scale > largest) {
        largest = difference / scale;
        at = static_cast<std::int64_t>(i);
      }
    }
    if (differences > 0.0) normalised_square = differences / std::max(squares, 1e-30);
  }

  [[nodiscard]] bool within(Dtype dtype) const {
    return dtype == Dtype::kF32 ? normalised_square <= 1e-6 && largest <= 1e-5
                                : normalised_square <= 1e-3 && largest <= 4e-2;
  }

  friend std::ostream& operator<<(std::ostream& out, const Errors& errors) {
    return out << "normalised squared error " << errors.normalised_square << ", largest error "
               << errors.largest << " at element " << errors.at;
  }
};

/// Types of the residual stream and of products that go together.
struct TypePair {
  Dtype stream, compute;

  [[nodiscard]] std::string text() const {
    const auto name = [](Dtype dtype) { return dtype == Dtype::kF32 ? "f32" : "bf16"; };
    return std::string(name(stream)) + " stream, " + name(compute) + " products";
  }
};

inline constexpr TypePair kTypePairs[] = {
    {Dtype::kF32, Dtype::kF32}, {Dtype::kF32, Dtype::kBf16}, {Dtype::kBf16, Dtype::kBf16}};

/// Slopes of `loss` in every number of `x`, by central differences.
template <typename Loss>
std::vector<double> central_differences(std::vector<double>& x, const Loss& loss) {
  constexpr double kStep = 1e-5;
  std::vector<double> slopes;
  for (double& number : x) {
    const double kept = number;
    number = kept + kStep;
    const double above = loss();
    number = kept - kStep;
    const double below = loss();
    number = kept;
    slopes.push_back((above - below) / (2.0 * kStep));
  }
  return slopes;
}

}  // namespace switchyard::kernels
