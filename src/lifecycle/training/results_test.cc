#include "lifecycle/training/results.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"

namespace caisson::training {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class ReadCandidatesTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(JoinPath(folder_.path(), name), text).ok());
  }
  std::string Error() {
    const auto candidates = ReadCandidates(folder_.path());
    EXPECT_FALSE(candidates.ok());
    return Message(candidates.status());
  }
  TemporaryDirectory folder_ = *TemporaryDirectory::Create();
};

TEST_F(ReadCandidatesTest, ReadsWhatTheFormatPageShows) {
  Write("candidates.json", R"({"candidates": [
    {"name": "a", "best": false, "params": {"max_depth": 4}, "metrics": {"auc": 0.7}, "curves": []},
    {"name": "b", "best": true, "params": {"max_depth": "6"}, "metrics": {"auc": 0.8},
     "curves": [{"key": "valid/auc", "steps": [0, 10], "values": [0.7, 0.8]}]}]})");
  Write("metrics.json", R"({"auc": 0.8, "p99_ms": 0.05})");
  const auto candidates = ReadCandidates(folder_.path());
  ASSERT_TRUE(candidates.ok()) << candidates.status();
  ASSERT_EQ(candidates->size(), 2u);
  EXPECT_EQ((*candidates)[0].params.at("max_depth"), "4");
  EXPECT_EQ((*candidates)[0].metrics.count("p99_ms"), 0u);
  EXPECT_TRUE((*candidates)[1].best);
  EXPECT_THAT((*candidates)[1].metrics,
              UnorderedElementsAre(Pair("auc", 0.8), Pair("p99_ms", 0.05)));
  EXPECT_THAT((*candidates)[1].curves[0].steps, ElementsAre(0, 10));
}

TEST_F(ReadCandidatesTest, AForeignTrainersMetricsAreOneCandidate) {
  Write(
      "metrics.json",
      R"({"auc": 0.8, "test": {"rows": 10, "by_class": {"f1": 0.5}}, "note": "x", "list": [1], "ok": true})");
  const auto candidates = ReadCandidates(folder_.path());
  ASSERT_TRUE(candidates.ok()) << candidates.status();
  ASSERT_EQ(candidates->size(), 1u);
  EXPECT_TRUE((*candidates)[0].best);
  EXPECT_THAT((*candidates)[0].metrics,
              UnorderedElementsAre(Pair("auc", 0.8), Pair("test.rows", 10),
                                   Pair("test.by_class.f1", 0.5), Pair("ok", 1)));
}

TEST_F(ReadCandidatesTest, ACurveWithoutStepsCountsFromZero) {
  Write(
      "candidates.json",
      R"({"candidates": [{"name": "a", "best": true, "curves": [{"key": "k", "values": [3, 2, 1]}]}]})");
  EXPECT_THAT((*ReadCandidates(folder_.path()))[0].curves[0].steps, ElementsAre(0, 1, 2));
}

TEST_F(ReadCandidatesTest, ErrorsNameTheFileAndTheField) {
  EXPECT_THAT(Error(), HasSubstr("metrics.json"));
  Write("metrics.json", "[1]");
  EXPECT_THAT(Error(), HasSubstr("array"));
  Write("candidates.json", "{");
  EXPECT_THAT(Error(), HasSubstr("candidates.json"));
  Write("candidates.json", R"({"candidates": []})");
  EXPECT_THAT(Error(), HasSubstr("0 of 0 candidates are marked best"));
  Write("candidates.json", R"({"candidates": [{"best": true}]})");
  EXPECT_THAT(Error(), AllOf(HasSubstr("candidates[0]"), HasSubstr("name")));
  Write(
      "candidates.json",
      R"({"candidates": [{"name": "a", "best": true, "curves": [{"key": "k", "values": ["x"]}]}]})");
  EXPECT_THAT(Error(), HasSubstr("curves[0]"));
  Write(
      "candidates.json",
      R"({"candidates": [{"name": "a", "best": true, "curves": [{"key": "k", "values": [1], "steps": [1, 2]}]}]})");
  EXPECT_THAT(Error(), HasSubstr("2 steps for 1 values"));
}

}  // namespace
}  // namespace caisson::training
