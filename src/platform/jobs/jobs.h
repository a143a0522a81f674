// Durable work: a job survives its process, is done by one worker at a time and is tried again when
// that worker dies.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "platform/sql/database.h"
#include "platform/telemetry/metrics.h"

namespace caisson::jobs {

enum class JobState { kQueued, kRunning, kSucceeded, kFailed, kCancelled };
std::string_view StateName(JobState state);

struct Job {
  std::string id;
  std::string project;
  std::string kind;  // "project.run"
  Json payload;
  JobState state = JobState::kQueued;
  int attempt = 0;  // 1 at the first try
  Json progress;    // what the handler last said; see JobHandle::SetProgress
  Json result;
  std::string error;
  UnixMillis created_at = 0;
  UnixMillis started_at = 0;  // of the last attempt
  UnixMillis finished_at = 0;
  std::string principal;
  std::string trace_id;
};

const sql::Schema& JobsSchema();

struct JobRequest {
  std::string kind = {};
  Json payload = {};
  // A second job of the same project and kind with the same key is not made while one with it
  // exists in any state; the id of the first is returned. Empty: always made.
  std::string dedupe_key = {};
  // How often a handler may end with an error that is tried again. Starts after a crash or a stop
  // do not count.
  int max_attempts = 3;
  UnixMillis not_before = 0;
};

// Makes a job in the caller's transaction; project, principal and trace id are its context's. The
// result is the job's id.
Result<std::string> Enqueue(sql::Transaction& transaction, const JobRequest& request);
// NotFound when there is no such job.
Result<Job> Get(sql::Session& session, std::string_view id);
struct JobFilter {
  std::string kind = {};   // empty: all
  std::string state = {};  // empty: all
  int limit = 100;
  std::string project = {};  // empty: all
};
// Newest first.
Result<std::vector<Job>> List(sql::Session& session, const JobFilter& filter);

// The running job, as its handler sees it. Lives as long as the handler runs; any of its threads
// may use it.
class JobHandle {
 public:
  virtual const Job& job() const = 0;
  // Ends with Cancelled when the job is cancelled, the lease is lost or the server stops. It has
  // the job's principal, project and trace id.
  virtual const Context& context() const = 0;
  // Stored within a fifth of a second, and shown to whoever watches the job. Cheap: of several in
  // that time only the last one is written.
  virtual void SetProgress(const Json& progress) = 0;
  // A line of the job's log, kept with the job (the last 10,000 lines). Stored within a fifth of a
  // second; waits for that only when lines come faster than they can be written.
  virtual void Log(std::string_view line) = 0;

 protected:
  ~JobHandle() = default;
};

// Must be idempotent: after a crash the job runs again from the start, and what a finished step
// left behind is found, not repeated. An error of the codes Unavailable and Aborted is tried again
// with a growing pause, every other one is final.
using JobHandler = std::function<Result<Json>(JobHandle&)>;

// A recurring job: wanted state, kept in the table by name. It runs for the first time after
// `every`. While a job of it is queued or running no second one is made, and turns that were missed
// are made up for by one. The request's dedupe_key and not_before are not used.
struct Schedule {
  std::string name;
  std::chrono::milliseconds every{0};
  JobRequest request;
};

// A line of a job's log with its number, which counts from 1.
struct LogLine {
  int64_t number = 0;
  UnixMillis time = 0;
  std::string text;
};
// The lines after the given number, oldest first.
Result<std::vector<LogLine>> ReadLog(sql::Session& session, std::string_view job_id,
                                     int64_t after_number, int limit);

// The workers. Owned by `app`, lives shorter than the Database; `threads` threads that run handlers
// and one that keeps leases, schedules and logs. Register handlers before Start; Start and Stop
// once each. All other members may be called by any thread.
//
// A lease lasts `lease` and is renewed while the handler runs; a job whose lease ran out is taken
// by another worker, and what its first one still says is ignored. At Start, jobs of an earlier
// process on an embedded database are free at once, since that process is known to be gone. Only
// jobs of registered kinds are taken, in the order in which they were made.
class Runner {
 public:
  struct Options {
    int threads = 2;
    std::chrono::milliseconds lease{30'000};
    bool take_over_at_start = true;
    // Before the second try of a job; doubles with each further one, up to five minutes.
    std::chrono::milliseconds first_pause{1'000};
  };
  // `clock` must be the one that the database was opened with: times in the table come from both.
  Runner(sql::Database& database, const Clock& clock, telemetry::Registry& metrics,
         Options options);
  ~Runner();

  void Register(std::string kind, JobHandler handler);
  // Makes or changes the schedule; with the same `every` it keeps its rhythm. Project and principal
  // are the context's.
  Status PutSchedule(const Context& context, const Schedule& schedule);
  // OK when there is none.
  Status RemoveSchedule(const Context& context, std::string_view name);
  Status Start();
  // Stops taking jobs, cancels the running ones' contexts and waits for them; they are queued
  // again.
  void Stop();
  // Looks for work at once; cheap.
  void Wake();
  // A queued job is cancelled at once; a running one when its handler has returned (unless that
  // succeeds nevertheless). FailedPrecondition when the job has ended.
  Status Cancel(const Context& context, std::string_view id);
  // Waits until the job ends in any way.
  Result<Job> WaitFor(const Context& context, std::string_view id);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace caisson::jobs
