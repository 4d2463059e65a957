#include "ui/shell/arrangement.h"

#include <cstdlib>

namespace switchyard::ui {

RoomClass room_class(float width_em, float height_em) {
  if (height_em < 20.0F || width_em < 62.0F) return RoomClass::kNarrow;
  return width_em < 85.0F ? RoomClass::kMedium : RoomClass::kWide;
}

Json json_from(const Arrangement& arrangement) {
  Json built = Json::array(), slots = Json::object();
  for (const bool is_built : arrangement.is_built) built.push_back(is_built);
  for (const auto& [key, node] : arrangement.slot_nodes)
    slots.set(std::to_string(key), static_cast<std::int64_t>(node));
  Json json = Json::object();
  json.set("scale", static_cast<double>(arrangement.scale));
  json.set("built", std::move(built));
  json.set("slots", std::move(slots));
  json.set("ini", arrangement.ini);
  return json;
}

Arrangement arrangement_from(const Json& json) {
  Arrangement result;
  result.ini = json["ini"].as_string();
  result.scale = static_cast<float>(json["scale"].as_number(0.0));
  for (std::size_t i = 0; i < result.is_built.size(); ++i)
    result.is_built[i] = json["built"][i].as_bool(false);
  for (const auto& [key, node] : json["slots"].members()) {
    const int slot = std::atoi(key.c_str());
    if (slot >= 0 && slot < 16) result.slot_nodes[slot] = static_cast<unsigned>(node.as_integer());
  }
  return result;
}

}  // namespace switchyard::ui
