#include "lifecycle/serving/internal/transitions.h"

#include "base/ids.h"
#include "lifecycle/serving/internal/deployment_store.h"
#include "platform/audit/audit.h"
#include "platform/events/outbox.h"
#include "platform/lineage/lineage.h"

namespace caisson::serving::internal {
namespace {

lineage::NodeId DeploymentNode(const Deployment& deployment) {
  return {"deployment", deployment.id};
}

// What every change leaves behind.
Status Record(sql::Transaction& transaction, const Deployment& deployment,
              std::string_view change) {
  const Json detail = Json::Of({{"endpoint", deployment.endpoint},
                                {"model", deployment.model},
                                {"version", deployment.version},
                                {"state", StateName(deployment.state)},
                                {"traffic_percent", deployment.traffic_percent},
                                {"reason", deployment.reason},
                                {"deployment", deployment.id}});
  const std::string object = "endpoint/" + deployment.endpoint;
  CAISSON_TRY(audit::Append(transaction, fmt::format("endpoint.{}", change), object, detail));
  CAISSON_TRY(lineage::PutNode(transaction, DeploymentNode(deployment),
                               Json::Of({{"endpoint", deployment.endpoint},
                                         {"state", StateName(deployment.state)},
                                         {"traffic_percent", deployment.traffic_percent},
                                         {"reason", deployment.reason},
                                         {"since", FormatTime(deployment.step_started_at)}})));
  return events::Append(transaction, fmt::format("endpoint.{}", change), object, detail).status();
}

Deployment MakeDeployment(const sql::Transaction& transaction, const EndpointSpec& spec,
                          int version, std::string_view reason) {
  Deployment deployment;
  deployment.id = NewId(transaction.now());
  deployment.endpoint = spec.name;
  deployment.model = spec.model;
  deployment.version = version;
  deployment.created_at = transaction.now();
  deployment.step_started_at = transaction.now();
  deployment.reason = std::string(reason);
  return deployment;
}

Status Insert(sql::Transaction& transaction, const Deployment& deployment,
              std::string_view change) {
  CAISSON_TRY(InsertDeployment(transaction, transaction.context().project(), deployment));
  CAISSON_TRY(Record(transaction, deployment, change));
  const lineage::NodeId version{"model_version",
                                fmt::format("{}/{}", deployment.model, deployment.version)};
  CAISSON_TRY(lineage::PutEdge(transaction, DeploymentNode(deployment), "serves", version));
  return lineage::PutEdge(transaction, {"endpoint", deployment.endpoint}, "served_by",
                          DeploymentNode(deployment));
}

Status End(sql::Transaction& transaction, std::optional<Deployment>& deployment,
           DeploymentState state, std::string_view reason, std::string_view change) {
  if (!deployment.has_value()) return OkStatus();
  deployment->state = state;
  deployment->traffic_percent = 0;
  deployment->ended_at = transaction.now();
  deployment->reason = std::string(reason);
  CAISSON_TRY(UpdateDeployment(transaction, *deployment));
  CAISSON_TRY(Record(transaction, *deployment, change));
  deployment.reset();
  return OkStatus();
}

Status SetStableTraffic(sql::Transaction& transaction, LiveState& state, int percent) {
  if (!state.stable.has_value()) return OkStatus();
  state.stable->traffic_percent = percent;
  return UpdateDeployment(transaction, *state.stable);
}

}  // namespace

LiveState LiveStateOf(const EndpointSpec& spec, const std::vector<Deployment>& deployments) {
  LiveState state;
  state.spec = spec;
  for (const Deployment& deployment : deployments) {
    if (deployment.state == DeploymentState::kStable && !state.stable.has_value())
      state.stable = deployment;
    if (deployment.state == DeploymentState::kCanary && !state.canary.has_value())
      state.canary = deployment;
  }
  return state;
}

Status SwitchTo(sql::Transaction& transaction, LiveState& state, int version,
                std::string_view reason) {
  const std::string why = fmt::format("version {} took over: {}", version, reason);
  CAISSON_TRY(End(transaction, state.canary, DeploymentState::kRolledBack, why, "rolled_back"));
  CAISSON_TRY(End(transaction, state.stable, DeploymentState::kRetired, why, "retired"));
  Deployment deployment = MakeDeployment(transaction, state.spec, version, reason);
  deployment.state = DeploymentState::kStable;
  deployment.traffic_percent = 100;
  CAISSON_TRY(Insert(transaction, deployment, "switched"));
  state.stable = std::move(deployment);
  return OkStatus();
}

Status BeginCanary(sql::Transaction& transaction, LiveState& state, int version,
                   std::string_view reason, std::string_view gate_decision_id) {
  CAISSON_TRY(End(transaction, state.canary, DeploymentState::kRolledBack,
                  fmt::format("replaced by version {}", version), "rolled_back"));
  Deployment deployment = MakeDeployment(transaction, state.spec, version, reason);
  deployment.state = DeploymentState::kCanary;
  deployment.canary_step = 0;
  deployment.traffic_percent = state.spec.canary.steps.front();
  deployment.gate_decision_id = std::string(gate_decision_id);
  CAISSON_TRY(Insert(transaction, deployment, "canary_started"));
  CAISSON_TRY(SetStableTraffic(transaction, state, 100 - deployment.traffic_percent));
  state.canary = std::move(deployment);
  return OkStatus();
}

Status AdvanceCanary(sql::Transaction& transaction, LiveState& state, std::string_view reason) {
  Deployment& canary = *state.canary;
  // The steps may have been edited meanwhile; the last one is never passed.
  const int last = static_cast<int>(state.spec.canary.steps.size()) - 1;
  canary.canary_step = std::min(canary.canary_step + 1, last);
  canary.traffic_percent = state.spec.canary.steps[static_cast<size_t>(canary.canary_step)];
  canary.step_started_at = transaction.now();
  canary.reason = std::string(reason);
  CAISSON_TRY(UpdateDeployment(transaction, canary));
  CAISSON_TRY(Record(transaction, canary, "canary_step"));
  return SetStableTraffic(transaction, state, 100 - canary.traffic_percent);
}

Status PromoteCanary(sql::Transaction& transaction, registry::Registry& registry, LiveState& state,
                     std::string_view reason) {
  Deployment promoted = *state.canary;
  CAISSON_TRY(registry.SetAlias(transaction, state.spec.model, state.spec.alias, promoted.version));
  CAISSON_TRY(End(transaction, state.stable, DeploymentState::kRetired,
                  fmt::format("version {} was promoted", promoted.version), "retired"));
  promoted.state = DeploymentState::kStable;
  promoted.traffic_percent = 100;
  promoted.canary_step = -1;
  promoted.step_started_at = transaction.now();
  promoted.reason = std::string(reason);
  CAISSON_TRY(UpdateDeployment(transaction, promoted));
  CAISSON_TRY(Record(transaction, promoted, "promoted"));
  state.stable = std::move(promoted);
  state.canary.reset();
  return OkStatus();
}

Status RollBackCanary(sql::Transaction& transaction, LiveState& state, std::string_view reason) {
  CAISSON_TRY(End(transaction, state.canary, DeploymentState::kRolledBack, reason, "rolled_back"));
  return SetStableTraffic(transaction, state, 100);
}

Status RetireAll(sql::Transaction& transaction, LiveState& state, std::string_view reason) {
  CAISSON_TRY(End(transaction, state.canary, DeploymentState::kRolledBack, reason, "rolled_back"));
  return End(transaction, state.stable, DeploymentState::kRetired, reason, "retired");
}

}  // namespace caisson::serving::internal
