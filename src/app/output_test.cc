#include "app/output.h"

#include <gtest/gtest.h>

namespace caisson::app {
namespace {

TEST(TextTable, LinesUpItsColumns) {
  TextTable table({"name", "rows", "note"});
  table.Add({"a", "1,000", "x"});
  table.Add({"longer", "-", ""});
  EXPECT_EQ(table.ToString(),
            "NAME     ROWS  NOTE\n"
            "a       1,000  x\n"
            "longer      -\n");
}

TEST(TextTable, CountsCharactersNotBytes) {
  TextTable table({"name", "x"});
  table.Add({"Z\xc3\xbcrich", "a"});
  table.Add({"Bern", "b"});
  EXPECT_EQ(table.ToString(),
            "NAME    X\n"
            "Z\xc3\xbcrich  a\n"
            "Bern    b\n");
}

TEST(TextTable, NumbersWithUnitsStandToTheRight) {
  TextTable table({"p99"});
  table.Add({"12.5 ms"});
  table.Add({"9.1 ms"});
  EXPECT_EQ(table.ToString(), "    P99\n12.5 ms\n 9.1 ms\n");
}

TEST(TextTable, SaysThatThereIsNothing) {
  EXPECT_EQ(TextTable({"name"}).ToString(), "(none)\n");
  EXPECT_EQ(TextTable({"name"}).ToString("no runs yet\n"), "no runs yet\n");
}

TEST(Paint, IsPlainWhereNobodyLooks) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(Paint("ok", Colour::kGreen), "ok");
  testing::internal::GetCapturedStdout();
}

}  // namespace
}  // namespace caisson::app
