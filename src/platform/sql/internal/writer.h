// The writer thread: runs write functions in groups and commits each group once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "platform/sql/database.h"
#include "platform/sql/internal/connection.h"
#include "platform/sql/internal/listeners.h"
#include "platform/sql/internal/write_queue.h"

namespace caisson::sql::internal {

// The transaction as a write function sees it. Lives on the writer thread for the length of one run
// of the function.
class WriteTransaction final : public Transaction {
 public:
  WriteTransaction(Connection& connection, WriteRequest& request, UnixMillis now)
      : connection_(connection), request_(request), now_(now) {}

  Status Query(std::string_view statement, const Parameters& parameters,
               const std::function<Status(const Row&)>& on_row) override {
    return connection_.Query(statement, parameters, on_row);
  }
  Result<int64_t> Execute(std::string_view statement, const Parameters& parameters) override {
    return connection_.Execute(statement, parameters);
  }
  Status RunScript(std::string_view script) { return connection_.RunScript(script); }
  void OnCommit(std::function<void()> action) override {
    request_.actions.push_back(std::move(action));
  }
  void Notify(std::string_view channel) override;
  const Context& context() const override { return request_.context; }
  UnixMillis now() const override { return now_; }

 private:
  Connection& connection_;
  WriteRequest& request_;
  const UnixMillis now_;
};

// Owned by the Database. Any thread may call Write. The thread ends in the destructor, after it has
// run what is queued.
class Writer {
 public:
  // `name` labels the metrics.
  Writer(std::unique_ptr<Connection> connection, const DatabaseOptions& options,
         const std::string& name, const Clock& clock, telemetry::Registry& metrics,
         Listeners& listeners);
  ~Writer();

  Status Write(const Context& context, const std::function<Status(Transaction&)>& function);
  size_t queued() const { return queue_.size(); }

 private:
  using Group = std::vector<WriteRequest*>;
  enum class RunOutcome {
    kDone,    // the function has ended well; its changes wait for the commit
    kFailed,  // rolled back alone; the request has its error
    kLost,    // SQLite rolled back the whole transaction; the request has its error
  };

  void Loop();
  // Runs and commits a group that starts with `first` and takes in what arrives meanwhile.
  void RunGroup(WriteRequest* first);
  // Answers `first` and what waits behind it with the error that kept the transaction from
  // starting.
  void FailWaiting(WriteRequest* first, const Status& status);
  // Runs requests that were part of a group that failed, each in a transaction of its own.
  void RunAlone(const Group& group);
  RunOutcome RunFunction(WriteRequest& request);
  Status Begin();
  Status Commit();
  void Rollback();
  // One line when the disk starts to fail and one when it is over, whatever the number of writes
  // between.
  void LogHealth(const Status& commit);
  // Tells each caller of a durable group: the commit's actions first, then the listeners, then the
  // callers.
  void Acknowledge(const Group& group);
  void CheckpointIfNeeded();

  std::unique_ptr<Connection> connection_;
  const Clock& clock_;
  Listeners& listeners_;
  const size_t group_size_;
  WriteQueue queue_;
  // Log pages at which the next checkpoint is tried; grows while readers keep the log from being
  // emptied.
  int checkpoint_at_;
  bool was_failing_ = false;

  telemetry::Histogram& write_seconds_;
  telemetry::Histogram& commit_seconds_;
  telemetry::Histogram& group_sizes_;
  telemetry::Gauge& queue_length_;
  telemetry::Gauge& wal_bytes_;
  telemetry::Counter& commit_errors_;
  std::thread thread_;
};

}  // namespace caisson::sql::internal
