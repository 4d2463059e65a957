#pragma once

namespace switchyard::store {

/// "SYDR": tells run stores from other databases.
inline constexpr int kApplicationId = 0x53594452;
/// Version 1 has chunks of plain columns, version 2 packed ones (chunk.h); the tables are the same.
/// Version 3 has routing probes. A writer that opens an older store sets the version and adds the
/// missing table in its first transaction and leaves the chunks as they are: no data is rewritten,
/// all kinds are read.
inline constexpr int kStoreVersion = 3;
inline constexpr int kProbeVersion = 3;  ///< the first with the table routing_probe

/// One probe a row (probe_blob.h); of many the run keeps those of routing::probe_to_drop. Rows of
/// steps that a resume or rollback made void are removed.
inline constexpr const char* kCreateProbeTable = R"sql(
CREATE TABLE routing_probe (
  sequence INTEGER PRIMARY KEY,
  step INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  seconds REAL NOT NULL,
  flops REAL NOT NULL,
  crc32c INTEGER NOT NULL,
  probe BLOB NOT NULL
);
)sql";

/// The other tables of run.db. `sequence` grows over all tables together and is never used twice:
/// it orders everything and is the cursor of readers. Scalars begin as rows; 4,096 rows of one
/// metric and attempt become one chunk. In rows `kind` tells 0 finite, 1 NaN, 2 +inf, 3 -inf
/// (SQLite would store NaN as NULL); chunks keep the bits.
inline constexpr const char* kCreateTables = R"sql(
CREATE TABLE store_state (
  key TEXT PRIMARY KEY NOT NULL,
  value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE attempt (
  attempt INTEGER PRIMARY KEY,
  after_step INTEGER NOT NULL
);

CREATE TABLE metric (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  unit TEXT NOT NULL,
  help TEXT NOT NULL,
  is_vector INTEGER NOT NULL CHECK (is_vector IN (0, 1)),
  revision INTEGER NOT NULL
);

CREATE TABLE scalar_row (
  sequence INTEGER PRIMARY KEY,
  metric INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  step INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  seconds REAL NOT NULL,
  flops REAL NOT NULL,
  value REAL NULL,
  kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3),
  CHECK ((kind = 0) = (value IS NOT NULL))
);
CREATE INDEX scalar_row_of_metric ON scalar_row (metric, attempt, sequence);

CREATE TABLE scalar_chunk (
  id INTEGER PRIMARY KEY,
  metric INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  first_sequence INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL,
  first_step INTEGER NOT NULL,
  last_step INTEGER NOT NULL,
  num_samples INTEGER NOT NULL,
  num_finite INTEGER NOT NULL,
  num_nan INTEGER NOT NULL,
  num_positive_infinity INTEGER NOT NULL,
  num_negative_infinity INTEGER NOT NULL,
  min_value REAL NULL,
  max_value REAL NULL,
  crc32c INTEGER NOT NULL,
  samples BLOB NOT NULL
);
CREATE INDEX scalar_chunk_of_metric ON scalar_chunk (metric, attempt, last_sequence);

CREATE TABLE vector_sample (
  sequence INTEGER PRIMARY KEY,
  metric INTEGER NOT NULL,
  layer INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  step INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  seconds REAL NOT NULL,
  flops REAL NOT NULL,
  element_values BLOB NOT NULL
);

CREATE TABLE event (
  sequence INTEGER PRIMARY KEY,
  attempt INTEGER NOT NULL,
  step INTEGER NOT NULL,
  wall_time REAL NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL
);

INSERT INTO store_state (key, value) VALUES ('epoch', 1), ('last_sequence', 0);
)sql";

}  // namespace switchyard::store
