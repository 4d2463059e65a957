#include "ui/client/step_probe.h"

#include <signal.h>

#include "engine/base/core/file_system.h"
#include "engine/base/core/json.h"
#include "ui/client/launcher.h"

namespace switchyard::ui {
namespace {

constexpr const char* kWarmupSteps = "2";
constexpr const char* kSteps = "8";

/// The objects among the lines of an output.
std::vector<Json> json_lines(const std::string& output) {
  std::vector<Json> objects;
  for (std::size_t start = 0; start < output.size();) {
    const std::size_t end = std::min(output.find('\n', start), output.size());
    auto line = parse_json(output.substr(start, end - start), "engine");
    if (line.ok() && line.value().is_object()) objects.push_back(std::move(line).value());
    start = end + 1;
  }
  return objects;
}

}  // namespace

std::vector<std::string> engine_errors(const std::string& output, const std::string& errors) {
  std::vector<std::string> problems;
  for (const Json& line : json_lines(output)) {
    if (line["event"].as_string() != "error") continue;
    const Error error{ErrorCode::kConfig,
                      line["where"].as_string(),
                      line["message"].as_string(),
                      line["hint"].as_string(),
                      {}};
    problems.push_back(error.text());
  }
  if (!problems.empty()) return problems;
  std::string last = errors;
  while (!last.empty() && last.back() == '\n') last.pop_back();
  last.erase(0, last.rfind('\n') + 1);
  problems.push_back(last.empty() ? "The engine ended without a word." : last);
  return problems;
}

ProbeReport probe_report(const std::string& output, const std::string& errors) {
  ProbeReport report;
  for (const Json& line : json_lines(output)) {
    if (line["bench"].as_string() != "step") continue;
    report.device = line["device"].as_string();
    report.peak_bytes = line["peak_bytes"].as_number();
    report.tokens_per_second = line["tokens_per_second"].as_number();
    report.ms = line["ms"].as_number();
    report.ms_min = line["ms_min"].as_number(report.ms);
    report.ms_p95 = line["ms_p95"].as_number(report.ms);
    return report;
  }
  report.problem = engine_errors(output, errors).front();
  return report;
}

StepProbe::~StepProbe() {
  end();
}

void StepProbe::end() {
  cancel();
  if (thread_.joinable()) thread_.join();
}

void StepProbe::cancel() {
  is_cancelled_ = true;
  const std::lock_guard lock(mutex_);
  if (child_ > 0) kill(child_, SIGKILL);  // nothing of it is kept
}

void StepProbe::measure(const ProbeConfig& request) {
  end();
  is_cancelled_ = false;
  thread_ = std::thread([this, request] { work(request); });
}

void StepProbe::work(const ProbeConfig& request) {
  ProbeReport report;
  const std::string path = folder_ + "/probe-" + unique_suffix() + ".json";
  Status written = make_directories(folder_);
  if (written.ok()) written = write_file_durably(path, request.document);
  if (!written.ok()) {
    report.problem = written.error().text();
  } else {
    auto child = start_piped({engine_path(),
                              "bench",
                              "step",
                              "--config",
                              path,
                              "--warmup",
                              kWarmupSteps,
                              "--steps",
                              kSteps,
                              "--json"});
    if (!child.ok()) {
      report.problem = child.error().text();
    } else {
      {
        const std::lock_guard lock(mutex_);
        child_ = child.value().pid;
        if (is_cancelled_.load()) kill(child_, SIGKILL);
      }
      const ChildOutput output = read_to_end(child.value(), [this](int) {
        const std::lock_guard lock(mutex_);
        child_ = 0;  // from here on the number may belong to another process
      });
      report = probe_report(output.output, output.errors);
    }
  }
  // The file is of no use to anybody: a failure to remove it is none of the probe's.
  if (written.ok()) (void)real_file_system().remove(path).ok();
  report.key = request.key;
  report.is_cancelled = is_cancelled_.load();
  mailbox_.put(ConfigEvent(std::move(report)));
}

}  // namespace switchyard::ui
