#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/ids.h"
#include "base/log.h"
#include "platform/jobs/internal/job_table.h"
#include "platform/jobs/internal/running_job.h"
#include "platform/jobs/internal/schedules.h"
#include "platform/jobs/jobs.h"

namespace caisson::jobs {
namespace {

using internal::RunningJob;

constexpr std::chrono::milliseconds kLongestPause{300'000};
// How long output may wait for its neighbours before it is stored.
constexpr std::chrono::milliseconds kOutputDelay{100};
// Between two tries to store an outcome while the disk is full.
constexpr std::chrono::milliseconds kStorePause{250};
// The longest sleep: after it everything is looked at again, should the wall clock have been moved.
constexpr std::chrono::milliseconds kLongestSleep{30'000};
// How often a waiting caller looks for a cancellation, which cannot wake it.
constexpr std::chrono::milliseconds kCancelPoll{20};

std::chrono::milliseconds Pause(std::chrono::milliseconds first, int failures) {
  std::chrono::milliseconds pause = first;
  for (int i = 1; i < failures && pause < kLongestPause; ++i) pause *= 2;
  return std::min(pause, kLongestPause);
}

bool IsOver(JobState state) { return state != JobState::kQueued && state != JobState::kRunning; }

}  // namespace

class Runner::Impl {
 public:
  Impl(sql::Database& database, const Clock& clock, telemetry::Registry& metrics, Options options)
      : database_(database),
        clock_(clock),
        metrics_(metrics),
        options_(options),
        owner_(RandomHex(8)) {
    // From the beginning, since WaitFor also works without Start.
    finished_listener_ = database_.Listen(internal::kFinishedChannel, [this] { Signal(); });
  }
  ~Impl() { Stop(); }

  void Register(std::string kind, JobHandler handler) {
    handlers_[std::move(kind)] = std::move(handler);
  }

  Status Start() {
    std::vector<std::string> kinds;
    for (const auto& [kind, handler] : handlers_) kinds.push_back(kind);
    claims_ = std::make_unique<internal::Claims>(kinds, owner_);
    if (options_.take_over_at_start) {
      CAISSON_TRY(database_.Write(SystemContext(), [&](sql::Transaction& transaction) {
        return claims_->FreeExpired(transaction, INT64_MAX);
      }));
    }
    queued_listener_ = database_.Listen(internal::kQueuedChannel, [this] { Signal(); });
    for (int i = 0; i < std::max(options_.threads, 1); ++i)
      workers_.emplace_back([this] { Work(); });
    keeper_ = std::thread([this] { Keep(); });
    return OkStatus();
  }

  void Stop() {
    // First, so that nobody calls us any more.
    queued_listener_ = sql::Listener();
    finished_listener_ = sql::Listener();
    if (workers_.empty()) return;
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      for (const auto& job : running_) job->Interrupt(RunningJob::End::kStopped);
    }
    changed_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    {
      std::lock_guard lock(mutex_);
      keeper_stops_ = true;
    }
    changed_.notify_all();
    keeper_.join();
  }

  void Signal() {
    {
      std::lock_guard lock(mutex_);
      ++signals_;
    }
    changed_.notify_all();
  }

  Status PutSchedule(const Context& context, const Schedule& schedule) {
    CAISSON_TRY(database_.Write(context, [&](sql::Transaction& transaction) {
      return internal::PutSchedule(transaction, schedule);
    }));
    Signal();
    return OkStatus();
  }

  Status RemoveSchedule(const Context& context, std::string_view name) {
    return database_.Write(context, [&](sql::Transaction& transaction) {
      return internal::RemoveSchedule(transaction, name);
    });
  }

  Status Cancel(const Context& context, std::string_view id) {
    CAISSON_ASSIGN(const JobState before,
                   database_.WriteFor<JobState>(context, [&](sql::Transaction& transaction) {
                     return internal::RequestCancel(transaction, id);
                   }));
    if (before != JobState::kRunning) return OkStatus();
    std::lock_guard lock(mutex_);
    for (const auto& job : running_) {
      if (job->job().id == id) job->Interrupt(RunningJob::End::kCancelled);
    }
    return OkStatus();
  }

  Result<Job> WaitFor(const Context& context, std::string_view id) {
    while (true) {
      uint64_t seen = 0;
      {
        std::lock_guard lock(mutex_);
        seen = signals_;
      }
      CAISSON_ASSIGN(Job job, database_.ReadFor<Job>(context, [&](sql::Session& session) {
        return Get(session, id);
      }));
      if (IsOver(job.state)) return job;
      std::unique_lock lock(mutex_);
      while (signals_ == seen) {
        CAISSON_TRY(WithContext(context.Check(),
                                fmt::format("waiting for job {} ({})", id, StateName(job.state))));
        changed_.wait_for(lock, context.TimeLeft(kCancelPoll) + std::chrono::microseconds(50));
      }
    }
  }

 private:
  static Context SystemContext() { return Context::Background().WithPrincipal("system"); }

  // --- workers

  void Work() {
    while (true) {
      uint64_t seen = 0;
      {
        std::lock_guard lock(mutex_);
        if (stopping_) return;
        seen = signals_;
      }
      const auto sleep = TakeAndRun();
      if (sleep.count() == 0) continue;
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, sleep, [&] { return stopping_ || signals_ != seen; });
    }
  }

  // Runs one job if there is one; otherwise the result is how long to sleep.
  std::chrono::milliseconds TakeAndRun() {
    const auto due = database_.ReadFor<std::optional<UnixMillis>>(
        SystemContext(), [&](sql::Session& session) { return claims_->NextDue(session); });
    if (!due.ok()) return Complain(due.status());
    if (!due->has_value()) return kLongestSleep;
    const int64_t wait = **due - clock_.now();
    if (wait > 0) return std::min(std::chrono::milliseconds(wait), kLongestSleep);

    auto claimed = database_.WriteFor<std::optional<internal::ClaimedJob>>(
        SystemContext(),
        [&](sql::Transaction& transaction) { return claims_->Claim(transaction, options_.lease); });
    if (!claimed.ok()) return Complain(claimed.status());
    // Another worker was quicker.
    if (!claimed->has_value()) return std::chrono::milliseconds(1);
    Run(**std::move(claimed));
    return std::chrono::milliseconds(0);
  }

  std::chrono::milliseconds Complain(const Status& status) {
    CAISSON_LOG(kWarning, "jobs", "the job table cannot be used: {}", Message(status));
    return std::chrono::milliseconds(1'000);
  }

  void Run(internal::ClaimedJob claimed) {
    const std::string kind = claimed.job.kind;
    const auto start = clock_.monotonic();
    const auto job = std::make_shared<RunningJob>(std::move(claimed), database_, clock_,
                                                  [this] { AnnounceOutput(); });
    {
      std::lock_guard lock(mutex_);
      running_.push_back(job);
      if (stopping_) job->Interrupt(RunningJob::End::kStopped);
    }
    auto& running =
        metrics_.GetGauge("caisson_jobs_running", "Jobs whose handler runs now.", {{"kind", kind}});
    running.Add(1);
    // A cancellation between taking the job and listing it here has missed us.
    const auto cancelled = database_.ReadFor<bool>(SystemContext(), [&](sql::Session& session) {
      return internal::CancelRequested(session, job->job().id);
    });
    if (cancelled.ok() && *cancelled) job->Interrupt(RunningJob::End::kCancelled);

    const Result<Json> result = handlers_.at(kind)(*job);
    const JobState state = StoreOutcome(*job, result);
    {
      std::lock_guard lock(mutex_);
      std::erase(running_, job);
    }
    running.Add(-1);
    metrics_
        .GetCounter("caisson_jobs_ended_total",
                    "Runs of jobs by how they ended; queued: to be tried again.",
                    {{"kind", kind}, {"state", std::string(StateName(state))}})
        .Increment();
    metrics_
        .GetHistogram("caisson_jobs_seconds", "Duration of one run of a job.", {{"kind", kind}},
                      {0.01, 0.1, 1, 10, 60, 600, 3600})
        .Observe(std::chrono::duration<double>(clock_.monotonic() - start).count());
  }

  internal::Ending Decide(const RunningJob& job, const Result<Json>& result) const {
    internal::Ending ending;
    ending.failures = job.claimed().failures;
    if (result.ok()) {
      ending.result = *result;
      return ending;
    }
    ending.error = Message(result.status());
    const RunningJob::End end = job.interrupted();
    const StatusCode code = result.status().code();
    if (end == RunningJob::End::kCancelled) {
      ending.state = JobState::kCancelled;
    } else if (end == RunningJob::End::kStopped || end == RunningJob::End::kLeaseLost) {
      ending.state = JobState::kQueued;
    } else if ((code == StatusCode::kUnavailable || code == StatusCode::kAborted) &&
               ending.failures + 1 < job.claimed().max_attempts) {
      ending.state = JobState::kQueued;
      ending.not_before = clock_.now() + Pause(options_.first_pause, ++ending.failures).count();
    } else {
      ending.state = JobState::kFailed;
    }
    return ending;
  }

  // The result is what became of the job.
  JobState StoreOutcome(RunningJob& job, const Result<Json>& result) {
    const internal::Ending ending = Decide(job, result);
    while (true) {
      bool held = true;
      const Status status = job.Flush([&](sql::Transaction& transaction) -> Status {
        CAISSON_ASSIGN(held, internal::Finish(transaction, job.lease(), ending));
        return OkStatus();
      });
      if (status.ok()) {
        if (!held)
          CAISSON_LOG(kWarning, "jobs", "job {}: its lease was lost, the outcome is ignored",
                      job.job().id);
        return ending.state;
      }
      // Without its outcome in the table the job would run again, so this is worth waiting for;
      // except at a stop, where running again is the lesser evil.
      CAISSON_LOG(kWarning, "jobs", "job {}: its outcome cannot be stored yet: {}", job.job().id,
                  Message(status));
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, kStorePause, [&] { return stopping_; })) return JobState::kQueued;
    }
  }

  // --- the keeper

  void AnnounceOutput() {
    {
      std::lock_guard lock(mutex_);
      if (output_waits_) return;
      output_waits_ = true;
    }
    changed_.notify_all();
  }

  // Stores output, renews leases and runs schedules until Stop. Sleeps use the system's clock,
  // since a test's clock that stands still would never wake us; which schedule is due is decided by
  // the given one.
  void Keep() {
    using std::chrono::steady_clock;
    constexpr auto kNever = steady_clock::time_point::max();
    auto renew_at = steady_clock::now() + options_.lease / 3;
    auto store_at = kNever;
    auto schedule_at = steady_clock::now();
    uint64_t seen = 0;
    while (true) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait_until(lock, std::min({renew_at, store_at, schedule_at}), [&] {
          return keeper_stops_ || signals_ != seen || (output_waits_ && store_at == kNever);
        });
        if (keeper_stops_) return;
        if (output_waits_ && store_at == kNever) store_at = steady_clock::now() + kOutputDelay;
        if (signals_ != seen) schedule_at = steady_clock::now();
        seen = signals_;
      }
      const auto now = steady_clock::now();
      if (now >= store_at) {
        store_at = kNever;
        StoreOutput();
      }
      if (now >= renew_at) {
        renew_at = now + options_.lease / 3;
        RenewLeases();
      }
      if (now >= schedule_at) schedule_at = now + RunSchedules();
    }
  }

  void StoreOutput() {
    std::vector<std::shared_ptr<RunningJob>> jobs;
    {
      std::lock_guard lock(mutex_);
      output_waits_ = false;
      jobs = running_;
    }
    for (const auto& job : jobs) {
      const Status status = job->Flush();
      if (status.ok()) continue;
      CAISSON_LOG(kWarning, "jobs", "job {}: its output cannot be stored yet: {}", job->job().id,
                  Message(status));
      std::lock_guard lock(mutex_);
      output_waits_ = true;
    }
  }

  void RenewLeases() {
    std::vector<std::shared_ptr<RunningJob>> jobs;
    {
      std::lock_guard lock(mutex_);
      jobs = running_;
    }
    if (jobs.empty()) return;
    std::vector<internal::RenewedLease> renewed;
    const Status status =
        database_.Write(SystemContext(), [&](sql::Transaction& transaction) -> Status {
          renewed.clear();
          for (const auto& job : jobs) {
            CAISSON_ASSIGN(const internal::RenewedLease lease,
                           internal::Renew(transaction, job->lease(), options_.lease));
            renewed.push_back(lease);
          }
          return OkStatus();
        });
    if (!status.ok()) {
      // They stay ours until somebody else takes them, which then shows at the next renewal.
      CAISSON_LOG(kWarning, "jobs", "leases cannot be renewed: {}", Message(status));
      return;
    }
    for (size_t i = 0; i < jobs.size(); ++i) {
      if (!renewed[i].held) jobs[i]->Interrupt(RunningJob::End::kLeaseLost);
      if (renewed[i].cancel_requested) jobs[i]->Interrupt(RunningJob::End::kCancelled);
    }
  }

  // Makes the jobs of due schedules; the result is how long it is to the next one.
  std::chrono::milliseconds RunSchedules() {
    while (true) {
      const auto next =
          database_.ReadFor<std::optional<UnixMillis>>(SystemContext(), internal::NextSchedule);
      if (!next.ok()) return Complain(next.status());
      if (!next->has_value()) return kLongestSleep;
      const int64_t wait = **next - clock_.now();
      if (wait > 0) return std::min(std::chrono::milliseconds(wait), kLongestSleep);
      const Status status = database_.Write(SystemContext(), internal::RunDueSchedules);
      if (!status.ok()) return Complain(status);
    }
  }

  sql::Database& database_;
  const Clock& clock_;
  telemetry::Registry& metrics_;
  const Options options_;
  // Names this runner in leases.
  const std::string owner_;
  std::map<std::string, JobHandler> handlers_;
  std::unique_ptr<internal::Claims> claims_;
  sql::Listener queued_listener_;
  sql::Listener finished_listener_;

  // Never held while the database is used: its listeners take it on the writer thread.
  std::mutex mutex_;
  std::condition_variable changed_;
  // Counts whatever may give somebody something to do.
  uint64_t signals_ = 0;
  bool stopping_ = false;
  bool keeper_stops_ = false;
  bool output_waits_ = false;
  std::vector<std::shared_ptr<RunningJob>> running_;
  std::vector<std::thread> workers_;
  std::thread keeper_;
};

Runner::Runner(sql::Database& database, const Clock& clock, telemetry::Registry& metrics,
               Options options)
    : impl_(std::make_unique<Impl>(database, clock, metrics, options)) {}

Runner::~Runner() = default;

void Runner::Register(std::string kind, JobHandler handler) {
  impl_->Register(std::move(kind), std::move(handler));
}

Status Runner::PutSchedule(const Context& context, const Schedule& schedule) {
  return impl_->PutSchedule(context, schedule);
}

Status Runner::RemoveSchedule(const Context& context, std::string_view name) {
  return impl_->RemoveSchedule(context, name);
}

Status Runner::Start() { return impl_->Start(); }

void Runner::Stop() { impl_->Stop(); }

void Runner::Wake() { impl_->Signal(); }

Status Runner::Cancel(const Context& context, std::string_view id) {
  return impl_->Cancel(context, id);
}

Result<Job> Runner::WaitFor(const Context& context, std::string_view id) {
  return impl_->WaitFor(context, id);
}

}  // namespace caisson::jobs
