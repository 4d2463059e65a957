#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/core/json.h"

namespace switchyard::ui {

/// How much room the panels have. Each class keeps an arrangement of its own, so that neither a
/// small window nor a large zoom destroys the one that a person made on a wide screen.
enum class RoomClass {
  kWide,    ///< left, centre and right side by side
  kMedium,  ///< what belongs to the right becomes tabs at the left
  kNarrow,  ///< all panels are tabs of one place
};

constexpr int kNumRoomClasses = 3;

/// Units: em. Limits: wide from 85, medium from 62; below 20 em of height always narrow.
RoomClass room_class(float width_em, float height_em);

/// Where the panels of all workspaces stand: the text of Dear ImGui and what our dock builder
/// knows.
struct Arrangement {
  std::string ini;
  float scale = 0.0F;  ///< pixels per virtual pixel when it was kept
  std::array<bool, 4> is_built{};
  std::map<int, unsigned> slot_nodes;  ///< workspace · 4 + slot

  [[nodiscard]] bool is_empty() const { return ini.empty(); }
};

Json json_from(const Arrangement& arrangement);

/// What is missing or wrong stays at its default.
Arrangement arrangement_from(const Json& json);

/// An arrangement that a person gave a name.
struct NamedLayout {
  RoomClass room = RoomClass::kWide;
  Arrangement arrangement;
};

}  // namespace switchyard::ui
