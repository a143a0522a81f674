#include "base/ids.h"

#include <set>

#include <gtest/gtest.h>

namespace caisson {
namespace {

TEST(IdsTest, RandomHexHasTwoDigitsAByte) {
  EXPECT_EQ(RandomHex(0), "");
  for (const int bytes : {1, 2, 7, 16, 300}) {
    const std::string text = RandomHex(bytes);
    EXPECT_EQ(text.size(), static_cast<size_t>(bytes) * 2);
    EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), std::string::npos) << text;
  }
}

TEST(IdsTest, RandomHexUsesEveryDigitInEveryPlace) {
  // 2,000 draws: a digit misses one of the places with a chance of about 32 * 16 * (15/16)^2000, or
  // 1e-53.
  std::vector<std::set<char>> seen(32);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomHex(16);
    for (size_t place = 0; place < text.size(); ++place) seen[place].insert(text[place]);
  }
  for (const auto& digits : seen) EXPECT_EQ(digits.size(), 16u);
}

TEST(IdsTest, NewIdEncodesTheTimeAsUlidDoes) {
  // The time part of the example in the ULID specification, 01ARZ3NDEKTSV4RRFFQ69G5FAV, is
  // 1469922850259.
  const std::string id = NewId(1469922850259);
  EXPECT_EQ(id.size(), 26u);
  EXPECT_EQ(id.substr(0, 10), "01arz3ndek");
  EXPECT_EQ(id.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz"), std::string::npos) << id;
}

TEST(IdsTest, LaterIdsSortLater) {
  int64_t time = 1;
  std::string previous = NewId(time);
  for (int i = 0; i < 45; ++i) {
    time = time * 2 + 1;
    const std::string id = NewId(time);
    EXPECT_LT(previous, id);
    previous = id;
  }
}

TEST(IdsTest, IdsOfOneMillisecondDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 10000; ++i) ids.insert(NewId(5));
  EXPECT_EQ(ids.size(), 10000u);
}

TEST(IdsTest, ATimeBeforeTheEpochCountsAsZero) { EXPECT_EQ(NewId(-5).substr(0, 10), "0000000000"); }

}  // namespace
}  // namespace caisson
