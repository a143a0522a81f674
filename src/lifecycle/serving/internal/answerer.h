// The hot path: picks a version, runs it, keeps the answer on record.
#pragma once

#include <atomic>

#include "base/clock.h"
#include "base/status.h"
#include "lifecycle/serving/endpoints.h"
#include "lifecycle/serving/internal/routing.h"
#include "platform/telemetry/metrics.h"

namespace caisson::serving::internal {

// Answers requests at a published route. Owned by the Endpoints, which the clock and the metrics
// outlive. Any thread, any number at once; nothing here waits but the append to the prediction log.
class Answerer {
 public:
  Answerer(const Clock& clock, telemetry::Registry& metrics);

  // Unavailable when no version answers, NotFound for a version that is not in service,
  // InvalidArgument for a request that the model does not take.
  Result<InferResponse> Answer(const Route& route, const InferRequest& request);

 private:
  Result<const Arm*> PickArm(const Route& route, const InferRequest& request);
  Result<InferResponse> Ask(const Arm& arm, const Route& route, const InferRequest& request);

  const Clock& clock_;
  telemetry::Counter& rows_;
  telemetry::Counter& errors_;
  std::atomic<uint64_t> sequence_{0};
};

}  // namespace caisson::serving::internal
