// Who is woken by which channel.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace caisson::sql::internal {

// Owned by the Database. Any thread. Call holds the lock while it calls, so that Remove returns
// only when the function that it removes is not running and never will again.
class Listeners {
 public:
  int64_t Add(std::string_view channel, std::function<void()> function) {
    std::lock_guard lock(mutex_);
    functions_.emplace(++last_id_, Entry{std::string(channel), std::move(function)});
    return last_id_;
  }
  void Remove(int64_t id) {
    std::lock_guard lock(mutex_);
    functions_.erase(id);
  }
  void Call(std::string_view channel) {
    std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : functions_) {
      if (entry.channel == channel) entry.function();
    }
  }

 private:
  struct Entry {
    std::string channel;
    std::function<void()> function;
  };
  std::mutex mutex_;
  int64_t last_id_ = 0;
  std::map<int64_t, Entry> functions_;
};

}  // namespace caisson::sql::internal
