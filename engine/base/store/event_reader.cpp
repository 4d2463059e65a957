#include "engine/base/store/event_reader.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include "engine/base/store/database.h"

namespace switchyard::store {

Result<std::vector<Event>> read_events(const std::string& path,
                                       const std::vector<std::string>& kinds) {
  SY_ASSIGN_OR_RETURN(const auto database, open_for_reading(path, read_mode_of(path)));
  std::vector<Event> events;
  try {
    std::string marks;
    for (std::size_t i = 0; i < kinds.size(); ++i) marks += i == 0 ? "?" : ", ?";
    SQLite::Statement rows(*database,
                           "SELECT sequence, step, wall_time, kind, detail FROM event "
                           "WHERE kind IN (" +
                               marks + ") ORDER BY sequence");
    for (std::size_t i = 0; i < kinds.size(); ++i) rows.bind(static_cast<int>(i + 1), kinds[i]);
    while (rows.executeStep()) {
      SY_ASSIGN_OR_RETURN(Json detail, parse_json(rows.getColumn(4).getString(), path + " event"));
      events.push_back({rows.getColumn(0).getInt64(),
                        rows.getColumn(1).getInt64(),
                        rows.getColumn(2).getDouble(),
                        rows.getColumn(3).getString(),
                        std::move(detail)});
    }
  } catch (const SQLite::Exception& exception) {
    return error_from_sqlite(exception, path);
  }
  return events;
}

}  // namespace switchyard::store
