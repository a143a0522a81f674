// Threads that run handlers.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace caisson::http {

// Runs tasks on up to `max_threads` threads, which start when they are first needed. Any thread may
// submit. Tasks must not throw. Stop runs what was accepted, then joins; the destructor stops.
class WorkerPool {
 public:
  WorkerPool(std::string name, int max_threads, size_t queue_capacity);
  ~WorkerPool();

  // False when all threads are busy and the queue is full, or after Stop.
  bool TrySubmit(std::function<void()> task);
  // For the next step of work that was accepted before, whose amount the caller bounds: the queue's
  // capacity does not count. After Stop the task is dropped.
  void SubmitNext(std::function<void()> task);
  void Stop();

 private:
  void Enqueue(std::unique_lock<std::mutex>& lock, std::function<void()> task);
  void WakeOne(std::unique_lock<std::mutex>& lock);  // gives the lock up when it wakes
  void Run();

  const std::string name_;
  const size_t max_threads_;
  const size_t queue_capacity_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;      // threads that wait
  bool waking_ = false;  // one of them was told to look
  bool stopped_ = false;
};

}  // namespace caisson::http
