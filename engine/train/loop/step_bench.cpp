#include "engine/train/loop/step_bench.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include "engine/base/config/model_flops.h"
#include "engine/base/config/model_size.h"
#include "engine/train/fused/fusion.h"
#include "engine/train/loop/kernel_profile.h"
#include "engine/train/loop/micro_step.h"
#include "engine/train/loop/torch_errors.h"
#include "engine/train/model/transformer.h"
#include "engine/train/optim/optimizer.h"
#include "engine/train/routing/statistics.h"
#include "engine/train/torch_compat.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kNumBatches = 8;
constexpr std::int64_t kStepsPerBlockOnGpu = 10;
constexpr int kProfiledSteps = 3;

/// The parts of a training step without anything around them.
class Bench {
 public:
  Bench(const Json& config,
        c10::Device device,
        std::unique_ptr<Transformer> model,
        std::unique_ptr<Optimizer> optimizer)
      : config_(config),
        device_(device),
        model_(std::move(model)),
        optimizer_(std::move(optimizer)),
        micro_step_(
            *model_,
            {config::Node(config_).child("train").boolean("use_cuda_graph"), nullptr}) {
    const config::Node train = config::Node(config_).child("train");
    rows_ = train.integer("micro_batch_size");
    num_slices_ = train.integer("grad_accum_steps");
    rate_ = config::Node(config_).child("optimizer").number("learning_rate");
    at::Generator random = at::detail::createCPUGenerator(1);
    const std::int64_t T = model_->seq_len();
    const at::Tensor data = at::randint(model_->vocab_size(),
                                        {kNumBatches, num_slices_, rows_, T + 1},
                                        random,
                                        at::TensorOptions().dtype(at::kLong))
                                .to(device_);
    tokens_ = data.narrow(3, 0, T).contiguous();
    targets_ = data.narrow(3, 1, T).contiguous();
  }

  void record_routing() { statistics_ = std::make_unique<RoutingStatistics>(*model_); }

  [[nodiscard]] std::int64_t tokens_per_step() const {
    return rows_ * num_slices_ * model_->seq_len();
  }

  void step(std::int64_t number) {
    ParameterStore& parameters = model_->parameters();
    const double share = 1.0 / static_cast<double>(num_slices_);
    parameters.zero_gradients();
    model_->begin_step();
    for (std::int64_t i = 0; i < num_slices_; ++i) {
      if (Fusion* const fusion = model_->fusion()) {
        fusion->begin_pass(1, static_cast<std::uint64_t>(number * num_slices_ + i));
      }
      const Transformer::Losses& losses =
          micro_step_.run(tokens_[number % kNumBatches][i], targets_[number % kNumBatches][i], share);
      parameters.collect_gradients();
      if (statistics_ != nullptr) statistics_->add(losses.routing);
      loss_ = losses.cross_entropy.detach();
    }
    optimizer_->step(parameters, rate_, parameters.gradient_norm());
    model_->end_step();
  }

  [[nodiscard]] const std::string& why_no_graph() const { return micro_step_.why_no_graph(); }

  [[nodiscard]] double loss() const { return loss_.item<double>(); }

  /// Milliseconds per step of consecutive blocks.
  std::vector<double> time(std::int64_t first, std::int64_t num_steps) {
    const std::int64_t per_block = device_.is_cpu() ? 1 : kStepsPerBlockOnGpu;
    std::vector<double> times;
    for (std::int64_t done = 0; done < num_steps; done += per_block) {
      const std::int64_t length = std::min(per_block, num_steps - done);
      synchronize(device_);
      const auto start = std::chrono::steady_clock::now();
      for (std::int64_t i = 0; i < length; ++i) step(first + done + i);
      synchronize(device_);
      const std::chrono::duration<double, std::milli> passed =
          std::chrono::steady_clock::now() - start;
      times.push_back(passed.count() / static_cast<double>(length));
    }
    return times;
  }

 private:
  Json config_;
  c10::Device device_;
  std::unique_ptr<Transformer> model_;
  std::unique_ptr<Optimizer> optimizer_;
  MicroStep micro_step_;
  std::unique_ptr<RoutingStatistics> statistics_;
  std::int64_t rows_ = 1, num_slices_ = 1;
  double rate_ = 0.0;
  at::Tensor tokens_, targets_, loss_;
};

}  // namespace

namespace {

/// Adds the operations by part and by rule, and how much of the peak they are.
void add_accounting(Json& report, const StepBenchRequest& request, double tokens_per_second) {
  report.set("flops_by_part", config::flops_by_part(request.config, request.vocab_size));
  const auto rules = config::flop_rules(request.config, request.vocab_size);
  Json per_token = Json::object(), by_rule = Json::object();
  for (const config::FlopRule& rule : rules) {
    per_token.set(rule.name, Json(rule.flops_per_token_step));
    if (request.peak_tflops <= 0.0) continue;
    by_rule.set(rule.name,
                Json(config::utilisation(
                    rule.flops_per_token_step, tokens_per_second, request.peak_tflops)));
  }
  report.set("flops_per_token_step_by_rule", std::move(per_token));
  if (request.peak_tflops <= 0.0) return;
  const std::string_view chosen = rules.front().name;
  report.set("peak_tflops", Json(request.peak_tflops));
  report.set("mfu", by_rule[chosen]);
  report.set("mfu_rule", Json(chosen));
  report.set("mfu_by_rule", std::move(by_rule));
}

Result<Json> measure(const StepBenchRequest& request) {
  SY_ASSIGN_OR_RETURN(const c10::Device device, device_from_name(request.device));
  if (request.use_profile && device.is_cpu()) {
    return Error{ErrorCode::kUsage,
                 "--profile",
                 "expected a GPU, whose kernels it shows, found the CPU.",
                 "Leave it out, or name a GPU with --device.",
                 {}};
  }
  const config::Node train = config::Node(request.config).child("train");
  if (const std::int64_t threads = train.integer("num_threads"); threads > 0) {
    at::set_num_threads(static_cast<int>(threads));
  }
  keep_freed_memory();
  use_own_stream(device);
  const Transformer::Options options = Transformer::options_for(request.config, device);
  SY_ASSIGN_OR_RETURN(auto model, Transformer::create(request.config, request.vocab_size, options));
  SY_ASSIGN_OR_RETURN(
      auto optimizer,
      create_optimizer(config::Node(request.config).child("optimizer"), model->parameters()));
  Bench bench(request.config, device, std::move(model), std::move(optimizer));
  if (request.use_routing_stats) bench.record_routing();
  for (std::int64_t i = 0; i < request.num_warmup_steps; ++i) bench.step(i);
  std::vector<double> times =
      bench.time(request.num_warmup_steps, std::max<std::int64_t>(request.num_steps, 1));
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2];
  const std::int64_t peak =
      device.is_cpu() ? peak_resident_bytes() : device_memory(device).peak_bytes;
  const config::ModelSize size = config::model_size(request.config, request.vocab_size);
  const auto tokens = static_cast<double>(bench.tokens_per_step());
  Json report =
      Json::object({{"bench", "step"},
                    {"name", request.config["name"]},
                    {"device", device.str()},
                    {"compute_dtype", options.compute == at::kBFloat16 ? "bfloat16" : "float32"},
                     {"residual_dtype", options.use_bfloat16_residual ? "bfloat16" : "float32"},
                     {"has_fused_functions", options.use_fused_functions},
                     {"why_no_graph", bench.why_no_graph()},
                    {"num_threads", at::get_num_threads()},
                    {"steps", request.num_steps},
                    {"ms", median},
                    {"ms_p95", times[(times.size() * 95 + 99) / 100 - 1]},
                    {"ms_min", times.front()},
                    {"tokens_per_second", tokens * 1e3 / median},
                    {"tokens_per_step", bench.tokens_per_step()},
                    {"flops_per_second", size.flops_per_token_step * tokens * 1e3 / median},
                    {"peak_bytes", peak},
                    {"peak_gib", static_cast<double>(peak) / (1024.0 * 1024.0 * 1024.0)},
                    {"params_total", size.params_total},
                    {"params_active", size.params_active},
                    {"final_loss", bench.loss()}});
  if (request.use_profile) {
    std::int64_t number = request.num_warmup_steps + request.num_steps;
    SY_ASSIGN_OR_RETURN(Json profile, kernel_profile(kProfiledSteps, [&] {
                          bench.step(number++);
                          synchronize(device);
                        }));
    report.set("profile", std::move(profile));
  }
  add_accounting(report, request, tokens * 1e3 / median);
  return report;
}

}  // namespace

Result<Json> step_bench(const StepBenchRequest& request) {
  try {
    return measure(request);
  } catch (const std::exception& exception) {
    return error_from_exception(exception, "bench step");
  }
}

}  // namespace switchyard::train
