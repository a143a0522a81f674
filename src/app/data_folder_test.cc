#include "app/data_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strings.h"

namespace caisson::app {
namespace {

using ::testing::HasSubstr;

constexpr UnixMillis kNow = 989'243'100'000;  // 2001-05-07T13:45:00Z

class DataFolderTest : public ::testing::Test {
 protected:
  DataFolderTest() : folder_(TemporaryDirectory::Create().value()) {}
  std::string Path() { return folder_.path() + "/data/inner"; }
  TemporaryDirectory folder_;
};

TEST_F(DataFolderTest, ASecondHolderIsToldWhoAndSinceWhen) {
  EXPECT_FALSE(DataFolder::FindHolder(Path()).has_value());
  Result<std::unique_ptr<DataFolder>> first = DataFolder::Hold(Path(), "caisson up", kNow);
  ASSERT_TRUE(first.ok()) << Message(first.status());
  ASSERT_TRUE((*first)->PublishAddress("127.0.0.1:4600").ok());
  const auto second = DataFolder::Hold(Path(), "caisson run", kNow + 1);
  ASSERT_EQ(second.status().code(), StatusCode::kAborted);
  for (const std::string& part :
       {std::string("caisson up"), std::to_string(::getpid()), std::string("2001-05-07T13:45:00Z"),
        std::string("127.0.0.1:4600")}) {
    EXPECT_THAT(Message(second.status()), HasSubstr(part));
  }
  const auto holder = DataFolder::FindHolder(Path());
  ASSERT_TRUE(holder.has_value());
  EXPECT_EQ(holder->http_address, "127.0.0.1:4600");
  EXPECT_EQ(holder->since, kNow);
  first->reset();
  EXPECT_FALSE(DataFolder::FindHolder(Path()).has_value());
  EXPECT_TRUE(DataFolder::Hold(Path(), "caisson run", kNow).ok());
}

TEST_F(DataFolderTest, ANewerFormatIsRefused) {
  ASSERT_TRUE(DataFolder::Hold(Path(), "caisson up", kNow).ok());
  const std::string version = DataLayout(Path()).version_file();
  EXPECT_THAT(ReadFile(version).value(), HasSubstr("\"format\":1"));
  ASSERT_TRUE(WriteFileAtomic(version, R"({"format": 2, "written_by": "9.9.9"})").ok());
  const auto newer = DataFolder::Hold(Path(), "caisson up", kNow);
  EXPECT_EQ(newer.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(newer.status()), HasSubstr("format 2"));
  EXPECT_THAT(Message(newer.status()), HasSubstr("9.9.9"));
  // The refusal left nothing held.
  EXPECT_FALSE(DataFolder::FindHolder(Path()).has_value());
  for (const char* text : {"", "{", "[]", R"({"format": "1"})"}) {
    ASSERT_TRUE(WriteFileAtomic(version, text).ok());
    EXPECT_EQ(DataFolder::Hold(Path(), "caisson up", kNow).status().code(), StatusCode::kDataLoss)
        << text;
  }
}

}  // namespace
}  // namespace caisson::app
