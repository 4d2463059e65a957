#pragma once

#include <string>
#include <vector>

#include "engine/base/core/result.h"

namespace SQLite {
class Database;
}

namespace switchyard::store {

/// SQLite's integrity check, then the store's own rules: chunks read and match their checksum and
/// summary, no sequence twice or above the last one given out, every metric known, attempts known.
/// One message per finding; empty means intact.
std::vector<std::string> findings_in(SQLite::Database& database);

}  // namespace switchyard::store
