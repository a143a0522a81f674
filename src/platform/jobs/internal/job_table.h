// The SQL of jobs: what a worker does with the rows of jobs_jobs and jobs_log.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/jobs/jobs.h"

namespace caisson::jobs::internal {

// Notified when a job becomes ready to run, and when one ends.
inline constexpr std::string_view kQueuedChannel = "jobs.queued";
inline constexpr std::string_view kFinishedChannel = "jobs.finished";
// Log lines that are kept with a job.
inline constexpr int64_t kKeptLines = 10'000;

// What a worker holds while it runs a job: all three must still be true for a later change of the
// row to count.
struct Lease {
  std::string job_id;
  std::string owner;
  int attempt = 0;
};

struct ClaimedJob {
  Job job;
  Lease lease;
  int failures = 0;
  int max_attempts = 0;
  int64_t last_line = 0;  // number of the newest line of its log
};

// How a run ends in the table.
struct Ending {
  JobState state = JobState::kSucceeded;  // kQueued: once more, not before `not_before`
  Json result;
  std::string error;
  int failures = 0;
  UnixMillis not_before = 0;
};

// On whose behalf a job is made.
struct Origin {
  std::string schedule;  // empty for one that was asked for
  std::string project;
  std::string principal;
};
Result<std::string> InsertJob(sql::Transaction& transaction, const JobRequest& request,
                              const Origin& origin);

// The statements that name the kinds that a runner knows. Immutable; any thread.
class Claims {
 public:
  Claims(std::vector<std::string> kinds, std::string owner);
  // When the next job may be taken: a time in the past means now. Empty: nothing is open.
  Result<std::optional<UnixMillis>> NextDue(sql::Session& session) const;
  // Frees jobs whose lease ran out and takes the first job that is ready, if any.
  Result<std::optional<ClaimedJob>> Claim(sql::Transaction& transaction,
                                          std::chrono::milliseconds lease) const;
  // Queues the running jobs again whose lease ended before the given time; those that were to be
  // cancelled are cancelled.
  Status FreeExpired(sql::Transaction& transaction, UnixMillis expired_before) const;

 private:
  sql::Parameters WithKinds(sql::Parameters parameters) const;

  std::vector<std::string> kinds_;
  std::string owner_;
  std::string next_due_;
  std::string first_ready_;
  std::string free_expired_;
  std::string cancel_expired_;
};

struct RenewedLease {
  bool held = false;
  bool cancel_requested = false;
};
Result<RenewedLease> Renew(sql::Transaction& transaction, const Lease& lease,
                           std::chrono::milliseconds duration);

// Stores what the handler said since the last time. Nothing happens when the lease is lost.
Status StoreOutput(sql::Transaction& transaction, const Lease& lease,
                   const std::optional<Json>& progress, const std::vector<LogLine>& lines);

// False when the lease was lost: the row belongs to somebody else now.
Result<bool> Finish(sql::Transaction& transaction, const Lease& lease, const Ending& ending);

// Cancels a queued job, or asks for the end of a running one. The result is the state before.
Result<JobState> RequestCancel(sql::Transaction& transaction, std::string_view id);
Result<bool> CancelRequested(sql::Session& session, std::string_view id);

}  // namespace caisson::jobs::internal
