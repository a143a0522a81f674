// The judge of a canary: a pure function of what was wanted, what is, and what was seen.
#pragma once

#include <string>

#include "lifecycle/serving/endpoints.h"

namespace caisson::serving::internal {

// What a version's answers looked like since the step began.
struct Observation {
  int64_t requests = 0;  // errors included
  int64_t errors = 0;    // of the model itself; a caller's bad input does not count
  double p99_seconds = 0;
};

enum class CanaryStep { kWait, kAdvance, kPromote, kRollBack };

struct CanaryVerdict {
  CanaryStep step = CanaryStep::kWait;
  std::string reason;  // a sentence with the numbers
};

// Too many errors end the trial at once; slowness is judged when the step has seen enough;
// otherwise the candidate moves on when it has baked and answered enough.
CanaryVerdict Judge(const CanarySpec& spec, const Deployment& candidate,
                    const Observation& candidate_seen, const Observation& stable_seen,
                    UnixMillis now);

}  // namespace caisson::serving::internal
