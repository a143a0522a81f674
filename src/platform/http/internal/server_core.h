// What all connections of a server share.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "platform/http/internal/server_metrics.h"
#include "platform/http/internal/worker_pool.h"
#include "platform/http/server.h"

namespace caisson::http {

// Counts open connections and lets Stop wait for the last. Any thread.
class ConnectionCount {
 public:
  // False when there are `limit` already.
  bool TryAdd(int limit) {
    std::lock_guard lock(mutex_);
    if (count_ >= limit) return false;
    ++count_;
    return true;
  }
  void Remove() {
    std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  // True when all are gone before the time is over.
  bool WaitForNone(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return none_.wait_for(lock, limit, [&] { return count_ == 0; });
  }
  void WaitForNone() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [&] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};

// Built by Server before its first thread, owned by it, outlives loops and connections. The threads
// of the pools start with their first task.
struct ServerCore {
  ServerCore(const ServerOptions& server_options, std::shared_ptr<const Router> server_router,
             telemetry::Registry& registry)
      : options(server_options),
        router(std::move(server_router)),
        metrics(registry, *router),
        handlers("http-worker", options.workers,
                 static_cast<size_t>(options.worker_queue_capacity)),
        streams("http-stream", options.max_streams, 0) {}

  const ServerOptions options;  // with its zeros replaced
  const std::shared_ptr<const Router> router;
  ServerMetrics metrics;
  ConnectionCount connections;
  std::atomic<bool> stopping{false};
  WorkerPool handlers;  // buffered requests, and the steps of file responses
  WorkerPool streams;   // streamed bodies, which may keep a thread for long
};

}  // namespace caisson::http
