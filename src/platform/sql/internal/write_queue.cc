#include "platform/sql/internal/write_queue.h"

namespace caisson::sql::internal {

WriteQueue::PushOutcome WriteQueue::Push(WriteRequest& request) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return PushOutcome::kClosed;
    if (size() >= capacity_) return PushOutcome::kFull;
    request.previous_ = last_;
    (last_ == nullptr ? first_ : last_->next_) = &request;
    last_ = &request;
    request.queued_ = true;
    size_.fetch_add(1, std::memory_order_relaxed);
    wake = writer_waits_;
    writer_waits_ = false;
  }
  if (wake) ready_.notify_one();
  return PushOutcome::kPushed;
}

bool WriteQueue::Remove(WriteRequest& request) {
  std::lock_guard lock(mutex_);
  if (!request.queued_) return false;
  Unlink(request);
  return true;
}

void WriteQueue::Unlink(WriteRequest& request) {
  (request.previous_ == nullptr ? first_ : request.previous_->next_) = request.next_;
  (request.next_ == nullptr ? last_ : request.next_->previous_) = request.previous_;
  request.previous_ = nullptr;
  request.next_ = nullptr;
  request.queued_ = false;
  size_.fetch_sub(1, std::memory_order_relaxed);
}

WriteRequest* WriteQueue::TryTake() {
  std::lock_guard lock(mutex_);
  WriteRequest* request = first_;
  if (request != nullptr) Unlink(*request);
  return request;
}

WriteRequest* WriteQueue::Take() {
  std::unique_lock lock(mutex_);
  while (first_ == nullptr && !closed_) {
    writer_waits_ = true;
    ready_.wait(lock);
  }
  WriteRequest* request = first_;
  if (request != nullptr) Unlink(*request);
  return request;
}

void WriteQueue::Close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  ready_.notify_all();
}

}  // namespace caisson::sql::internal
