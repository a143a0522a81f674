#include <fmt/format.h>

#include "platform/events/internal/event_rows.h"
#include "platform/events/outbox.h"
#include "platform/events/resources.h"

namespace caisson::events {

const sql::Schema& EventsSchema() {
  static const sql::Schema schema{"events", {{1, "events", resources::kMigrations0001EventsSql}}};
  return schema;
}

Result<int64_t> Append(sql::Transaction& transaction, std::string_view type,
                       std::string_view subject, const Json& payload) {
  const Context& context = transaction.context();
  int64_t sequence = 0;
  CAISSON_TRY(transaction.Query(
      "INSERT INTO events_events (time, project, type, subject, payload, trace_id)"
      " VALUES ($1, $2, $3, $4, $5, $6) RETURNING sequence",
      {transaction.now(), context.project(), type, subject, WriteJson(payload), context.trace_id()},
      [&](const sql::Row& row) {
        sequence = row.Int(0);
        return OkStatus();
      }));
  transaction.Notify(kAppendedChannel);
  return sequence;
}

Result<std::vector<Event>> List(sql::Session& session, std::string_view type_prefix,
                                std::string_view subject_prefix, int limit) {
  std::vector<Event> events;
  // A prefix is a range, which an index can serve: U+10FFFF sorts after whatever follows the
  // prefix.
  CAISSON_TRY(session.Query(
      fmt::format("SELECT {} FROM events_events WHERE ($1 = '' OR (type >= $1 AND type < $1 || $4))"
                  " AND ($2 = '' OR (subject >= $2 AND subject < $2 || $4)) ORDER BY sequence DESC "
                  "LIMIT $3",
                  internal::kEventColumns),
      {type_prefix, subject_prefix, limit, "\U0010FFFF"}, [&](const sql::Row& row) -> Status {
        CAISSON_ASSIGN(Event event, internal::ReadEvent(row));
        events.push_back(std::move(event));
        return OkStatus();
      }));
  return events;
}

}  // namespace caisson::events
