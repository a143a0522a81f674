// Time, as something that is handed in, so that tests move it by hand.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace caisson {

// A point in wall-clock time: milliseconds since 1970-01-01T00:00:00Z. It is what every table and
// protocol stores.
using UnixMillis = int64_t;

using Duration = std::chrono::nanoseconds;

// Tells the time. Owned by `app` (or a test) and outlives everything that it is passed to. Any
// thread may call it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual UnixMillis now() const = 0;
  // Never goes back; only differences have a meaning.
  virtual std::chrono::steady_clock::time_point monotonic() const = 0;
};

class SystemClock : public Clock {
 public:
  UnixMillis now() const override;
  std::chrono::steady_clock::time_point monotonic() const override;
};

// Stands still until it is moved. For tests.
class FakeClock : public Clock {
 public:
  explicit FakeClock(UnixMillis start = 1'000'000'000'000) : now_(start) {}
  UnixMillis now() const override { return now_.load(); }
  std::chrono::steady_clock::time_point monotonic() const override {
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(now_.load()));
  }
  void Advance(std::chrono::milliseconds by) { now_ += by.count(); }

 private:
  std::atomic<UnixMillis> now_;
};

// "2001-05-07T13:45:00.250Z"; the milliseconds are left out when they are zero.
std::string FormatTime(UnixMillis time);

// Accepts a date ("2001-05-07", midnight UTC) or an RFC 3339 time with 'T' or a space, an optional
// fraction, and 'Z', an offset or nothing (UTC).
Result<UnixMillis> ParseTime(std::string_view text);

// "90s", "15m", "1h30m", "7d", "250ms"; a bare number is refused, since nobody would know its unit.
Result<Duration> ParseDuration(std::string_view text);

// The shortest form that a person reads at a glance: "820 us", "3.42 s", "2 min 5 s".
std::string HumanDuration(Duration duration);

}  // namespace caisson
