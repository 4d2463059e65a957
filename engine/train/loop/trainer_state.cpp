#include <cmath>
#include <fstream>
#include <utility>

#include <unistd.h>

#include <ATen/ATen.h>

#include "engine/train/fused/fusion.h"
#include "engine/train/loop/generator_state.h"
#include "engine/train/loop/trainer_impl.h"
#include "engine/train/torch_compat.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kBatchesSkippedAfterRollback = 200;

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
  if (const Fusion* const fusion = my.model->fusion()) {
    state.set("product_choices", fusion->product_choices());
  }
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
  if (Fusion* const fusion = my.model->fusion()) {
    fusion->restore_product_choices(state["product_choices"]);
  }
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
  const Json& before = impl_->config["train"];
  const bool is_split_changed = before["micro_batch_size"] != config["train"]["micro_batch_size"] ||
                                before["grad_accum_steps"] != config["train"]["grad_accum_steps"];
  impl_->config = config;
  if (is_split_changed) use_configured_batch_split();
  impl_->guard.change_settings(guard_settings(impl_->section("guard")));
  impl_->create_micro_step();
  return impl_->create_optimizer();  // its state lives in the parameter store
}

void Trainer::use_configured_batch_split() {
  const config::Node train = impl_->section("train");
  impl_->micro_batch_size = train.integer("micro_batch_size");
  impl_->grad_accum_steps = train.integer("grad_accum_steps");
}

void Trainer::begin_fork() {
  impl_->attempt = 0;
  best_step = -1;
  best_val_loss = 0.0;
}

std::vector<Gap> Trainer::take_gaps() {
  return impl_->watch.take();
}

const std::optional<Trainer::MemoryShortage>& Trainer::memory_shortage() const {
  return impl_->shortage;
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
  return device_memory(impl_->device).peak_bytes;
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
