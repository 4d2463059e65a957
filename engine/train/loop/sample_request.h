#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/train/loop/sampling.h"

namespace switchyard::train {

/// What to write on from, and how.
struct SampleRequest {
  std::string prompt;
  std::int64_t max_tokens = 200;
  SamplingSettings settings;
  std::uint64_t seed = 1337;
  std::vector<std::string> stop;  ///< texts that end the answer; at most 8 of 1 to 64 bytes
};

/// Reads a request from a message or checks one from the command line. Absent members keep their
/// defaults. Errors: kUsage naming the member, what was expected and what was found.
Result<SampleRequest> sample_request_from_json(const Json& message);
Status check_request(const SampleRequest& request);

/// The members that sample_request_from_json() reads.
Json json_from(const SampleRequest& request);

}  // namespace switchyard::train
