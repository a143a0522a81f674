#include "lifecycle/pipelines/internal/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace caisson::pipelines::internal {
namespace {

using ::testing::HasSubstr;

const Json& Context() {
  static const Json context = *ParseJson(R"({
      "lr": 0.1, "rows": 3, "yes": true, "nothing": null, "name": "it's",
      "train": {"depth": 4, "list": [7, {"x": "deep"}]},
      "flags": {"lr": 0.5, "verbose": true, "quiet": false, "deep": {"units": 3},
                "name": "a b", "tags": ["x", "y z"]}})");
  return context;
}

Json Resolve(std::string_view text) {
  const auto resolved = ResolveTemplates(Json(text), Context());
  EXPECT_TRUE(resolved.ok()) << Message(resolved.status());
  return resolved.ok() ? *resolved : Json();
}

TEST(ResolveTemplates, ALoneTemplateKeepsItsType) {
  EXPECT_EQ(Resolve("${rows}"), Json(3));
  EXPECT_EQ(Resolve("${ lr }"), Json(0.1));
  EXPECT_EQ(Resolve("${yes}"), Json(true));
  EXPECT_TRUE(Resolve("${nothing}").is_null());
  EXPECT_EQ(Resolve("${train.list}"), *ParseJson(R"([7, {"x": "deep"}])"));
}

TEST(ResolveTemplates, InsideATextAValueIsWritten) {
  EXPECT_EQ(Resolve("lr=${lr} ${yes}${rows}"), Json("lr=0.1 true3"));
  EXPECT_EQ(Resolve("${train.list[1].x}/${train.list[0]}"), Json("deep/7"));
  EXPECT_EQ(Resolve("no templates"), Json("no templates"));
  EXPECT_EQ(Resolve(""), Json(""));
  EXPECT_EQ(Resolve("a${nothing}b"), Json("ab"));
}

TEST(ResolveTemplates, ABackslashTakesItLiterally) {
  EXPECT_EQ(Resolve(R"(\${HOME})"), Json("${HOME}"));
  EXPECT_EQ(Resolve(R"(${rows}\${x} $y {z})"), Json("3${x} $y {z}"));
}

TEST(ResolveTemplates, AMapInACommandBecomesFlags) {
  const Json stage = *ParseJson(R"({"cmd": "run ${flags}", "deps": ["${name}"]})");
  const Json resolved = *ResolveTemplates(stage, Context());
  EXPECT_EQ(resolved["cmd"].AsString(),
            "run --lr 0.5 --verbose --deep.units 3 --name 'a b' --tags x 'y z'");
  EXPECT_EQ(resolved["deps"][size_t{0}].AsString(), "it's");
}

TEST(ResolveTemplates, SaysWhatIsWrong) {
  EXPECT_THAT(Message(ResolveTemplates(Json("${lrr}"), Context()).status()), HasSubstr("${lrr}"));
  EXPECT_EQ(ResolveTemplates(Json("${train.list[2]}"), Context()).status().code(),
            StatusCode::kNotFound);
  EXPECT_THAT(Message(ResolveTemplates(Json("a ${lr"), Context()).status()),
              HasSubstr("without its '}'"));
  EXPECT_THAT(Message(ResolveTemplates(Json("a ${train}"), Context()).status()),
              HasSubstr("only a plain value"));
}

TEST(ResolveTemplates, KeysAreTextsToo) {
  const Json value = *ParseJson(R"({"${name}": 1, "${rows}": {"a": ["${lr}"]}})");
  EXPECT_EQ(*ResolveTemplates(value, Context()), *ParseJson(R"({"it's": 1, "3": {"a": [0.1]}})"));
}

TEST(MergeContext, MergesMapsAndRefusesOtherValues) {
  Json context = *ParseJson(R"({"a": {"x": 1}, "b": 2})");
  ASSERT_TRUE(MergeContext(context, *ParseJson(R"({"a": {"y": 3}, "b": 2, "c": 4})"), "vars").ok());
  EXPECT_EQ(context, *ParseJson(R"({"a": {"x": 1, "y": 3}, "b": 2, "c": 4})"));
  EXPECT_THAT(Message(MergeContext(context, *ParseJson(R"({"a": {"x": 5}})"), "vars")),
              HasSubstr("'x' has another value"));
}

}  // namespace
}  // namespace caisson::pipelines::internal
