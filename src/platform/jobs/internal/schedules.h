// The SQL of recurring jobs.
#pragma once

#include <optional>
#include <string_view>

#include "platform/jobs/jobs.h"

namespace caisson::jobs::internal {

Status PutSchedule(sql::Transaction& transaction, const Schedule& schedule);
Status RemoveSchedule(sql::Transaction& transaction, std::string_view name);
// When the next schedule is due; empty when there is none.
Result<std::optional<UnixMillis>> NextSchedule(sql::Session& session);
// Makes the jobs of all schedules that are due and moves these to their next turn.
Status RunDueSchedules(sql::Transaction& transaction);

}  // namespace caisson::jobs::internal
