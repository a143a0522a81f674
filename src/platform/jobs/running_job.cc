#include "platform/jobs/internal/running_job.h"

#include <utility>

#include "base/log.h"

namespace caisson::jobs::internal {
namespace {

// Lines that may wait for the runner; with more the handler stores them itself, which slows it
// down.
constexpr size_t kMaxWaitingLines = 1'000;

}  // namespace

RunningJob::RunningJob(ClaimedJob claimed, sql::Database& database, const Clock& clock,
                       std::function<void()> on_output)
    : claimed_(std::move(claimed)),
      database_(database),
      clock_(clock),
      on_output_(std::move(on_output)),
      context_(Context::Background()
                   .WithPrincipal(claimed_.job.principal)
                   .WithProject(claimed_.job.project)
                   .WithTraceId(claimed_.job.trace_id)
                   .WithCancel(cancel_)),
      last_line_(claimed_.last_line) {}

void RunningJob::SetProgress(const Json& progress) {
  {
    std::lock_guard lock(mutex_);
    progress_ = progress;
  }
  on_output_();
}

void RunningJob::Log(std::string_view line) {
  bool full = false;
  {
    std::lock_guard lock(mutex_);
    lines_.push_back(LogLine{++last_line_, clock_.now(), std::string(line)});
    full = lines_.size() >= kMaxWaitingLines;
  }
  if (!full) {
    on_output_();
    return;
  }
  const Status status = Flush();
  if (status.ok()) return;
  // A disk that is full must not make us fill the memory as well; the newest lines are worth more.
  std::lock_guard lock(mutex_);
  if (lines_.size() < 2 * kMaxWaitingLines) return;
  CAISSON_LOG(kWarning, "jobs", "job {}: {} log lines are lost: {}", claimed_.job.id,
              kMaxWaitingLines, Message(status));
  lines_.erase(lines_.begin(), lines_.begin() + kMaxWaitingLines);
}

void RunningJob::Interrupt(End reason) {
  {
    std::lock_guard lock(mutex_);
    if (end_ == End::kNone) end_ = reason;
  }
  cancel_.Cancel();
}

RunningJob::End RunningJob::interrupted() const {
  std::lock_guard lock(mutex_);
  return end_;
}

Status RunningJob::Flush(const std::function<Status(sql::Transaction&)>& extra) {
  std::lock_guard flush_lock(flush_mutex_);
  std::optional<Json> progress;
  std::vector<LogLine> lines;
  {
    std::lock_guard lock(mutex_);
    progress.swap(progress_);
    lines.swap(lines_);
  }
  if (!progress.has_value() && lines.empty() && extra == nullptr) return OkStatus();
  const Status status =
      database_.Write(Context::Background(), [&](sql::Transaction& transaction) -> Status {
        CAISSON_TRY(StoreOutput(transaction, claimed_.lease, progress, lines));
        return extra == nullptr ? OkStatus() : extra(transaction);
      });
  if (!status.ok()) {
    std::lock_guard lock(mutex_);
    if (!progress_.has_value()) progress_ = std::move(progress);
    lines_.insert(lines_.begin(), std::make_move_iterator(lines.begin()),
                  std::make_move_iterator(lines.end()));
  }
  return status;
}

}  // namespace caisson::jobs::internal
