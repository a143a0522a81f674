// The write functions that wait for the writer, and the way back to their callers.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/status.h"
#include "platform/sql/database.h"

namespace caisson::sql::internal {

// A write function on its way. On the stack of its caller, who waits for Finish.
class WriteRequest {
 public:
  WriteRequest(const Context& context, const std::function<Status(Transaction&)>& function)
      : context(context), function(function) {}

  // Ends the caller's wait. The request may be gone as soon as this returns.
  void Finish() {
    std::lock_guard lock(mutex_);
    finished_ = true;
    // Under the lock, since the waiter may destroy the condition variable right after it.
    condition_.notify_one();
  }
  // True once Finish was called; waits at most `limit` for it.
  bool WaitFinished(std::chrono::nanoseconds limit) {
    std::unique_lock lock(mutex_);
    return condition_.wait_for(lock, limit, [&] { return finished_; });
  }
  void WaitFinished() {
    std::unique_lock lock(mutex_);
    condition_.wait(lock, [&] { return finished_; });
  }

  const Context& context;
  const std::function<Status(Transaction&)>& function;
  // What the function and the commit gave. Written by the writer before Finish.
  Status status;
  // What the function asked for after the commit.
  std::vector<std::function<void()>> actions;
  std::vector<std::string> channels;

 private:
  friend class WriteQueue;
  std::mutex mutex_;
  std::condition_variable condition_;
  bool finished_ = false;
  // The neighbours in the queue, guarded by its lock.
  WriteRequest* previous_ = nullptr;
  WriteRequest* next_ = nullptr;
  bool queued_ = false;
};

// First in, first out, with a bound; a request can leave again while it waits. Any thread pushes
// and removes, the writer thread takes.
class WriteQueue {
 public:
  explicit WriteQueue(size_t capacity) : capacity_(capacity) {}

  enum class PushOutcome { kPushed, kFull, kClosed };
  PushOutcome Push(WriteRequest& request);
  // False when the writer has taken the request already.
  bool Remove(WriteRequest& request);
  // The next request, or nullptr when there is none now.
  WriteRequest* TryTake();
  // Waits for a request; nullptr when the queue is closed and empty.
  WriteRequest* Take();
  void Close();
  size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  void Unlink(WriteRequest& request);

  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable ready_;
  bool writer_waits_ = false;
  bool closed_ = false;
  std::atomic<size_t> size_{0};
  WriteRequest* first_ = nullptr;
  WriteRequest* last_ = nullptr;
};

}  // namespace caisson::sql::internal
