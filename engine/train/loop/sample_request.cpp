#include "engine/train/loop/sample_request.h"

#include <utility>

namespace switchyard::train {
namespace {

constexpr std::int64_t kMostTokens = 1'000'000;
constexpr std::size_t kMostPromptBytes = 1 << 20;
constexpr std::size_t kMostStops = 8;
constexpr std::size_t kMostStopBytes = 64;

Error bad_member(std::string name, std::string expected, const std::string& found) {
  return {ErrorCode::kUsage,
          std::move(name),
          "expected " + std::move(expected) + ", found " + found + ".",
          "",
          {}};
}

Status read_number(const Json& message, const char* name, double& out) {
  const Json* found = message.find(name);
  if (found == nullptr) return {};
  if (!found->is_number()) return bad_member(name, "a number", found->dump());
  out = found->as_number();
  return {};
}

Status read_integer(const Json& message, const char* name, std::int64_t& out) {
  const Json* found = message.find(name);
  if (found == nullptr) return {};
  if (!found->is_integer()) return bad_member(name, "an integer", found->dump());
  out = found->as_integer();
  return {};
}

}  // namespace

Status check_request(const SampleRequest& request) {
  SY_RETURN_IF_ERROR(check_settings(request.settings));
  if (request.max_tokens < 1 || request.max_tokens > kMostTokens) {
    return bad_member(
        "max_tokens", "an integer in [1, 1000000]", std::to_string(request.max_tokens));
  }
  if (request.prompt.size() > kMostPromptBytes) {
    return bad_member("prompt", "at most 1 MiB of text", std::to_string(request.prompt.size()));
  }
  if (request.stop.size() > kMostStops) {
    return bad_member("stop", "at most 8 texts", std::to_string(request.stop.size()));
  }
  for (const std::string& stop : request.stop) {
    if (stop.empty() || stop.size() > kMostStopBytes) {
      return bad_member("stop", "texts of 1 to 64 bytes", Json(stop).dump());
    }
  }
  return {};
}

Result<SampleRequest> sample_request_from_json(const Json& message) {
  SampleRequest request;
  if (const Json* prompt = message.find("prompt")) {
    if (!prompt->is_string()) return bad_member("prompt", "text", prompt->dump());
    request.prompt = prompt->as_string();
  }
  std::int64_t seed = 1337;
  SY_RETURN_IF_ERROR(read_integer(message, "max_tokens", request.max_tokens));
  SY_RETURN_IF_ERROR(read_integer(message, "seed", seed));
  SY_RETURN_IF_ERROR(read_integer(message, "top_k", request.settings.top_k));
  SY_RETURN_IF_ERROR(read_number(message, "temperature", request.settings.temperature));
  SY_RETURN_IF_ERROR(read_number(message, "top_p", request.settings.top_p));
  SY_RETURN_IF_ERROR(read_number(message, "min_p", request.settings.min_p));
  SY_RETURN_IF_ERROR(
      read_number(message, "repetition_penalty", request.settings.repetition_penalty));
  request.seed = static_cast<std::uint64_t>(seed);
  if (const Json* stop = message.find("stop")) {
    if (!stop->is_array()) return bad_member("stop", "an array of texts", stop->dump());
    for (const Json& text : stop->items()) {
      if (!text.is_string()) return bad_member("stop", "an array of texts", stop->dump());
      request.stop.push_back(text.as_string());
    }
  }
  SY_RETURN_IF_ERROR(check_request(request));
  return request;
}

Json json_from(const SampleRequest& request) {
  Json stop = Json::array();
  for (const std::string& text : request.stop) stop.push_back(Json(text));
  return Json::object({{"prompt", Json(request.prompt)},
                       {"max_tokens", Json(request.max_tokens)},
                       {"temperature", Json(request.settings.temperature)},
                       {"top_k", Json(request.settings.top_k)},
                       {"top_p", Json(request.settings.top_p)},
                       {"min_p", Json(request.settings.min_p)},
                       {"repetition_penalty", Json(request.settings.repetition_penalty)},
                       {"seed", Json(static_cast<std::int64_t>(request.seed))},
                       {"stop", std::move(stop)}});
}

}  // namespace switchyard::train
