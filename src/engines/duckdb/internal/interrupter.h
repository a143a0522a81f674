// Ends the running statement when its context ends.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/context.h"

namespace caisson::duckdb {

// One thread for each database, started by its first statement and asleep between statements.
// DuckDB has no deadline of its own, and a statement that streams its rows spends its time inside
// one call, where nobody can poll; so somebody else has to look at the clock. Used by one statement
// at a time.
class Interrupter {
 public:
  explicit Interrupter(std::function<void()> interrupt);
  ~Interrupter();

  // Watches a context as long as it lives. The context must outlive it.
  class Watch {
   public:
    Watch(Interrupter& interrupter, const Context& context);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Interrupter& interrupter_;
  };

 private:
  void Start(const Context& context);
  void Stop();
  void Run();

  const std::function<void()> interrupt_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const Context* watched_ = nullptr;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace caisson::duckdb
