#include "ui/model/routing_state.h"

#include <algorithm>
#include <cmath>

namespace switchyard::ui {
namespace {

constexpr int kNumPalettes = static_cast<int>(Palette::kMagma) + 1;

bool read_range(const Json& saved, LoadColors::Range* range) {
  if (!saved["low"].is_number() || !saved["high"].is_number()) return false;
  const double low = saved["low"].as_number(), high = saved["high"].as_number();
  if (!std::isfinite(low) || !std::isfinite(high) || !(low < high)) return false;
  *range = {low, high};
  return true;
}

Json range_json(const LoadColors::Range& range) {
  return Json::object({{"low", range.low}, {"high", range.high}});
}

}  // namespace

Json routing_json(const RoutingState& state) {
  Json ranges = Json::array();
  for (const LoadColors::Range& range : state.colors.ranges) ranges.push_back(range_json(range));
  Json fixed = Json::object();
  for (const auto& [metric, range] : state.fixed_ranges) fixed.set(metric, range_json(range));
  return Json::object({{"quantity", static_cast<int>(state.quantity)},
                       {"colors", static_cast<int>(state.colors.kind)},
                       {"palette", static_cast<int>(state.colors.palette)},
                       {"is_fixed", state.colors.is_fixed},
                       {"ranges", std::move(ranges)},
                       {"layer_metric", state.layer_metric},
                       {"fixed_ranges", std::move(fixed)},
                       {"is_log_rank", state.is_log_rank}});
}

void restore_routing(RoutingState& state, const Json& saved) {
  const auto choice = [&](const char* key, int count, int fallback) {
    const std::int64_t value = saved[key].as_integer(-1);
    return value >= 0 && value < count ? static_cast<int>(value) : fallback;
  };
  state.quantity = static_cast<RoutingQuantity>(choice("quantity", 2, 0));
  LoadColors& colors = state.colors;
  // Ends are set through the rules of the kind they belong to.
  for (std::size_t i = 0; i < colors.ranges.size(); ++i) {
    LoadColors::Range range;
    if (!read_range(saved["ranges"][i], &range)) continue;
    colors.kind = static_cast<LoadColors::Kind>(i);
    colors.set_high(range.high);
    colors.set_low(range.low);
  }
  colors.kind =
      static_cast<LoadColors::Kind>(choice("colors", static_cast<int>(LoadColors::kNumKinds), 0));
  colors.palette = static_cast<Palette>(choice("palette", kNumPalettes, 0));
  if (colors.palette != Palette::kCividis && colors.palette != Palette::kMagma)
    colors.palette = Palette::kViridis;
  colors.is_fixed = saved["is_fixed"].as_bool(true);
  state.is_log_rank = saved["is_log_rank"].as_bool(true);
  for (const LayerMetric& metric : layer_metrics()) {
    const std::string name(metric.metric);
    if (saved["layer_metric"].as_string() == name) state.layer_metric = name;
    LoadColors::Range range;
    if (read_range(saved["fixed_ranges"][name], &range)) state.fixed_ranges[name] = range;
  }
}

}  // namespace switchyard::ui
