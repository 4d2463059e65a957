#include <array>

#include "engine/base/config/schema.h"

namespace switchyard::config {
namespace {

/// 1 -> 2: whether weights are divided by their sum is a choice of its own beside the router.
Json combine_weight_beside_router(Json document) {
  constexpr std::string_view kKey = "use_renormalized_weights";
  Json* const model = document.find("model");
  Json* const layers = model == nullptr ? nullptr : model->find("layers");
  if (layers == nullptr || !layers->is_array()) return document;
  for (Json& layer : layers->mutable_items()) {
    Json* const feed_forward = layer.find("feed_forward");
    Json* const router = feed_forward == nullptr ? nullptr : feed_forward->find("router");
    const Json* const is_divided = router == nullptr ? nullptr : router->find(kKey);
    if (is_divided == nullptr) continue;
    const char* const rule = is_divided->as_bool() ? "renormalized" : "raw";
    std::erase_if(router->mutable_members(),
                  [&](const auto& member) { return member.first == kKey; });
    feed_forward->set("combine_weight", Json::object({{"type", rule}}));
  }
  return document;
}

/// One step: version i + 1 -> i + 2. Add a function and an entry here whenever kRunVersion grows.
using Step = Json (*)(Json document);
constexpr std::array<Step, 1> kSteps{&combine_weight_beside_router};
static_assert(kSteps.size() + 1 == kRunVersion, "one migration per version step");

}  // namespace

Result<Json> migrate(Json document, std::string_view source) {
  const auto failure = [source](std::string_view key, std::string message, std::string hint) {
    return Error{ErrorCode::kConfig,
                 std::string(source) + " /" + std::string(key),
                 std::move(message),
                 std::move(hint),
                 {}};
  };
  const Json& schema = document["schema"];
  if (schema.is_string() && schema.as_string() != "switchyard.run")
    return failure("schema",
                   "expected \"switchyard.run\", found " + schema.dump() + ".",
                   "This file is not a run configuration.");
  const Json* version = document.find("version");
  if (version == nullptr) return document;  // documents without a version are current ones
  if (!version->is_integer() || version->as_integer() < 1)
    return failure("version",
                   "expected an integer of at least 1, found " + version->dump() + ".",
                   "Write \"version\": " + std::to_string(kRunVersion) + ".");
  const std::int64_t number = version->as_integer();
  if (number > kRunVersion)
    return failure("version",
                   "this program reads versions up to " + std::to_string(kRunVersion) +
                       ", the file has version " + std::to_string(number) + ".",
                   "Update Switchyard.");
  for (std::size_t i = static_cast<std::size_t>(number) - 1; i < kSteps.size(); ++i)
    document = kSteps[i](std::move(document));
  document.set("version", kRunVersion);
  return document;
}

}  // namespace switchyard::config
