#include "engines/duckdb/internal/format.h"

#include <limits>

#include <gtest/gtest.h>

namespace caisson::duckdb {
namespace {

TEST(Format, Decimals) {
  EXPECT_EQ(FormatDecimal(12345, 2), "123.45");
  EXPECT_EQ(FormatDecimal(-5, 3), "-0.005");
  EXPECT_EQ(FormatDecimal(7, 0), "7");
  EXPECT_EQ(FormatDecimal(0, 2), "0.00");
}

TEST(Format, WideIntegers) {
  EXPECT_EQ(FormatInt128(0), "0");
  EXPECT_EQ(FormatInt128(static_cast<Int128>(std::numeric_limits<int64_t>::max()) + 1),
            "9223372036854775808");
  EXPECT_EQ(FormatInt128(static_cast<Int128>(1) << 127),
            "-170141183460469231731687303715884105728");
  EXPECT_EQ(ToInt128({0, -1}), -(static_cast<Int128>(1) << 64));
}

TEST(Format, DatesOnBothSidesOfTheEpoch) {
  EXPECT_EQ(FormatDate(0), "1970-01-01");
  EXPECT_EQ(FormatDate(-1), "1969-12-31");
  EXPECT_EQ(FormatDate(11'016), "2000-02-29");
  EXPECT_EQ(FormatDate(11'449), "2001-05-07");
  EXPECT_EQ(FormatDate(-719'163), "0001-12-31 (BC)");
  EXPECT_EQ(FormatDate(std::numeric_limits<int32_t>::max()), "infinity");
}

TEST(Format, TimestampsLoseTheirTrailingZeros) {
  EXPECT_EQ(FormatTimestamp(0, 1'000'000), "1970-01-01 00:00:00");
  EXPECT_EQ(FormatTimestamp(-1, 1'000'000), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(FormatTimestamp(1'500, 1'000), "1970-01-01 00:00:01.5");
  EXPECT_EQ(FormatTimestamp(1, 1'000'000'000), "1970-01-01 00:00:00.000000001");
  EXPECT_EQ(FormatTimestamp(86'399, 1), "1970-01-01 23:59:59");
}

TEST(Format, FloatsKeepTheirPoint) {
  EXPECT_EQ(FormatFloat(0.1f), "0.1");
  EXPECT_EQ(FormatFloat(3.0f), "3.0");
  EXPECT_EQ(FormatDouble64(1e300), "1e+300");
}

TEST(Format, BlobsAndUuids) {
  EXPECT_EQ(FormatBlob(std::string_view("a\0\xff'", 4)), "a\\x00\\xFF\\x27");
  EXPECT_EQ(FormatUuid({0x8899aabbccddeeffULL, static_cast<int64_t>(0x8011223344556677ULL)}),
            "00112233-4455-6677-8899-aabbccddeeff");
}

}  // namespace
}  // namespace caisson::duckdb
