#include "ui/model/run_index.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <limits>

namespace switchyard::ui {
namespace {

std::string plural(long long count, const char* unit) {
  return std::to_string(count) + " " + unit + (count == 1 ? " ago" : "s ago");
}

double number_or_nan(const Json& value) {
  return value.as_number(std::numeric_limits<double>::quiet_NaN());
}

bool is_same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

const store::RunOverview* RunIndex::find(std::string_view root) const {
  const auto found = std::find_if(
      runs.begin(), runs.end(), [&](const store::RunOverview& run) { return run.root == root; });
  return found == runs.end() ? nullptr : &*found;
}

int run_color_index(std::string_view name) {
  std::size_t digits = name.size();
  while (digits > 0 && std::isdigit(static_cast<unsigned char>(name[digits - 1])) != 0) --digits;
  unsigned number = 0;
  for (const char c : name.substr(digits)) number = number * 10U + static_cast<unsigned>(c - '0');
  unsigned hash = 2166136261U;
  for (const char c : name.substr(0, digits))
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return static_cast<int>((hash + number) % 8U);
}

std::string age_text(double seconds) {
  if (!std::isfinite(seconds)) return "–";
  if (seconds < 10.0) return "just now";
  if (seconds < 60.0) return std::to_string(std::llround(seconds)) + " s ago";
  if (seconds < 3600.0) return std::to_string(std::llround(seconds / 60.0)) + " min ago";
  if (seconds < 86400.0) return std::to_string(std::llround(seconds / 3600.0)) + " h ago";
  return plural(std::llround(seconds / 86400.0), "day");
}

Json json_from_overview(const store::RunOverview& run) {
  Json curve = Json::array();
  for (const float value : run.loss_curve) curve.push_back(static_cast<double>(value));
  Json tags = Json::array();
  for (const std::string& tag : run.tags) tags.push_back(tag);
  return Json::object({{"name", run.name},
                       {"preset", run.preset},
                       {"state", run.state},
                       {"detail", run.detail},
                       {"step", run.step},
                       {"max_steps", run.max_steps},
                       {"train_loss", run.train_loss},
                       {"val_loss", run.val_loss},
                       {"modified_wall_time", run.modified_wall_time},
                       {"best_val_loss", run.best_val_loss},
                       {"best_step", run.best_step},
                       {"bits_per_byte", run.bits_per_byte},
                       {"tokens_per_second", run.tokens_per_second},
                       {"seconds", run.seconds},
                       {"tokens", run.tokens},
                       {"flops", run.flops},
                       {"params_total", run.params_total},
                       {"params_active", run.params_active},
                       {"data", run.data},
                       {"device", run.device},
                       {"parent_root", run.parent_root},
                       {"parent_name", run.parent_name},
                       {"fork_step", run.fork_step},
                       {"tags", std::move(tags)},
                       {"loss_curve", std::move(curve)}});
}

store::RunOverview overview_from_json(const Json& json) {
  store::RunOverview run;
  run.name = json["name"].as_string();
  run.preset = json["preset"].as_string();
  run.state = json["state"].as_string();
  run.detail = json["detail"].as_string();
  run.step = json["step"].as_integer();
  run.max_steps = json["max_steps"].as_integer();
  run.train_loss = number_or_nan(json["train_loss"]);
  run.val_loss = number_or_nan(json["val_loss"]);
  run.modified_wall_time = json["modified_wall_time"].as_number();
  run.best_val_loss = number_or_nan(json["best_val_loss"]);
  run.best_step = json["best_step"].as_integer(-1);
  run.bits_per_byte = number_or_nan(json["bits_per_byte"]);
  run.tokens_per_second = number_or_nan(json["tokens_per_second"]);
  run.seconds = json["seconds"].as_number();
  run.tokens = json["tokens"].as_integer();
  run.flops = json["flops"].as_number();
  run.params_total = json["params_total"].as_integer();
  run.params_active = json["params_active"].as_integer();
  run.data = json["data"].as_string();
  run.device = json["device"].as_string();
  run.parent_root = json["parent_root"].as_string();
  run.parent_name = json["parent_name"].as_string();
  run.fork_step = json["fork_step"].as_integer(-1);
  for (const Json& tag : json["tags"].items()) run.tags.push_back(tag.as_string());
  for (const Json& value : json["loss_curve"].items())
    run.loss_curve.push_back(static_cast<float>(number_or_nan(value)));
  if (run.loss_curve.size() > store::RunOverview::kMostCurvePoints)
    run.loss_curve.resize(store::RunOverview::kMostCurvePoints);
  return run;
}

bool is_same_row(const store::RunOverview& a, const store::RunOverview& b) {
  return a.root == b.root && a.preset == b.preset && a.state == b.state && a.detail == b.detail &&
         a.step == b.step && a.max_steps == b.max_steps && is_same(a.train_loss, b.train_loss) &&
         is_same(a.val_loss, b.val_loss) && is_same(a.best_val_loss, b.best_val_loss) &&
         a.parent_root == b.parent_root && a.params_total == b.params_total &&
         a.tags == b.tags;
}

}  // namespace switchyard::ui
