#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/base/core/result.h"
#include "ui/model/runs_feed.h"

namespace switchyard::ui {

/// Where trashed runs lie: `<runs>/.trash`.
std::string trash_folder(const std::string& runs);

/// Moves a run of the runs folder to its trash, by one rename; returns where it lies then.
/// Errors: kBusy while an engine holds it; kUsage for a folder that is not in the runs folder; kIo.
Result<std::string> trash_run(const std::string& runs, const std::string& root);

/// Takes a trashed run back. Errors: kUsage when its name is in use again; kIo.
Result<std::string> restore_run(const std::string& runs, const std::string& path);

std::vector<TrashedRun> list_trash(const std::string& runs);

/// Deletes what is in the trash. Errors: kIo, and what could be deleted is gone.
Status empty_trash(const std::string& runs);

/// Verifies a run folder from elsewhere and copies it into the runs folder under a free name; the
/// copy appears under its name when it is whole. Sockets and locks stay behind.
///
/// `progress` is called with a fraction of 1; returning false gives up.
/// Errors: kInputFile for a foreign or damaged folder, with the reason; kBusy while an engine holds
///         it; kUsage for a folder that is in the runs folder already; kDiskFull, kIo, kStopped.
Result<std::string> import_run(const std::string& runs,
                               const std::string& path,
                               const std::function<bool(double)>& progress);

}  // namespace switchyard::ui
