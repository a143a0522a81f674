// The changes of state of an endpoint. Each happens in the caller's transaction with its audit
// entry, lineage and event.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lifecycle/registry/registry.h"
#include "lifecycle/serving/endpoints.h"
#include "platform/sql/database.h"

namespace caisson::serving::internal {

// An endpoint with its live deployments; either may be missing.
struct LiveState {
  EndpointSpec spec;
  std::optional<Deployment> stable;
  std::optional<Deployment> canary;
};
LiveState LiveStateOf(const EndpointSpec& spec, const std::vector<Deployment>& deployments);

// Puts a version at 100 percent; what served before is retired, a canary is ended.
Status SwitchTo(sql::Transaction& transaction, LiveState& state, int version,
                std::string_view reason);
// Starts a canary at the first step; an earlier one is ended first.
Status BeginCanary(sql::Transaction& transaction, LiveState& state, int version,
                   std::string_view reason, std::string_view gate_decision_id);
Status AdvanceCanary(sql::Transaction& transaction, LiveState& state, std::string_view reason);
// The canary takes all the traffic and the alias moves to it.
Status PromoteCanary(sql::Transaction& transaction, registry::Registry& registry, LiveState& state,
                     std::string_view reason);
Status RollBackCanary(sql::Transaction& transaction, LiveState& state, std::string_view reason);
// Ends all that is live; the endpoint is going away.
Status RetireAll(sql::Transaction& transaction, LiveState& state, std::string_view reason);

}  // namespace caisson::serving::internal
