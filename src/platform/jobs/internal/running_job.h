// A job while its handler runs.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "platform/jobs/internal/job_table.h"
#include "platform/jobs/jobs.h"

namespace caisson::jobs::internal {

// Made by the worker that took the job and shared with the runner's keeper; its use ends when the
// outcome is stored. The handler's threads use the JobHandle side, the runner's other threads
// cancel it and store its output.
class RunningJob final : public JobHandle {
 public:
  // `on_output` is called when there is something to store; it must be cheap.
  RunningJob(ClaimedJob claimed, sql::Database& database, const Clock& clock,
             std::function<void()> on_output);

  const Job& job() const override { return claimed_.job; }
  const Context& context() const override { return context_; }
  void SetProgress(const Json& progress) override;
  void Log(std::string_view line) override;

  const ClaimedJob& claimed() const { return claimed_; }
  const Lease& lease() const { return claimed_.lease; }

  enum class End { kNone, kCancelled, kLeaseLost, kStopped };
  // Ends the handler's context. The first reason counts.
  void Interrupt(End reason);
  End interrupted() const;

  // Stores what was said since the last time, in order. An error leaves it for the next time. With
  // `extra`, the same transaction also does that.
  Status Flush(const std::function<Status(sql::Transaction&)>& extra = nullptr);

 private:
  const ClaimedJob claimed_;
  sql::Database& database_;
  const Clock& clock_;
  const std::function<void()> on_output_;
  CancelSource cancel_;
  Context context_;

  // Held for a whole Flush, so that lines are stored in their order.
  std::mutex flush_mutex_;
  mutable std::mutex mutex_;
  End end_ = End::kNone;
  std::optional<Json> progress_;
  std::vector<LogLine> lines_;
  int64_t last_line_;
};

}  // namespace caisson::jobs::internal
