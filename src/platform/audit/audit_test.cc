#include "platform/audit/audit.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "platform/sql/testing.h"

namespace caisson::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AuditTest : public ::testing::Test {
 protected:
  AuditTest() : database_(AuditSchema(), &clock_) {}

  Status Add(std::string_view action, std::string_view object,
             const std::string& project = "flights") {
    const Context context = Context::Background().WithPrincipal("ada").WithProject(project);
    return database_->Write(context, [&](sql::Transaction& transaction) {
      return Append(transaction, action, object, Json::Of({{"auc", 0.7}}));
    });
  }
  std::vector<std::string> Objects(const Filter& filter) {
    const auto entries = database_->ReadFor<std::vector<Entry>>(
        context_, [&](sql::Session& session) { return List(session, filter); });
    std::vector<std::string> objects;
    for (const Entry& entry : *entries) objects.push_back(entry.object);
    return objects;
  }
  Status Verify() {
    return database_->Read(context_, [](sql::Session& session) { return VerifyChain(session); });
  }
  // Changes what must not be changed, as somebody with the file in his hands can.
  void Tamper(std::string_view statement) {
    ASSERT_TRUE(database_
                    ->Write(context_,
                            [&](sql::Transaction& transaction) -> Status {
                              CAISSON_TRY(transaction.Execute(
                                  "DROP TRIGGER IF EXISTS audit_entries_no_update"));
                              CAISSON_TRY(transaction.Execute(
                                  "DROP TRIGGER IF EXISTS audit_entries_no_delete"));
                              return transaction.Execute(statement).status();
                            })
                    .ok());
  }

  const Context context_ = Context::Background();
  FakeClock clock_{1'700'000'000'123};
  sql::testing::TestDatabase database_;
};

TEST_F(AuditTest, KeepsWhoWhatAndWhen) {
  ASSERT_TRUE(Add("model_version.promote", "model/delay/3").ok());
  const auto entries = database_->ReadFor<std::vector<Entry>>(
      context_, [](sql::Session& session) { return List(session, {}); });
  ASSERT_EQ(entries->size(), 1u);
  const Entry& entry = entries->front();
  EXPECT_EQ(entry.sequence, 1);
  EXPECT_EQ(entry.time, 1'700'000'000'123);
  EXPECT_EQ(entry.project, "flights");
  EXPECT_EQ(entry.principal, "ada");
  EXPECT_EQ(entry.action, "model_version.promote");
  EXPECT_EQ(entry.object, "model/delay/3");
  EXPECT_EQ(entry.detail["auc"].AsDouble(), 0.7);
  // The format that README.md describes, written out.
  EXPECT_EQ(entry.hash, Sha256("0:\n1:1\n13:1700000000123\n7:flights\n3:ada\n21:model_version."
                               "promote\n13:model/delay/3\n"
                               "11:{\"auc\":0.7}\n0:\n"));
}

TEST_F(AuditTest, Filters) {
  ASSERT_TRUE(Add("create", "model/a/1").ok());
  ASSERT_TRUE(Add("create", "model/ab/1").ok());
  ASSERT_TRUE(Add("promote", "model/a/1").ok());
  ASSERT_TRUE(Add("create", "endpoint/a", "other").ok());
  EXPECT_THAT(Objects({}), ElementsAre("endpoint/a", "model/a/1", "model/ab/1", "model/a/1"));
  EXPECT_THAT(Objects({.object_prefix = "model/a/"}), ElementsAre("model/a/1", "model/a/1"));
  EXPECT_THAT(Objects({.action = "promote"}), ElementsAre("model/a/1"));
  EXPECT_THAT(Objects({.project = "other"}), ElementsAre("endpoint/a"));
  EXPECT_THAT(Objects({.before_sequence = 3, .limit = 1}), ElementsAre("model/ab/1"));
}

TEST_F(AuditTest, ARolledBackChangeLeavesNoEntry) {
  ASSERT_TRUE(Add("create", "a").ok());
  EXPECT_FALSE(database_
                   ->Write(context_,
                           [](sql::Transaction& transaction) -> Status {
                             CAISSON_TRY(Append(transaction, "create", "b", Json()));
                             return Aborted("no");
                           })
                   .ok());
  ASSERT_TRUE(Add("create", "c").ok());
  EXPECT_THAT(Objects({}), ElementsAre("c", "a"));
  EXPECT_TRUE(Verify().ok());
}

TEST_F(AuditTest, EntriesCannotBeChangedByMistake) {
  ASSERT_TRUE(Add("create", "a").ok());
  for (const char* statement :
       {"UPDATE audit_entries SET principal = 'bob'", "DELETE FROM audit_entries"}) {
    const Status status = database_->Write(context_, [&](sql::Transaction& transaction) {
      return transaction.Execute(statement).status();
    });
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(Message(status), HasSubstr("audit entries are never"));
  }
  EXPECT_EQ(Add("", "a").code(), StatusCode::kInvalidArgument);
}

TEST_F(AuditTest, AWholeChainVerifies) {
  EXPECT_TRUE(Verify().ok());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Add("create", fmt::to_string(i)).ok());
  EXPECT_TRUE(Verify().ok());
}

TEST_F(AuditTest, EveryChangedFieldShows) {
  for (const char* field : {"time = 1", "project = 'x'", "principal = 'bob'", "action = 'x'",
                            "object = 'x'", "detail = '{}'", "trace_id = 'x'", "hash = 'x'"}) {
    sql::testing::TestDatabase fresh(AuditSchema());
    const auto write = [&](const std::function<Status(sql::Transaction&)>& function) {
      ASSERT_TRUE(fresh->Write(context_, function).ok());
    };
    for (int i = 0; i < 3; ++i)
      write([](sql::Transaction& transaction) { return Append(transaction, "do", "it", Json(1)); });
    write([](sql::Transaction& transaction) {
      return transaction.Execute("DROP TRIGGER audit_entries_no_update").status();
    });
    write([&](sql::Transaction& transaction) {
      return transaction
          .Execute(fmt::format("UPDATE audit_entries SET {} WHERE sequence = 2", field))
          .status();
    });
    const Status status =
        fresh->Read(context_, [](sql::Session& session) { return VerifyChain(session); });
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << field;
    EXPECT_THAT(Message(status), HasSubstr("audit entry 2")) << field;
  }
}

TEST_F(AuditTest, AMissingEntryShowsWhereverItWas) {
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(Add("create", fmt::to_string(i)).ok());
  Tamper("DELETE FROM audit_entries WHERE sequence = 5");
  EXPECT_THAT(Message(Verify()), HasSubstr("audit entry 5 is missing"));
  Tamper("DELETE FROM audit_entries WHERE sequence = 2");
  EXPECT_THAT(Message(Verify()), HasSubstr("audit entry 2 is missing"));
  Tamper("DELETE FROM audit_entries WHERE sequence = 1");
  EXPECT_THAT(Message(Verify()), HasSubstr("audit entry 1 is missing"));
}

}  // namespace
}  // namespace caisson::audit
