#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>

#include "engine/base/config/node.h"
#include "engine/train/data/batches.h"
#include "engine/train/loop/fault_plan.h"
#include "engine/train/loop/gap_watch.h"
#include "engine/train/loop/micro_step.h"
#include "engine/train/loop/routing_prober.h"
#include "engine/train/loop/trainer.h"
#include "engine/train/model/transformer.h"
#include "engine/train/optim/optimizer.h"
#include "engine/train/routing/statistics.h"

namespace switchyard::train {

/// What a number of a step is until it is read from the device.
inline constexpr double kNotRead = std::numeric_limits<double>::quiet_NaN();

GuardSettings guard_settings(const config::Node& guard);

/// The body of Trainer; private to trainer*.cpp.
struct Trainer::Impl {
  Json config;
  formats::PreparedData data;
  std::string device_name;
  at::Device device = at::kCPU;
  int num_threads = 1;
  std::unique_ptr<Transformer> model;
  std::unique_ptr<MicroStep> micro_step;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<RoutingStatistics> statistics;
  std::optional<RoutingProber> prober;  ///< made by the first probe
  config::ModelSize size;
  Guard guard{GuardSettings{}};
  FaultPlan faults;
  std::int64_t num_ooms_at_step = 0;
  int num_kept_recordings = 0;  ///< those whose products' algorithms are remembered
  bool is_rerun = false;     ///< the pass under way repeats one that the guard doubted
  bool is_updating = false;  ///< weights may be half updated: a failure now cannot be repaired
  std::optional<MemoryShortage> shortage;
  GapWatch watch;

  std::optional<std::pair<std::int64_t, Batch>> prepared;  ///< a batch ahead, with its index

  std::int64_t step = 0, batch_offset = 0, tokens = 0;
  std::int64_t micro_batch_size = 1, grad_accum_steps = 1;
  double seconds = 0.0;
  int attempt = 0;

  struct Sums {
    at::Tensor cross_entropy, load_balance_loss, router_z_loss, grad_norm;
    std::vector<RoutingRecord> routing;
  };

  struct Numbers {
    double loss = kNotRead, load_balance = kNotRead, router_z = kNotRead, grad_norm = kNotRead;
  };

  [[nodiscard]] config::Node section(std::string_view key) const {
    return config::Node(config).child(key);
  }

  [[nodiscard]] bool use_guard() const { return section("guard").boolean("use_guard"); }

  /// Batch `index`, as it was prepared or made now.
  Batch take_batch(std::int64_t index);
  Sums compute();
  void keep_product_choices();
  Numbers read(const Sums& sums) const;
  void inject(at::Tensor& total) const;
  void create_micro_step();
  void inject_oom(std::string_view kind, std::int64_t most);
  StepReport run_step(bool must_read);
  Result<Json> answer_shortage(const Error& error, bool has_retried);
  void split_batch();
  Status create_optimizer();
  void free_caches() const;
};

}  // namespace switchyard::train
