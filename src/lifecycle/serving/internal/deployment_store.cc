#include "lifecycle/serving/internal/deployment_store.h"

#include "base/json.h"

namespace caisson::serving::internal {
namespace {

Result<EndpointSpec> ReadSpec(const std::string& name, std::string_view text) {
  CAISSON_ASSIGN(const Json json, ParseJson(text));
  return ParseEndpointSpec(name, json, "the stored endpoint " + name);
}

DeploymentState ParseState(std::string_view name) {
  for (const DeploymentState state :
       {DeploymentState::kStable, DeploymentState::kCanary, DeploymentState::kRolledBack}) {
    if (StateName(state) == name) return state;
  }
  return DeploymentState::kRetired;
}

Deployment ReadDeployment(const sql::Row& row) {
  Deployment deployment;
  deployment.id = row.String(0);
  deployment.endpoint = row.String(1);
  deployment.model = row.String(2);
  deployment.version = static_cast<int>(row.Int(3));
  deployment.state = ParseState(row.Text(4));
  deployment.traffic_percent = static_cast<int>(row.Int(5));
  deployment.canary_step = static_cast<int>(row.Int(6));
  deployment.created_at = row.Int(7);
  deployment.step_started_at = row.Int(8);
  deployment.ended_at = row.Int(9);
  deployment.reason = row.String(10);
  deployment.gate_decision_id = row.String(11);
  return deployment;
}

}  // namespace

Status PutEndpoint(sql::Transaction& transaction, const EndpointSpec& spec) {
  return transaction
      .Execute(
          "INSERT INTO serving_endpoints (project, name, spec, created_at, updated_at) VALUES ($1, "
          "$2, $3, $4, $4) "
          "ON CONFLICT (project, name) DO UPDATE SET spec = excluded.spec, updated_at = "
          "excluded.updated_at",
          {transaction.context().project(), spec.name, WriteJson(EndpointSpecToJson(spec)),
           transaction.now()})
      .status();
}

Status DeleteEndpoint(sql::Transaction& transaction, std::string_view project,
                      std::string_view name) {
  return transaction
      .Execute("DELETE FROM serving_endpoints WHERE project = $1 AND name = $2", {project, name})
      .status();
}

Result<std::optional<EndpointSpec>> FindEndpoint(sql::Session& session, std::string_view project,
                                                 std::string_view name) {
  CAISSON_ASSIGN(const auto text,
                 session.QueryOne<std::string>(
                     "SELECT spec FROM serving_endpoints WHERE project = $1 AND name = $2",
                     {project, name}, [](const sql::Row& row) { return row.String(0); }));
  if (!text.has_value()) return std::optional<EndpointSpec>();
  CAISSON_ASSIGN(EndpointSpec spec, ReadSpec(std::string(name), *text));
  return std::optional<EndpointSpec>(std::move(spec));
}

Result<std::vector<EndpointRow>> ListEndpoints(sql::Session& session, std::string_view project) {
  std::vector<EndpointRow> rows;
  CAISSON_TRY(
      session.Query("SELECT project, name, spec FROM serving_endpoints WHERE $1 = '' OR project = "
                    "$1 ORDER BY project, name",
                    {project}, [&](const sql::Row& row) -> Status {
                      CAISSON_ASSIGN(EndpointSpec spec, ReadSpec(row.String(1), row.Text(2)));
                      rows.push_back({row.String(0), std::move(spec)});
                      return OkStatus();
                    }));
  return rows;
}

Status InsertDeployment(sql::Transaction& transaction, std::string_view project,
                        const Deployment& deployment) {
  return transaction
      .Execute(
          "INSERT INTO serving_deployments (id, project, endpoint, model, version, state, "
          "traffic_percent, canary_step, "
          "created_at, step_started_at, ended_at, reason, gate_decision_id) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
          {deployment.id, project, deployment.endpoint, deployment.model, deployment.version,
           StateName(deployment.state), deployment.traffic_percent, deployment.canary_step,
           deployment.created_at, deployment.step_started_at, deployment.ended_at,
           deployment.reason, deployment.gate_decision_id})
      .status();
}

Status UpdateDeployment(sql::Transaction& transaction, const Deployment& deployment) {
  return transaction
      .Execute(
          "UPDATE serving_deployments SET state = $2, traffic_percent = $3, canary_step = $4, "
          "step_started_at = $5, "
          "ended_at = $6, reason = $7 WHERE id = $1",
          {deployment.id, StateName(deployment.state), deployment.traffic_percent,
           deployment.canary_step, deployment.step_started_at, deployment.ended_at,
           deployment.reason})
      .status();
}

Result<std::vector<Deployment>> ListDeployments(sql::Session& session, std::string_view project,
                                                std::string_view endpoint) {
  return session.QueryAll<Deployment>(
      "SELECT id, endpoint, model, version, state, traffic_percent, canary_step, created_at, "
      "step_started_at, ended_at, "
      "reason, gate_decision_id FROM serving_deployments WHERE project = $1 AND endpoint = $2 "
      "ORDER BY created_at DESC, id DESC",
      {project, endpoint}, ReadDeployment);
}

}  // namespace caisson::serving::internal
