#include "platform/events/outbox.h"

#include <atomic>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/sql/testing.h"

namespace caisson::events {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kTraceId[] = "0af7651916cd43dd8448eb211c80319c";

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest() : database_(EventsSchema()) {
    const sql::Schema schema{
        "test",
        {{1, "seen", "CREATE TABLE test_seen (consumer TEXT, sequence BIGINT, subject TEXT);"}}};
    EXPECT_TRUE(database_->Migrate(schema).ok());
  }

  std::unique_ptr<Outbox> MakeOutbox() {
    return std::make_unique<Outbox>(*database_, clock_, database_.metrics());
  }

  int64_t Emit(std::string_view type, std::string_view subject) {
    return *database_->WriteFor<int64_t>(
        context_.WithProject("flights").WithTraceId(kTraceId), [&](sql::Transaction& transaction) {
          return Append(transaction, type, subject, Json::Of({{"n", 1}}));
        });
  }

  // A handler that writes what it sees into the table.
  static Handler Recorder(const std::string& consumer) {
    return [consumer](sql::Transaction& transaction, const Event& event) {
      return transaction
          .Execute("INSERT INTO test_seen VALUES ($1, $2, $3)",
                   {consumer, event.sequence, event.subject})
          .status();
    };
  }
  std::vector<std::string> Seen(std::string_view consumer) {
    return *database_->ReadFor<std::vector<std::string>>(context_, [&](sql::Session& session) {
      return session.QueryAll<std::string>(
          "SELECT subject FROM test_seen WHERE consumer = $1 ORDER BY rowid", {consumer},
          [](const sql::Row& row) { return row.String(0); });
    });
  }

  const Context context_ = Context::Background();
  // Long enough for any machine; nothing waits for its end when all is well.
  const Context patient_ = context_.WithTimeout(std::chrono::seconds(30));
  const SystemClock clock_;
  sql::testing::TestDatabase database_;
};

TEST_F(OutboxTest, DeliversInOrderWhatWasCommitted) {
  Emit("a", "1");
  auto outbox = MakeOutbox();
  outbox->Subscribe("one", {}, Outbox::StartAt::kFirst, Recorder("one"));
  ASSERT_TRUE(outbox->Start().ok());
  Emit("b", "2");
  EXPECT_FALSE(database_
                   ->Write(context_,
                           [](sql::Transaction& transaction) -> Status {
                             CAISSON_TRY(Append(transaction, "a", "rolled back", Json()));
                             return Aborted("no");
                           })
                   .ok());
  Emit("a", "3");
  ASSERT_TRUE(outbox->Drain(patient_).ok());
  EXPECT_THAT(Seen("one"), ElementsAre("1", "2", "3"));
}

TEST_F(OutboxTest, AnEventIsCompleteAndItsContextFollows) {
  auto outbox = MakeOutbox();
  Event seen;
  std::string project, principal, trace_id;
  outbox->Subscribe("one", {}, Outbox::StartAt::kFirst,
                    [&](sql::Transaction& transaction, const Event& event) {
                      seen = event;
                      project = transaction.context().project();
                      principal = transaction.context().principal();
                      trace_id = transaction.context().trace_id();
                      return OkStatus();
                    });
  ASSERT_TRUE(outbox->Start().ok());
  const int64_t sequence = Emit("monitor.drift_found", "endpoint/delay");
  ASSERT_TRUE(outbox->Drain(patient_).ok());
  EXPECT_EQ(seen.sequence, sequence);
  EXPECT_EQ(seen.type, "monitor.drift_found");
  EXPECT_EQ(seen.subject, "endpoint/delay");
  EXPECT_EQ(seen.project, "flights");
  EXPECT_EQ(seen.payload["n"].AsInt(), 1);
  EXPECT_EQ(project, "flights");
  EXPECT_EQ(principal, "system");
  EXPECT_EQ(trace_id, kTraceId);
}

TEST_F(OutboxTest, AConsumerGetsItsTypesOnly) {
  auto outbox = MakeOutbox();
  outbox->Subscribe("some", {"a", "c"}, Outbox::StartAt::kFirst, Recorder("some"));
  outbox->Subscribe("all", {}, Outbox::StartAt::kFirst, Recorder("all"));
  ASSERT_TRUE(outbox->Start().ok());
  for (const char* type : {"a", "b", "c", "b"}) Emit(type, type);
  ASSERT_TRUE(outbox->Drain(patient_).ok());
  EXPECT_THAT(Seen("some"), ElementsAre("a", "c"));
  EXPECT_THAT(Seen("all"), ElementsAre("a", "b", "c", "b"));
}

TEST_F(OutboxTest, ANewConsumerMayStartAtTheNewestEvent) {
  Emit("a", "old");
  auto outbox = MakeOutbox();
  outbox->Subscribe("late", {}, Outbox::StartAt::kNewest, Recorder("late"));
  ASSERT_TRUE(outbox->Start().ok());
  Emit("a", "new");
  ASSERT_TRUE(outbox->Drain(patient_).ok());
  EXPECT_THAT(Seen("late"), ElementsAre("new"));
}

TEST_F(OutboxTest, AConsumerGoesOnWhereItWas) {
  {
    auto outbox = MakeOutbox();
    outbox->Subscribe("one", {"a"}, Outbox::StartAt::kNewest, Recorder("one"));
    ASSERT_TRUE(outbox->Start().ok());
    Emit("a", "1");
    Emit("b", "unwanted");
    ASSERT_TRUE(outbox->Drain(patient_).ok());
  }
  Emit("a", "2");
  auto outbox = MakeOutbox();
  outbox->Subscribe("one", {"a"}, Outbox::StartAt::kNewest, Recorder("one"));
  ASSERT_TRUE(outbox->Start().ok());
  ASSERT_TRUE(outbox->Drain(patient_).ok());
  EXPECT_THAT(Seen("one"), ElementsAre("1", "2"));
}

TEST_F(OutboxTest, AFailedHandlerLeavesNothingAndIsTriedAgain) {
  auto outbox = MakeOutbox();
  std::atomic<int> attempts{0};
  outbox->Subscribe("shaky", {}, Outbox::StartAt::kFirst,
                    [&](sql::Transaction& transaction, const Event& event) -> Status {
                      CAISSON_TRY(Recorder("shaky")(transaction, event));
                      return ++attempts < 3 ? Unavailable("not yet") : OkStatus();
                    });
  outbox->Subscribe("steady", {}, Outbox::StartAt::kFirst, Recorder("steady"));
  ASSERT_TRUE(outbox->Start().ok());
  Emit("a", "1");
  Emit("a", "2");
  ASSERT_TRUE(outbox->Drain(patient_).ok());
  EXPECT_EQ(attempts.load(), 4);
  EXPECT_THAT(Seen("shaky"), ElementsAre("1", "2"));
  EXPECT_THAT(Seen("steady"), ElementsAre("1", "2"));
}

TEST_F(OutboxTest, DrainSaysWhoIsBehindAndWhy) {
  auto outbox = MakeOutbox();
  outbox->Subscribe("stuck", {}, Outbox::StartAt::kFirst, [](sql::Transaction&, const Event&) {
    return Unavailable("the moon is down");
  });
  ASSERT_TRUE(outbox->Start().ok());
  Emit("a", "1");
  // The delivery thread may need longer than one try for its first attempt on a busy machine.
  Status status;
  for (int i = 0; i < 200 && Message(status).find("moon") == std::string::npos; ++i) {
    status = outbox->Drain(context_.WithTimeout(std::chrono::milliseconds(20)));
  }
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Message(status), HasSubstr("the consumer stuck has seen event 0 of 1"));
  EXPECT_THAT(Message(status), HasSubstr("the moon is down"));
}

TEST_F(OutboxTest, StopEndsTheHandlersContext) {
  auto outbox = MakeOutbox();
  std::atomic<bool> entered{false};
  outbox->Subscribe("slow", {}, Outbox::StartAt::kFirst,
                    [&](sql::Transaction& transaction, const Event&) {
                      entered = true;
                      while (transaction.context().Check().ok()) std::this_thread::yield();
                      return transaction.context().Check();
                    });
  ASSERT_TRUE(outbox->Start().ok());
  Emit("a", "1");
  while (!entered) std::this_thread::yield();
  outbox->Stop();
}

// Many more events than one batch, most of them unwanted, so that the cursor is stored on the way.
TEST_F(OutboxTest, ALongLogIsWorkedOff) {
  ASSERT_TRUE(database_
                  ->Write(context_,
                          [&](sql::Transaction& transaction) -> Status {
                            for (int i = 1; i <= 3000; ++i)
                              CAISSON_TRY(Append(transaction, i % 1000 == 0 ? "a" : "b",
                                                 fmt::to_string(i), Json()));
                            return OkStatus();
                          })
                  .ok());
  auto outbox = MakeOutbox();
  outbox->Subscribe("one", {"a"}, Outbox::StartAt::kFirst, Recorder("one"));
  outbox->Subscribe("none", {"z"}, Outbox::StartAt::kFirst, Recorder("none"));
  ASSERT_TRUE(outbox->Start().ok());
  ASSERT_TRUE(outbox->Drain(patient_).ok());
  EXPECT_THAT(Seen("one"), ElementsAre("1000", "2000", "3000"));
  outbox->Stop();
  const auto stored =
      database_->ReadFor<std::optional<int64_t>>(context_, [](sql::Session& session) {
        return session.QueryOne<int64_t>(
            "SELECT sequence FROM events_cursors WHERE consumer = 'none'", {},
            [](const sql::Row& row) { return row.Int(0); });
      });
  EXPECT_GE(**stored, 2000);
}

TEST_F(OutboxTest, ListsTheNewestByPrefix) {
  Emit("monitor.drift_found", "endpoint/delay");
  Emit("model_version.admitted", "model/delay/1");
  Emit("model_version.refused", "model/delay/2");
  const auto list = [&](std::string_view type, std::string_view subject, int limit) {
    std::vector<std::string> subjects;
    const auto events = database_->ReadFor<std::vector<Event>>(
        context_, [&](sql::Session& session) { return List(session, type, subject, limit); });
    for (const Event& event : *events) subjects.push_back(event.subject);
    return subjects;
  };
  EXPECT_THAT(list("", "", 10), ElementsAre("model/delay/2", "model/delay/1", "endpoint/delay"));
  EXPECT_THAT(list("", "", 1), ElementsAre("model/delay/2"));
  EXPECT_THAT(list("model_version.", "", 10), ElementsAre("model/delay/2", "model/delay/1"));
  EXPECT_THAT(list("", "endpoint/", 10), ElementsAre("endpoint/delay"));
  EXPECT_THAT(list("model_version.", "endpoint/", 10), ElementsAre());
}

}  // namespace
}  // namespace caisson::events
