// One statement at a time.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/context.h"
#include "base/status.h"

namespace caisson::duckdb {

// A lock whose waiting ends with the context, and that notices when its holder asks for it again.
class TurnLock {
 public:
  // FailedPrecondition when this thread holds the lock already: a statement was started from inside
  // another one's callback.
  Status Take(const Context& context);
  void Release();

 private:
  std::mutex mutex_;
  std::condition_variable released_;
  std::thread::id holder_;
};

}  // namespace caisson::duckdb
