// The model versions in memory.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/context.h"
#include "base/status.h"
#include "lifecycle/registry/registry.h"
#include "lifecycle/serving/internal/routing.h"

namespace caisson::serving::internal {

// Loads versions and keeps each once, for as long as somebody else holds it. Owned by the
// Endpoints; any thread, one load at a time.
class VersionCache {
 public:
  explicit VersionCache(registry::Registry& registry) : registry_(registry) {}

  // InvalidArgument when the file is no model that the runtime takes, NotFound when it is not
  // there.
  Result<std::shared_ptr<const LoadedVersion>> Get(const Context& context, const std::string& model,
                                                   int version);
  // Forgets versions that no arm and no running request holds.
  void DropUnused();

 private:
  registry::Registry& registry_;
  std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::shared_ptr<const LoadedVersion>> loaded_;
};

}  // namespace caisson::serving::internal
