#include "engine/train/loop/checkpointer.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "engine/base/core/file_system.h"
#include "engine/base/core/hash.h"
#include "engine/base/core/log.h"
#include "engine/base/core/text.h"
#include "engine/base/formats/safetensors.h"
#include "engine/train/loop/trainer.h"
#include "engine/train/model/transformer.h"
#include "engine/train/torch_compat.h"

namespace switchyard::train {
namespace {

constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kOptimizer = "optimizer.safetensors";
constexpr const char* kState = "state.json";
constexpr std::uint64_t kMostStateBytes = 16U << 20U;
constexpr int kStateVersion = 1;
constexpr double kFirstPauseSeconds = 60.0;
constexpr double kLongestPauseSeconds = 960.0;

/// Tensors on the host and the views that name their bytes.
struct Staged {
  std::vector<at::Tensor> tensors;
  std::vector<formats::TensorView> views;

  void add(std::string name, const at::Tensor& tensor) {
    tensors.push_back(tensor.detach().to(at::kCPU).contiguous());
    const at::Tensor& host = tensors.back();
    const char* dtype = host.scalar_type() == at::kDouble ? "F64" : "F32";
    views.push_back({std::move(name), dtype, host.sizes().vec(), host.data_ptr(), host.nbytes()});
  }
};

/// The part of a flat buffer that belongs to a master view.
at::Tensor moment_view(const at::Tensor& flat,
                       const at::Tensor& flat_master,
                       const at::Tensor& view) {
  const std::int64_t offset = view.storage_offset() - flat_master.storage_offset();
  return flat.narrow(0, offset, view.numel()).view(view.sizes());
}

/// The moments that the optimizer keeps, and what their tensors' names begin with.
std::vector<std::pair<std::string, at::Tensor>> moment_buffers(const ParameterStore& parameters) {
  std::vector<std::pair<std::string, at::Tensor>> buffers{{"moment1.", parameters.flat_moment1},
                                                          {"moment2.", parameters.flat_moment2}};
  if (parameters.flat_moment3.defined()) buffers.emplace_back("moment3.", parameters.flat_moment3);
  return buffers;
}

Status read_into(const formats::SafetensorsReader& reader,
                 const std::string& file,
                 const std::string& name,
                 at::Tensor target) {
  const formats::TensorInfo* info = reader.find(name);
  if (info == nullptr) {
    return Error{ErrorCode::kInputFile,
                 file,
                 "expected the tensor `" + name + "`, found none of that name.",
                 "The checkpoint belongs to another model.",
                 {}};
  }
  const char* dtype = target.scalar_type() == at::kDouble ? "F64" : "F32";
  if (info->shape != target.sizes().vec() || info->dtype != dtype) {
    return Error{ErrorCode::kInputFile,
                 file + " " + name,
                 "expected " + std::string(dtype) + " of another shape or type than found (" +
                     info->dtype + ").",
                 "The checkpoint belongs to another model.",
                 {}};
  }
  at::Tensor host = at::empty(target.sizes(), target.options().device(at::kCPU));
  SY_RETURN_IF_ERROR(reader.read(*info, host.data_ptr()));
  at::NoGradGuard no_grad;
  target.copy_(host);
  return {};
}

std::string path_of(const std::string& dir, std::int64_t step) {
  std::string digits = std::to_string(step);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return dir + "/step_" + digits;
}

Error none_found(const checkpoint::ScanResult& scan, const std::string& wanted) {
  std::string message = "expected an intact checkpoint (" + wanted + "), found ";
  message += scan.valid.empty() ? "none" : std::to_string(scan.valid.size()) + " others";
  for (const std::string& reason : scan.rejected) message += "; damaged: " + reason;
  return {ErrorCode::kInputFile, "checkpoints", message + ".", "", {}};
}

}  // namespace

std::string config_hash(const Json& config) {
  return hex_from_crc(crc32c(config.dump()));
}

const checkpoint::Found* newest_checkpoint(const checkpoint::ScanResult& scan,
                                           std::int64_t max_step) {
  for (auto found = scan.valid.rbegin(); found != scan.valid.rend(); ++found) {
    if (max_step < 0 || found->step <= max_step) return &*found;
  }
  return nullptr;
}

Result<checkpoint::Found> choose_checkpoint(const checkpoint::ScanResult& scan,
                                            const std::string& choice) {
  const checkpoint::Found* chosen = nullptr;
  if (choice == "last") {
    chosen = newest_checkpoint(scan);
  } else if (choice == "best") {
    const checkpoint::Found* last = newest_checkpoint(scan);
    const std::int64_t best = last == nullptr ? -1 : last->manifest["best_step"].as_integer(-1);
    for (const checkpoint::Found& found : scan.valid) {
      if (found.step == best) chosen = &found;
    }
    if (chosen == nullptr && best < 0) chosen = last;  // never evaluated: the last one is the best
  } else {
    std::int64_t step = -1;
    const auto [end, error] = std::from_chars(choice.data(), choice.data() + choice.size(), step);
    if (error != std::errc() || end != choice.data() + choice.size() || step < 0) {
      return Error{ErrorCode::kUsage,
                   "--checkpoint",
                   "expected last, best or a step, found `" + choice + "`.",
                   "",
                   {}};
    }
    for (const checkpoint::Found& found : scan.valid) {
      if (found.step == step) chosen = &found;
    }
  }
  if (chosen == nullptr) return none_found(scan, choice);
  return *chosen;
}

Result<Checkpointer::Saved> Checkpointer::save(Trainer& trainer, int keep_last) {
  const std::int64_t step = trainer.position().step;
  checkpoint::ScanResult before = checkpoint::scan(dir_, checkpoint::ScanDepth::kSizes);
  Saved saved;
  saved.step = step;
  saved.is_best = trainer.best_step == step;
  for (const checkpoint::Found& found : before.valid) {
    if (found.step == step) {
      saved.path = found.path;
      return saved;
    }
  }
  SY_ASSIGN_OR_RETURN(const FileInfo occupied, real_file_system().info(path_of(dir_, step)));
  if (occupied.exists) SY_RETURN_IF_ERROR(checkpoint::retire(path_of(dir_, step)));

  const ParameterStore& parameters = trainer.model().parameters();
  Staged weights, moments;
  for (const ParameterStore::Declaration& declaration : parameters.declarations()) {
    const at::Tensor master = parameters.master(declaration.name);
    weights.add(declaration.name, master);
    for (const auto& [prefix, flat] : moment_buffers(parameters)) {
      moments.add(prefix + declaration.name, moment_view(flat, parameters.flat_master, master));
    }
  }
  for (const auto& [name, buffer] : parameters.buffers()) weights.add(name, buffer);
  Json state = trainer.state();
  state.set("schema", Json("switchyard.state"));
  state.set("version", Json(kStateVersion));
  const store::Position at = trainer.position();
  Json fields = Json::object({{"tokens", Json(at.tokens)},
                              {"seconds", Json(at.seconds)},
                              {"best_step", Json(trainer.best_step)},
                              {"best_val_loss", Json(trainer.best_val_loss)},
                              {"config_hash", Json(config_hash(trainer.config()))},
                              {"torch_version", Json(torch_version())},
                              {"num_threads", Json(trainer.num_threads())},
                              {"device", Json(trainer.device_name())},
                              {"attempt", Json(trainer.attempt())}});
  std::vector<checkpoint::Part> parts(3);
  parts[0] = {kWeights, weights.views, {}};
  parts[1] = {kOptimizer, moments.views, {}};
  parts[2] = {kState, {}, std::move(state)};
  SY_ASSIGN_OR_RETURN(saved.path, checkpoint::publish(dir_, step, parts, std::move(fields)));
  saved.is_new = true;

  const checkpoint::ScanResult after = checkpoint::scan(dir_, checkpoint::ScanDepth::kSizes);
  for (const checkpoint::Found& old :
       checkpoint::retirement_candidates(after.valid, std::max(keep_last, 2), trainer.best_step)) {
    const Status status = checkpoint::retire(old.path);
    if (!status.ok()) {
      log_warning("an old checkpoint could not be removed",
                  {{"path", Json(old.path)}, {"reason", Json(status.error().text())}});
      continue;
    }
    saved.retired.push_back(old.path);
  }
  return saved;
}

Status Checkpointer::restore_weights(ParameterStore& parameters, const std::string& path) {
  const std::string file = path + "/" + kWeights;
  SY_ASSIGN_OR_RETURN(const auto reader, formats::SafetensorsReader::open(file));
  for (const ParameterStore::Declaration& declaration : parameters.declarations()) {
    SY_RETURN_IF_ERROR(
        read_into(reader, file, declaration.name, parameters.master(declaration.name)));
  }
  for (const auto& [name, buffer] : parameters.buffers()) {
    SY_RETURN_IF_ERROR(read_into(reader, file, name, buffer));
  }
  parameters.refresh_compute_copies();
  return {};
}

Status Checkpointer::restore(Trainer& trainer, const checkpoint::Found& found) {
  ParameterStore& parameters = trainer.model().parameters();
  SY_RETURN_IF_ERROR(restore_weights(parameters, found.path));
  const std::string file = found.path + "/" + kOptimizer;
  SY_ASSIGN_OR_RETURN(const auto reader, formats::SafetensorsReader::open(file));
  for (const ParameterStore::Declaration& declaration : parameters.declarations()) {
    const std::string& name = declaration.name;
    const at::Tensor master = parameters.master(name);
    for (const auto& [prefix, flat] : moment_buffers(parameters)) {
      SY_RETURN_IF_ERROR(read_into(
          reader, file, prefix + name, moment_view(flat, parameters.flat_master, master)));
    }
  }
  SY_ASSIGN_OR_RETURN(const std::string text,
                      read_file(found.path + "/" + kState, kMostStateBytes));
  JsonLimits limits;
  limits.max_bytes = kMostStateBytes;
  SY_ASSIGN_OR_RETURN(const Json state, parse_json(text, kState, limits));
  if (state["version"].as_integer() > kStateVersion) {
    return Error{ErrorCode::kInputFile,
                 found.path + "/" + kState,
                 "expected version " + std::to_string(kStateVersion) + " or older, found " +
                     std::to_string(state["version"].as_integer()) + ".",
                 "Use a newer Switchyard.",
                 {}};
  }
  return trainer.restore_state(state);
}

void Checkpointer::discard_after(std::int64_t step) {
  for (const checkpoint::Found& found :
       checkpoint::scan(dir_, checkpoint::ScanDepth::kSizes).valid) {
    if (found.step <= step) continue;
    const Status status = checkpoint::retire(found.path);
    if (!status.ok()) log_error(status.error());
  }
}

bool Checkpointer::may_try(double monotonic_seconds) const {
  return monotonic_seconds >= not_before_;
}

void Checkpointer::note_outcome(bool is_saved, double monotonic_seconds) {
  if (is_saved) {
    pause_seconds_ = 0.0;
    not_before_ = 0.0;
    failing_since_ = -1.0;
    return;
  }
  if (failing_since_ < 0) failing_since_ = monotonic_seconds;
  pause_seconds_ = pause_seconds_ == 0.0 ? kFirstPauseSeconds
                                         : std::min(2 * pause_seconds_, kLongestPauseSeconds);
  not_before_ = monotonic_seconds + pause_seconds_;
}

bool Checkpointer::is_lost(double monotonic_seconds) const {
  return failing_since_ >= 0 && monotonic_seconds - failing_since_ > kGiveUpSeconds;
}

}  // namespace switchyard::train
