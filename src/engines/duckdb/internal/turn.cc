#include "engines/duckdb/internal/turn.h"

#include <chrono>

namespace caisson::duckdb {

Status TurnLock::Take(const Context& context) {
  std::unique_lock lock(mutex_);
  if (holder_ == std::this_thread::get_id()) {
    return FailedPrecondition(
        "DuckDB: a statement was started while this thread reads the rows of another one");
  }
  while (holder_ != std::thread::id()) {
    CAISSON_TRY(context.Check());
    // A cancellation wakes nobody, so that the wait looks at the context from time to time.
    released_.wait_for(lock, std::chrono::milliseconds(10));
  }
  CAISSON_TRY(context.Check());
  holder_ = std::this_thread::get_id();
  return OkStatus();
}

void TurnLock::Release() {
  {
    std::lock_guard lock(mutex_);
    holder_ = std::thread::id();
  }
  released_.notify_one();
}

}  // namespace caisson::duckdb
