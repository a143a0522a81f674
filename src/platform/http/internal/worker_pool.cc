#include "platform/http/internal/worker_pool.h"

#include <utility>

#include <pthread.h>

namespace caisson::http {

WorkerPool::WorkerPool(std::string name, int max_threads, size_t queue_capacity)
    : name_(std::move(name)),
      max_threads_(static_cast<size_t>(max_threads)),
      queue_capacity_(queue_capacity) {}

WorkerPool::~WorkerPool() { Stop(); }

bool WorkerPool::TrySubmit(std::function<void()> task) {
  std::unique_lock lock(mutex_);
  const size_t free_threads = idle_ + (max_threads_ - threads_.size());
  if (stopped_ || tasks_.size() >= queue_capacity_ + free_threads) return false;
  Enqueue(lock, std::move(task));
  return true;
}

void WorkerPool::SubmitNext(std::function<void()> task) {
  std::unique_lock lock(mutex_);
  if (!stopped_) Enqueue(lock, std::move(task));
}

void WorkerPool::Enqueue(std::unique_lock<std::mutex>& lock, std::function<void()> task) {
  tasks_.push_back(std::move(task));
  if (tasks_.size() > idle_ && threads_.size() < max_threads_) {
    threads_.emplace_back([this] { Run(); });
  }
  WakeOne(lock);
}

// At most one thread is on its way at a time, and it wakes the next when there is more to do: short
// tasks are then done by few threads, without a context switch for each.
void WorkerPool::WakeOne(std::unique_lock<std::mutex>& lock) {
  if (waking_ || idle_ == 0 || tasks_.empty()) return;
  waking_ = true;
  lock.unlock();
  ready_.notify_one();
}

void WorkerPool::Run() {
  ::pthread_setname_np(::pthread_self(), name_.substr(0, 15).c_str());
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    while (tasks_.empty() && !stopped_) {
      ready_.wait(lock);
      waking_ = false;
    }
    --idle_;
    if (tasks_.empty()) return;
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    WakeOne(lock);
    if (lock.owns_lock()) lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

void WorkerPool::Stop() {
  std::vector<std::thread> threads;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    threads.swap(threads_);
  }
  ready_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace caisson::http
