#include "engine/base/routing/findings.h"

#include <string>

namespace switchyard::routing {
namespace {

bool begins_anew(const store::Event& event) {
  if (event.kind == "guard") return event.detail["action"].as_string() == "rollback";
  if (event.kind != "state" || event.detail["state"].as_string() != "running") return false;
  const std::string& reason = event.detail["reason"].as_string();
  return reason == "started" || reason == "resumed" || reason == "forked";
}

}  // namespace

std::vector<Finding> open_findings(std::span<const store::Event> events) {
  std::vector<Finding> open;
  for (const store::Event& event : events) {
    if (begins_anew(event)) open.clear();
    if (event.kind != "doctor") continue;
    auto change = finding_change_from(event.detail);
    if (!change.has_value()) continue;
    std::erase_if(open, [&](const Finding& finding) {
      return finding.kind == change->finding.kind && finding.layer == change->finding.layer;
    });
    if (change->is_open) open.push_back(std::move(change->finding));
  }
  return open;
}

}  // namespace switchyard::routing
