#include "engine/base/store/store_check.h"

#include <algorithm>
#include <string_view>

#include <SQLiteCpp/SQLiteCpp.h>

#include "engine/base/core/hash.h"
#include "engine/base/store/chunk.h"
#include "engine/base/store/probe_blob.h"
#include "engine/base/store/schema.sql.h"
#include "engine/base/store/wanted_scalars.h"

namespace switchyard::store {
namespace {

constexpr std::size_t kMaxFindings = 100;

class Checker {
 public:
  explicit Checker(SQLite::Database& database) : database_(database) {}

  std::vector<std::string> run() {
    check_pages();
    if (!findings_.empty()) return std::move(findings_);  // the tables cannot be trusted
    check_chunks();
    check_probes();
    check_sequences();
    check_references();
    return std::move(findings_);
  }

 private:
  void add(std::string finding) {
    if (findings_.size() < kMaxFindings) findings_.push_back("run.db: " + std::move(finding));
  }

  void check_pages() {
    SQLite::Statement check(database_, "PRAGMA integrity_check(20)");
    while (check.executeStep()) {
      const std::string line = check.getColumn(0).getString();
      if (line != "ok") add(line);
    }
  }

  void check_chunks() {
    SQLite::Statement chunks(
        database_,
        "SELECT id, num_samples, crc32c, samples, first_sequence, last_sequence, num_finite, "
        "num_nan FROM scalar_chunk ORDER BY id");
    while (chunks.executeStep()) {
      const std::string name = "chunk " + std::to_string(chunks.getColumn(0).getInt64());
      const SQLite::Column blob = chunks.getColumn(3);
      const std::string_view bytes =
          blob.getBlob() == nullptr ? std::string_view()
                                    : std::string_view(static_cast<const char*>(blob.getBlob()),
                                                       static_cast<std::size_t>(blob.getBytes()));
      if (static_cast<std::int64_t>(crc32c(bytes)) != chunks.getColumn(2).getInt64()) {
        add(name + ": expected another checksum.");
        continue;
      }
      const auto samples = samples_from_bytes(bytes, chunks.getColumn(1).getInt64());
      if (!samples.ok()) {
        add(name + ": " + samples.error().message);
        continue;
      }
      check_samples(name, *samples, chunks);
    }
  }

  void check_probes() {
    if (database_.execAndGet("PRAGMA user_version").getInt() < kProbeVersion) return;
    SQLite::Statement probes(database_, "SELECT step, crc32c, probe FROM routing_probe");
    while (probes.executeStep()) {
      const std::string name =
          "routing probe of step " + std::to_string(probes.getColumn(0).getInt64());
      const std::string_view bytes = blob_at(probes, 2);
      if (static_cast<std::int64_t>(crc32c(bytes)) != probes.getColumn(1).getInt64()) {
        add(name + ": expected another checksum.");
      } else if (const auto probe = probe_from_bytes(bytes, name); !probe.ok()) {
        add(probe.error().text());
      }
    }
    expect_none("routing probes beyond the last sequence number",
                "SELECT count(*) FROM routing_probe WHERE sequence > (SELECT value FROM "
                "store_state WHERE key = 'last_sequence')");
  }

  void check_samples(const std::string& name,
                     const std::vector<StoredScalar>& samples,
                     SQLite::Statement& chunk) {
    const bool is_ordered = std::is_sorted(
        samples.begin(), samples.end(), [](const StoredScalar& a, const StoredScalar& b) {
          return a.sequence <= b.sequence;
        });
    if (!is_ordered) add(name + ": expected growing sequence numbers.");
    const ChunkSummary summary = summary_of(samples);
    const bool is_summary_right = samples.front().sequence == chunk.getColumn(4).getInt64() &&
                                  samples.back().sequence == chunk.getColumn(5).getInt64() &&
                                  summary.num_finite == chunk.getColumn(6).getInt64() &&
                                  summary.num_nan == chunk.getColumn(7).getInt64();
    if (!is_summary_right) add(name + ": its summary does not fit its samples.");
  }

  void check_sequences() {
    expect_none(
        "samples that are rows and in a chunk at once",
        "SELECT count(*) FROM scalar_row r JOIN scalar_chunk c ON c.metric = r.metric AND "
        "c.attempt = r.attempt AND r.sequence BETWEEN c.first_sequence AND c.last_sequence");
    for (const char* table : {"scalar_row", "vector_sample", "event"}) {
      expect_none(std::string("entries of ") + table + " beyond the last sequence number",
                  std::string("SELECT count(*) FROM ") + table +
                      " WHERE sequence > (SELECT value FROM store_state WHERE key = "
                      "'last_sequence')");
    }
  }

  void check_references() {
    for (const char* table : {"scalar_row", "scalar_chunk", "vector_sample"}) {
      expect_none(std::string("entries of ") + table + " with an unknown metric",
                  std::string("SELECT count(*) FROM ") + table +
                      " WHERE metric NOT IN (SELECT id FROM metric)");
      expect_none(std::string("entries of ") + table + " with an unknown attempt",
                  std::string("SELECT count(*) FROM ") + table +
                      " WHERE attempt NOT IN (SELECT attempt FROM attempt)");
    }
  }

  void expect_none(const std::string& what, const std::string& query) {
    const std::int64_t n = database_.execAndGet(query).getInt64();
    if (n != 0) add("expected no " + what + ", found " + std::to_string(n) + ".");
  }

  SQLite::Database& database_;
  std::vector<std::string> findings_;
};

}  // namespace

std::vector<std::string> findings_in(SQLite::Database& database) {
  return Checker(database).run();
}

}  // namespace switchyard::store
