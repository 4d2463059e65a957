#include "ui/model/findings.h"

#include <algorithm>

#include "ui/plot/ticks.h"

namespace switchyard::ui {
namespace {

/// Whether the doctor forgot what it had found before this event.
bool is_new_doctor(const store::Event& event) {
  if (event.kind == "guard") return event.detail["action"].as_string() == "rollback";
  if (event.kind != "state" || event.detail["state"].as_string() != "running") return false;
  const std::string& reason = event.detail["reason"].as_string();
  return reason == "started" || reason == "resumed" || reason == "forked";
}

RoutingFinding finding_from(const Json& detail) {
  RoutingFinding finding;
  finding.kind = detail["finding"].as_string();
  finding.layer = static_cast<int>(detail["layer"].as_integer(-1));
  finding.message = detail["message"].as_string();
  finding.hint = detail["hint"].as_string();
  finding.pointer = detail["pointer"].as_string();
  finding.value = detail["value"];
  finding.since_step = detail["since_step"].as_integer();
  finding.is_failure = detail["severity"].as_string() == "failure";
  return finding;
}

}  // namespace

std::vector<RoutingFinding> open_findings(const RunView& run) {
  std::vector<RoutingFinding> open;
  for (const store::Event& event : run.events) {
    if (is_new_doctor(event)) open.clear();
    if (event.kind != "doctor") continue;
    RoutingFinding finding = finding_from(event.detail);
    std::erase_if(open, [&](const RoutingFinding& known) {
      return known.kind == finding.kind && known.layer == finding.layer;
    });
    if (event.detail["action"].as_string() == "found") open.push_back(std::move(finding));
  }
  std::reverse(open.begin(), open.end());
  std::stable_sort(open.begin(), open.end(), [](const auto& a, const auto& b) {
    return a.is_failure && !b.is_failure;
  });
  return open;
}

std::string finding_as_text(const RoutingFinding& finding) {
  std::string text = finding.message;
  if (!finding.hint.empty()) text += "\n" + finding.hint;
  if (!finding.pointer.empty())
    text += "\n" + finding.pointer +
            (finding.value.is_number() ? " = " + plain_number(finding.value.as_number()) : "");
  return text + "\n";
}

}  // namespace switchyard::ui
