#include "lifecycle/serving/internal/canary.h"

namespace caisson::serving::internal {
namespace {

// Below this a tail is noise of the machine, not of the model.
constexpr double kLatencyFloorSeconds = 0.001;
// Errors of so few answers say nothing yet.
constexpr int64_t kLeastErrors = 3;

}  // namespace

CanaryVerdict Judge(const CanarySpec& spec, const Deployment& candidate,
                    const Observation& candidate_seen, const Observation& stable_seen,
                    UnixMillis now) {
  const int64_t requests = candidate_seen.requests;
  const double error_rate =
      requests == 0 ? 0
                    : static_cast<double>(candidate_seen.errors) / static_cast<double>(requests);
  if (candidate_seen.errors >= kLeastErrors && error_rate > spec.max_error_rate) {
    return {CanaryStep::kRollBack,
            fmt::format("{} of {} answers failed, more than {:g} %", candidate_seen.errors,
                        requests, spec.max_error_rate * 100)};
  }
  const bool enough = requests >= spec.min_requests;
  const double bound =
      spec.max_latency_ratio * std::max(stable_seen.p99_seconds, kLatencyFloorSeconds);
  if (enough && stable_seen.requests >= spec.min_requests && candidate_seen.p99_seconds > bound) {
    return {CanaryStep::kRollBack,
            fmt::format("p99 {:.2f} ms, more than {:g} times the stable version's {:.2f} ms",
                        candidate_seen.p99_seconds * 1e3, spec.max_latency_ratio,
                        stable_seen.p99_seconds * 1e3)};
  }
  const int64_t baked = now - candidate.step_started_at;
  if (!enough || baked < spec.bake.count()) {
    return {CanaryStep::kWait, fmt::format("{} of {} answers, {} of {} ms", requests,
                                           spec.min_requests, baked, spec.bake.count())};
  }
  const bool last = candidate.canary_step + 1 >= static_cast<int>(spec.steps.size());
  return {last ? CanaryStep::kPromote : CanaryStep::kAdvance,
          fmt::format(
              "{} answers at {} % without complaint: {} errors, p99 {:.2f} ms against {:.2f} ms",
              requests, candidate.traffic_percent, candidate_seen.errors,
              candidate_seen.p99_seconds * 1e3, stable_seen.p99_seconds * 1e3)};
}

}  // namespace caisson::serving::internal
