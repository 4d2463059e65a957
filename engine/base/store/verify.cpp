#include <SQLiteCpp/SQLiteCpp.h>

#include "engine/base/checkpoint/checkpoint.h"
#include "engine/base/core/file_system.h"
#include "engine/base/store/database.h"
#include "engine/base/store/run_folder.h"
#include "engine/base/store/store_check.h"

namespace switchyard::store {
namespace {

void verify_config(const RunPaths& paths, VerifyReport& report) {
  const auto config = read_run_config(paths.root);
  if (config.ok()) {
    report.intact.push_back("config.json");
  } else {
    report.problems.push_back(config.error().text());
  }
}

Result<std::vector<std::string>> findings_of(const std::string& path) {
  SY_ASSIGN_OR_RETURN(const auto database, open_for_reading(path, read_mode_of(path)));
  try {
    return findings_in(*database);
  } catch (const SQLite::Exception& exception) {
    return error_from_sqlite(exception, path);
  }
}

void verify_database(const RunPaths& paths, VerifyReport& report) {
  const auto findings = findings_of(paths.database());
  if (!findings.ok()) {
    // A run that has not begun has no store; anything else is damage.
    if (findings.error().code == ErrorCode::kUnavailable) {
      report.intact.push_back("run.db: no samples yet");
    } else {
      report.problems.push_back(findings.error().text());
    }
    return;
  }
  if (findings->empty()) report.intact.push_back("run.db");
  report.problems.insert(report.problems.end(), findings->begin(), findings->end());
}

void verify_checkpoints(const RunPaths& paths, bool is_held, VerifyReport& report) {
  const auto scan = checkpoint::scan(paths.checkpoints(), checkpoint::ScanDepth::kChecksums);
  for (const checkpoint::Found& found : scan.valid) {
    report.intact.push_back("checkpoints/" + base_name(found.path));
  }
  for (const std::string& rejected : scan.rejected) {
    report.problems.push_back("checkpoints/" + rejected);
  }
  const auto names = real_file_system().list(paths.checkpoints());
  if (!names.ok()) return;  // scan has named it
  for (const std::string& name : *names) {
    // While an engine works these are its current steps; without one they are what a kill left.
    const bool is_leftover = name.starts_with(".tmp-") || name.starts_with(".trash-");
    if (is_leftover && !is_held) {
      report.intact.push_back("checkpoints/" + name + ": a leftover, removed at the next start");
    }
  }
}

void verify_tokenizer(const RunPaths& paths, VerifyReport& report) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{64} << 20;
  const auto known = real_file_system().info(paths.tokenizer());
  if (!known.ok() || !known->exists) return;  // written at the start of training
  const auto text = read_file(paths.tokenizer(), kMaxBytes);
  JsonLimits limits;
  limits.max_bytes = kMaxBytes;
  limits.max_values = 4'000'000;
  const Status parsed = [&]() -> Status {
    if (!text.ok()) return text.error();
    const auto json = parse_json(*text, paths.tokenizer(), limits);
    return json.ok() ? Status{} : Status{json.error()};
  }();
  if (parsed.ok()) {
    report.intact.push_back("tokenizer.json");
  } else {
    report.problems.push_back(parsed.error().text());
  }
}

}  // namespace

Result<VerifyReport> verify_run(const std::string& root) {
  const RunPaths paths{root};
  SY_ASSIGN_OR_RETURN(const FileInfo known, real_file_system().info(root));
  if (!known.exists) {
    return Error{
        ErrorCode::kInputFile, root, "expected a run folder, found nothing there.", "", {}};
  }
  VerifyReport report;
  const bool is_held = RunLock::is_held(root);
  verify_config(paths, report);
  verify_tokenizer(paths, report);
  verify_database(paths, report);
  verify_checkpoints(paths, is_held, report);
  return report;
}

}  // namespace switchyard::store
