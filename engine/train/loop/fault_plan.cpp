#include "engine/train/loop/fault_plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

namespace switchyard::train {
namespace {

constexpr std::array<std::string_view, 9> kKinds{"nan_loss",
                                                 "inf_loss",
                                                 "nan_grad",
                                                 "nan_batch",
                                                 "transient_nan_loss",
                                                 "spike_loss",
                                                 "oom",
                                                 "segv",
                                                 "abort"};

bool parse_number(std::string_view text, std::int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= 0;
}

}  // namespace

Result<FaultPlan> FaultPlan::parse(std::string_view text) {
  FaultPlan plan;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t at = std::min(item.find('@'), item.size());
    const std::string_view range = item.substr(std::min(at + 1, item.size()));
    const std::size_t dash = std::min(range.find('-'), range.size());
    Fault fault{std::string(item.substr(0, at)), 0, 0};
    const bool is_known = std::find(kKinds.begin(), kKinds.end(), fault.kind) != kKinds.end();
    const bool has_first = parse_number(range.substr(0, dash), fault.first);
    fault.last = fault.first;
    const bool has_last = dash == range.size() || parse_number(range.substr(dash + 1), fault.last);
    if (!is_known || !has_first || !has_last || fault.last < fault.first) {
      std::string kinds;
      for (const std::string_view kind : kKinds)
        kinds += (kinds.empty() ? "" : ", ") + std::string(kind);
      return Error{ErrorCode::kUsage,
                   "SY_INJECT",
                   "expected KIND@STEP or KIND@FIRST-LAST, found `" + std::string(item) + "`.",
                   "Kinds: " + kinds + ".",
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
