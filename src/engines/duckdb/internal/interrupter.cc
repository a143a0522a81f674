#include "engines/duckdb/internal/interrupter.h"

#include <chrono>
#include <utility>

namespace caisson::duckdb {
namespace {

// How late an interruption may come. A look costs less than a microsecond.
constexpr std::chrono::milliseconds kPeriod{10};

}  // namespace

Interrupter::Interrupter(std::function<void()> interrupt) : interrupt_(std::move(interrupt)) {}

Interrupter::~Interrupter() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Interrupter::Start(const Context& context) {
  std::lock_guard lock(mutex_);
  watched_ = &context;
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  changed_.notify_all();
}

// Returns only when no interruption is under way, so that none can hit the next statement.
void Interrupter::Stop() {
  std::lock_guard lock(mutex_);
  watched_ = nullptr;
}

void Interrupter::Run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (watched_ == nullptr) {
      changed_.wait(lock);
      continue;
    }
    // Again and again: a statement that is about to begin clears the mark of an interruption.
    if (!watched_->Check().ok()) interrupt_();
    changed_.wait_for(lock, kPeriod);
  }
}

Interrupter::Watch::Watch(Interrupter& interrupter, const Context& context)
    : interrupter_(interrupter) {
  interrupter_.Start(context);
}

Interrupter::Watch::~Watch() { interrupter_.Stop(); }

}  // namespace caisson::duckdb
