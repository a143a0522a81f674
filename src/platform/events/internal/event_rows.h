// Between rows of events_events and Event.
#pragma once

#include <string_view>

#include "platform/events/outbox.h"

namespace caisson::events::internal {

inline constexpr std::string_view kEventColumns =
    "sequence, time, project, type, subject, payload, trace_id";

// Reads the columns above; DataLoss when the payload is not JSON.
Result<Event> ReadEvent(const sql::Row& row);

}  // namespace caisson::events::internal
