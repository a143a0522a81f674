#include "base/context.h"

#include <algorithm>

namespace caisson {
namespace {

using SharedText = std::shared_ptr<const std::string>;

struct Defaults {
  SharedText principal = std::make_shared<const std::string>("local");
  SharedText project = std::make_shared<const std::string>("default");
  SharedText trace_id = std::make_shared<const std::string>();
};

// Shared by all contexts, so that making one allocates nothing. Never destroyed: threads may
// outlive main's statics.
const Defaults& SharedDefaults() {
  static const Defaults* const defaults = new Defaults();
  return *defaults;
}

bool IsTraceId(std::string_view text) {
  if (text.size() != 32) return false;
  bool all_zero = true;
  for (const char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    all_zero = all_zero && c == '0';
  }
  return !all_zero;
}

}  // namespace

Context::Context()
    : principal_(SharedDefaults().principal),
      project_(SharedDefaults().project),
      trace_id_(SharedDefaults().trace_id) {}

Context Context::WithDeadline(TimePoint deadline) const {
  Context result = *this;
  result.deadline_ = deadline_ ? std::min(*deadline_, deadline) : deadline;
  return result;
}

Context Context::WithTimeout(std::chrono::nanoseconds timeout) const {
  const TimePoint now = std::chrono::steady_clock::now();
  // A timeout of centuries must not wrap around into the past.
  if (timeout > TimePoint::max() - now) return *this;
  return WithDeadline(now + timeout);
}

Context Context::WithCancel(const CancelSource& source) const {
  Context result = *this;
  result.cancelled_.push_back(source.cancelled_);
  return result;
}

Context Context::WithPrincipal(std::string principal) const {
  Context result = *this;
  result.principal_ = std::make_shared<const std::string>(std::move(principal));
  return result;
}

Context Context::WithProject(std::string project) const {
  Context result = *this;
  result.project_ = std::make_shared<const std::string>(std::move(project));
  return result;
}

Context Context::WithTraceId(std::string trace_id) const {
  Context result = *this;
  result.trace_id_ = IsTraceId(trace_id) ? std::make_shared<const std::string>(std::move(trace_id))
                                         : SharedDefaults().trace_id;
  return result;
}

Status Context::Check() const {
  for (const auto& flag : cancelled_) {
    if (flag->load()) return Cancelled("the call was cancelled");
  }
  if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) {
    return DeadlineExceeded("the time allowed for the call has passed");
  }
  return OkStatus();
}

std::chrono::nanoseconds Context::TimeLeft(std::chrono::nanoseconds limit) const {
  constexpr std::chrono::nanoseconds zero{0};
  if (limit < zero) return zero;
  if (!deadline_) return limit;
  return std::clamp<std::chrono::nanoseconds>(*deadline_ - std::chrono::steady_clock::now(), zero,
                                              limit);
}

}  // namespace caisson
