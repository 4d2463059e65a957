#include "engine/train/loop/trainer.h"

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>

#include "engine/train/data/batches.h"
#include "engine/train/fused/fusion.h"
#include "engine/train/loop/memory_message.h"
#include "engine/train/loop/product_choices.h"
#include "engine/train/loop/torch_errors.h"
#include "engine/train/loop/trainer_impl.h"
#include "engine/train/torch_compat.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kThrowsOfOom = 2;  // the first try and the retry: then the batch is split

}  // namespace

GuardSettings guard_settings(const config::Node& guard) {
  return {guard.boolean("use_guard"),
          guard.number("spike_sigma"),
          static_cast<int>(guard.integer("window_steps")),
          static_cast<int>(guard.integer("max_consecutive_skips")),
          static_cast<int>(guard.integer("max_rollbacks"))};
}

void Trainer::Impl::inject(at::Tensor& total) const {
  const std::int64_t at = step + 1;
  if (faults.has("segv", at)) std::raise(SIGSEGV);
  if (faults.has("abort", at)) std::abort();
  const bool is_nan = faults.has("nan_loss", at) || faults.has("nan_batch", step + batch_offset) ||
                      (!is_rerun && faults.has("transient_nan_loss", at));
  if (is_nan) total = total * std::numeric_limits<double>::quiet_NaN();
  if (faults.has("inf_loss", at)) total = total * std::numeric_limits<double>::infinity();
  if (faults.has("spike_loss", at)) total = total * 100.0;
}

void Trainer::Impl::inject_oom(std::string_view kind, std::int64_t most) {
  if (!faults.has(kind, step + 1) || num_ooms_at_step >= most) return;
  ++num_ooms_at_step;
  TORCH_CHECK_WITH(OutOfMemoryError, false, "planned by SY_INJECT: tried to allocate 2.00 MiB.");
}

void Trainer::Impl::create_micro_step() {
  MicroStep::Options options;
  options.use_graph = section("train").boolean("use_cuda_graph");
  if (!faults.empty()) {
    options.between = [this](Transformer::Losses& losses) {
      inject(losses.total);
      inject(losses.cross_entropy);
    };
  }
  num_kept_recordings = 0;
  micro_step = std::make_unique<MicroStep>(*model, std::move(options));
}

void Trainer::Impl::keep_product_choices() {
  const Fusion* const fusion = model->fusion();
  if (fusion == nullptr || micro_step->num_recordings() == num_kept_recordings) return;
  num_kept_recordings = micro_step->num_recordings();
  remember_product_choices(fusion->product_choices());
}

Batch Trainer::Impl::take_batch(std::int64_t index) {
  const std::int64_t rows = micro_batch_size * grad_accum_steps;
  if (prepared && prepared->first == index && prepared->second.tokens.size(0) == rows) {
    return prepared->second;
  }
  return make_batch(*data.train,
                    static_cast<std::uint64_t>(section("train").integer("seed")),
                    index,
                    rows,
                    model->seq_len(),
                    !device.is_cpu());
}

Trainer::Impl::Sums Trainer::Impl::compute() {
  ParameterStore& parameters = model->parameters();
  parameters.zero_gradients();
  model->begin_step();
  Sums sums;
  const double share = 1.0 / static_cast<double>(grad_accum_steps);
  const auto seed = static_cast<std::uint64_t>(section("train").integer("seed"));
  const Batch batch = take_batch(step + batch_offset);
  const auto add = [&](at::Tensor& sum, const at::Tensor& value) {
    if (!value.defined()) return;
    const at::Tensor part = value.detach() * share;
    sum = sum.defined() ? sum + part : part;
  };
  for (std::int64_t i = 0; i < grad_accum_steps; ++i) {
    if (Fusion* const fusion = model->fusion()) {
      fusion->begin_pass(seed, static_cast<std::uint64_t>(step * grad_accum_steps + i));
    }
    const Transformer::Losses& losses =
        micro_step->run(batch.tokens.narrow(0, i * micro_batch_size, micro_batch_size),
                        batch.targets.narrow(0, i * micro_batch_size, micro_batch_size),
                        share);
    keep_product_choices();
    parameters.collect_gradients();
    if (!faults.empty()) {  // in the middle of a step, gradients half collected
      inject_oom("oom_once", 1);
      inject_oom("oom_always", std::numeric_limits<std::int64_t>::max());
    }
    add(sums.cross_entropy, losses.cross_entropy);
    add(sums.load_balance_loss, losses.load_balance_loss);
    add(sums.router_z_loss, losses.router_z_loss);
    const bool is_overwritten = i + 1 < grad_accum_steps;  // by the next pass
    for (const RoutingRecord& record : losses.routing) {
      sums.routing.push_back(is_overwritten ? record.clone() : record);
    }
  }
  if (faults.has("nan_grad", step + 1)) {
    parameters.flat_gradient.narrow(0, 0, 1).fill_(std::numeric_limits<double>::quiet_NaN());
  }
  sums.grad_norm = parameters.gradient_norm();
  return sums;
}

Trainer::Impl::Numbers Trainer::Impl::read(const Sums& sums) const {
  std::vector<at::Tensor> parts{sums.cross_entropy.to(at::kDouble), sums.grad_norm.to(at::kDouble)};
  const bool is_routed = sums.load_balance_loss.defined();
  if (is_routed) parts.push_back(sums.load_balance_loss.to(at::kDouble));
  const bool has_z = sums.router_z_loss.defined();
  if (has_z) parts.push_back(sums.router_z_loss.to(at::kDouble));
  const at::Tensor all = at::stack(parts).to(at::kCPU);  // one transfer, one wait
  const double* values = all.data_ptr<double>();
  Numbers numbers;
  numbers.loss = values[0];
  numbers.grad_norm = values[1];
  if (is_routed) numbers.load_balance = values[2];
  if (has_z) numbers.router_z = values[is_routed ? 3 : 2];
  return numbers;
}

StepReport Trainer::Impl::run_step(bool must_read) {
  inject_oom("oom", kThrowsOfOom);
  StepReport report;
  const at::Tensor random_state = model->generator().get_state();
  is_rerun = false;
  Sums sums = compute();
  Numbers numbers;
  report.verdict.action = GuardAction::kAccept;
  const bool guards = use_guard();
  if (guards || must_read || device.is_cpu()) {
    if (!device.is_cpu()) {  // while the device computes
      const std::int64_t next = step + 1 + batch_offset;
      prepared.emplace(next, take_batch(next));
    }
    numbers = read(sums);
    report.verdict = guard.judge(step + 1, numbers.loss, numbers.grad_norm);
  }
  const auto describe = [&](const GuardVerdict& verdict) {
    Json detail = Json::object();
    detail.set("action", Json(guard_action_name(verdict.action)));
    detail.set("cause", Json(verdict.cause));
    detail.set("loss", Json(numbers.loss));
    detail.set("grad_norm", Json(numbers.grad_norm));
    detail.set("robust_z", Json(verdict.robust_z));
    detail.set("batch", Json(step + batch_offset));
    return detail;
  };
  if (report.verdict.action == GuardAction::kRerun) {
    Json detail = describe(report.verdict);
    const Numbers first = numbers;
    model->generator().set_state(random_state);
    is_rerun = true;
    sums = compute();
    numbers = read(sums);
    const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    const bool is_same = same(first.loss, numbers.loss) && same(first.grad_norm, numbers.grad_norm);
    detail.set(
        "finding",
        Json(is_same ? "same result: data or model" : "different result: hardware or a race"));
    detail.set("second_loss", Json(numbers.loss));
    report.actions.push_back(std::move(detail));
    report.verdict = guard.judge_rerun(step + 1, numbers.loss, numbers.grad_norm);
  }
  report.train_loss = numbers.loss;
  report.grad_norm = numbers.grad_norm;
  report.load_balance_loss = numbers.load_balance;
  report.router_z_loss = numbers.router_z;
  report.learning_rate =
      learning_rate(section("schedule"), section("optimizer").number("learning_rate"), step);
  if (report.verdict.is_accepted()) {
    is_updating = true;
    inject_oom("oom_update", 1);
    optimizer->step(model->parameters(), report.learning_rate, sums.grad_norm);
    model->end_step();
    is_updating = false;
    if (statistics != nullptr) statistics->add(sums.routing);
  } else {
    report.actions.push_back(describe(report.verdict));
  }
  ++step;
  tokens += micro_batch_size * grad_accum_steps * model->seq_len();
  num_ooms_at_step = 0;
  report.step = step;
  return report;
}

void Trainer::Impl::split_batch() {
  const std::int64_t divisor = micro_batch_size % 2 == 0 ? 2 : micro_batch_size;
  micro_batch_size /= divisor;
  grad_accum_steps *= divisor;
}

/// What to do about a step that found no memory: details of a "guard" event when it can be tried
/// again, the error otherwise.
Result<Json> Trainer::Impl::answer_shortage(const Error& error, bool has_retried) {
  const MemoryMessage numbers = memory_message_from(error.message);
  shortage = MemoryShortage{numbers.needed_bytes,
                            numbers.free_bytes,
                            micro_batch_size,
                            grad_accum_steps,
                            !is_updating,
                            {}};
  Json detail = Json::object({{"action", Json("retry")}, {"cause", Json("out_of_memory")}});
  if (is_updating) {
    return Error{ErrorCode::kOutOfMemory,
                 device_name,
                 "no memory left inside the update of the weights: " + error.message,
                 "Resume from the last checkpoint with a smaller /train/micro_batch_size.",
                 {}};
  }
  if (!has_retried) return detail;
  if (micro_batch_size == 1) {
    return Error{ErrorCode::kOutOfMemory,
                 device_name,
                 "no memory for one step with a single sequence at a time: " + error.message,
                 "Lower /model/seq_len or the model, or close other programs.",
                 {}};
  }
  const std::int64_t from = micro_batch_size;
  split_batch();
  detail.set("action", Json("halve_micro_batch"));
  detail.set("from", Json(from));
  detail.set("to", Json(micro_batch_size));
  detail.set("micro_batch_size", Json(micro_batch_size));
  detail.set("grad_accum_steps", Json(grad_accum_steps));
  detail.set("is_exact", Json(false));
  detail.set("note",
             Json("as many tokens per step as before; results are no longer bit for bit those of "
                  "the undivided batch"));
  return detail;
}

void Trainer::Impl::free_caches() const {
  if (!device.is_cpu()) at::getDeviceAllocator(device.type())->emptyCache();
}

Status Trainer::Impl::create_optimizer() {
  const std::int64_t step_count = optimizer == nullptr ? 0 : optimizer->step_count;
  SY_ASSIGN_OR_RETURN(optimizer,
                      train::create_optimizer(section("optimizer"), model->parameters()));
  optimizer->step_count = step_count;
  return {};
}

Trainer::Trainer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Trainer::~Trainer() = default;

Result<std::unique_ptr<Trainer>> Trainer::create(Options options) {
  auto impl = std::make_unique<Impl>();
  impl->config = std::move(options.config);
  impl->data = std::move(options.data);
  SY_ASSIGN_OR_RETURN(impl->faults, FaultPlan::from_environment());
  SY_ASSIGN_OR_RETURN(impl->device, device_from_name(options.device));
  impl->device_name = impl->device.str();
  const config::Node train = impl->section("train");
  const auto threads = options.num_threads > 0 ? options.num_threads
                                               : static_cast<int>(train.integer("num_threads"));
  if (threads > 0) at::set_num_threads(threads);
  impl->num_threads = at::get_num_threads();
  impl->micro_batch_size = train.integer("micro_batch_size");
  impl->grad_accum_steps = train.integer("grad_accum_steps");
  impl->guard = Guard(guard_settings(impl->section("guard")));
  const std::int64_t vocab_size = impl->data.tokenizer->vocab_size();
  impl->size = config::model_size(impl->config, vocab_size);
  keep_freed_memory();
  use_own_stream(impl->device);
  const Transformer::Options model_options = Transformer::options_for(impl->config, impl->device);
  SY_ASSIGN_OR_RETURN(impl->model, Transformer::create(impl->config, vocab_size, model_options));
  impl->create_micro_step();
  if (Fusion* const fusion = impl->model->fusion()) {
    fusion->restore_product_choices(known_product_choices());
  }
  SY_RETURN_IF_ERROR(impl->create_optimizer());
  if (impl->section("log").boolean("use_routing_stats") && !impl->model->routed_layers().empty()) {
    impl->statistics = std::make_unique<RoutingStatistics>(*impl->model);
  }
  return std::unique_ptr<Trainer>(new Trainer(std::move(impl)));
}

Result<StepReport> Trainer::step(bool must_read) {
  Impl& my = *impl_;
  const double started = my.watch.active_seconds();
  std::vector<Json> actions;
  for (bool has_retried = false;;) {
    const at::Tensor random_state = my.model->generator().get_state();
    const Guard guard_before = my.guard;
    try {
      StepReport report = my.run_step(must_read);
      const double seconds = my.watch.active_seconds() - started;
      my.seconds += seconds;
      report.step_time_ms = 1000.0 * seconds;
      report.actions.insert(report.actions.begin(), actions.begin(), actions.end());
      if (report.verdict.action == GuardAction::kStop) {
        return Error{ErrorCode::kNumerics,
                     "step " + std::to_string(report.step),
                     report.verdict.cause + ": loss " + Json(report.train_loss).dump() +
                         ", gradient norm " + Json(report.grad_norm).dump() + " after " +
                         std::to_string(my.guard.num_skips()) + " skipped steps and " +
                         std::to_string(my.guard.num_rollbacks()) + " rollbacks.",
                     "Lower /optimizer/learning_rate or look at the data of these steps.",
                     {}};
      }
      return report;
    } catch (const std::exception& exception) {
      const Error error = error_from_exception(exception, "step " + std::to_string(my.step + 1));
      if (error.code != ErrorCode::kOutOfMemory) return error;
      my.model->generator().set_state(random_state);
      my.guard = guard_before;
      my.create_micro_step();  // lets go of what was recorded
      my.free_caches();
      Result<Json> action = my.answer_shortage(error, has_retried);
      if (!action.ok()) {
        my.shortage->actions = std::move(actions);
        return std::move(action).error();
      }
      has_retried = !has_retried;
      actions.push_back(std::move(action).value());
    }
  }
}

Result<Evaluation> Trainer::evaluate(std::int64_t max_windows,
                                     const std::function<bool()>& keep_going) {
  try {
    return train::evaluate(*impl_->model, *impl_->data.val, max_windows, keep_going);
  } catch (const std::exception& error) {
    impl_->free_caches();
    return error_from_exception(error, "evaluation");
  }
}

Result<routing::RoutingProbe> Trainer::probe_routing() {
  Impl& my = *impl_;
  try {
    if (!my.prober.has_value()) {
      SY_ASSIGN_OR_RETURN(
          my.prober,
          RoutingProber::create(
              *my.data.val, my.model->seq_len(), my.section("log").integer("probe_tokens")));
    }
    return my.prober->run(*my.model);
  } catch (const std::exception& error) {
    my.free_caches();
    return error_from_exception(error, "routing probe");
  }
}

}  // namespace switchyard::train
