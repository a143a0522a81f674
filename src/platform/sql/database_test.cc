#include "platform/sql/database.h"

#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "platform/sql/testing.h"

namespace caisson::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest()
      : database_(
            "CREATE TABLE test_items (id BIGINT PRIMARY KEY, name TEXT, size DOUBLE PRECISION);") {}

  Status Put(int64_t id, std::string_view name) {
    return database_->Write(context_, [&](Transaction& transaction) {
      return transaction.Execute("INSERT INTO test_items (id, name) VALUES ($1, $2)", {id, name})
          .status();
    });
  }
  int64_t Count() {
    return *database_->ReadFor<int64_t>(context_, [](Session& session) -> Result<int64_t> {
      int64_t count = 0;
      CAISSON_TRY(session.Query("SELECT count(*) FROM test_items", {}, [&](const Row& row) {
        count = row.Int(0);
        return OkStatus();
      }));
      return count;
    });
  }

  const Context context_ = Context::Background();
  testing::TestDatabase database_;
};

TEST_F(DatabaseTest, KeepsEveryKindOfValue) {
  const std::string bytes("a\0b", 3);
  ASSERT_TRUE(database_
                  ->Write(context_,
                          [&](Transaction& transaction) -> Status {
                            CAISSON_TRY(
                                transaction.Execute("CREATE TABLE test_kinds (a BIGINT, b DOUBLE "
                                                    "PRECISION, c TEXT, d BLOB, e TEXT, f TEXT)"));
                            return transaction
                                .Execute("INSERT INTO test_kinds VALUES ($1, $2, $3, $4, $5, $6)",
                                         {INT64_MIN, 0.1, "Zürich", Bytes{bytes},
                                          std::optional<std::string>(), std::string_view()})
                                .status();
                          })
                  .ok());
  int rows = 0;
  ASSERT_TRUE(database_
                  ->Read(context_,
                         [&](Session& session) {
                           return session.Query("SELECT * FROM test_kinds", {},
                                                [&](const Row& row) {
                                                  ++rows;
                                                  EXPECT_EQ(row.Int(0), INT64_MIN);
                                                  EXPECT_EQ(row.Double(1), 0.1);
                                                  EXPECT_EQ(row.Text(2), "Zürich");
                                                  EXPECT_EQ(row.String(3), bytes);
                                                  EXPECT_TRUE(row.IsNull(4));
                                                  EXPECT_EQ(row.Text(4), "");
                                                  EXPECT_EQ(row.OptionalString(4), std::nullopt);
                                                  EXPECT_FALSE(row.IsNull(5));
                                                  EXPECT_EQ(row.OptionalString(5), "");
                                                  return OkStatus();
                                                });
                         })
                  .ok());
  EXPECT_EQ(rows, 1);
}

TEST_F(DatabaseTest, BindsParametersByTheirNumber) {
  const auto found = database_->ReadFor<std::vector<std::string>>(context_, [](Session& session) {
    return session.QueryAll<std::string>("SELECT $2 || $1 || $2", {"one", "two"},
                                         [](const Row& row) { return row.String(0); });
  });
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(*found, ElementsAre("twoonetwo"));
}

TEST_F(DatabaseTest, ExplainsWrongStatements) {
  const auto run = [&](std::string_view text, const Parameters& parameters) {
    return database_->Write(context_, [&](Transaction& transaction) {
      return transaction.Execute(text, parameters).status();
    });
  };
  EXPECT_THAT(Message(run("SELECT $1, $2", {1})),
              HasSubstr("1 parameters were passed, the statement has 2"));
  EXPECT_THAT(Message(run("SELECT ?", {1})), HasSubstr("is not of the form $1"));
  EXPECT_THAT(Message(run("SELECT 1; SELECT 2", {})), HasSubstr("more than one SQL statement"));
  EXPECT_EQ(run("SELEKT 1", {}).code(), StatusCode::kInternal);
  EXPECT_THAT(Message(run("SELEKT 1", {})), HasSubstr("SELEKT"));
  EXPECT_TRUE(run("SELECT 1;\n", {}).ok());
}

TEST_F(DatabaseTest, CountsChangedRows) {
  ASSERT_TRUE(Put(1, "a").ok());
  ASSERT_TRUE(Put(2, "b").ok());
  ASSERT_TRUE(
      database_
          ->Write(context_,
                  [&](Transaction& transaction) -> Status {
                    EXPECT_EQ(*transaction.Execute("UPDATE test_items SET size = $1", {1.5}), 2);
                    EXPECT_EQ(*transaction.Execute("CREATE TABLE test_other (a BIGINT)"), 0);
                    EXPECT_EQ(*transaction.Execute("DELETE FROM test_items WHERE id = $1", {99}),
                              0);
                    return OkStatus();
                  })
          .ok());
}

TEST_F(DatabaseTest, NamesTheBrokenConstraint) {
  ASSERT_TRUE(Put(1, "a").ok());
  const Status status = Put(1, "b");
  EXPECT_EQ(status.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(Message(status), HasSubstr("test_items.id"));
  ASSERT_TRUE(
      database_
          ->Write(context_,
                  [](Transaction& transaction) -> Status {
                    CAISSON_TRY(transaction.Execute(
                        "CREATE TABLE test_children (id BIGINT NOT NULL REFERENCES test_items (id),"
                        " age BIGINT CHECK (age > 0))"));
                    const auto insert = [&](const Parameters& parameters) {
                      return transaction
                          .Execute("INSERT INTO test_children VALUES ($1, $2)", parameters)
                          .status()
                          .code();
                    };
                    EXPECT_EQ(insert({7, 1}), StatusCode::kFailedPrecondition);
                    EXPECT_EQ(insert({nullptr, 1}), StatusCode::kInvalidArgument);
                    EXPECT_EQ(insert({1, 0}), StatusCode::kInvalidArgument);
                    EXPECT_EQ(insert({1, 1}), StatusCode::kOk);
                    return OkStatus();
                  })
          .ok());
}

TEST_F(DatabaseTest, AReadSeesOneSnapshot) {
  ASSERT_TRUE(Put(1, "a").ok());
  ASSERT_TRUE(database_
                  ->Read(context_,
                         [&](Session& session) -> Status {
                           const auto count = [&] {
                             return session.QueryOne<int64_t>(
                                 "SELECT count(*) FROM test_items", {},
                                 [](const Row& row) { return row.Int(0); });
                           };
                           EXPECT_EQ(**count(), 1);
                           CAISSON_TRY(Put(2, "b"));
                           EXPECT_EQ(**count(), 1);
                           return OkStatus();
                         })
                  .ok());
  EXPECT_EQ(Count(), 2);
}

TEST_F(DatabaseTest, AReaderCannotWrite) {
  const Status status = database_->Read(context_, [](Session& session) {
    return session.Execute("DELETE FROM test_items").status();
  });
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << status;
}

TEST_F(DatabaseTest, AQueryStopsAtTheCallersError) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Put(i, "x").ok());
  int seen = 0;
  const Status status = database_->Read(context_, [&](Session& session) {
    return session.Query("SELECT id FROM test_items ORDER BY id", {},
                         [&](const Row&) { return ++seen == 3 ? Aborted("enough") : OkStatus(); });
  });
  EXPECT_EQ(status.code(), StatusCode::kAborted);
  EXPECT_EQ(seen, 3);
}

// The cached statement is running when the same text is asked for again.
TEST_F(DatabaseTest, AQueryMayRunInsideItself) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Put(i, "x").ok());
  int pairs = 0;
  ASSERT_TRUE(database_
                  ->Read(context_,
                         [&](Session& session) {
                           constexpr std::string_view kText = "SELECT id FROM test_items";
                           return session.Query(kText, {}, [&](const Row&) {
                             return session.Query(kText, {}, [&](const Row&) {
                               ++pairs;
                               return OkStatus();
                             });
                           });
                         })
                  .ok());
  EXPECT_EQ(pairs, 9);
}

TEST_F(DatabaseTest, MoreStatementsThanTheCacheHolds) {
  ASSERT_TRUE(database_
                  ->Read(context_,
                         [&](Session& session) -> Status {
                           for (int round = 0; round < 2; ++round) {
                             for (int i = 0; i < 600; ++i) {
                               int64_t value = -1;
                               CAISSON_TRY(session.Query(fmt::format("SELECT {}", i), {},
                                                         [&](const Row& row) {
                                                           value = row.Int(0);
                                                           return OkStatus();
                                                         }));
                               EXPECT_EQ(value, i);
                             }
                           }
                           return OkStatus();
                         })
                  .ok());
}

constexpr std::string_view kEndless =
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";

TEST_F(DatabaseTest, ADeadlineEndsARead) {
  const Context hurried = context_.WithTimeout(std::chrono::milliseconds(20));
  const Status status = database_->Read(hurried, [](Session& session) {
    return session.Query(kEndless, {}, [](const Row&) { return OkStatus(); });
  });
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded) << status;
  EXPECT_EQ(Count(), 0);
}

TEST_F(DatabaseTest, ACancellationEndsARead) {
  CancelSource cancel;
  const Status status = database_->Read(context_.WithCancel(cancel), [&](Session& session) {
    cancel.Cancel();
    return session.Query(kEndless, {}, [](const Row&) { return OkStatus(); });
  });
  EXPECT_EQ(status.code(), StatusCode::kCancelled) << status;
}

TEST_F(DatabaseTest, NestedCallsAreRefused) {
  const auto nothing = [](Session&) { return OkStatus(); };
  Status inner;
  ASSERT_TRUE(database_
                  ->Read(context_,
                         [&](Session&) {
                           inner = database_->Read(context_, nothing);
                           return OkStatus();
                         })
                  .ok());
  EXPECT_EQ(inner.code(), StatusCode::kInternal);
  ASSERT_TRUE(database_
                  ->Write(context_,
                          [&](Transaction&) {
                            inner = database_->Write(context_, nothing);
                            return OkStatus();
                          })
                  .ok());
  EXPECT_EQ(inner.code(), StatusCode::kInternal);
}

TEST_F(DatabaseTest, ReadersWaitForAConnectionUntilTheirDeadline) {
  testing::TestDatabase small("CREATE TABLE test_items (id BIGINT);", {.readers = 1});
  std::optional<Status> other;
  ASSERT_TRUE(small
                  ->Read(context_,
                         [&](Session&) {
                           std::thread([&] {
                             other =
                                 small->Ping(context_.WithTimeout(std::chrono::milliseconds(5)));
                           }).join();
                           return OkStatus();
                         })
                  .ok());
  EXPECT_EQ(other->code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(small->Ping(context_).ok());
}

TEST_F(DatabaseTest, BacksUpWhileOthersWrite) {
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Put(i, std::string(1000, 'x')).ok());
  const std::string copy = database_.folder() + "/backup/copy.db";
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 100; !stop; ++i) ASSERT_TRUE(Put(i, std::string(1000, 'x')).ok());
  });
  const Status status = database_->BackupTo(context_, copy);
  stop = true;
  writer.join();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(database_->BackupTo(context_, copy).code(), StatusCode::kAlreadyExists);

  const SystemClock clock;
  telemetry::Registry metrics;
  const auto restored = Database::Open({.path = copy}, clock, metrics);
  ASSERT_TRUE(restored.ok()) << restored.status();
  ASSERT_TRUE((*restored)
                  ->Read(context_,
                         [](Session& session) -> Status {
                           std::string verdict;
                           int64_t rows = 0;
                           CAISSON_TRY(
                               session.Query("PRAGMA integrity_check", {}, [&](const Row& row) {
                                 verdict = row.String(0);
                                 return OkStatus();
                               }));
                           CAISSON_TRY(session.Query("SELECT count(*), max(id) + 1 FROM test_items",
                                                     {}, [&](const Row& row) {
                                                       rows = row.Int(0);
                                                       EXPECT_EQ(row.Int(0), row.Int(1));
                                                       return OkStatus();
                                                     }));
                           EXPECT_EQ(verdict, "ok");
                           EXPECT_GE(rows, 100);
                           return OkStatus();
                         })
                  .ok());
}

TEST_F(DatabaseTest, WhatWasWrittenIsThereAfterReopening) {
  ASSERT_TRUE(Put(5, "five").ok());
  database_.Reopen();
  EXPECT_EQ(Count(), 1);
  EXPECT_TRUE(database_->Ping(context_).ok());
}

TEST(DatabaseOpenTest, AFileThatIsNoDatabaseIsDataLoss) {
  const auto folder = TemporaryDirectory::Create();
  const std::string path = folder->path() + "/main.db";
  ASSERT_TRUE(WriteFileAtomic(path, std::string(8192, 'x')).ok());
  const SystemClock clock;
  telemetry::Registry metrics;
  const auto opened = Database::Open({.path = path}, clock, metrics);
  EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss) << opened.status();
  EXPECT_THAT(Message(opened.status()), HasSubstr(path));
}

}  // namespace
}  // namespace caisson::sql
