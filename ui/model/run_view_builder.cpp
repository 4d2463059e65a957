#include "ui/model/run_view_builder.h"

#include <algorithm>
#include <cmath>

#include "engine/base/core/file_system.h"
#include "ui/model/probe_view.h"
#include "ui/model/run_overlay.h"
#include "ui/model/run_state.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kManyCells = 500'000;  ///< 4 MB: copying them takes about a millisecond
constexpr double kManyCellsInterval = 0.5;   ///< seconds

/// Perplexity is exp of a loss: a series of its own, so that plots treat it like any other. Empty
/// for all other metrics.
std::string perplexity_of(const std::string& metric) {
  if (metric == "train_loss") return "train_perplexity";
  return metric == "val_loss" ? "val_perplexity" : "";
}

/// The recorded metric that a shown one is computed from.
std::string source_of(const std::string& metric) {
  for (const char* loss : {"train_loss", "val_loss"}) {
    if (metric == perplexity_of(loss)) return loss;
  }
  return metric;
}

bool is_rising(const store::PackedColumn& step) {
  for (std::size_t i = 1; i < step.size(); ++i) {
    if (step.integer(i) <= step.integer(i - 1)) return false;
  }
  return true;
}

}  // namespace

void truncate_columns(MapColumns& columns, std::int64_t step) {
  std::size_t keep = columns.num_columns();
  while (keep > 0 && columns.first[keep - 1].step >= step) --keep;
  const std::size_t cells = keep * static_cast<std::size_t>(columns.num_rows);
  columns.first.resize(keep);
  columns.last.resize(keep);
  columns.count.resize(keep);
  columns.mean.resize(cells);
  columns.max.resize(cells);
  columns.zeros.resize(cells);
}

RunViewBuilder::RunViewBuilder(std::string root) : root_(std::move(root)) {}

void RunViewBuilder::set_config(Json config) {
  config_ = std::move(config);
  seed_key_ = seed_key(config_);
  if (max_steps_ == 0) max_steps_ = config_["train"]["max_steps"].as_integer();
}

void RunViewBuilder::clear() {
  metrics_.clear();
  series_.clear();
  maps_.clear();
  events_.clear();
  probes_.clear();
  last_step_ = 0;
  num_checkpoints_ = 0;
  reason_.clear();
}

RunViewBuilder::Scalars& RunViewBuilder::scalars_of(const std::string& metric) {
  const auto [found, is_new] = series_.try_emplace(metric);
  if (is_new) found->second.series = Series(metric, positions_);
  return found->second;
}

void RunViewBuilder::append(const store::ScalarSeries& fresh) {
  Scalars& scalars = scalars_of(fresh.metric);
  Series& series = scalars.series;
  const std::size_t before = series.size();
  std::size_t kept = before;
  const auto go_back = [&](std::int64_t step) {
    if (series.empty() || step > series.last().step) return;
    series.truncate(series.index_of_step(step));
    kept = std::min(kept, series.size());
  };
  if (fresh.packed.has_value() && is_rising(fresh.packed->step)) {
    go_back(fresh.packed->step.integer(0));
    series.append(*fresh.packed);
  } else if (fresh.packed.has_value()) {
    for (std::size_t i = 0; i < fresh.packed->size(); ++i) {
      const store::PackedSamples& p = *fresh.packed;
      go_back(p.step.integer(i));
      series.append({p.step.integer(i), p.tokens.integer(i), p.seconds.real(i), p.flops.real(i)},
                    p.value.real(i));
    }
  }
  for (std::size_t i = 0; i < fresh.step.size(); ++i) {
    go_back(fresh.step[i]);
    series.append({fresh.step[i], fresh.tokens[i], fresh.seconds[i], fresh.flops[i]},
                  fresh.value[i]);
  }
  scalars.is_dirty = true;
  if (fresh.metric == "train_loss" && !series.empty()) last_step_ = series.last().step;
  const std::string derived = perplexity_of(fresh.metric);
  if (derived.empty()) return;
  Scalars& perplexity = scalars_of(derived);
  perplexity.series.truncate(kept);
  for (std::size_t i = perplexity.series.size(); i < series.size(); ++i)
    perplexity.series.append({series.step(i), series.tokens(i), series.seconds(i), series.flops(i)},
                             std::exp(series.value(i)));
  perplexity.is_dirty = true;
}

std::vector<std::string> RunViewBuilder::wanted() const {
  std::vector<std::string> metrics = {"train_loss"};
  for (const std::string& asked : requests_->wanted()) {
    const std::string metric = source_of(asked);
    if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end())
      metrics.push_back(metric);
  }
  return metrics;
}

void RunViewBuilder::append(const store::VectorSeries& fresh) {
  Map& map = maps_[{fresh.metric, fresh.layer}];
  for (const store::VectorSample& sample : fresh.samples) {
    if (map.columns.num_columns() > 0 && sample.at.step <= map.columns.last.back().step)
      truncate_columns(map.columns, sample.at.step);
    map.columns.append(sample.at, sample.values);
  }
  map.is_dirty = true;
}

void RunViewBuilder::take_event(const store::Event& event) {
  if (event.kind == "state") {
    const Json& detail = event.detail;
    if (detail.find("max_steps") != nullptr) max_steps_ = detail["max_steps"].as_integer();
    if (detail.find("params_total") != nullptr) params_total_ = detail["params_total"].as_integer();
    if (detail.find("params_active") != nullptr)
      params_active_ = detail["params_active"].as_integer();
    if (detail.find("device") != nullptr) device_ = detail["device"].as_string();
    reason_ = detail["reason"].as_string();
    last_step_ = std::max(last_step_, event.step);
  } else if (event.kind == "error") {
    reason_ = event.detail["message"].as_string();
    const std::string& hint = event.detail["hint"].as_string();
    if (!hint.empty()) reason_ += " " + hint;
  } else if (event.kind == "checkpoint") {
    ++num_checkpoints_;
  }
  events_.push_back(event);
}

void RunViewBuilder::apply(const store::Delta& delta, double now) {
  if (delta.is_reset) clear();
  for (const store::MetricInfo& metric : delta.metrics) {
    std::erase_if(metrics_, [&](const store::MetricInfo& m) { return m.name == metric.name; });
    metrics_.push_back(metric);
  }
  for (const std::string& metric : delta.available) {
    scalars_of(metric);
    if (const std::string derived = perplexity_of(metric); !derived.empty()) scalars_of(derived);
  }
  for (const store::ScalarSeries& series : delta.scalars) append(series);
  for (const store::VectorSeries& series : delta.vectors) append(series);
  for (const store::Event& event : delta.events) take_event(event);
  append_probes(probes_, delta.probes);
  // A series that a plot asked for late is no sign of life.
  const bool has_loss = std::any_of(
      delta.scalars.begin(), delta.scalars.end(), [](const store::ScalarSeries& series) {
        return series.metric == "train_loss";
      });
  if (has_loss || !delta.vectors.empty()) last_sample_time_ = now;
}

store::MetricInfo RunViewBuilder::info_of(const std::string& metric, bool is_vector) const {
  for (const store::MetricInfo& info : metrics_) {
    if (info.name == metric) return info;
  }
  return {metric, "", "", is_vector};
}

/// Maps are copied whole: large ones less often, so that curves do not wait for them.
void RunViewBuilder::publish_maps(double now) {
  std::size_t num_cells = 0;
  for (const auto& [key, map] : maps_) num_cells += map.is_dirty ? map.columns.mean.size() : 0;
  is_behind_ =
      num_cells > kManyCells && last_map_time_ >= 0.0 && now - last_map_time_ < kManyCellsInterval;
  if (is_behind_ || num_cells == 0) return;
  last_map_time_ = now;
  for (auto& [key, map] : maps_) {
    if (!map.is_dirty) continue;
    map.published = {
        info_of(key.first, true), key.second, std::make_shared<const MapColumns>(map.columns)};
    map.is_dirty = false;
  }
}

std::shared_ptr<const RunView> RunViewBuilder::publish(const EngineLink& link, double now) {
  for (auto& [metric, scalars] : series_) {
    if (!scalars.is_dirty) continue;
    scalars.published = {info_of(metric, false),
                         {std::make_shared<const Series>(scalars.series), requests_}};
    scalars.is_dirty = false;
  }
  publish_maps(now);
  auto view = std::make_shared<RunView>();
  view->root = root_;
  view->name = base_name(root_);
  view->config = config_;
  view->seed_key = seed_key_;
  view->problem = problem_;
  view->is_engine_alive = link.is_alive;
  view->is_engine_attached = link.is_attached;
  view->engine_pid = link.is_alive ? link.pid : 0;
  view->state = problem_.has_value() && !link.is_alive
                    ? RunState::kDamaged
                    : run_state(link.is_alive, link.is_launching, events_, link.pid);
  view->state_detail = view->state == RunState::kFailed ? reason_ : std::string();
  view->device = device_;
  view->step = last_step_;
  view->max_steps = max_steps_;
  view->params_total = params_total_;
  view->params_active = params_active_;
  view->num_checkpoints = num_checkpoints_;
  view->metrics = metrics_;
  for (const auto& [metric, scalars] : series_) view->series.emplace(metric, scalars.published);
  for (const auto& [key, map] : maps_) {
    if (map.published.columns != nullptr) view->maps.emplace(key, map.published);
  }
  view->events = events_;
  view->probes = probes_;
  view->revision = ++revision_;
  view->last_sample_time = last_sample_time_;
  view->data_age_seconds = last_sample_time_ > 0.0 ? now - last_sample_time_ : 0.0;
  return view;
}

}  // namespace switchyard::ui
