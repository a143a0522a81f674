// The read-only connections.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/context.h"
#include "platform/sql/internal/connection.h"

namespace caisson::sql::internal {

// Owned by the Database. Any thread. Connections are opened when they are first needed, up to the
// limit, and the one that was used last is lent first, since its pages are in memory.
class ReaderPool {
 public:
  ReaderPool(std::string path, int limit) : path_(std::move(path)), limit_(limit < 1 ? 1 : limit) {}

  // Runs the function on one snapshot.
  Status Read(const Context& context, const std::function<Status(Session&)>& function);
  // Lends a connection outside any transaction.
  Status WithConnection(const Context& context, const std::function<Status(Connection&)>& function);

 private:
  Result<std::unique_ptr<Connection>> Acquire(const Context& context);
  void Release(std::unique_ptr<Connection> connection);

  const std::string path_;
  const int limit_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> free_;
  // The threads that hold a connection; their number is the number of connections lent.
  std::vector<std::thread::id> holders_;
};

}  // namespace caisson::sql::internal
