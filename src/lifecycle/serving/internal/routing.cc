#include "lifecycle/serving/internal/routing.h"

#include "base/hash.h"

namespace caisson::serving::internal {

const Arm& ChooseArm(const Route& route, std::string_view request_id, uint64_t sequence) {
  if (route.arms.size() == 1) return route.arms.front();
  // 61 has no factor in common with 100, so requests without an id spread evenly over the hundred
  // places.
  const uint64_t place = (request_id.empty() ? sequence * 61 : Xxh3(request_id)) % 100;
  uint64_t taken = 0;
  for (const Arm& arm : route.arms) {
    taken += static_cast<uint64_t>(arm.percent);
    if (place < taken) return arm;
  }
  return route.arms.back();
}

}  // namespace caisson::serving::internal
