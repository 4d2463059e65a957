#include "engine/train/loop/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <utility>

#include <unistd.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>

#include "engine/train/data/batches.h"
#include "engine/train/loop/fault_plan.h"
#include "engine/train/loop/generator_state.h"
#include "engine/train/loop/torch_errors.h"
#include "engine/train/model/transformer.h"
#include "engine/train/optim/optimizer.h"
#include "engine/train/routing/statistics.h"
#include "engine/train/torch_compat.h"

namespace switchyard::train {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kNotRead = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kBatchesSkippedAfterRollback = 200;

GuardSettings guard_settings(const config::Node& guard) {
  return {guard.boolean("use_guard"),
          guard.number("spike_sigma"),
          static_cast<int>(guard.integer("window_steps")),
          static_cast<int>(guard.integer("max_consecutive_skips")),
          static_cast<int>(guard.integer("max_rollbacks"))};
}

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

Error state_error(const char* section) {
  return {ErrorCode::kInputFile,
          std::string("state.json /") + section,
          "expected the section that every checkpoint holds, found none that fits.",
          "The file is damaged; resume from an older checkpoint.",
          {}};
}

}  // namespace

std::vector<std::string> all_state_sections() {
  return {"counters", "optimizer", "generator", "batches", "guard", "best"};
}

struct Trainer::Impl {
  Json config;
  formats::PreparedData data;
  std::string device_name;
  at::Device device = at::kCPU;
  int num_threads = 1;
  std::unique_ptr<Transformer> model;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<RoutingStatistics> statistics;
  config::ModelSize size;
  Guard guard{GuardSettings{}};
  FaultPlan faults;
  std::int64_t num_ooms_at_step = 0;

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

  Sums compute(bool is_rerun);
  Numbers read(const Sums& sums) const;
  void inject(at::Tensor& total, bool is_rerun) const;
  StepReport run_step(bool must_read);
  bool halve_micro_batch();
  Status create_optimizer();
  void free_caches() const;
};

void Trainer::Impl::inject(at::Tensor& total, bool is_rerun) const {
  const std::int64_t at = step + 1;
  if (faults.has("segv", at)) std::raise(SIGSEGV);
  if (faults.has("abort", at)) std::abort();
  const bool is_nan = faults.has("nan_loss", at) || faults.has("nan_batch", step + batch_offset) ||
                      (!is_rerun && faults.has("transient_nan_loss", at));
  if (is_nan) total = total * std::numeric_limits<double>::quiet_NaN();
  if (faults.has("inf_loss", at)) total = total * std::numeric_limits<double>::infinity();
  if (faults.has("spike_loss", at)) total = total * 100.0;
}

Trainer::Impl::Sums Trainer::Impl::compute(bool is_rerun) {
  ParameterStore& parameters = model->parameters();
  parameters.zero_gradients();
  Sums sums;
  const double share = 1.0 / static_cast<double>(grad_accum_steps);
  const Batch batch = make_batch(*data.train,
                                 static_cast<std::uint64_t>(section("train").integer("seed")),
                                 step + batch_offset,
                                 micro_batch_size * grad_accum_steps,
                                 model->seq_len());
  const auto add = [&](at::Tensor& sum, const at::Tensor& value) {
    if (!value.defined()) return;
    const at::Tensor part = value.detach() * share;
    sum = sum.defined() ? sum + part : part;
  };
  for (std::int64_t i = 0; i < grad_accum_steps; ++i) {
    const at::Tensor tokens_slice =
        batch.tokens.narrow(0, i * micro_batch_size, micro_batch_size).to(device);
    const at::Tensor targets_slice =
        batch.targets.narrow(0, i * micro_batch_size, micro_batch_size).to(device);
    Transformer::Losses losses = model->forward(tokens_slice, targets_slice, true);
    at::Tensor shown = losses.cross_entropy.detach();
    if (!faults.empty()) {
      inject(losses.total, is_rerun);
      inject(shown, is_rerun);
    }
    (grad_accum_steps == 1 ? losses.total : losses.total * share).backward();
    parameters.collect_gradients();
    add(sums.cross_entropy, shown);
    add(sums.load_balance_loss, losses.load_balance_loss);
    add(sums.router_z_loss, losses.router_z_loss);
    for (RoutingRecord& record : losses.routing) sums.routing.push_back(std::move(record));
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
  if (faults.has("oom", step + 1) && num_ooms_at_step < 2) {
    ++num_ooms_at_step;
    TORCH_CHECK_WITH(OutOfMemoryError, false, "planned by SY_INJECT");
  }
  StepReport report;
  const at::Tensor random_state = model->generator().get_state();
  Sums sums = compute(false);
  Numbers numbers;
  report.verdict.action = GuardAction::kAccept;
  const bool guards = use_guard();
  if (guards || must_read || device.is_cpu()) {
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
    sums = compute(true);
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
    optimizer->step(model->parameters(), report.learning_rate, sums.grad_norm);
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

bool Trainer::Impl::halve_micro_batch() {
  if (micro_batch_size % 2 != 0) return false;
  micro_batch_size /= 2;
  grad_accum_steps *= 2;
  return true;
}

void Trainer::Impl::free_caches() const {
  if (!device.is_cpu()) at::getDeviceAllocator(device.type())->emptyCache();
}

Status Trainer::Impl::create_optimizer() {
  const config::Node options = section("optimizer");
  const std::int64_t step_count = optimizer == nullptr ? 0 : optimizer->step_count;
  for (const OptimizerEntry& entry : all_optimizers()) {
    if (entry.name != options.text("type")) continue;
    optimizer = entry.create(options);
    optimizer->step_count = step_count;
    return {};
  }
  return Error{ErrorCode::kConfig,
               "/optimizer/type",
               "expected a known optimizer, found `" + options.text("type") + "`.",
               "",
               {}};
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
  Transformer::Options model_options;
  model_options.device = impl->device;
  const std::string& compute = train.text("compute_dtype");
  const bool use_bfloat16 = compute == "bfloat16" || (compute == "auto" && !impl->device.is_cpu());
  model_options.compute = use_bfloat16 ? at::kBFloat16 : at::kFloat;
  model_options.seed = static_cast<std::uint64_t>(train.integer("seed"));
  SY_ASSIGN_OR_RETURN(impl->model, Transformer::create(impl->config, vocab_size, model_options));
  SY_RETURN_IF_ERROR(impl->create_optimizer());
  if (impl->section("log").boolean("use_routing_stats") && !impl->model->routed_layers().empty()) {
    impl->statistics = std::make_unique<RoutingStatistics>(*impl->model);
  }
  return std::unique_ptr<Trainer>(new Trainer(std::move(impl)));
}

Result<StepReport> Trainer::step(bool must_read) {
  Impl& my = *impl_;
  const Clock::time_point started = Clock::now();
  std::vector<Json> actions;
  for (bool has_retried = false;;) {
    const at::Tensor random_state = my.model->generator().get_state();
    try {
      StepReport report = my.run_step(must_read);
      my.seconds += std::chrono::duration<double>(Clock::now() - started).count();
      report.step_time_ms =
          std::chrono::duration<double, std::milli>(Clock::now() - started).count();
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
    } catch (const c10::OutOfMemoryError& error) {
      my.model->generator().set_state(random_state);
      my.free_caches();
      Json detail = Json::object({{"action", Json("retry")}, {"cause", Json("out_of_memory")}});
      if (has_retried) {
        if (!my.halve_micro_batch()) {
          return Error{ErrorCode::kOutOfMemory,
                       my.device_name,
                       "no memory for one step with micro_batch_size " +
                           std::to_string(my.micro_batch_size) + ": " + first_line(error),
                       "Lower /train/micro_batch_size, /model/seq_len or the model.",
                       {}};
        }
        detail.set("action", Json("halve_micro_batch_size"));
        detail.set("micro_batch_size", Json(my.micro_batch_size));
        detail.set("grad_accum_steps", Json(my.grad_accum_steps));
      }
      has_retried = !has_retried;
      actions.push_back(std::move(detail));
    } catch (const std::exception& error) {
      return error_from_exception(error, "step " + std::to_string(my.step + 1));
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

Trainer::RollbackNote Trainer::rollback_note() const {
  const Impl& my = *impl_;
  return {my.guard, my.step, my.step + my.batch_offset, my.seconds, my.attempt};
}

void Trainer::note_rollback(const RollbackNote& note) {
  Impl& my = *impl_;
  my.guard.note_rollback(note.guard, note.step);
  my.batch_offset = note.next_batch + kBatchesSkippedAfterRollback - my.step;
  my.seconds = note.seconds;
  my.attempt = note.attempt + 1;
  if (my.statistics != nullptr) my.statistics->reset();
}

Json Trainer::state() const {
  const Impl& my = *impl_;
  Json state = Json::object();
  state.set("counters",
            Json::object({{"step", Json(my.step)},
                          {"tokens", Json(my.tokens)},
                          {"seconds", Json(my.seconds)},
                          {"attempt", Json(my.attempt)},
                          {"num_threads", Json(my.num_threads)},
                          {"device", Json(my.device_name)}}));
  state.set("optimizer", Json::object({{"step_count", Json(my.optimizer->step_count)}}));
  state.set("generator",
            Json::object({{"state", Json(hex_from_generator(my.model->generator()))}}));
  state.set("batches",
            Json::object({{"batch_offset", Json(my.batch_offset)},
                          {"micro_batch_size", Json(my.micro_batch_size)},
                          {"grad_accum_steps", Json(my.grad_accum_steps)},
                          {"train_checksum", Json(std::int64_t{my.data.train->checksum()})},
                          {"train_tokens", Json(my.data.train->size())}}));
  state.set("guard", my.guard.to_json());
  state.set("best", Json::object({{"step", Json(best_step)}, {"val_loss", Json(best_val_loss)}}));
  return state;
}

Status Trainer::restore_state(const Json& state) {
  Impl& my = *impl_;
  for (const std::string& section : all_state_sections()) {
    if (!state[section].is_object()) return state_error(section.c_str());
  }
  const Json& counters = state["counters"];
  const Json& batches = state["batches"];
  if (counters["step"].as_integer(-1) < 0 || counters["tokens"].as_integer(-1) < 0) {
    return state_error("counters");
  }
  if (batches["train_checksum"].as_integer(-1) != std::int64_t{my.data.train->checksum()} ||
      batches["train_tokens"].as_integer(-1) != my.data.train->size()) {
    return Error{ErrorCode::kInputFile,
                 "/data",
                 "the training text is not the one that this run started with (" +
                     std::to_string(my.data.train->size()) + " tokens, expected " +
                     std::to_string(batches["train_tokens"].as_integer()) + ").",
                 "Put the original text back, or start a new run.",
                 {}};
  }
  if (batches["micro_batch_size"].as_integer() < 1 ||
      batches["grad_accum_steps"].as_integer() < 1) {
    return state_error("batches");
  }
  SY_RETURN_IF_ERROR(
      restore_generator(my.model->generator(), state["generator"]["state"].as_string()));
  SY_RETURN_IF_ERROR(my.guard.from_json(state["guard"]));
  my.step = counters["step"].as_integer();
  my.tokens = counters["tokens"].as_integer();
  my.seconds = counters["seconds"].as_number();
  my.attempt = static_cast<int>(counters["attempt"].as_integer());
  my.optimizer->step_count = state["optimizer"]["step_count"].as_integer();
  my.batch_offset = batches["batch_offset"].as_integer();
  my.micro_batch_size = batches["micro_batch_size"].as_integer();
  my.grad_accum_steps = batches["grad_accum_steps"].as_integer();
  best_step = state["best"]["step"].as_integer(-1);
  best_val_loss = state["best"]["val_loss"].as_number();
  if (my.statistics != nullptr) my.statistics->reset();
  return {};
}

Status Trainer::change_config(const Json& config) {
  impl_->config = config;
  impl_->guard.change_settings(guard_settings(impl_->section("guard")));
  return impl_->create_optimizer();  // its state lives in the parameter store
}

const Json& Trainer::config() const {
  return impl_->config;
}

const formats::PreparedData& Trainer::data() const {
  return impl_->data;
}

store::Position Trainer::position() const {
  const Impl& my = *impl_;
  const double flops = static_cast<double>(my.tokens) * my.size.flops_per_token_step;
  // Whole microseconds pack into three bytes a sample (store/packed_column.h).
  return {my.step, my.tokens, std::round(my.seconds * 1e6) / 1e6, flops};
}

std::int64_t Trainer::max_steps() const {
  return impl_->section("train").integer("max_steps");
}

std::int64_t Trainer::tokens_per_step() const {
  return impl_->micro_batch_size * impl_->grad_accum_steps * impl_->model->seq_len();
}

int Trainer::attempt() const {
  return impl_->attempt;
}

int Trainer::num_threads() const {
  return impl_->num_threads;
}

const std::string& Trainer::device_name() const {
  return impl_->device_name;
}

const config::ModelSize& Trainer::size() const {
  return impl_->size;
}

std::int64_t Trainer::memory_bytes() const {
  if (impl_->device.is_cpu()) return resident_bytes();
  return device_memory(impl_->device).allocated_bytes;
}

const Guard& Trainer::guard() const {
  return impl_->guard;
}

bool Trainer::is_routed() const {
  return !impl_->model->routed_layers().empty();
}

Transformer& Trainer::model() {
  return *impl_->model;
}

RoutingStatistics* Trainer::routing_statistics() {
  return impl_->statistics.get();
}

}  // namespace switchyard::train
