#include "ui/model/failure.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "ui/plot/ticks.h"

namespace switchyard::ui {
namespace {

constexpr double kFixedBytesPerParameter = 16.0;
constexpr std::size_t kMostExcerpt = 1200;

const store::Event* last_event(const RunView& run, std::string_view kind) {
  for (auto event = run.events.rbegin(); event != run.events.rend(); ++event) {
    if (event->kind == kind) return &*event;
  }
  return nullptr;
}

FailureKind kind_from_code(std::string_view code) {
  if (code == "out_of_memory") return FailureKind::kOutOfMemory;
  if (code == "numerics") return FailureKind::kNumerics;
  if (code == "disk_full") return FailureKind::kDiskFull;
  if (code == "input_file") return FailureKind::kData;
  return FailureKind::kOther;
}

std::string title_of(FailureKind kind, bool is_gpu) {
  switch (kind) {
    case FailureKind::kOutOfMemory:
      return is_gpu ? "Out of GPU memory" : "Out of memory";
    case FailureKind::kNumerics:
      return "The loss is no number any more";
    case FailureKind::kDiskFull:
      return "The disk is full";
    case FailureKind::kData:
      return "The data cannot be read";
    case FailureKind::kKilled:
      return "The engine was killed";
    case FailureKind::kCrash:
      return "The engine crashed";
    case FailureKind::kOther:
      break;
  }
  return "Training failed";
}

std::string cause_of(FailureKind kind) {
  switch (kind) {
    case FailureKind::kOutOfMemory:
      return "One step of this batch and model does not fit beside what else uses the memory.";
    case FailureKind::kNumerics:
      return "Most often a learning rate that is too high, or a broken part of the text.";
    case FailureKind::kDiskFull:
      return "Checkpoints and curves need room where the run is kept.";
    case FailureKind::kData:
      return "A file of the data set was moved, deleted or damaged.";
    case FailureKind::kKilled:
      return "Another program or the system ended it, often for want of memory.";
    case FailureKind::kCrash:
      return "A fault in the program or its libraries; the note names the place.";
    case FailureKind::kOther:
      break;
  }
  return "";
}

std::string action_of(FailureKind kind) {
  switch (kind) {
    case FailureKind::kOutOfMemory:
      return "Choose one of these; the memory of the failed engine is free again.";
    case FailureKind::kNumerics:
      return "Lower the learning rate and go on from the last good checkpoint.";
    case FailureKind::kDiskFull:
      return "Free some space, or keep fewer checkpoints, then resume.";
    case FailureKind::kData:
      return "Put the file back where it was, then resume.";
    case FailureKind::kKilled:
      return "Resume goes on from the last checkpoint.";
    case FailureKind::kCrash:
      return "Resume goes on from the last checkpoint; report it if it happens again.";
    case FailureKind::kOther:
      break;
  }
  return "Correct what it names, then resume.";
}

void put_saved(const RunView& run, FailureReport& report) {
  if (const store::Event* saved = last_event(run, "checkpoint")) {
    report.saved_step = saved->step;
    const std::int64_t lost = std::max<std::int64_t>(0, run.step - saved->step);
    report.saved = "The checkpoint of step " + grouped_number(saved->step) + " is whole" +
                   (lost == 0 ? "; nothing was lost."
                              : "; " + grouped_number(lost) + (lost == 1 ? " step" : " steps") +
                                    " after it are repeated.");
  } else {
    report.saved = "No checkpoint was saved: training begins again.";
  }
}

std::string tail_of(const std::string& text) {
  if (text.size() <= kMostExcerpt) return text;
  const std::size_t line = text.find('\n', text.size() - kMostExcerpt);
  return line == std::string::npos ? text.substr(text.size() - kMostExcerpt)
                                   : text.substr(line + 1);
}

std::string setting(std::string_view path, std::int64_t value) {
  return std::string(path) + "=" + std::to_string(value);
}

std::string cost_text(double bytes, const char* otherwise) {
  return bytes > 0.0 ? bytes_text(bytes) : std::string(otherwise);
}

void add_numerics_remedies(const RunView& run, FailureReport& report) {
  const double rate = run.config["optimizer"]["learning_rate"].as_number();
  if (!(rate > 0.0)) return;
  for (const double part : {0.5, 0.1}) {
    char value[32];
    std::snprintf(value, sizeof value, "%.6g", rate * part);
    report.remedies.push_back({"Learning rate " + std::string(value),
                               part > 0.2 ? "half" : "a tenth",
                               {std::string("optimizer.learning_rate=") + value},
                               false,
                               0.0});
  }
}

double needed_bytes(const RunView& run, const Json& detail) {
  const double told = detail["needed_bytes"].as_number();
  if (told > 0.0) return told;
  const Series* memory = run.scalar("memory_bytes");
  if (memory == nullptr || memory->empty()) return 0.0;
  const Extent most = memory->values().range(0, memory->size());
  return most.empty() ? 0.0 : static_cast<double>(most.max);
}

/// The configuration with the batch as the engine had already split it.
Json config_at_failure(const RunView& run, const Json& detail) {
  Json config = run.config;
  Json* train = config.find("train");
  if (train == nullptr || detail["micro_batch_size"].as_integer() <= 0) return config;
  train->set("micro_batch_size", detail["micro_batch_size"]);
  train->set("grad_accum_steps", detail["grad_accum_steps"]);
  return config;
}

std::string memory_sentence(const Json& detail) {
  const double needed = detail["needed_bytes"].as_number();
  const double free = detail["free_bytes"].as_number();
  if (needed <= 0.0) return detail["message"].as_string();
  std::string text = "The step needed " + bytes_text(needed);
  if (free > 0.0) text += ", " + bytes_text(free) + " were free";
  return text + ".";
}

}  // namespace

std::string FailureReport::details() const {
  std::string text = title + "\n" + where + "\n" + what + "\n";
  for (const std::string* part : {&cause, &saved, &action}) {
    if (!part->empty()) text += *part + "\n";
  }
  for (const FailureRemedy& remedy : remedies) {
    text += "- " + remedy.label + (remedy.cost.empty() ? "" : " (" + remedy.cost + ")") + ":";
    for (const std::string& one : remedy.settings) text += " --set " + one;
    text += "\n";
  }
  return excerpt.empty() ? text : text + "\n" + excerpt + "\n";
}

std::vector<FailureRemedy> memory_remedies(const Json& config, std::int64_t params, double needed) {
  const Json& train = config["train"];
  const Json& model = config["model"];
  const std::int64_t rows = train["micro_batch_size"].as_integer();
  const std::int64_t parts = train["grad_accum_steps"].as_integer(1);
  const std::int64_t length = model["seq_len"].as_integer();
  const std::int64_t width = model["d_model"].as_integer();
  const std::int64_t heads = std::max<std::int64_t>(1, model["num_heads"].as_integer(1));
  const double fixed = std::min(
      needed, kFixedBytesPerParameter * static_cast<double>(std::max<std::int64_t>(0, params)));
  const double moving = needed - fixed;
  std::vector<FailureRemedy> ways;
  const auto split = [&](std::int64_t divisor) {
    if (rows < divisor || rows % divisor != 0) return;
    const double bytes = needed > 0.0 ? fixed + moving / static_cast<double>(divisor) : 0.0;
    ways.push_back({"Micro-batch " + std::to_string(rows / divisor) + " × accumulation " +
                        std::to_string(parts * divisor),
                    cost_text(bytes, "same batch, in smaller parts"),
                    {setting("train.micro_batch_size", rows / divisor),
                     setting("train.grad_accum_steps", parts * divisor)},
                    false,
                    bytes});
  };
  split(rows % 2 == 0 ? 2 : (rows % 3 == 0 ? 3 : std::max<std::int64_t>(2, rows)));
  split(4);
  if (const Json* recompute = train.find("use_activation_checkpointing");
      recompute != nullptr && !recompute->as_bool()) {
    const double bytes = needed > 0.0 ? fixed + moving * 0.35 : 0.0;
    ways.push_back({"Recompute activations",
                    cost_text(bytes, "about a third slower"),
                    {"train.use_activation_checkpointing=true"},
                    false,
                    bytes});
  }
  if (length >= 32) {
    const std::int64_t shorter = length / 2;
    const double bytes = needed > 0.0 ? fixed + moving * 0.5 : 0.0;
    ways.push_back({"Sequence " + grouped_number(length) + " → " + grouped_number(shorter),
                    cost_text(bytes, "a new run"),
                    {setting("model.seq_len", shorter)},
                    true,
                    bytes});
  }
  const std::int64_t narrower = width * 3 / 4 / heads / 8 * heads * 8;
  if (narrower > 0 && narrower < width) {
    const double part = static_cast<double>(narrower) / static_cast<double>(width);
    const double bytes = needed > 0.0 ? fixed * part * part + moving * part : 0.0;
    ways.push_back({"Width " + grouped_number(width) + " → " + grouped_number(narrower),
                    cost_text(bytes, "a new run"),
                    {setting("model.d_model", narrower)},
                    true,
                    bytes});
  }
  return ways;
}

std::optional<FailureReport> failure_of(const RunView& run, const FailureTexts& texts) {
  if (run.state != RunState::kFailed && run.state != RunState::kKilled) return std::nullopt;
  FailureReport report;
  const bool has_texts = texts.root == run.root;
  const store::Event* error = last_event(run, "error");
  const store::Event* state = last_event(run, "state");
  static const Json nothing;
  const Json& detail = error == nullptr ? nothing : error->detail;
  if (run.state == RunState::kKilled) {
    const bool is_crash = has_texts && !texts.crash_note.empty();
    report.kind = is_crash ? FailureKind::kCrash : FailureKind::kKilled;
    report.what = is_crash ? "It ended by a fault at step " + grouped_number(run.step) + "."
                           : "It ended without a word at step " + grouped_number(run.step) + ".";
    report.sequence = state == nullptr ? 0 : state->sequence;
  } else {
    report.kind = kind_from_code(detail["code"].as_string());
    report.what = report.kind == FailureKind::kOutOfMemory ? memory_sentence(detail)
                                                           : detail["message"].as_string();
    if (report.what.empty()) report.what = run.state_detail;
    report.sequence = error == nullptr ? 0 : error->sequence;
  }
  report.title = title_of(report.kind, run.device.starts_with("cuda"));
  report.where = "step " + grouped_number(error == nullptr ? run.step : error->step);
  if (const std::string& place = detail["where"].as_string();
      run.state == RunState::kFailed && !place.empty() && !place.starts_with("step"))
    report.where += ", " + place;
  report.cause = cause_of(report.kind);
  const std::string& hint = detail["hint"].as_string();
  report.action =
      report.kind == FailureKind::kOther && !hint.empty() ? hint : action_of(report.kind);
  put_saved(run, report);
  if (report.kind == FailureKind::kOutOfMemory)
    report.remedies = memory_remedies(
        config_at_failure(run, detail), run.params_total, needed_bytes(run, detail));
  if (report.kind == FailureKind::kNumerics) add_numerics_remedies(run, report);
  if (report.kind == FailureKind::kDiskFull)
    report.remedies.push_back(
        {"Keep the 2 newest checkpoints", "frees space", {"checkpoint.keep_last=2"}, false, 0.0});
  if (has_texts) report.excerpt = tail_of(texts.crash_note.empty() ? texts.log : texts.crash_note);
  return report;
}

}  // namespace switchyard::ui
