#include "platform/sql/internal/writer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace caisson::sql::internal {
namespace {

constexpr int kPageSize = 4096;
// An idle writer empties a log of more than 4 MB into the file; a busy one goes on until 64 MB,
// since a page that changes often is then moved once.
constexpr int kIdleCheckpointPages = 4 * 1024 * 1024 / kPageSize;
constexpr int kFullCheckpointPages = 64 * 1024 * 1024 / kPageSize;
constexpr int kRetryCheckpointPages = 16 * 1024 * 1024 / kPageSize;
// How long a group takes in more functions before it commits.
constexpr std::chrono::milliseconds kGroupTime{5};
// How often a waiting caller looks for a cancellation, which cannot wake it.
constexpr std::chrono::milliseconds kCancelPoll{20};
// So that a wait that ends at the deadline finds the deadline passed.
constexpr std::chrono::microseconds kDeadlineSlack{50};

double Seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void WriteTransaction::Notify(std::string_view channel) {
  auto& channels = request_.channels;
  if (std::find(channels.begin(), channels.end(), channel) == channels.end())
    channels.emplace_back(channel);
}

Writer::Writer(std::unique_ptr<Connection> connection, const DatabaseOptions& options,
               const std::string& name, const Clock& clock, telemetry::Registry& metrics,
               Listeners& listeners)
    : connection_(std::move(connection)),
      clock_(clock),
      listeners_(listeners),
      group_size_(static_cast<size_t>(std::max(options.group_size, 1))),
      queue_(static_cast<size_t>(std::max(options.write_queue_capacity, 1))),
      checkpoint_at_(kFullCheckpointPages),
      write_seconds_(metrics.GetHistogram("caisson_sql_write_seconds",
                                          "From the call of Write until it is durable.",
                                          {{"database", name}}, telemetry::LatencyBuckets())),
      commit_seconds_(metrics.GetHistogram("caisson_sql_commit_seconds", "Duration of one commit.",
                                           {{"database", name}}, telemetry::LatencyBuckets())),
      group_sizes_(metrics.GetHistogram(
          "caisson_sql_group_size", "Write functions that shared a commit.", {{"database", name}},
          {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024})),
      queue_length_(metrics.GetGauge("caisson_sql_write_queue",
                                     "Write functions that wait for the writer.",
                                     {{"database", name}})),
      wal_bytes_(metrics.GetGauge("caisson_sql_wal_bytes",
                                  "Size of the write-ahead log that is not yet in the file.",
                                  {{"database", name}})),
      commit_errors_(metrics.GetCounter("caisson_sql_commit_errors_total",
                                        "Groups whose transaction failed.", {{"database", name}})) {
  thread_ = std::thread([this] { Loop(); });
}

Writer::~Writer() {
  queue_.Close();
  thread_.join();
}

Status Writer::Write(const Context& context, const std::function<Status(Transaction&)>& function) {
  CAISSON_TRY(context.Check());
  if (std::this_thread::get_id() == thread_.get_id()) {
    return Internal(
        "Write was called from inside a write function; pass the transaction on instead");
  }
  const auto start = clock_.monotonic();
  WriteRequest request(context, function);
  switch (queue_.Push(request)) {
    case WriteQueue::PushOutcome::kFull:
      return ResourceExhausted("{} writes wait for the database already; try again later",
                               queue_.size());
    case WriteQueue::PushOutcome::kClosed:
      return Unavailable("the database is being closed");
    case WriteQueue::PushOutcome::kPushed:
      break;
  }
  while (!request.WaitFinished(context.TimeLeft(kCancelPoll) + kDeadlineSlack)) {
    const Status ended = context.Check();
    if (ended.ok()) continue;
    if (queue_.Remove(request)) return ended;
    // It runs just now: either it is interrupted soon, or it waits for its commit.
    request.WaitFinished();
    break;
  }
  write_seconds_.Observe(Seconds(clock_.monotonic() - start));
  return request.status;
}

void Writer::Loop() {
  while (WriteRequest* request = queue_.Take()) {
    RunGroup(request);
    CheckpointIfNeeded();
  }
}

void Writer::RunGroup(WriteRequest* first) {
  const Status status = Begin();
  if (!status.ok()) {
    FailWaiting(first, status);
    return;
  }
  const auto start = clock_.monotonic();
  Group group;
  WriteRequest* request = first;
  while (request != nullptr) {
    switch (RunFunction(*request)) {
      case RunOutcome::kDone:
        group.push_back(request);
        break;
      case RunOutcome::kFailed:
        request->Finish();
        break;
      case RunOutcome::kLost:
        request->Finish();
        commit_errors_.Increment();
        RunAlone(group);
        return;
    }
    const bool more = group.size() < group_size_ && clock_.monotonic() - start < kGroupTime;
    request = more ? queue_.TryTake() : nullptr;
  }
  if (Commit().ok()) {
    Acknowledge(group);
    return;
  }
  commit_errors_.Increment();
  Rollback();
  // Which of them was too much shows only when each is tried by itself.
  RunAlone(group);
}

void Writer::FailWaiting(WriteRequest* first, const Status& status) {
  WriteRequest* request = first;
  for (size_t i = 0; request != nullptr; ++i) {
    request->status = status;
    request->Finish();
    request = i < group_size_ ? queue_.TryTake() : nullptr;
  }
}

void Writer::RunAlone(const Group& group) {
  for (WriteRequest* request : group) {
    request->status = Begin();
    if (request->status.ok() && RunFunction(*request) == RunOutcome::kDone)
      request->status = Commit();
    if (connection_->in_transaction()) Rollback();
    if (request->status.ok()) {
      Acknowledge({request});
    } else {
      request->Finish();
    }
  }
}

Writer::RunOutcome Writer::RunFunction(WriteRequest& request) {
  request.actions.clear();
  request.channels.clear();
  request.status = request.context.Check();
  if (!request.status.ok()) return RunOutcome::kFailed;
  request.status = connection_->Execute("SAVEPOINT write_function").status();
  if (request.status.ok()) {
    WriteTransaction transaction(*connection_, request, clock_.now());
    connection_->set_context(&request.context);
    request.status = request.function(transaction);
    connection_->set_context(nullptr);
  }
  if (!connection_->in_transaction()) {
    if (request.status.ok()) request.status = Aborted("the transaction was rolled back; try again");
    return RunOutcome::kLost;
  }
  if (request.status.ok()) request.status = connection_->Execute("RELEASE write_function").status();
  if (request.status.ok()) return RunOutcome::kDone;
  if (connection_->Execute("ROLLBACK TO write_function").ok() &&
      connection_->Execute("RELEASE write_function").ok()) {
    return RunOutcome::kFailed;
  }
  Rollback();
  return RunOutcome::kLost;
}

Status Writer::Begin() {
  // A transaction that is still open would be one whose ROLLBACK failed before.
  if (connection_->in_transaction()) Rollback();
  const Status status = connection_->Execute("BEGIN IMMEDIATE").status();
  if (status.ok()) return status;
  commit_errors_.Increment();
  LogHealth(status);
  return status;
}

Status Writer::Commit() {
  const auto start = clock_.monotonic();
  const Status status = connection_->Execute("COMMIT").status();
  commit_seconds_.Observe(Seconds(clock_.monotonic() - start));
  LogHealth(status);
  return status;
}

void Writer::LogHealth(const Status& commit) {
  // Broken constraints are the callers' business; what is left is the disk.
  const bool failing = commit.code() == StatusCode::kResourceExhausted ||
                       commit.code() == StatusCode::kUnavailable ||
                       commit.code() == StatusCode::kDataLoss;
  if (failing && !was_failing_)
    CAISSON_LOG(kError, "sql", "the database cannot be written: {}", Message(commit));
  if (!failing && was_failing_) CAISSON_LOG(kInfo, "sql", "the database can be written again");
  was_failing_ = failing;
}

void Writer::Rollback() {
  if (!connection_->in_transaction()) return;
  const Status status = connection_->Execute("ROLLBACK").status();
  if (!status.ok()) CAISSON_LOG(kWarning, "sql", "a rollback failed: {}", Message(status));
}

void Writer::Acknowledge(const Group& group) {
  group_sizes_.Observe(static_cast<double>(group.size()));
  std::vector<std::string> channels;
  for (WriteRequest* request : group) {
    for (const auto& action : request->actions) action();
    for (std::string& channel : request->channels) {
      if (std::find(channels.begin(), channels.end(), channel) == channels.end())
        channels.push_back(std::move(channel));
    }
  }
  for (const std::string& channel : channels) listeners_.Call(channel);
  for (WriteRequest* request : group) request->Finish();
}

void Writer::CheckpointIfNeeded() {
  const int pages = connection_->wal_pages();
  queue_length_.Set(static_cast<double>(queue_.size()));
  wal_bytes_.Set(static_cast<double>(pages) * kPageSize);
  const bool full = pages >= checkpoint_at_;
  if (!full && (pages < kIdleCheckpointPages || queue_.size() > 0)) return;
  const Status status = connection_->Checkpoint(full);
  if (!status.ok()) CAISSON_LOG(kWarning, "sql", "{}", Message(status));
  const int left = connection_->wal_pages();
  if (full) checkpoint_at_ = left == 0 ? kFullCheckpointPages : left + kRetryCheckpointPages;
}

}  // namespace caisson::sql::internal
