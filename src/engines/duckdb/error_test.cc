#include "engines/duckdb/internal/error.h"

#include <gtest/gtest.h>

namespace caisson::duckdb {
namespace {

TEST(ErrorStatus, FoldsTheExcerptIntoOneLine) {
  const Status status = ErrorStatus(
      "Binder Error: Referenced column \"x\" not found in FROM clause!\nCandidate bindings: \"a\", "
      "\"b\"\n\n"
      "LINE 2: WHERE x > 1\n              ^");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Message(status),
            "DuckDB: Binder Error: Referenced column \"x\" not found in FROM clause! Candidate "
            "bindings: \"a\", \"b\" "
            "(line 2: WHERE x > 1)");
}

TEST(ErrorStatus, KeepsAFewCandidates) {
  EXPECT_EQ(Message(ErrorStatus("Binder Error: No function\n\tCandidate "
                                "functions:\n\t+(A)\n\t+(B)\n\t+(C)\n\t+(D)\n\t+(E)\n")),
            "DuckDB: Binder Error: No function Candidate functions: +(A) +(B) +(C)");
}

TEST(ErrorStatus, DropsStackTraces) {
  EXPECT_EQ(Message(ErrorStatus("INTERNAL Error: broken\n\nStack Trace:\n\n0x1 0x2")),
            "DuckDB: INTERNAL Error: broken");
}

TEST(ErrorStatus, TheKindDecidesTheCode) {
  const auto code = [](std::string_view text) { return ErrorStatus(text).code(); };
  EXPECT_EQ(code("IO Error: No files found that match the pattern \"x\""), StatusCode::kNotFound);
  EXPECT_EQ(code("IO Error: Could not write file: No space left on device"),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(code("Out of Memory Error: failed to pin"), StatusCode::kResourceExhausted);
  EXPECT_EQ(code("INTERRUPT Error: Interrupted!"), StatusCode::kCancelled);
  EXPECT_EQ(code("INTERNAL Error: x"), StatusCode::kInternal);
  EXPECT_EQ(code("Parser Error: syntax error"), StatusCode::kInvalidArgument);
  EXPECT_EQ(Message(ErrorStatus("")), "DuckDB: unknown error");
}

}  // namespace
}  // namespace caisson::duckdb
