// Gate decisions as rows, lineage, audit entries and events.
#include "base/ids.h"
#include "lifecycle/registry/gates.h"
#include "platform/audit/audit.h"
#include "platform/events/outbox.h"
#include "platform/lineage/lineage.h"

namespace caisson::registry {
namespace {

Json MetricsToJson(const MetricMap& metrics) {
  Json json = Json::MakeObject();
  for (const auto& [name, value] : metrics) json.Set(name, value);
  return json;
}

MetricMap MetricsFromJson(const Json& json) {
  MetricMap metrics;
  for (const auto& [name, value] : json.object()) metrics[name] = value.AsDouble();
  return metrics;
}

// Everything of a record that makes it the same decision when it is made again.
Json Body(const DecisionRecord& record) {
  Json body = Json::Of({{"decision", ToJson(record.decision)},
                        {"candidate_metrics", MetricsToJson(record.candidate_metrics)}});
  if (record.champion_version.has_value()) body.Set("champion_version", *record.champion_version);
  if (record.champion_metrics.has_value())
    body.Set("champion_metrics", MetricsToJson(*record.champion_metrics));
  return body;
}

constexpr std::string_view kSelect =
    "SELECT decision_id, model, version, body, time, principal FROM registry_gate_decisions ";

struct StoredDecision {
  DecisionRecord record;
  std::string body;
};

StoredDecision ReadStored(const sql::Row& row) {
  StoredDecision stored;
  stored.record.id = row.String(0);
  stored.record.model = row.String(1);
  stored.record.version = row.Int(2);
  stored.body = row.String(3);
  stored.record.time = row.Int(4);
  stored.record.principal = row.String(5);
  return stored;
}

Result<DecisionRecord> Complete(StoredDecision stored) {
  CAISSON_ASSIGN(const Json body, ParseJson(stored.body));
  DecisionRecord record = std::move(stored.record);
  CAISSON_ASSIGN(record.decision, GateDecisionFromJson(body["decision"]));
  record.candidate_metrics = MetricsFromJson(body["candidate_metrics"]);
  if (const Json* version = body.Find("champion_version"))
    record.champion_version = version->AsInt();
  if (const Json* metrics = body.Find("champion_metrics"))
    record.champion_metrics = MetricsFromJson(*metrics);
  return record;
}

Result<std::optional<StoredDecision>> Newest(sql::Session& session, std::string_view project,
                                             std::string_view model, int64_t version) {
  static const std::string kText =
      std::string(kSelect) +
      "WHERE project = $1 AND model = $2 AND version = $3 ORDER BY sequence DESC LIMIT 1";
  return session.QueryOne<StoredDecision>(kText, {project, model, version}, ReadStored);
}

Status WriteLineage(sql::Transaction& transaction, const DecisionRecord& record) {
  const std::string version_name = fmt::format("{}/{}", record.model, record.version);
  const lineage::NodeId decision{"gate_decision", version_name};
  const lineage::NodeId version{"model_version", version_name};
  Json attributes = Json::Of({{"decision_id", record.id}, {"admitted", record.decision.admitted}});
  // The rules with what was measured, so that a drawing of the graph shows the numbers.
  for (const GateLine& line : record.decision.lines) {
    const std::string measured =
        line.left.has_value() ? fmt::format("{:.6g}", *line.left) : "missing";
    const std::string bound =
        line.right.has_value() ? fmt::format(" against {:.6g}", *line.right) : "";
    attributes.Set(line.rule.text,
                   fmt::format("{}: {}{}", line.passed ? "passed" : "failed", measured, bound));
  }
  if (record.champion_version.has_value())
    attributes.Set("compared_with_version", *record.champion_version);
  CAISSON_TRY(lineage::PutNode(transaction, decision, attributes));
  return lineage::PutEdge(transaction, version,
                          record.decision.admitted ? "admitted_by" : "refused_by", decision);
}

}  // namespace

Result<DecisionRecord> RecordDecision(sql::Transaction& transaction, DecisionRecord record) {
  const std::string body = WriteJson(Body(record));
  const std::string& project = transaction.context().project();
  CAISSON_ASSIGN(std::optional<StoredDecision> before,
                 Newest(transaction, project, record.model, record.version));
  if (before.has_value() && before->body == body) return Complete(*std::move(before));
  record.id = NewId(transaction.now());
  record.time = transaction.now();
  record.principal = transaction.context().principal();
  CAISSON_TRY(
      transaction.Execute("INSERT INTO registry_gate_decisions (decision_id, project, model, "
                          "version, admitted, body, time, principal) VALUES ($1, "
                          "$2, $3, $4, $5, $6, $7, $8)",
                          {record.id, project, record.model, record.version,
                           record.decision.admitted, body, record.time, record.principal}));
  CAISSON_TRY(WriteLineage(transaction, record));
  const std::string object = fmt::format("model/{}/{}", record.model, record.version);
  CAISSON_TRY(audit::Append(
      transaction, record.decision.admitted ? "model_version.admit" : "model_version.refuse",
      object, Json::Of({{"decision_id", record.id}, {"decision", ToJson(record.decision)}})));
  CAISSON_TRY(events::Append(
      transaction, record.decision.admitted ? "model_version.admitted" : "model_version.refused",
      object,
      Json::Of(
          {{"model", record.model}, {"version", record.version}, {"decision_id", record.id}})));
  return record;
}

Result<DecisionRecord> FindDecision(sql::Session& session, std::string_view project,
                                    std::string_view model, int64_t version) {
  CAISSON_ASSIGN(std::optional<StoredDecision> stored, Newest(session, project, model, version));
  if (!stored.has_value())
    return NotFound("no gate decision on model version {}/{}", model, version);
  return Complete(*std::move(stored));
}

Result<DecisionRecord> GetDecision(sql::Session& session, std::string_view id) {
  static const std::string kText = std::string(kSelect) + "WHERE decision_id = $1";
  CAISSON_ASSIGN(std::optional<StoredDecision> stored,
                 session.QueryOne<StoredDecision>(kText, {id}, ReadStored));
  if (!stored.has_value()) return NotFound("no gate decision with the id '{}'", id);
  return Complete(*std::move(stored));
}

}  // namespace caisson::registry
