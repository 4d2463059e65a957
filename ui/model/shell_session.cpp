#include <algorithm>

#include "ui/model/studio.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kMaxRecent = 12;

}  // namespace

void Studio::remember_action(const std::string& title) {
  std::erase(recent_actions, title);
  recent_actions.insert(recent_actions.begin(), title);
  if (recent_actions.size() > kMaxRecent) recent_actions.resize(kMaxRecent);
}

void add_shell_state(Json& session, const Studio& studio) {
  const DrawerState& drawer = studio.drawer;
  session.set("drawer",
              Json::object({{"is_open", drawer.is_open},
                            {"tab", static_cast<int>(drawer.tab)},
                            {"height_em", static_cast<double>(drawer.height_em)},
                            {"lowest_level", static_cast<int>(drawer.filter.lowest)},
                            {"is_following", drawer.is_following}}));
  Json recent = Json::array();
  for (const std::string& title : studio.recent_actions) recent.push_back(title);
  session.set("recent_actions", std::move(recent));
  session.set("notices", studio.past_notices.json());
}

void restore_shell_state(Studio& studio, const Json& session) {
  DrawerState& drawer = studio.drawer;
  const Json& saved = session["drawer"];
  drawer.is_open = saved["is_open"].as_bool(false);
  drawer.tab = static_cast<DrawerTab>(std::clamp<std::int64_t>(saved["tab"].as_integer(0), 0, 3));
  drawer.height_em = std::clamp(static_cast<float>(saved["height_em"].as_number(17.0)),
                                DrawerState::kLeastEm,
                                DrawerState::kMostEm);
  drawer.filter.lowest =
      static_cast<LogLevel>(std::clamp<std::int64_t>(saved["lowest_level"].as_integer(1), 0, 3));
  drawer.is_following = saved["is_following"].as_bool(true);
  for (const Json& title : session["recent_actions"].items()) {
    if (title.is_string() && studio.recent_actions.size() < kMaxRecent)
      studio.recent_actions.push_back(title.as_string());
  }
  studio.past_notices.restore(session["notices"]);
}

}  // namespace switchyard::ui
