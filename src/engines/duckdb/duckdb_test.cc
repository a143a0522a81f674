#include "engines/duckdb/duckdb.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"

namespace caisson::duckdb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const Context kContext = Context::Background();

std::unique_ptr<Database> Open(const Options& options = {}) {
  auto database = Database::Open(options);
  EXPECT_TRUE(database.ok()) << database.status();
  return database.ok() ? *std::move(database) : nullptr;
}

// The only cell of a result.
Json Cell(Database& database, std::string_view statement) {
  const auto table = database.QueryTable(kContext, statement);
  EXPECT_TRUE(table.ok()) << table.status();
  if (!table.ok() || table->rows.size() != 1) return Json("no single row");
  return table->rows[0][0];
}

TEST(Duckdb, TheVersionIsTheLibrarys) { EXPECT_THAT(*Version(), StartsWith("v1.")); }

TEST(Duckdb, ReadsEveryTypeByItsRealWidth) {
  auto database = Open();
  const auto table =
      database->QueryTable(kContext,
                           "SELECT true AS b, (-7)::TINYINT AS i1, (-300)::SMALLINT AS i2, "
                           "(-70000)::INTEGER AS i4, (-5000000000)::BIGINT AS i8, "
                           "250::UTINYINT AS u1, 65000::USMALLINT AS u2, 4000000000::UINTEGER AS "
                           "u4, 18000000000000000000::UBIGINT AS u8, "
                           "1.5::FLOAT AS f, 2.25::DOUBLE AS d, 123.45::DECIMAL(9,2) AS dec, "
                           "5::HUGEINT AS h, 'text' AS t, "
                           "DATE '2001-05-07' AS day, TIMESTAMP '2001-05-07 13:45:00.25' AS at, "
                           "'x'::ENUM('w', 'x') AS e, "
                           "TIMESTAMPTZ '2001-05-07 13:45:00+02' AS tz, NULL AS nothing");
  ASSERT_TRUE(table.ok()) << table.status();
  const auto& row = table->rows.at(0);
  EXPECT_EQ(row[0], Json(true));
  EXPECT_EQ(row[1], Json(-7));
  EXPECT_EQ(row[2], Json(-300));
  EXPECT_EQ(row[3], Json(-70000));
  EXPECT_EQ(row[4], Json(int64_t{-5000000000}));
  EXPECT_EQ(row[5], Json(250));
  EXPECT_EQ(row[6], Json(65000));
  EXPECT_EQ(row[7], Json(int64_t{4000000000}));
  EXPECT_EQ(row[8], Json(18000000000000000000.0));
  EXPECT_EQ(row[9], Json(1.5));
  EXPECT_EQ(row[10], Json(2.25));
  EXPECT_EQ(row[11], Json(123.45));
  EXPECT_EQ(row[12], Json(5));
  EXPECT_EQ(row[13], Json("text"));
  EXPECT_EQ(row[14], Json("2001-05-07"));
  EXPECT_EQ(row[15], Json("2001-05-07 13:45:00.25"));
  EXPECT_EQ(row[16], Json("x"));
  EXPECT_EQ(row[17], Json("2001-05-07 11:45:00+00"));
  EXPECT_TRUE(row[18].is_null());
  EXPECT_EQ(table->columns[11].type_name, "DECIMAL(9,2)");
  EXPECT_EQ(table->columns[4].type, ColumnType::kInteger);
  EXPECT_EQ(table->columns[15].type, ColumnType::kTimestamp);
}

// Our printing of scalars must agree with DuckDB's own cast, over many values.
TEST(Duckdb, PrintsAsDuckdbDoes) {
  auto database = Open();
  for (const char* value :
       {"(i * 0.37)::DOUBLE", "(i * 0.37)::FLOAT", "(i * 1e17)::DOUBLE", "(i * 1e-7)::DOUBLE",
        "(i * 0.01)::DECIMAL(12,3)", "DATE '0030-01-01' - (i * 1000)::INTEGER",
        "TIMESTAMP '1969-12-31 23:00:00' + INTERVAL (i * 12345678) MICROSECOND",
        "(TIMESTAMP '2001-01-01' + INTERVAL (i) MILLISECOND)::TIMESTAMP_MS",
        "(TIMESTAMP '2001-01-01' + INTERVAL (i) HOUR)::TIMESTAMP_S",
        "(TIMESTAMP '1960-01-01' + INTERVAL (i) MICROSECOND)::TIMESTAMP_NS",
        "TIME '00:00:00' + INTERVAL (i * 7654321) MICROSECOND", "md5(i::VARCHAR)::UUID",
        "(i::HUGEINT * 123456789012345678901)", "(i::UHUGEINT * 123456789012345678901)",
        "'a\\x00\\xFF''\"z'::BLOB", "(i % 2 = 0)", "i::UTINYINT", "repeat('x', i::INTEGER)"}) {
    size_t rows = 0;
    const Status status = database->Query(
        kContext,
        fmt::format("SELECT {0} AS v, ({0})::VARCHAR AS t FROM range(200) AS r(i)", value),
        [&](const std::vector<Column>&, const Chunk& chunk) {
          for (size_t row = 0; row < chunk.row_count(); ++row) {
            EXPECT_EQ(chunk.Text(0, row), chunk.Text(1, row)) << value;
            ++rows;
          }
          return OkStatus();
        });
    EXPECT_TRUE(status.ok()) << value << ": " << status;
    EXPECT_EQ(rows, 200u);
  }
}

TEST(Duckdb, NestedAndRareTypesArriveAsText) {
  auto database = Open();
  EXPECT_EQ(Cell(*database, "SELECT [1, 2, NULL]"), Json("[1, 2, NULL]"));
  EXPECT_EQ(Cell(*database, "SELECT {'a': 1, 'b': 'x'} AS s;"), Json("{'a': 1, 'b': x}"));
  EXPECT_EQ(Cell(*database, "SELECT INTERVAL 90 MINUTE -- a comment"), Json("01:30:00"));
  const auto columns =
      database->Describe(kContext, "SELECT [1] AS l, {'a': 1, 'b': ['x']} AS s, MAP {'k': 1} AS m");
  ASSERT_TRUE(columns.ok());
  EXPECT_EQ(columns->at(0).type_name, "INTEGER[]");
  EXPECT_EQ(columns->at(1).type_name, "STRUCT(a INTEGER, b VARCHAR[])");
  EXPECT_EQ(columns->at(2).type_name, "MAP(VARCHAR, INTEGER)");
  EXPECT_EQ(columns->at(0).type, ColumnType::kOther);
}

TEST(Duckdb, SumsOfIntegersAreIntegersAndHugeOnesNumbers) {
  auto database = Open();
  EXPECT_EQ(Cell(*database, "SELECT sum(i) FROM range(10) AS r(i)"), Json(45));
  EXPECT_TRUE(Cell(*database, "SELECT 100000000000000000000::HUGEINT").is_double());
}

TEST(Duckdb, NullsAreSeenInEveryReader) {
  auto database = Open();
  std::vector<float> floats;
  size_t nulls = 0;
  ASSERT_TRUE(
      database
          ->Query(kContext,
                  "SELECT CASE WHEN i % 3 = 0 THEN NULL ELSE i END AS v FROM range(5000) AS r(i)",
                  [&](const std::vector<Column>&, const Chunk& chunk) {
                    const size_t before = floats.size();
                    floats.resize(before + chunk.row_count());
                    chunk.CopyFloats(0, floats.data() + before);
                    for (size_t row = 0; row < chunk.row_count(); ++row) {
                      nulls += chunk.IsNull(0, row) ? 1 : 0;
                      EXPECT_EQ(chunk.IsNull(0, row), std::isnan(chunk.Double(0, row)));
                    }
                    return OkStatus();
                  })
          .ok());
  ASSERT_EQ(floats.size(), 5000u);
  EXPECT_EQ(nulls, 1667u);
  for (size_t i = 0; i < floats.size(); ++i) {
    if (i % 3 == 0) {
      EXPECT_TRUE(std::isnan(floats[i]));
    } else {
      EXPECT_EQ(floats[i], static_cast<float>(i));
    }
  }
}

TEST(Duckdb, RowsKeepTheOrderOfTheFile) {
  auto folder = TemporaryDirectory::Create();
  const std::string file = QuoteText(JoinPath(folder->path(), "ordered.parquet"));
  auto database = Open({.threads = 4});
  ASSERT_TRUE(database
                  ->Execute(kContext, "COPY (SELECT i, i / 7 AS x FROM range(600000) AS r(i)) TO " +
                                          file + " (FORMAT parquet, ROW_GROUP_SIZE 20000)")
                  .ok());
  int64_t next = 0;
  ASSERT_TRUE(database
                  ->Query(kContext, "SELECT i FROM " + file,
                          [&](const std::vector<Column>&, const Chunk& chunk) {
                            for (size_t row = 0; row < chunk.row_count(); ++row) {
                              if (chunk.Int(0, row) != next)
                                return Internal("row {} is {}", next, chunk.Int(0, row));
                              ++next;
                            }
                            return OkStatus();
                          })
                  .ok());
  EXPECT_EQ(next, 600000);
}

TEST(Duckdb, ExecutesSeveralStatementsThatBuildOnEachOther) {
  auto database = Open();
  ASSERT_TRUE(
      database->Execute(kContext, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2);")
          .ok());
  EXPECT_EQ(Cell(*database, "SELECT count(*) FROM t"), Json(2));
  EXPECT_TRUE(database->Execute(kContext, "  -- nothing\n").ok());
}

TEST(Duckdb, ErrorsAreOneLineAndNameTheProblem) {
  auto database = Open();
  const Status missing =
      database->QueryTable(kContext, "SELECT\n nope FROM range(3) AS r(yes)").status();
  EXPECT_EQ(missing.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(missing), HasSubstr("\"nope\""));
  EXPECT_THAT(Message(missing), HasSubstr("(line 2: nope FROM"));
  EXPECT_THAT(Message(missing), Not(HasSubstr("\n")));
  EXPECT_EQ(database->Execute(kContext, "SELEC 1").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(database->QueryTable(kContext, "FROM '/nowhere/x.parquet'").status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(database->QueryTable(kContext, "SELECT 'x'::INTEGER FROM range(3)").status().code(),
            StatusCode::kInvalidArgument);
}

TEST(Duckdb, OneStatementIsExpectedWhereRowsAre) {
  auto database = Open();
  EXPECT_THAT(Message(database->QueryTable(kContext, "SELECT 1; SELECT 2").status()),
              HasSubstr("the text has 2"));
  EXPECT_THAT(Message(database->QueryTable(kContext, "").status()), HasSubstr("empty"));
}

TEST(Duckdb, ACorruptFileIsAnError) {
  auto folder = TemporaryDirectory::Create();
  const std::string path = JoinPath(folder->path(), "torn.parquet");
  auto database = Open();
  ASSERT_TRUE(database
                  ->Execute(kContext, "COPY (SELECT i FROM range(10000) AS r(i)) TO " +
                                          QuoteText(path) + " (FORMAT parquet)")
                  .ok());
  const std::string whole = *ReadFile(path);
  ASSERT_TRUE(WriteFileAtomic(path, std::string_view(whole).substr(0, whole.size() / 2)).ok());
  const Status status =
      database->QueryTable(kContext, "SELECT sum(i) FROM " + QuoteText(path)).status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(Message(status), HasSubstr("torn.parquet"));
}

TEST(Duckdb, NothingIsFetchedFromTheNetwork) {
  auto database = Open();
  EXPECT_EQ(Cell(*database, "SELECT current_setting('autoinstall_known_extensions')"), Json(false));
  EXPECT_EQ(Cell(*database, "SELECT current_setting('autoload_known_extensions')"), Json(false));
  EXPECT_FALSE(database->QueryTable(kContext, "FROM 'https://example.invalid/x.parquet'").ok());
}

TEST(Duckdb, TheMemoryLimitHolds) {
  auto database = Open({.threads = 1, .memory_limit = "60MB"});
  const Status status =
      database
          ->QueryTable(
              kContext,
              "SELECT count(*) FROM (SELECT DISTINCT hash(i) AS h FROM range(20000000) AS r(i))")
          .status();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(Open()->Execute(kContext, "SELECT 1"), OkStatus());
}

TEST(Duckdb, WrongOptionsAreRefused) {
  EXPECT_THAT(Message(Database::Open({.memory_limit = "many"}).status()), HasSubstr("many"));
  EXPECT_THAT(Message(Database::Open({.threads = 0}).status()), HasSubstr("threads = 0"));
}

// Endless for all practical purposes: 10^12 rows.
constexpr const char* kEndless =
    "SELECT count(*) FROM range(1000000) AS a(i), range(1000000) AS b(j) WHERE hash(i + j) % "
    "1000000007 = 5";

TEST(Duckdb, ADeadlineEndsAStatement) {
  auto database = Open({.threads = 1});
  const auto start = std::chrono::steady_clock::now();
  const Status status =
      database->QueryTable(kContext.WithTimeout(std::chrono::milliseconds(50)), kEndless).status();
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded) << status;
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  // The database is as good as before.
  EXPECT_EQ(Cell(*database, "SELECT 42"), Json(42));
}

// The rows stream out of a scan without a blocking operator: after the first chunk the time is
// spent inside one fetch.
TEST(Duckdb, ACancellationEndsAFetch) {
  auto database = Open({.threads = 1});
  CancelSource source;
  size_t chunks = 0;
  const Status status = database->Query(
      kContext.WithCancel(source),
      "SELECT i FROM range(1000000000000) AS r(i) WHERE i < 1000000 OR hash(i) % 1000000007 = 5",
      [&](const std::vector<Column>&, const Chunk& chunk) {
        if (chunk.Int(0, 0) == 0) source.Cancel();
        ++chunks;
        return OkStatus();
      });
  EXPECT_EQ(status.code(), StatusCode::kCancelled) << status;
  EXPECT_GE(chunks, 1u);
}

TEST(Duckdb, AContextThatHasEndedStartsNothing) {
  auto database = Open();
  CancelSource source;
  source.Cancel();
  EXPECT_EQ(database->Execute(kContext.WithCancel(source), "CREATE TABLE t (a INTEGER)").code(),
            StatusCode::kCancelled);
  EXPECT_FALSE(database->Execute(kContext, "FROM t").ok());
}

TEST(Duckdb, ACallbackEndsTheQueryWithItsOwnError) {
  auto database = Open();
  size_t calls = 0;
  const Status status = database->Query(kContext, "FROM range(100000)",
                                        [&](const std::vector<Column>&, const Chunk&) {
                                          ++calls;
                                          return DataLoss("enough");
                                        });
  EXPECT_EQ(Message(status), "enough");
  EXPECT_EQ(calls, 1u);
  EXPECT_EQ(Cell(*database, "SELECT 42"), Json(42));
}

TEST(Duckdb, AStatementInsideACallbackIsRefused) {
  auto database = Open();
  const Status status =
      database->Query(kContext, "FROM range(3)", [&](const std::vector<Column>&, const Chunk&) {
        return database->Execute(kContext, "SELECT 1");
      });
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
}

TEST(Duckdb, ThreadsTakeTurns) {
  auto database = Open();
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const auto table = database->QueryTable(
            kContext, fmt::format("SELECT {} + sum(i) FROM range(1000) AS r(i)", t));
        if (table.ok() && table->rows[0][0] == Json(t + 499500)) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 80);
}

TEST(Duckdb, ATableStopsAtItsLimitAndSaysSo) {
  auto database = Open();
  const auto table = database->QueryTable(kContext, "FROM range(10)", 3);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->rows.size(), 3u);
  EXPECT_TRUE(table->truncated);
  EXPECT_FALSE(database->QueryTable(kContext, "FROM range(3)", 3)->truncated);
}

TEST(Duckdb, AnEmptyResultStillHasColumns) {
  auto database = Open();
  const auto table = database->QueryTable(kContext, "SELECT 1 AS a, 'x' AS b WHERE false");
  ASSERT_TRUE(table.ok());
  ASSERT_EQ(table->columns.size(), 2u);
  EXPECT_EQ(table->columns[1].name, "b");
}

TEST(Duckdb, QuotesNamesAndTexts) {
  EXPECT_EQ(QuoteText("it's"), "'it''s'");
  EXPECT_EQ(QuoteName("a\"b"), "\"a\"\"b\"");
  auto database = Open();
  EXPECT_EQ(Cell(*database, "SELECT " + QuoteText("it's") + " AS " + QuoteName("a\"b")),
            Json("it's"));
}

}  // namespace
}  // namespace caisson::duckdb
