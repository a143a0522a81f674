#include "platform/jobs/internal/job_table.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/ids.h"
#include "platform/jobs/jobs.h"
#include "platform/jobs/resources.h"

namespace caisson::jobs {
namespace {

constexpr std::array<std::string_view, 5> kStateNames = {"queued", "running", "succeeded", "failed",
                                                         "cancelled"};

constexpr std::string_view kColumns =
    "id, project, kind, payload, state, attempt, progress, result, error, created_at, started_at, "
    "finished_at, principal,"
    " trace_id";

JobState ParseState(std::string_view name) {
  for (size_t i = 0; i < kStateNames.size(); ++i) {
    if (kStateNames[i] == name) return static_cast<JobState>(i);
  }
  return JobState::kFailed;
}

// What cannot be read is shown as null: a damaged result must not hide the job.
Json ReadDocument(std::string_view text) { return ParseJson(text).value_or(Json()); }

Job ReadJob(const sql::Row& row) {
  Job job;
  job.id = row.String(0);
  job.project = row.String(1);
  job.kind = row.String(2);
  job.payload = ReadDocument(row.Text(3));
  job.state = ParseState(row.Text(4));
  job.attempt = static_cast<int>(row.Int(5));
  job.progress = ReadDocument(row.Text(6));
  job.result = ReadDocument(row.Text(7));
  job.error = row.String(8);
  job.created_at = row.Int(9);
  job.started_at = row.Int(10);
  job.finished_at = row.Int(11);
  job.principal = row.String(12);
  job.trace_id = row.String(13);
  return job;
}

}  // namespace

const sql::Schema& JobsSchema() {
  static const sql::Schema schema{"jobs", {{1, "jobs", resources::kMigrations0001JobsSql}}};
  return schema;
}

std::string_view StateName(JobState state) { return kStateNames[static_cast<size_t>(state)]; }

Result<std::string> Enqueue(sql::Transaction& transaction, const JobRequest& request) {
  const Context& context = transaction.context();
  return internal::InsertJob(transaction, request, {"", context.project(), context.principal()});
}

Result<Job> Get(sql::Session& session, std::string_view id) {
  static const std::string kText = fmt::format("SELECT {} FROM jobs_jobs WHERE id = $1", kColumns);
  CAISSON_ASSIGN(std::optional<Job> job, session.QueryOne<Job>(kText, {id}, ReadJob));
  if (!job.has_value()) return NotFound("there is no job {}", id);
  return *std::move(job);
}

Result<std::vector<Job>> List(sql::Session& session, const JobFilter& filter) {
  static const std::string kText = fmt::format(
      "SELECT {} FROM jobs_jobs WHERE ($1 = '' OR kind = $1) AND ($2 = '' OR state = $2) AND ($3 = "
      "'' OR project = $3)"
      " ORDER BY sequence DESC LIMIT $4",
      kColumns);
  return session.QueryAll<Job>(kText, {filter.kind, filter.state, filter.project, filter.limit},
                               ReadJob);
}

Result<std::vector<LogLine>> ReadLog(sql::Session& session, std::string_view job_id,
                                     int64_t after_number, int limit) {
  return session.QueryAll<LogLine>(
      "SELECT number, time, text FROM jobs_log WHERE job_id = $1 AND number > $2 ORDER BY number "
      "LIMIT $3",
      {job_id, after_number, limit}, [](const sql::Row& row) {
        return LogLine{row.Int(0), row.Int(1), row.String(2)};
      });
}

namespace internal {
namespace {

// "$3, $4" for two values from $3 on.
std::string Placeholders(size_t first, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += fmt::format("{}${}", i == 0 ? "" : ", ", first + i);
  return text;
}

}  // namespace

Result<std::string> InsertJob(sql::Transaction& transaction, const JobRequest& request,
                              const Origin& origin) {
  if (request.kind.empty()) return InvalidArgument("a job needs a kind");
  const std::string id = NewId(transaction.now());
  const auto optional_text = [](std::string_view text) {
    return text.empty() ? sql::Value(nullptr) : sql::Value(text);
  };
  CAISSON_ASSIGN(
      const int64_t made,
      transaction.Execute(
          "INSERT INTO jobs_jobs (id, project, kind, payload, state, max_attempts, not_before, "
          "created_at,"
          " principal, trace_id, dedupe_key, schedule)"
          " VALUES ($1, $2, $3, $4, 'queued', $5, $6, $7, $8, $9, $10, $11)"
          " ON CONFLICT (project, kind, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING",
          {id, origin.project, request.kind, WriteJson(request.payload), request.max_attempts,
           request.not_before, transaction.now(), origin.principal,
           transaction.context().trace_id(), optional_text(request.dedupe_key),
           optional_text(origin.schedule)}));
  if (made == 1) {
    transaction.Notify(kQueuedChannel);
    return id;
  }
  CAISSON_ASSIGN(
      std::optional<std::string> first,
      transaction.QueryOne<std::string>(
          "SELECT id FROM jobs_jobs WHERE project = $1 AND kind = $2 AND dedupe_key = $3",
          {origin.project, request.kind, request.dedupe_key},
          [](const sql::Row& row) { return row.String(0); }));
  if (!first.has_value())
    return Internal("the job with the key {} was neither made nor found", request.dedupe_key);
  return *std::move(first);
}

Claims::Claims(std::vector<std::string> kinds, std::string owner)
    : kinds_(std::move(kinds)), owner_(std::move(owner)) {
  next_due_ = fmt::format(
      "SELECT MIN(due) FROM (SELECT not_before AS due FROM jobs_jobs WHERE state = 'queued' AND "
      "kind IN ({0})"
      " UNION ALL SELECT lease_until AS due FROM jobs_jobs WHERE state = 'running' AND kind IN "
      "({0})) AS open",
      Placeholders(1, kinds_.size()));
  first_ready_ = fmt::format(
      "SELECT id, failures, max_attempts FROM jobs_jobs WHERE state = 'queued' AND not_before <= "
      "$1 AND kind IN ({})"
      " ORDER BY sequence LIMIT 1",
      Placeholders(2, kinds_.size()));
  const std::string expired =
      " WHERE state = 'running' AND lease_until < $1 AND cancel_requested = ";
  free_expired_ = fmt::format(
      "UPDATE jobs_jobs SET state = 'queued', lease_owner = '', lease_until = 0{} 0 AND kind IN "
      "({})",
      expired, Placeholders(2, kinds_.size()));
  cancel_expired_ = fmt::format(
      "UPDATE jobs_jobs SET state = 'cancelled', lease_owner = '', lease_until = 0, finished_at = "
      "$2{} 1 AND kind IN ({})",
      expired, Placeholders(3, kinds_.size()));
}

sql::Parameters Claims::WithKinds(sql::Parameters parameters) const {
  for (const std::string& kind : kinds_) parameters.emplace_back(kind);
  return parameters;
}

Result<std::optional<UnixMillis>> Claims::NextDue(sql::Session& session) const {
  std::optional<UnixMillis> due;
  if (kinds_.empty()) return due;
  CAISSON_TRY(session.Query(next_due_, WithKinds({}), [&](const sql::Row& row) {
    due = row.OptionalInt(0);
    return OkStatus();
  }));
  return due;
}

Status Claims::FreeExpired(sql::Transaction& transaction, UnixMillis expired_before) const {
  if (kinds_.empty()) return OkStatus();
  CAISSON_TRY(transaction.Execute(free_expired_, WithKinds({expired_before})));
  CAISSON_ASSIGN(
      const int64_t cancelled,
      transaction.Execute(cancel_expired_, WithKinds({expired_before, transaction.now()})));
  if (cancelled > 0) transaction.Notify(kFinishedChannel);
  return OkStatus();
}

Result<std::optional<ClaimedJob>> Claims::Claim(sql::Transaction& transaction,
                                                std::chrono::milliseconds lease) const {
  CAISSON_TRY(FreeExpired(transaction, transaction.now()));
  if (kinds_.empty()) return std::optional<ClaimedJob>();
  ClaimedJob claimed;
  std::string id;
  CAISSON_TRY(
      transaction.Query(first_ready_, WithKinds({transaction.now()}), [&](const sql::Row& row) {
        id = row.String(0);
        claimed.failures = static_cast<int>(row.Int(1));
        claimed.max_attempts = static_cast<int>(row.Int(2));
        return OkStatus();
      }));
  if (id.empty()) return std::optional<ClaimedJob>();
  CAISSON_TRY(transaction.Execute(
      "UPDATE jobs_jobs SET state = 'running', attempt = attempt + 1, started_at = $1,"
      " finished_at = 0, error = '', lease_owner = $2, lease_until = $3 WHERE id = $4",
      {transaction.now(), owner_, transaction.now() + lease.count(), id}));
  CAISSON_TRY(transaction.Query("SELECT COALESCE(MAX(number), 0) FROM jobs_log WHERE job_id = $1",
                                {id}, [&](const sql::Row& row) {
                                  claimed.last_line = row.Int(0);
                                  return OkStatus();
                                }));
  CAISSON_ASSIGN(claimed.job, Get(transaction, id));
  claimed.lease = Lease{id, owner_, claimed.job.attempt};
  return std::optional<ClaimedJob>(std::move(claimed));
}

Result<RenewedLease> Renew(sql::Transaction& transaction, const Lease& lease,
                           std::chrono::milliseconds duration) {
  RenewedLease renewed;
  CAISSON_TRY(transaction.Query(
      "UPDATE jobs_jobs SET lease_until = $1 WHERE id = $2 AND lease_owner = $3 AND attempt = $4"
      " AND state = 'running' RETURNING cancel_requested",
      {transaction.now() + duration.count(), lease.job_id, lease.owner, lease.attempt},
      [&](const sql::Row& row) {
        renewed = RenewedLease{true, row.Int(0) != 0};
        return OkStatus();
      }));
  return renewed;
}

Status StoreOutput(sql::Transaction& transaction, const Lease& lease,
                   const std::optional<Json>& progress, const std::vector<LogLine>& lines) {
  CAISSON_ASSIGN(
      const int64_t held,
      transaction.Execute(
          "UPDATE jobs_jobs SET progress = COALESCE($1, progress) WHERE id = $2 AND lease_owner = "
          "$3"
          " AND attempt = $4 AND state = 'running'",
          {progress.has_value() ? std::optional<std::string>(WriteJson(*progress)) : std::nullopt,
           lease.job_id, lease.owner, lease.attempt}));
  if (held == 0 || lines.empty()) return OkStatus();
  for (const LogLine& line : lines) {
    CAISSON_TRY(transaction.Execute(
        "INSERT INTO jobs_log (job_id, number, time, text) VALUES ($1, $2, $3, $4)",
        {lease.job_id, line.number, line.time, line.text}));
  }
  return transaction
      .Execute("DELETE FROM jobs_log WHERE job_id = $1 AND number <= $2",
               {lease.job_id, lines.back().number - kKeptLines})
      .status();
}

Result<bool> Finish(sql::Transaction& transaction, const Lease& lease, const Ending& ending) {
  const bool again = ending.state == JobState::kQueued;
  CAISSON_ASSIGN(const int64_t changed,
                 transaction.Execute(
                     "UPDATE jobs_jobs SET state = $1, result = $2, error = $3, failures = $4, "
                     "not_before = $5,"
                     " finished_at = $6, lease_owner = '', lease_until = 0"
                     " WHERE id = $7 AND lease_owner = $8 AND attempt = $9 AND state = 'running'",
                     {StateName(ending.state), WriteJson(ending.result), ending.error,
                      ending.failures, ending.not_before, again ? 0 : transaction.now(),
                      lease.job_id, lease.owner, lease.attempt}));
  if (changed == 1) transaction.Notify(again ? kQueuedChannel : kFinishedChannel);
  return changed == 1;
}

Result<JobState> RequestCancel(sql::Transaction& transaction, std::string_view id) {
  CAISSON_ASSIGN(const Job job, Get(transaction, id));
  if (job.state == JobState::kQueued) {
    CAISSON_TRY(transaction.Execute(
        "UPDATE jobs_jobs SET state = 'cancelled', finished_at = $1 WHERE id = $2",
        {transaction.now(), id}));
    transaction.Notify(kFinishedChannel);
  } else if (job.state == JobState::kRunning) {
    CAISSON_TRY(
        transaction.Execute("UPDATE jobs_jobs SET cancel_requested = 1 WHERE id = $1", {id}));
  } else {
    return FailedPrecondition("the job {} has ended already ({}), so it cannot be cancelled", id,
                              StateName(job.state));
  }
  return job.state;
}

Result<bool> CancelRequested(sql::Session& session, std::string_view id) {
  CAISSON_ASSIGN(const std::optional<bool> requested,
                 session.QueryOne<bool>("SELECT cancel_requested FROM jobs_jobs WHERE id = $1",
                                        {id}, [](const sql::Row& row) { return row.Int(0) != 0; }));
  return requested.value_or(false);
}

}  // namespace internal
}  // namespace caisson::jobs
