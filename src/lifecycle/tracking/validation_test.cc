#include "lifecycle/tracking/validation.h"

#include <gtest/gtest.h>

#include "lifecycle/tracking/python_text.h"

namespace caisson::tracking {
namespace {

TEST(Validation, KeysMayHoldLettersOfAnyAlphabet) {
  EXPECT_TRUE(ValidateKey("a/b.c-d e:f_9", "key").ok());
  EXPECT_TRUE(ValidateKey("\xC3\xA9t\xC3\xA9", "key").ok());
  EXPECT_FALSE(ValidateKey("a,b", "key").ok());
  EXPECT_FALSE(ValidateKey("\xF0\x9F\x98\x80", "key").ok());  // an emoji is no word character
}

TEST(Validation, KeysMustNotBePathsOfOthers) {
  EXPECT_EQ(Message(ValidateKey("../m", "metrics[0].name")),
            "Invalid value \"../m\" for parameter 'metrics[0].name' supplied: Names may be treated "
            "as files in certain cases, "
            "and must not resolve to other names when treated as such. This name would resolve to "
            "'../m'");
  for (const char* key : {"", ".", "..", "a//b", "a/./b", "/a", "a/", "a/../b", "..a/b"}) {
    EXPECT_FALSE(ValidateKey(key, "key").ok()) << key;
  }
  EXPECT_TRUE(ValidateKey("a..b", "key").ok());
}

TEST(Validation, LongValuesAreCutAndLongKeysRefused) {
  const std::string long_value(7'000, 'x');
  EXPECT_EQ(ValidateParam({"p", long_value}, "")->value.size(), kMaxParamLength);
  EXPECT_EQ(ValidateTag({"t", std::string(9'000, 'x')}, "")->value.size(), kMaxTagLength);
  EXPECT_EQ(Message(ValidateParam({std::string(251, 'k'), "v"}, "").status()),
            "'Param key' exceeds the maximum length of 250 characters");
}

TEST(Validation, BatchesHaveLimits) {
  Batch batch;
  batch.metrics.resize(1'001);
  EXPECT_EQ(Message(ValidateBatchLimits(batch)),
            "A batch logging request can contain at most 1000 metrics. Got 1001 metrics. Please "
            "split up metrics across multiple "
            "requests and try again.");
  batch.metrics.resize(950);
  batch.params.resize(51);
  EXPECT_FALSE(ValidateBatchLimits(batch).ok());
  EXPECT_EQ(Message(ValidateUniqueParams({{"a", "1"}, {"b", "1"}, {"a", "2"}})).substr(0, 58),
            "Duplicate parameter keys have been submitted: ['a']. Pleas");
}

TEST(Validation, RunIdsAreWords) {
  EXPECT_TRUE(ValidateRunId("0a-b_c").ok());
  EXPECT_FALSE(ValidateRunId("").ok());
  EXPECT_FALSE(ValidateRunId("-a").ok());
  EXPECT_EQ(Message(ValidateRunId("no/pe")),
            "Invalid value \"no/pe\" for parameter 'run_id' supplied.");
}

TEST(PythonText, PrintsAsPythonDoes) {
  EXPECT_EQ(PythonRepr("a"), "'a'");
  EXPECT_EQ(PythonRepr("it's"), "\"it's\"");
  EXPECT_EQ(PythonRepr("'\""), "'\\'\"'");
  EXPECT_EQ(PythonRepr("a\n\x01"), "'a\\n\\x01'");
  EXPECT_EQ(PythonReprList({"a", "b"}), "['a', 'b']");
  EXPECT_EQ(PythonLength("\xC3\xA9x"), 2u);
  EXPECT_EQ(PythonPrefix("\xC3\xA9x", 1), "\xC3\xA9");
  EXPECT_EQ(PythonTypeName(Json(1.5)), "float");
}

}  // namespace
}  // namespace caisson::tracking
