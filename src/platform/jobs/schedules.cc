#include "platform/jobs/internal/schedules.h"

#include <string>
#include <vector>

#include "platform/jobs/internal/job_table.h"

namespace caisson::jobs::internal {
namespace {

struct DueSchedule {
  std::string name;
  std::string project;
  std::string principal;
  JobRequest request;
  int64_t every = 0;
  UnixMillis next_at = 0;
};

DueSchedule ReadDue(const sql::Row& row) {
  DueSchedule due;
  due.name = row.String(0);
  due.project = row.String(1);
  due.principal = row.String(2);
  due.request.kind = row.String(3);
  due.request.payload = ParseJson(row.Text(4)).value_or(Json());
  due.request.max_attempts = static_cast<int>(row.Int(5));
  due.every = row.Int(6);
  due.next_at = row.Int(7);
  return due;
}

Result<bool> HasOpenJob(sql::Session& session, const std::string& schedule) {
  CAISSON_ASSIGN(
      const std::optional<int64_t> open,
      session.QueryOne<int64_t>(
          "SELECT 1 FROM jobs_jobs WHERE schedule = $1 AND state IN ('queued', 'running') LIMIT 1",
          {schedule}, [](const sql::Row& row) { return row.Int(0); }));
  return open.has_value();
}

}  // namespace

Status PutSchedule(sql::Transaction& transaction, const Schedule& schedule) {
  if (schedule.name.empty()) return InvalidArgument("a schedule needs a name");
  if (schedule.request.kind.empty())
    return InvalidArgument("schedule {}: its job needs a kind", schedule.name);
  if (schedule.every.count() <= 0)
    return InvalidArgument("schedule {}: `every` must be positive", schedule.name);
  const Context& context = transaction.context();
  return transaction
      .Execute(
          "INSERT INTO jobs_schedules (name, project, principal, kind, payload, max_attempts, "
          "every_millis, next_at)"
          " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO UPDATE SET project = "
          "excluded.project,"
          " principal = excluded.principal, kind = excluded.kind, payload = excluded.payload,"
          " max_attempts = excluded.max_attempts, every_millis = excluded.every_millis,"
          " next_at = CASE WHEN jobs_schedules.every_millis = excluded.every_millis THEN "
          "jobs_schedules.next_at"
          " ELSE excluded.next_at END",
          {schedule.name, context.project(), context.principal(), schedule.request.kind,
           WriteJson(schedule.request.payload), schedule.request.max_attempts,
           schedule.every.count(), transaction.now() + schedule.every.count()})
      .status();
}

Status RemoveSchedule(sql::Transaction& transaction, std::string_view name) {
  return transaction.Execute("DELETE FROM jobs_schedules WHERE name = $1", {name}).status();
}

Result<std::optional<UnixMillis>> NextSchedule(sql::Session& session) {
  std::optional<UnixMillis> next;
  CAISSON_TRY(
      session.Query("SELECT MIN(next_at) FROM jobs_schedules", {}, [&](const sql::Row& row) {
        next = row.OptionalInt(0);
        return OkStatus();
      }));
  return next;
}

Status RunDueSchedules(sql::Transaction& transaction) {
  const UnixMillis now = transaction.now();
  CAISSON_ASSIGN(
      const std::vector<DueSchedule> due,
      transaction.QueryAll<DueSchedule>(
          "SELECT name, project, principal, kind, payload, max_attempts, every_millis, next_at"
          " FROM jobs_schedules WHERE next_at <= $1 ORDER BY next_at, name",
          {now}, ReadDue));
  for (const DueSchedule& schedule : due) {
    CAISSON_ASSIGN(const bool open, HasOpenJob(transaction, schedule.name));
    if (!open) {
      CAISSON_TRY(InsertJob(transaction, schedule.request,
                            {schedule.name, schedule.project, schedule.principal}));
    }
    // The rhythm stays, however many turns were missed.
    const int64_t turns = (now - schedule.next_at) / schedule.every + 1;
    CAISSON_TRY(transaction.Execute("UPDATE jobs_schedules SET next_at = $1 WHERE name = $2",
                                    {schedule.next_at + turns * schedule.every, schedule.name}));
  }
  return OkStatus();
}

}  // namespace caisson::jobs::internal
