// Gates: the rules that a model version must pass before it may take traffic.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "platform/sql/database.h"

namespace caisson::registry {

// One rule of caisson.yaml: `metric comparator bound`.
//
//   auc >= 0.65                 a fixed bound
//   auc >= champion - 0.005     against the same metric of the champion
//   logloss <= champion * 1.02
//
// The comparators are >=, <=, > and <. The metric is a name of letters, digits, '_', '.', '-' and
// '/'.
struct GateRule {
  enum class Comparator { kGreaterEqual, kLessEqual, kGreater, kLess };
  std::string text;  // as written
  std::string metric;
  Comparator comparator = Comparator::kGreaterEqual;
  bool against_champion = false;
  // right side = against_champion ? champion * factor + offset : offset
  double factor = 1;
  double offset = 0;
};

// InvalidArgument says which part is wrong and what is accepted.
Result<GateRule> ParseGateRule(std::string_view text);
Result<std::vector<GateRule>> ParseGateRules(const std::vector<std::string>& texts);

using MetricMap = std::map<std::string, double>;

// How one rule came out.
struct GateLine {
  GateRule rule;
  std::optional<double> left;   // the candidate's metric
  std::optional<double> right;  // the bound as a number
  bool passed = false;
  std::string why;  // a sentence with the numbers
};

struct GateDecision {
  bool admitted = false;
  std::vector<GateLine> lines;
};

// Decides; a pure function. A metric that the candidate lacks, or that is not a number, fails its
// rule. A rule against the champion passes when there is no champion, and fails when the champion
// lacks the metric. No rules admit.
GateDecision Decide(const std::vector<GateRule>& rules, const MetricMap& candidate,
                    const std::optional<MetricMap>& champion);

Json ToJson(const GateDecision& decision);
Result<GateDecision> GateDecisionFromJson(const Json& json);

// A decision as it is stored.
struct DecisionRecord {
  std::string id;
  std::string model;
  int64_t version = 0;
  std::optional<int64_t> champion_version;  // what it was compared with
  GateDecision decision;
  MetricMap candidate_metrics;
  std::optional<MetricMap> champion_metrics;
  UnixMillis time = 0;
  std::string principal;
};

// Writes the decision (table registry_gate_decisions), its lineage (gate_decision
// "<model>/<version>", which the model version is admitted_by or refused_by), an audit entry and
// the event `model_version.admitted` or `model_version.refused` with the payload {model, version,
// decision_id}, all in the caller's transaction. Id and time are filled in the result. A version
// that has a decision with the same outcome and numbers keeps it: the call is idempotent.
Result<DecisionRecord> RecordDecision(sql::Transaction& transaction, DecisionRecord record);

// The newest decision on a version; NotFound when it never met a gate.
Result<DecisionRecord> FindDecision(sql::Session& session, std::string_view project,
                                    std::string_view model, int64_t version);
Result<DecisionRecord> GetDecision(sql::Session& session, std::string_view id);

}  // namespace caisson::registry
