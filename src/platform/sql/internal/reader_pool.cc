#include "platform/sql/internal/reader_pool.h"

#include <algorithm>

namespace caisson::sql::internal {
namespace {

// How often a waiting caller looks for a cancellation, which cannot wake it.
constexpr std::chrono::milliseconds kCancelPoll{20};

}  // namespace

Status ReaderPool::Read(const Context& context, const std::function<Status(Session&)>& function) {
  return WithConnection(context, [&](Connection& connection) -> Status {
    CAISSON_TRY(connection.Execute("BEGIN"));
    const Status status = function(connection);
    // Ends the snapshot; there is nothing to keep, so a ROLLBACK does, and it works after any
    // error.
    connection.set_context(nullptr);
    if (connection.in_transaction()) CAISSON_TRY(connection.Execute("ROLLBACK"));
    return status;
  });
}

Status ReaderPool::WithConnection(const Context& context,
                                  const std::function<Status(Connection&)>& function) {
  CAISSON_ASSIGN(std::unique_ptr<Connection> connection, Acquire(context));
  connection->set_context(&context);
  const Status status = function(*connection);
  connection->set_context(nullptr);
  // One whose transaction cannot be ended is not lent again.
  if (connection->in_transaction()) connection.reset();
  Release(std::move(connection));
  return status;
}

Result<std::unique_ptr<Connection>> ReaderPool::Acquire(const Context& context) {
  std::unique_lock lock(mutex_);
  const std::thread::id self = std::this_thread::get_id();
  if (std::find(holders_.begin(), holders_.end(), self) != holders_.end()) {
    return Internal("Read was called from inside a read function; pass the session on instead");
  }
  while (free_.empty() && static_cast<int>(holders_.size()) >= limit_) {
    CAISSON_TRY(context.Check());
    returned_.wait_for(lock, context.TimeLeft(kCancelPoll) + std::chrono::microseconds(50));
  }
  CAISSON_TRY(context.Check());
  holders_.push_back(self);
  if (!free_.empty()) {
    std::unique_ptr<Connection> connection = std::move(free_.back());
    free_.pop_back();
    return connection;
  }
  lock.unlock();
  auto opened = Connection::Open(path_, Connection::Mode::kRead, Durability::kFull);
  if (!opened.ok()) Release(nullptr);
  return opened;
}

void ReaderPool::Release(std::unique_ptr<Connection> connection) {
  {
    std::lock_guard lock(mutex_);
    holders_.erase(std::find(holders_.begin(), holders_.end(), std::this_thread::get_id()));
    if (connection != nullptr) free_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

}  // namespace caisson::sql::internal
