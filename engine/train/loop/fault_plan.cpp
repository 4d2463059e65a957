#include "engine/train/loop/fault_plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "engine/base/core/text.h"

namespace switchyard::train {
namespace {

constexpr std::array<std::string_view, 12> kKinds{"nan_loss",
                                                  "inf_loss",
                                                  "nan_grad",
                                                  "nan_batch",
                                                  "transient_nan_loss",
                                                  "spike_loss",
                                                  "oom",
                                                  "oom_once",
                                                  "oom_always",
                                                  "oom_update",
                                                  "segv",
                                                  "abort"};

bool parse_number(std::string_view text, std::int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= 0;
}

}  // namespace

Result<FaultPlan> FaultPlan::parse(const std::string& text) {
  FaultPlan plan;
  std::istringstream items(text);
  for (std::string item; std::getline(items, item, ',');) {
    std::istringstream parts(item);
    Fault fault;
    std::string first, last;
    std::getline(parts, fault.kind, '@');
    std::getline(parts, first, '-');
    const bool is_range = static_cast<bool>(std::getline(parts, last));
    const bool is_known = std::find(kKinds.begin(), kKinds.end(), fault.kind) != kKinds.end();
    const bool has_first = parse_number(first, fault.first);
    fault.last = fault.first;
    const bool has_last = !is_range || parse_number(last, fault.last);
    if (!is_known || !has_first || !has_last || fault.last < fault.first) {
      return Error{ErrorCode::kUsage,
                   "SY_INJECT",
                   "expected KIND@STEP or KIND@FIRST-LAST, found `" + item + "`.",
                   "Kinds: " + join({kKinds.begin(), kKinds.end()}, ", ") + ".",
                   {}};
    }
    plan.faults_.push_back(std::move(fault));
  }
  return plan;
}

Result<FaultPlan> FaultPlan::from_environment() {
  const char* text = std::getenv("SY_INJECT");
  return parse(text == nullptr ? "" : text);
}

bool FaultPlan::has(std::string_view kind, std::int64_t at) const {
  return std::any_of(faults_.begin(), faults_.end(), [&](const Fault& fault) {
    return fault.kind == kind && at >= fault.first && at <= fault.last;
  });
}

}  // namespace switchyard::train
