#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace caisson {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Json Parse(std::string_view text) { return ParseJson(text).value(); }

TEST(FieldReader, ReadsFieldsOfEveryKind) {
  const Json json = Parse(
      R"({"s": "x", "i": 3, "d": 0.5, "whole": 4.0, "b": true, "list": ["a", "b"], "lone": "c", "raw": {"k": 1}})");
  FieldReader fields(json, "here");
  EXPECT_EQ(fields.String("s"), "x");
  EXPECT_EQ(fields.Int("i"), 3);
  EXPECT_EQ(fields.Double("d"), 0.5);
  EXPECT_EQ(fields.Int("whole"), 4);
  EXPECT_TRUE(fields.Bool("b", false));
  EXPECT_THAT(fields.Strings("list"), ElementsAre("a", "b"));
  EXPECT_THAT(fields.Strings("lone"), ElementsAre("c"));
  EXPECT_EQ(fields.Raw("raw")["k"].AsInt(), 1);
  EXPECT_TRUE(fields.Finish().ok());
}

TEST(FieldReader, FallsBackWhereAFieldIsMissingOrNull) {
  const Json json = Parse(R"({"i": null})");
  FieldReader fields(json, "here");
  EXPECT_EQ(fields.Int("i", 7), 7);
  EXPECT_EQ(fields.String("s", "x"), "x");
  EXPECT_EQ(fields.Double("d", 0.5), 0.5);
  EXPECT_TRUE(fields.Bool("b", true));
  EXPECT_THAT(fields.Strings("list"), IsEmpty());
  EXPECT_TRUE(fields.Raw("raw").is_null());
  EXPECT_FALSE(fields.Has("i"));
  EXPECT_TRUE(fields.Finish().ok());
}

TEST(FieldReader, NamesTheMissingField) {
  const Json json = Parse(R"({"empty": null})");
  FieldReader missing(json, "caisson.yaml: endpoints.delay");
  missing.String("model");
  EXPECT_EQ(missing.Finish().message(),
            "caisson.yaml: endpoints.delay: the required field 'model' is missing");
  FieldReader empty(json, "here");
  empty.Int("empty");
  EXPECT_EQ(empty.Finish().message(), "here: the field 'empty' is required but has no value");
}

TEST(FieldReader, NamesTheWrongTypeWithItsValue) {
  const Json json = Parse(
      R"({"i": "three", "half": 1.5, "s": 1, "d": [1, 2], "b": "true", "list": ["a", 1], "o": {"k": 1}})");
  const auto problem = [&](auto read) {
    FieldReader fields(json, "here");
    read(fields);
    return std::string(fields.status().message());
  };
  EXPECT_EQ(problem([](auto& f) { f.Int("i"); }),
            "here: 'i' must be an integer, not the string \"three\"");
  EXPECT_EQ(problem([](auto& f) { f.Int("half", 1); }),
            "here: 'half' must be an integer, not the number 1.5");
  EXPECT_EQ(problem([](auto& f) { f.String("s", ""); }),
            "here: 's' must be a string, not the integer 1");
  EXPECT_EQ(problem([](auto& f) { f.Double("d"); }),
            "here: 'd' must be a number, not an array of 2");
  EXPECT_EQ(problem([](auto& f) { f.Bool("b", true); }),
            "here: 'b' must be true or false, not the string \"true\"");
  EXPECT_EQ(problem([](auto& f) { f.Strings("list"); }),
            "here: 'list' must be a list of strings only, not the integer 1");
  EXPECT_EQ(problem([](auto& f) { f.Strings("o"); }),
            "here: 'o' must be a list of strings, not an object of 1");
}

TEST(FieldReader, CutsLongValuesInMessages) {
  const Json json = Json::Of({{"i", std::string(500, 'x') + "\xC3\xA9"}});
  FieldReader fields(json, "here");
  fields.Int("i");
  EXPECT_LT(fields.status().message().size(), 130u);
  EXPECT_THAT(fields.status().message(), HasSubstr("xxx..."));
}

TEST(FieldReader, SuggestsForAnUnknownField) {
  const Json json = Parse(R"({"model": "m", "replica": 2})");
  FieldReader fields(json, "here");
  fields.String("model");
  fields.Int("replicas", 1);
  EXPECT_EQ(fields.Finish().message(), "here: unknown field 'replica' (did you mean 'replicas'?)");
  EXPECT_EQ(fields.Finish().code(), StatusCode::kInvalidArgument);
}

TEST(FieldReader, KeepsTheFirstProblem) {
  const Json json = Parse(R"({"i": "x", "other": 1})");
  FieldReader fields(json, "here");
  fields.Int("i");
  fields.String("missing");
  fields.Fail("other", "is odd");
  EXPECT_THAT(fields.Finish().message(), HasSubstr("'i' must be an integer"));
}

TEST(FieldReader, TakesProblemsOfTheCaller) {
  const Json json = Parse(R"({"port": 70000})");
  FieldReader fields(json, "here");
  const int64_t port = fields.Int("port");
  if (port > 65535) fields.Fail("port", "must be at most 65535, not 70000");
  EXPECT_EQ(fields.Finish().message(), "here: 'port' must be at most 65535, not 70000");
}

TEST(FieldReader, WantsAnObject) {
  const Json list = Json::MakeArray();
  EXPECT_EQ(FieldReader(list, "here").Finish().message(),
            "here: must be an object (names with values), not an array of 0");
  const Json null;
  EXPECT_TRUE(FieldReader(null, "here").Finish().ok());
}

}  // namespace
}  // namespace caisson
