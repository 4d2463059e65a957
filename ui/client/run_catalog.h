#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/base/store/run_overview.h"

namespace switchyard::ui {

/// The list of all runs below a folder. A database is opened only when the run's files changed
/// since it was read last; what was read is kept in `<runs>/.index.json`, which may be deleted.
///
/// Limits: 1,000 unchanged runs cost four stat calls and one lock test each.
/// Errors: an index that cannot be read is made anew; one that cannot be written is done without.
/// Threads: one at a time.
class RunCatalog {
 public:
  explicit RunCatalog(std::string runs) : runs_(std::move(runs)) {}

  ~RunCatalog();
  RunCatalog(const RunCatalog&) = delete;
  RunCatalog& operator=(const RunCatalog&) = delete;

  /// Newest first. `now`: monotonic seconds; the index is written at most every few seconds.
  std::vector<store::RunOverview> scan(double now);

  /// Runs whose database was opened by this object.
  [[nodiscard]] std::int64_t num_opened() const { return num_opened_; }

  [[nodiscard]] static std::string index_path(const std::string& runs) {
    return runs + "/.index.json";
  }

 private:
  /// What a run's files looked like when they were read.
  struct Stamp {
    std::int64_t config_ns = 0, database_ns = 0, wal_ns = 0;
    std::int64_t config_bytes = 0, database_bytes = 0, wal_bytes = 0;
    bool is_held = false;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };

  struct Entry {
    Stamp stamp;
    store::RunOverview run;
  };

  static Stamp stamp_of(const std::string& root);
  void load();
  void save();

  std::string runs_;
  std::map<std::string, Entry> entries_;  ///< by folder name
  bool is_loaded_ = false;
  bool is_dirty_ = false;
  double last_save_ = -1e9;
  std::int64_t num_opened_ = 0;
};

}  // namespace switchyard::ui
