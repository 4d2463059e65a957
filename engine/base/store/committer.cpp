#include "engine/base/store/committer.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <SQLiteCpp/SQLiteCpp.h>

#include "engine/base/core/file_system.h"
#include "engine/base/core/hash.h"
#include "engine/base/routing/routing_probe.h"
#include "engine/base/store/chunk.h"
#include "engine/base/store/database.h"
#include "engine/base/store/schema.sql.h"

namespace switchyard::store {
namespace {

constexpr int kBusyTimeoutMs = 5000;
constexpr std::uint64_t kLongLogBytes = std::uint64_t{64} << 20;

/// Names of file systems where a write-ahead log is unsafe: its index is memory shared on one host.
const char* network_file_system(const std::string& directory) {
  struct statfs known {};

  if (::statfs(directory.c_str(), &known) != 0) return nullptr;
  switch (static_cast<std::uint64_t>(known.f_type) & 0xFFFFFFFFU) {
    case 0x6969:
      return "NFS";
    case 0x517B:
    case 0xFF534D42:
    case 0xFE534D42:
      return "SMB";
    case 0x65735546:
      return "FUSE";
    default:
      return nullptr;
  }
}

Status check_place(const std::string& path) {
  const char* name = network_file_system(parent_directory(path));
  const char* permit = std::getenv("SWITCHYARD_ALLOW_NETWORK_FS");
  if (name == nullptr || (permit != nullptr && permit[0] == '1')) return {};
  return Error{ErrorCode::kIo,
               path,
               std::string("expected a local disk, found a ") + name + " file system.",
               "Choose a folder on a local disk, or set SWITCHYARD_ALLOW_NETWORK_FS=1 when only "
               "this host uses it.",
               {}};
}

std::uint64_t inode_of(const std::string& path) {
  struct stat known {};

  return ::stat(path.c_str(), &known) == 0 ? static_cast<std::uint64_t>(known.st_ino) : 0;
}

void bind_position(SQLite::Statement& statement, int first, const Position& at) {
  statement.bind(first, at.step);
  statement.bind(first + 1, at.tokens);
  statement.bind(first + 2, at.seconds);
  statement.bind(first + 3, at.flops);
}

void bind_value(SQLite::Statement& statement, int first, double value) {
  const int kind = kind_of(value);
  if (kind == 0) {
    statement.bind(first, value);
  } else {
    statement.bind(first);
  }
  statement.bind(first + 1, kind);
}

void bind_optional(SQLite::Statement& statement, int index, const std::optional<double>& value) {
  if (value.has_value()) {
    statement.bind(index, *value);
  } else {
    statement.bind(index);
  }
}

void run(SQLite::Statement& statement) {
  statement.exec();
  statement.reset();
  statement.clearBindings();
}

}  // namespace

struct Committer::Sql {
  explicit Sql(const std::string& path)
      : database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyTimeoutMs) {}

  void prepare_statements() {
    const auto make = [this](const char* text) {
      return std::make_unique<SQLite::Statement>(database, text);
    };
    add_scalar = make("INSERT INTO scalar_row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    add_vector = make("INSERT INTO vector_sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    add_event = make("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)");
    add_probe = make("INSERT INTO routing_probe VALUES (?, ?, ?, ?, ?, ?, ?)");
    add_metric = make(
        "INSERT INTO metric (name, unit, help, is_vector, revision) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET unit = excluded.unit, help = excluded.help, "
        "is_vector = excluded.is_vector, revision = excluded.revision "
        "WHERE unit <> excluded.unit OR help <> excluded.help OR is_vector <> excluded.is_vector");
    find_metric = make("SELECT id FROM metric WHERE name = ?");
    set_last = make("UPDATE store_state SET value = ? WHERE key = 'last_sequence'");
    tail = make(
        "SELECT sequence, step, tokens, seconds, flops, value, kind FROM scalar_row "
        "WHERE metric = ? AND attempt = ? ORDER BY sequence LIMIT ?");
    add_chunk = make(
        "INSERT INTO scalar_chunk (metric, attempt, first_sequence, last_sequence, first_step, "
        "last_step, num_samples, num_finite, num_nan, num_positive_infinity, "
        "num_negative_infinity, min_value, max_value, crc32c, samples) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    remove_tail = make("DELETE FROM scalar_row WHERE metric = ? AND attempt = ? AND sequence <= ?");
  }

  SQLite::Database database;
  std::unique_ptr<SQLite::Statement> add_scalar, add_vector, add_event, add_probe, add_metric,
      find_metric, set_last, tail, add_chunk, remove_tail;
};

Committer::Committer(std::string path) : path_(std::move(path)) {}

Committer::~Committer() = default;

Result<std::unique_ptr<Committer>> Committer::open(const std::string& path,
                                                   int attempt,
                                                   std::int64_t resume_after_step) {
  SY_RETURN_IF_ERROR(check_place(path));
  std::unique_ptr<Committer> committer(new Committer(path));
  try {
    SY_RETURN_IF_ERROR(committer->prepare(attempt, resume_after_step));
  } catch (const SQLite::Exception& exception) {
    return error_from_sqlite(exception, path);
  }
  return committer;
}

Status Committer::prepare(int attempt, std::int64_t resume_after_step) {
  sql_ = std::make_unique<Sql>(path_);
  SQLite::Database& database = sql_->database;
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  const bool is_new = database.execAndGet("SELECT count(*) FROM sqlite_schema").getInt() == 0;
  if (!is_new) SY_RETURN_IF_ERROR(check_identity(database, path_));
  // Set before the first transaction, as SQLite demands.
  const std::string mode = database.execAndGet("PRAGMA journal_mode = WAL").getString();
  if (mode != "wal") {
    return Error{
        ErrorCode::kIo,
        path_,
        "expected a file system that supports a write-ahead log, found mode `" + mode + "`.",
        "Choose a folder on a local disk.",
        {}};
  }
  database.exec("PRAGMA synchronous = FULL");
  database.exec("PRAGMA wal_autocheckpoint = 1000");
  database.exec("PRAGMA mmap_size = 0");
  if (is_new) create_tables();
  begin_attempt(attempt, resume_after_step);
  sql_->prepare_statements();
  load_state();
  inode_ = inode_of(path_);
  return real_file_system().sync_directory(parent_directory(path_));
}

void Committer::create_tables() {
  SQLite::Transaction transaction(sql_->database, SQLite::TransactionBehavior::IMMEDIATE);
  sql_->database.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
  sql_->database.exec("PRAGMA user_version = " + std::to_string(kStoreVersion));
  sql_->database.exec(kCreateTables);
  sql_->database.exec(kCreateProbeTable);
  transaction.commit();
}

void Committer::begin_attempt(int attempt, std::int64_t resume_after_step) {
  SQLite::Database& database = sql_->database;
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  const int newest = database.execAndGet("SELECT coalesce(max(attempt), -1) FROM attempt").getInt();
  attempt_ = std::max(attempt, newest);
  const int version = database.execAndGet("PRAGMA user_version").getInt();
  if (version < kProbeVersion) database.exec(kCreateProbeTable);
  if (version < kStoreVersion)
    database.exec("PRAGMA user_version = " + std::to_string(kStoreVersion));
  const int before = database.getTotalChanges();
  if (attempt_ > newest) {
    SQLite::Statement add(database, "INSERT INTO attempt VALUES (?, ?)");
    add.bind(1, attempt_);
    add.bind(2, newest < 0 ? std::int64_t{-1} : resume_after_step);
    add.exec();
  } else if (resume_after_step >= 0) {
    remove_after(resume_after_step);
  }
  if (resume_after_step >= 0) {
    SQLite::Statement probes(database, "DELETE FROM routing_probe WHERE step > ?");
    probes.bind(1, resume_after_step);
    probes.exec();
  }
  if (database.getTotalChanges() != before) {
    database.exec("UPDATE store_state SET value = value + 1 WHERE key = 'epoch'");
  }
  transaction.commit();
}

void Committer::remove_after(std::int64_t step) {
  SQLite::Database& database = sql_->database;
  unfold_chunks_across(step);
  const auto remove = [&](const char* text) {
    SQLite::Statement statement(database, text);
    statement.bind(1, attempt_);
    statement.bind(2, step);
    statement.exec();
  };
  remove("DELETE FROM scalar_chunk WHERE attempt = ? AND last_step > ?");
  remove("DELETE FROM scalar_row WHERE attempt = ? AND step > ?");
  remove("DELETE FROM vector_sample WHERE attempt = ? AND step > ?");
  remove(
      "DELETE FROM event WHERE attempt = ? AND step > ? AND kind IN ('eval', 'checkpoint', "
      "'pinned_answer', 'doctor')");
  // Going back behind the rollback point of this attempt voids the earlier attempt from here on.
  SQLite::Statement lower(
      database, "UPDATE attempt SET after_step = ?2 WHERE attempt = ?1 AND after_step > ?2");
  lower.bind(1, attempt_);
  lower.bind(2, step);
  lower.exec();
}

/// Chunks with samples on both sides of `step` become rows again, so that whole rows and whole
/// chunks can be removed.
void Committer::unfold_chunks_across(std::int64_t step) {
  SQLite::Database& database = sql_->database;
  SQLite::Statement across(database,
                           "SELECT metric, num_samples, samples FROM scalar_chunk "
                           "WHERE attempt = ? AND first_step <= ? AND last_step > ?");
  SQLite::Statement add(database, "INSERT INTO scalar_row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  across.bind(1, attempt_);
  across.bind(2, step);
  across.bind(3, step);
  while (across.executeStep()) {
    const SQLite::Column blob = across.getColumn(2);
    const auto samples =
        samples_from_bytes(std::string_view(static_cast<const char*>(blob.getBlob()),
                                            static_cast<std::size_t>(blob.getBytes())),
                           across.getColumn(1).getInt64());
    // A chunk that cannot be read is removed with the rest; verify names it before.
    if (!samples.ok()) continue;
    for (const StoredScalar& sample : *samples) {
      if (sample.at.step > step) continue;
      add.bind(1, sample.sequence);
      add.bind(2, across.getColumn(0).getInt64());
      add.bind(3, attempt_);
      bind_position(add, 4, sample.at);
      bind_value(add, 8, sample.value);
      run(add);
    }
  }
}

void Committer::load_state() {
  SQLite::Database& database = sql_->database;
  last_sequence_ =
      database
          .execAndGet(
              "SELECT max(coalesce((SELECT value FROM store_state WHERE key = 'last_sequence'), 0),"
              " coalesce((SELECT max(sequence) FROM scalar_row), 0),"
              " coalesce((SELECT max(last_sequence) FROM scalar_chunk), 0),"
              " coalesce((SELECT max(sequence) FROM vector_sample), 0),"
              " coalesce((SELECT max(sequence) FROM routing_probe), 0),"
              " coalesce((SELECT max(sequence) FROM event), 0))")
          .getInt64();
  SQLite::Statement metrics(database, "SELECT id, name FROM metric");
  while (metrics.executeStep()) {
    metric_ids_[metrics.getColumn(1).getString()] = metrics.getColumn(0).getInt64();
  }
  SQLite::Statement tails(
      database, "SELECT metric, count(*) FROM scalar_row WHERE attempt = ? GROUP BY metric");
  tails.bind(1, attempt_);
  while (tails.executeStep()) {
    tail_sizes_[tails.getColumn(0).getInt64()] = tails.getColumn(1).getInt64();
  }
}

std::optional<CommitFailure> Committer::commit(const std::vector<Item>& batch, bool is_durable) {
  if (!is_file_ours()) {
    return CommitFailure{
        {ErrorCode::kIo,
         path_,
         "expected the run store where it was opened, found it removed, renamed or "
         "replaced while the run writes to it.",
         "Put the run folder back and resume the run.",
         {}},
        true};
  }
  const auto ids_before = metric_ids_;
  const auto tails_before = tail_sizes_;
  try {
    SQLite::Database& database = sql_->database;
    database.exec(is_durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    std::int64_t last = last_sequence_;
    for (const Item& item : batch) {
      store(item);
      last = std::max(last, item.sequence);
    }
    fold_full_tails();
    sql_->set_last->bind(1, last);
    run(*sql_->set_last);
    transaction.commit();
    last_sequence_ = last;
    truncate_long_log();
  } catch (const SQLite::Exception& exception) {
    metric_ids_ = ids_before;
    tail_sizes_ = tails_before;
    const Error error = error_from_sqlite(exception, path_);
    const bool may_pass = error.code != ErrorCode::kInputFile;
    return CommitFailure{error, is_failed_sync(exception) || !may_pass};
  }
  return std::nullopt;
}

bool Committer::is_file_ours() const {
  return inode_ != 0 && inode_of(path_) == inode_;
}

void Committer::store(const Item& item) {
  std::visit([&](const auto& what) { store_what(item.sequence, what); }, item.what);
}

void Committer::store_what(std::int64_t sequence, const MetricInfo& metric) {
  SQLite::Statement& add = *sql_->add_metric;
  add.bind(1, metric.name);
  add.bind(2, metric.unit);
  add.bind(3, metric.help);
  add.bind(4, metric.is_vector ? 1 : 0);
  add.bind(5, sequence);
  run(add);
  SQLite::Statement& find = *sql_->find_metric;
  find.bind(1, metric.name);
  if (find.executeStep()) metric_ids_[metric.name] = find.getColumn(0).getInt64();
  find.reset();
}

std::int64_t Committer::metric_id(const std::string& name, bool is_vector, std::int64_t sequence) {
  const auto known = metric_ids_.find(name);
  if (known != metric_ids_.end()) return known->second;
  store_what(sequence, MetricInfo{name, "", "", is_vector});  // recorded without being declared
  return metric_ids_[name];
}

void Committer::store_what(std::int64_t sequence, const ScalarItem& scalar) {
  const std::int64_t metric = metric_id(scalar.metric, false, sequence);
  SQLite::Statement& add = *sql_->add_scalar;
  add.bind(1, sequence);
  add.bind(2, metric);
  add.bind(3, attempt_);
  bind_position(add, 4, scalar.at);
  bind_value(add, 8, scalar.value);
  run(add);
  ++tail_sizes_[metric];
}

void Committer::store_what(std::int64_t sequence, const VectorItem& vector) {
  SQLite::Statement& add = *sql_->add_vector;
  add.bind(1, sequence);
  add.bind(2, metric_id(vector.metric, true, sequence));
  add.bind(3, vector.layer);
  add.bind(4, attempt_);
  bind_position(add, 5, vector.at);
  const std::size_t bytes = vector.values.size() * sizeof(float);
  add.bind(9, static_cast<const void*>(vector.values.data()), static_cast<int>(bytes));
  if (vector.values.empty()) add.bind(9, "", 0);  // no values are an empty blob, not NULL
  run(add);
}

void Committer::store_what(std::int64_t sequence, const EventItem& event) {
  SQLite::Statement& add = *sql_->add_event;
  add.bind(1, sequence);
  add.bind(2, attempt_);
  add.bind(3, event.step);
  add.bind(4, event.wall_time);
  add.bind(5, event.kind);
  add.bind(6, event.detail);
  run(add);
}

void Committer::store_what(std::int64_t sequence, const ProbeItem& probe) {
  SQLite::Statement& add = *sql_->add_probe;
  add.bind(1, sequence);
  bind_position(add, 2, probe.at);
  add.bind(6, static_cast<std::int64_t>(crc32c(probe.bytes)));
  add.bind(7, static_cast<const void*>(probe.bytes.data()), static_cast<int>(probe.bytes.size()));
  run(add);
  drop_probes();
}

void Committer::drop_probes() {
  std::vector<std::int64_t> sequences;
  std::vector<routing::ProbeSize> sizes;
  SQLite::Statement all(
      sql_->database, "SELECT sequence, step, length(probe) FROM routing_probe ORDER BY sequence");
  while (all.executeStep()) {
    sequences.push_back(all.getColumn(0).getInt64());
    sizes.push_back({all.getColumn(1).getInt64(), all.getColumn(2).getInt64()});
  }
  for (auto drop = routing::probe_to_drop(sizes); drop.has_value();
       drop = routing::probe_to_drop(sizes)) {
    const auto at = static_cast<std::ptrdiff_t>(*drop);
    SQLite::Statement remove(sql_->database, "DELETE FROM routing_probe WHERE sequence = ?");
    remove.bind(1, sequences[*drop]);
    remove.exec();
    sequences.erase(sequences.begin() + at);
    sizes.erase(sizes.begin() + at);
  }
}

void Committer::fold_full_tails() {
  for (const auto& [metric, size] : tail_sizes_) {
    for (auto left = static_cast<std::size_t>(size); left >= kChunkSamples; left -= kChunkSamples) {
      fold(metric);
    }
  }
  for (auto& [metric, size] : tail_sizes_) size %= static_cast<std::int64_t>(kChunkSamples);
}

void Committer::fold(std::int64_t metric) {
  std::vector<StoredScalar> samples;
  samples.reserve(kChunkSamples);
  SQLite::Statement& tail = *sql_->tail;
  tail.bind(1, metric);
  tail.bind(2, attempt_);
  tail.bind(3, static_cast<std::int64_t>(kChunkSamples));
  while (tail.executeStep()) {
    StoredScalar& s = samples.emplace_back();
    s.sequence = tail.getColumn(0).getInt64();
    s.at = {tail.getColumn(1).getInt64(),
            tail.getColumn(2).getInt64(),
            tail.getColumn(3).getDouble(),
            tail.getColumn(4).getDouble()};
    const int kind = tail.getColumn(6).getInt();
    s.value = kind == 0 ? tail.getColumn(5).getDouble() : value_of_kind(kind);
  }
  tail.reset();
  if (samples.empty()) return;
  const auto by_step = [](const StoredScalar& a, const StoredScalar& b) {
    return a.at.step < b.at.step;
  };
  const auto [first, last] = std::minmax_element(samples.begin(), samples.end(), by_step);
  const ChunkSummary summary = summary_of(samples);
  const std::string bytes = bytes_from_samples(samples);
  SQLite::Statement& add = *sql_->add_chunk;
  add.bind(1, metric);
  add.bind(2, attempt_);
  add.bind(3, samples.front().sequence);
  add.bind(4, samples.back().sequence);
  add.bind(5, first->at.step);
  add.bind(6, last->at.step);
  add.bind(7, static_cast<std::int64_t>(samples.size()));
  add.bind(8, summary.num_finite);
  add.bind(9, summary.num_nan);
  add.bind(10, summary.num_positive_infinity);
  add.bind(11, summary.num_negative_infinity);
  bind_optional(add, 12, summary.min_value);
  bind_optional(add, 13, summary.max_value);
  add.bind(14, static_cast<std::int64_t>(crc32c(bytes)));
  add.bind(15, static_cast<const void*>(bytes.data()), static_cast<int>(bytes.size()));
  run(add);
  SQLite::Statement& remove = *sql_->remove_tail;
  remove.bind(1, metric);
  remove.bind(2, attempt_);
  remove.bind(3, samples.back().sequence);
  run(remove);
}

/// A reader that stays in a transaction lets the log grow; once it is gone the log is cut.
void Committer::truncate_long_log() {
  struct stat known {};

  if (::stat((path_ + "-wal").c_str(), &known) != 0) return;
  if (static_cast<std::uint64_t>(known.st_size) <= kLongLogBytes) return;
  sqlite3_wal_checkpoint_v2(
      sql_->database.getHandle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
}

}  // namespace switchyard::store
