#include "ui/widgets/anchors.h"

#include <cstring>

namespace switchyard::ui {
namespace {

struct Wanted {
  std::string id;
  ImVec2 min, max;
  int frame = -10;
};

Wanted wanted;

}  // namespace

void want_anchor(const std::string& id) {
  if (wanted.id == id) return;
  wanted = {};
  wanted.id = id;
}

Anchor wanted_anchor() {
  const bool is_there = !wanted.id.empty() && ImGui::GetFrameCount() - wanted.frame <= 1;
  return {wanted.min, wanted.max, is_there};
}

void report_anchor(const char* label, ImVec2 min, ImVec2 max) {
  if (wanted.id.empty()) return;
  const char* id = std::strstr(label, "###");
  if (id == nullptr || wanted.id != id + 3) return;
  wanted.min = min;
  wanted.max = max;
  wanted.frame = ImGui::GetFrameCount();
}

}  // namespace switchyard::ui
