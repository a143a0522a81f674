#include "platform/events/internal/event_rows.h"

#include <utility>

namespace caisson::events::internal {

Result<Event> ReadEvent(const sql::Row& row) {
  Event event;
  event.sequence = row.Int(0);
  event.time = row.Int(1);
  event.project = row.String(2);
  event.type = row.String(3);
  event.subject = row.String(4);
  auto payload = ParseJson(row.Text(5));
  if (!payload.ok())
    return DataLoss("event {}: its payload is damaged: {}", event.sequence,
                    Message(payload.status()));
  event.payload = *std::move(payload);
  event.trace_id = row.String(6);
  return event;
}

}  // namespace caisson::events::internal
