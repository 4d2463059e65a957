#include "engine/train/loop/pins.h"

#include <algorithm>
#include <utility>

#include "engine/base/core/file_system.h"

namespace switchyard::train {
namespace {

constexpr std::size_t kMostPins = 16;
constexpr std::int64_t kMostPinTokens = 512;
constexpr std::uint64_t kMostBytes = 32U << 20U;

}  // namespace

Status Pins::load() {
  SY_ASSIGN_OR_RETURN(const FileInfo info, real_file_system().info(path_));
  pins_.clear();
  next_id_ = 1;
  if (!info.exists) return {};
  SY_ASSIGN_OR_RETURN(const std::string text, read_file(path_, kMostBytes));
  JsonLimits limits;
  limits.max_bytes = kMostBytes;
  SY_ASSIGN_OR_RETURN(const Json document, parse_json(text, path_, limits));
  std::vector<Pin> pins;
  std::int64_t next_id = document["next_id"].as_integer(1);
  for (const Json& item : document["pins"].items()) {
    SY_ASSIGN_OR_RETURN(SampleRequest request, sample_request_from_json(item));
    const std::int64_t pin_id = item["pin_id"].as_integer();
    next_id = std::max(next_id, pin_id + 1);
    pins.push_back({pin_id, std::move(request)});
  }
  pins_ = std::move(pins);
  next_id_ = next_id;
  return {};
}

Status Pins::store(const std::vector<Pin>& pins, std::int64_t next_id) const {
  Json items = Json::array();
  for (const Pin& pin : pins) {
    Json item = json_from(pin.request);
    item.set("pin_id", Json(pin.pin_id));
    items.push_back(std::move(item));
  }
  const Json document = Json::object({{"schema", Json("switchyard.pins")},
                                      {"version", Json(1)},
                                      {"next_id", Json(next_id)},
                                      {"pins", std::move(items)}});
  return write_file_durably(path_, document.dump(1) + "\n");
}

Result<std::int64_t> Pins::add(SampleRequest request) {
  if (pins_.size() >= kMostPins) {
    return Error{
        ErrorCode::kUsage, "pin", "16 prompts are pinned already.", "Unpin one first.", {}};
  }
  if (request.max_tokens > kMostPinTokens) {
    return Error{ErrorCode::kUsage,
                 "max_tokens",
                 "expected at most 512 for a pinned prompt, found " +
                     std::to_string(request.max_tokens) + ".",
                 "Training waits for the answers after every checkpoint.",
                 {}};
  }
  std::vector<Pin> pins = pins_;
  pins.push_back({next_id_, std::move(request)});
  SY_RETURN_IF_ERROR(store(pins, next_id_ + 1));
  pins_ = std::move(pins);
  return next_id_++;
}

Status Pins::remove(std::int64_t pin_id) {
  std::vector<Pin> pins = pins_;
  if (std::erase_if(pins, [&](const Pin& pin) { return pin.pin_id == pin_id; }) == 0) {
    return Error{ErrorCode::kUsage,
                 "pin_id",
                 "expected the number of a pinned prompt, found " + std::to_string(pin_id) + ".",
                 "",
                 {}};
  }
  SY_RETURN_IF_ERROR(store(pins, next_id_));
  pins_ = std::move(pins);
  return {};
}

}  // namespace switchyard::train
