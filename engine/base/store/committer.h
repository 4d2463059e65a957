#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/core/result.h"
#include "engine/base/store/run_store.h"

namespace switchyard::store {

struct ScalarItem {
  std::string metric;
  Position at;
  double value = 0.0;
};

struct VectorItem {
  std::string metric;
  int layer = -1;
  Position at;
  std::vector<float> values;
};

struct EventItem {
  std::string kind;
  std::int64_t step = 0;
  double wall_time = 0.0;
  std::string detail;  ///< JSON text
};

struct ProbeItem {
  Position at;
  std::string bytes;  ///< probe_blob.h
};

/// One thing to store, numbered when it was handed in.
struct Item {
  std::int64_t sequence = 0;
  std::variant<MetricInfo, ScalarItem, VectorItem, EventItem, ProbeItem> what;
};

/// A failed commit; nothing of the batch is stored.
struct CommitFailure {
  Error error;
  bool is_final = false;  ///< trying again is no use, or unsafe (a failed sync)
};

/// The writing connection to run.db: turns batches into transactions and folds full tails of rows
/// into chunks. Threads: one at a time.
class Committer {
 public:
  static Result<std::unique_ptr<Committer>> open(const std::string& path,
                                                 int attempt,
                                                 std::int64_t resume_after_step);
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;
  ~Committer();

  /// Stores the batch in one transaction; `is_durable` waits until it and all before are on disk.
  std::optional<CommitFailure> commit(const std::vector<Item>& batch, bool is_durable);

  [[nodiscard]] std::int64_t last_sequence() const { return last_sequence_; }

 private:
  struct Sql;

  explicit Committer(std::string path);
  Status prepare(int attempt, std::int64_t resume_after_step);
  void create_tables();
  void begin_attempt(int attempt, std::int64_t resume_after_step);
  void remove_after(std::int64_t step);
  void unfold_chunks_across(std::int64_t step);
  void load_state();
  void store(const Item& item);
  void store_what(std::int64_t sequence, const MetricInfo& metric);
  void store_what(std::int64_t sequence, const ScalarItem& scalar);
  void store_what(std::int64_t sequence, const VectorItem& vector);
  void store_what(std::int64_t sequence, const EventItem& event);
  void store_what(std::int64_t sequence, const ProbeItem& probe);
  void drop_probes();
  std::int64_t metric_id(const std::string& name, bool is_vector, std::int64_t sequence);
  void fold_full_tails();
  void fold(std::int64_t metric);
  void truncate_long_log();
  [[nodiscard]] bool is_file_ours() const;

  std::string path_;
  std::unique_ptr<Sql> sql_;
  int attempt_ = 0;
  std::int64_t last_sequence_ = 0;
  std::uint64_t inode_ = 0;
  std::map<std::string, std::int64_t> metric_ids_;
  std::map<std::int64_t, std::int64_t> tail_sizes_;  ///< rows per metric of this attempt
};

}  // namespace switchyard::store
