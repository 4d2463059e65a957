#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/base/checkpoint/checkpoint.h"

namespace switchyard::checkpoint {

/// A small checkpoint whose bytes depend on the step, so that mixed ones would show.
struct SampleCheckpoint {
  explicit SampleCheckpoint(std::int64_t step, std::size_t num_values = 700)
      : weights(num_values, static_cast<float>(step)),
        moments(2 * num_values, static_cast<float>(step) + 0.5F) {
    parts.push_back({"weights.safetensors",
                     {{"embedding",
                       "F32",
                       {static_cast<std::int64_t>(num_values)},
                       weights.data(),
                       weights.size() * sizeof(float)},
                      {"scale", "F32", {1}, weights.data(), sizeof(float)}},
                     {}});
    parts.push_back({"optimizer.safetensors",
                     {{"moment",
                       "F32",
                       {static_cast<std::int64_t>(2 * num_values)},
                       moments.data(),
                       moments.size() * sizeof(float)}},
                     {}});
    parts.push_back({"state.json", {}, Json::object({{"step", Json(step)}})});
  }

  std::vector<float> weights;
  std::vector<float> moments;
  std::vector<Part> parts;
};

inline Result<std::string> publish_sample(const std::string& dir,
                                          std::int64_t step,
                                          FileSystem& fs = real_file_system()) {
  const SampleCheckpoint sample(step);
  return publish(dir, step, sample.parts, Json::object({{"device", Json("cpu")}}), fs);
}

}  // namespace switchyard::checkpoint
