#include "lifecycle/registry/gates.h"

#include <cmath>

#include <gtest/gtest.h>

#include "lifecycle/registry/registry.h"
#include "platform/audit/audit.h"
#include "platform/events/outbox.h"
#include "platform/lineage/lineage.h"
#include "platform/sql/testing.h"

namespace caisson::registry {
namespace {

GateDecision DecideOne(const char* rule, const MetricMap& candidate,
                       const std::optional<MetricMap>& champion = std::nullopt) {
  const auto parsed = ParseGateRule(rule);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return Decide({*parsed}, candidate, champion);
}

TEST(GateRules, ReadsBoundsAndChampions) {
  const GateRule fixed = *ParseGateRule("auc >= 0.65");
  EXPECT_EQ(fixed.metric, "auc");
  EXPECT_EQ(fixed.offset, 0.65);
  EXPECT_FALSE(fixed.against_champion);
  const GateRule minus = *ParseGateRule("auc>=champion - 0.005");
  EXPECT_TRUE(minus.against_champion);
  EXPECT_EQ(minus.offset, -0.005);
  EXPECT_EQ(ParseGateRule("logloss <= champion*1.02")->factor, 1.02);
  EXPECT_EQ(ParseGateRule("p99_ms < 5")->comparator, GateRule::Comparator::kLess);
  EXPECT_EQ(ParseGateRule("x > champion")->offset, 0);
}

TEST(GateRules, SaysWhatIsWrong) {
  for (const char* text :
       {"", "auc", "auc >=", ">= 1", "auc = 1", "auc >= high", "auc >= champion / 2",
        "auc >= champion - x", "a b >= 1", "auc >= nan", "auc >= 1 2", "auc >= champions"}) {
    const auto parsed = ParseGateRule(text);
    EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_NE(Message(parsed.status()).find("'auc >= champion - 0.005'"), std::string::npos)
        << text;
  }
}

TEST(Gates, DecideByNumbers) {
  EXPECT_TRUE(DecideOne("auc >= 0.65", {{"auc", 0.65}}).admitted);
  EXPECT_FALSE(DecideOne("auc > 0.65", {{"auc", 0.65}}).admitted);
  const GateDecision refused =
      DecideOne("auc >= champion - 0.005", {{"auc", 0.70}}, MetricMap{{"auc", 0.71}});
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.lines[0].why, "auc is 0.7, which is not >= 0.705 (the champion's 0.71)");
  EXPECT_TRUE(
      DecideOne("auc >= champion - 0.02", {{"auc", 0.70}}, MetricMap{{"auc", 0.71}}).admitted);
}

TEST(Gates, MissingAndStrangeMetricsFail) {
  EXPECT_EQ(DecideOne("auc >= 0.5", {{"acc", 1}}).lines[0].why,
            "the candidate has no metric 'auc' (it has: acc)");
  EXPECT_FALSE(DecideOne("auc >= 0.5", {{"auc", std::nan("")}}).admitted);
  EXPECT_FALSE(DecideOne("auc >= champion", {{"auc", 1}}, MetricMap{{"acc", 1}}).admitted);
  EXPECT_TRUE(
      DecideOne("auc >= champion", {{"auc", 0.1}}).admitted);  // the first model has nobody to beat
  EXPECT_TRUE(Decide({}, {}, std::nullopt).admitted);
}

TEST(Gates, DecisionsGoThroughJson) {
  const GateDecision decision =
      DecideOne("auc >= champion - 0.005", {{"auc", 0.70}}, MetricMap{{"auc", 0.71}});
  const auto back = GateDecisionFromJson(ToJson(decision));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(ToJson(*back), ToJson(decision));
}

TEST(GateRecords, AreWrittenOnceWithTheirEvent) {
  sql::testing::TestDatabase database;
  for (const sql::Schema* schema : {&RegistrySchema(), &lineage::LineageSchema(),
                                    &audit::AuditSchema(), &events::EventsSchema()}) {
    ASSERT_TRUE(database->Migrate(*schema).ok());
  }
  const Context context = Context::Background();
  DecisionRecord record;
  record.model = "delay";
  record.version = 3;
  record.champion_version = 2;
  record.candidate_metrics = {{"auc", 0.70}};
  record.champion_metrics = MetricMap{{"auc", 0.69}};
  record.decision = DecideOne("auc >= champion", record.candidate_metrics, record.champion_metrics);
  std::string id;
  for (int turn = 0; turn < 2; ++turn) {
    const auto written = database->WriteFor<DecisionRecord>(
        context,
        [&](sql::Transaction& transaction) { return RecordDecision(transaction, record); });
    ASSERT_TRUE(written.ok()) << written.status();
    if (turn == 0) id = written->id;
    EXPECT_EQ(written->id, id);
  }
  const Status status = database->Read(context, [&](sql::Session& session) -> Status {
    CAISSON_ASSIGN(const DecisionRecord found, FindDecision(session, "default", "delay", 3));
    EXPECT_EQ(found.id, id);
    EXPECT_EQ(found.champion_version, 2);
    EXPECT_EQ(found.champion_metrics->at("auc"), 0.69);
    EXPECT_TRUE(absl::IsNotFound(FindDecision(session, "default", "delay", 4).status()));
    CAISSON_ASSIGN(const auto events, events::List(session, "model_version.", "", 10));
    EXPECT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].type, "model_version.admitted");
    EXPECT_EQ(events[0].payload["decision_id"].AsString(), id);
    return OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
}  // namespace caisson::registry
