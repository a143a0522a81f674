#include "lifecycle/serving/internal/segment.h"

#include <fstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace caisson::serving::internal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kMagic = "TESTSEG1";

// Without a sync: these tests write a file hundreds of times, and no test cuts the power.
void Overwrite(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class SegmentTest : public ::testing::Test {
 protected:
  SegmentTest() : folder_(TemporaryDirectory::Create().value()), path_(folder_.path() + "/a.seg") {}

  std::vector<uint64_t> Write(const std::vector<std::string>& payloads) {
    SegmentWriter writer = SegmentWriter::Open(path_, kMagic).value();
    std::vector<uint64_t> offsets;
    for (const std::string& payload : payloads) offsets.push_back(writer.Append(payload).value());
    return offsets;
  }
  std::string Bytes() { return ReadFile(path_).value(); }

  // The payloads, and where the walk ended.
  static Result<std::vector<std::string>> Walk(std::string_view bytes, uint64_t* end = nullptr) {
    std::vector<std::string> payloads;
    const Result<uint64_t> result =
        WalkSegment(bytes, kMagic, [&](uint64_t, std::string_view payload) {
          payloads.emplace_back(payload);
          return OkStatus();
        });
    if (!result.ok()) return result.status();
    if (end != nullptr) *end = *result;
    return payloads;
  }

  TemporaryDirectory folder_;
  std::string path_;
};

TEST_F(SegmentTest, ReadsWhatWasAppended) {
  const std::vector<uint64_t> offsets = Write({"one", "", std::string(5'000, 'x')});
  EXPECT_EQ(offsets.front(), kMagic.size());
  EXPECT_THAT(*Walk(Bytes()), ElementsAre("one", "", std::string(5'000, 'x')));
  EXPECT_EQ(*ReadRecord(path_, offsets[0]), "one");
  EXPECT_EQ(*ReadRecord(path_, offsets[2]), std::string(5'000, 'x'));
  for (const uint64_t offset : {uint64_t{0}, offsets[0] + 1, uint64_t{1'000'000}}) {
    EXPECT_EQ(ReadRecord(path_, offset).status().code(), StatusCode::kNotFound) << offset;
  }
}

TEST_F(SegmentTest, GoesOnBehindTheLastRecord) {
  Write({"one"});
  Write({"two"});
  EXPECT_THAT(*Walk(Bytes()), ElementsAre("one", "two"));
}

// A process may be killed after any byte of a write.
TEST_F(SegmentTest, ATornTailIsCutOffAtEveryByte) {
  Write({"first", "second"});
  const std::string whole = Bytes();
  const uint64_t second = kMagic.size() + 12 + 5;
  for (size_t size = 0; size <= whole.size(); ++size) {
    Overwrite(path_, whole.substr(0, size));
    Result<SegmentWriter> writer = SegmentWriter::Open(path_, kMagic);
    ASSERT_TRUE(writer.ok()) << size << ": " << Message(writer.status());
    ASSERT_TRUE(writer->Append("third").ok());
    std::vector<std::string> expected;
    if (size >= second) expected.push_back("first");
    if (size == whole.size()) expected.push_back("second");
    expected.push_back("third");
    EXPECT_EQ(*Walk(Bytes()), expected) << size;
  }
}

TEST_F(SegmentTest, ZerosBehindAPowerCutAreCutOff) {
  Write({"first"});
  const std::string whole = Bytes();
  for (const size_t zeros : {1u, 11u, 12u, 4096u}) {
    uint64_t end = 0;
    EXPECT_THAT(*Walk(whole + std::string(zeros, '\0'), &end), ElementsAre("first"));
    EXPECT_EQ(end, whole.size());
  }
}

// Every single damaged byte before the last record is found; none makes a record vanish silently.
TEST_F(SegmentTest, DamageInTheMiddleIsReported) {
  Write({"first", "second", "third"});
  const std::string whole = Bytes();
  const size_t last = whole.size() - 12 - 5;
  for (size_t i = 0; i < last; ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x41);
    const auto walked = Walk(damaged);
    ASSERT_FALSE(walked.ok()) << i;
    EXPECT_EQ(walked.status().code(), StatusCode::kDataLoss);
  }
  Overwrite(path_, whole.substr(0, 10) + "x" + whole.substr(11));
  const auto writer = SegmentWriter::Open(path_, kMagic);
  ASSERT_FALSE(writer.ok());
  EXPECT_THAT(Message(writer.status()), HasSubstr(path_));
  EXPECT_THAT(Message(writer.status()), HasSubstr("offset 8"));
  EXPECT_EQ(Bytes().size(), whole.size());  // nothing was cut off
}

TEST_F(SegmentTest, ADamagedRecordIsNotReadAsAnother) {
  const std::vector<uint64_t> offsets = Write({"first", "second"});
  std::string bytes = Bytes();
  bytes[offsets[0] + 13] ^= 1;
  Overwrite(path_, bytes);
  EXPECT_EQ(ReadRecord(path_, offsets[0]).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(*ReadRecord(path_, offsets[1]), "second");
}

TEST_F(SegmentTest, RefusesOtherFiles) {
  for (const char* content : {"TESTSEG2", "hello, world", "X"}) {
    Overwrite(path_, content);
    EXPECT_EQ(SegmentWriter::Open(path_, kMagic).status().code(), StatusCode::kDataLoss) << content;
  }
}

TEST_F(SegmentTest, AnErrorOfTheVisitorEndsTheWalk) {
  Write({"first", "second"});
  int visited = 0;
  const auto result = WalkSegment(Bytes(), kMagic, [&](uint64_t, std::string_view) -> Status {
    ++visited;
    return Cancelled("enough");
  });
  EXPECT_EQ(result.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(visited, 1);
}

TEST(Payload, ReadsWhatWasWritten) {
  PayloadWriter writer;
  writer.Number(int64_t{-7});
  writer.Text("model");
  const float values[] = {1.5f, -2};
  writer.Floats(values, 2);
  PayloadReader reader(writer.bytes());
  EXPECT_EQ(reader.Number<int64_t>(), -7);
  EXPECT_EQ(reader.Text(), "model");
  EXPECT_EQ(reader.Take(8).size(), 8u);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.left(), 0u);
  EXPECT_EQ(reader.Number<uint32_t>(), 0u);
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace caisson::serving::internal
