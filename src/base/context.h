// What travels with a call: how long it may take, who asked, and which trace it belongs to.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace caisson {

// Lets the holder end work that was started with a Context. Any thread may call it; a second Cancel
// does nothing.
class CancelSource {
 public:
  CancelSource() : cancelled_(std::make_shared<std::atomic<bool>>(false)) {}
  void Cancel() { cancelled_->store(true); }
  bool cancelled() const { return cancelled_->load(); }

 private:
  friend class Context;
  std::shared_ptr<std::atomic<bool>> cancelled_;
};

// The first parameter of every call that can wait. A value: cheap to copy, immutable, usable from
// any thread. A call that waits ends with Check()'s error soon after the deadline or the
// cancellation.
class Context {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // No deadline, never cancelled, principal "local".
  static Context Background() { return Context(); }

  // The earlier of the present deadline and the given one holds.
  Context WithDeadline(TimePoint deadline) const;
  Context WithTimeout(std::chrono::nanoseconds timeout) const;
  Context WithCancel(const CancelSource& source) const;
  Context WithPrincipal(std::string principal) const;
  Context WithProject(std::string project) const;
  // Anything but 32 lower-case hex digits, not all zero, leaves the context without a trace id (W3C
  // Trace Context says to ignore what is malformed).
  Context WithTraceId(std::string trace_id) const;

  // OK, or Cancelled, or DeadlineExceeded.
  Status Check() const;
  std::optional<TimePoint> deadline() const { return deadline_; }
  // At most `limit`, at least zero.
  std::chrono::nanoseconds TimeLeft(std::chrono::nanoseconds limit) const;

  // Who asks, for the audit log: a user name, "local" for the owner of the machine, "system" for
  // the program itself.
  const std::string& principal() const { return *principal_; }
  // The namespace that names and permissions belong to; "default" unless said otherwise.
  const std::string& project() const { return *project_; }
  // 32 lower-case hex digits (W3C Trace Context), or empty.
  const std::string& trace_id() const { return *trace_id_; }

 private:
  Context();

  std::optional<TimePoint> deadline_;
  std::vector<std::shared_ptr<std::atomic<bool>>> cancelled_;
  std::shared_ptr<const std::string> principal_;
  std::shared_ptr<const std::string> project_;
  std::shared_ptr<const std::string> trace_id_;
};

}  // namespace caisson
