#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lifecycle/serving/endpoints.h"

namespace caisson::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<EndpointSpec> Parse(std::string_view text, std::string_view name = "delay") {
  return ParseEndpointSpec(name, *ParseJson(text), "caisson.yaml: endpoints.delay");
}

TEST(EndpointSpec, HasDefaults) {
  const EndpointSpec spec = *Parse(R"({"model": "late@champion"})");
  EXPECT_EQ(spec.name, "delay");
  EXPECT_EQ(spec.model, "late");
  EXPECT_EQ(spec.alias, "champion");
  EXPECT_THAT(spec.canary.steps, ElementsAre(5, 25, 50));
  EXPECT_EQ(Parse(R"({"model": "late"})")->alias, "champion");
}

TEST(EndpointSpec, SurvivesWritingAndReading) {
  const EndpointSpec spec = *Parse(R"({"model": "late@beta", "canary": {"steps": [1, 99],
      "bake": "1m30s", "min_requests": 0, "max_error_rate": 0.5, "max_latency_ratio": 1.5}})");
  EXPECT_EQ(spec.canary.bake, std::chrono::seconds(90));
  const Json written = EndpointSpecToJson(spec);
  const auto again = ParseEndpointSpec("delay", written, "again");
  ASSERT_TRUE(again.ok()) << Message(again.status());
  EXPECT_EQ(EndpointSpecToJson(*again), written);
  EXPECT_THAT(again->canary.steps, ElementsAre(1, 99));
  EXPECT_EQ(again->alias, "beta");
}

TEST(EndpointSpec, RefusesWhatCannotBeMeant) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "model"},
      {R"({"model": "@champion"})", "MODEL@ALIAS is accepted"},
      {R"({"model": "late@"})", "MODEL@ALIAS is accepted"},
      {R"({"model": "late", "cannary": {}})", "cannary"},
      {R"({"model": "late", "canary": {"steps": []}})", "canary.steps"},
      {R"({"model": "late", "canary": {"steps": 5}})", "canary.steps"},
      {R"({"model": "late", "canary": {"steps": [5, 5]}})", "percents from 1 to 99 that grow"},
      {R"({"model": "late", "canary": {"steps": [0]}})", "0 is not accepted"},
      {R"({"model": "late", "canary": {"steps": [100]}})", "100 is not accepted"},
      {R"({"model": "late", "canary": {"steps": [2.5]}})", "2.5 is not accepted"},
      {R"({"model": "late", "canary": {"bake": "soon"}})", "canary.bake"},
      {R"({"model": "late", "canary": {"min_requests": -1}})", "min_requests is -1"},
      {R"({"model": "late", "canary": {"max_error_rate": 2}})", "max_error_rate is 2"},
      {R"({"model": "late", "canary": {"max_latency_ratio": 0}})", "max_latency_ratio is 0"},
  };
  for (const auto& [text, problem] : cases) {
    const auto spec = Parse(text);
    ASSERT_FALSE(spec.ok()) << text;
    EXPECT_EQ(spec.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(Message(spec.status()), HasSubstr(problem));
    EXPECT_THAT(Message(spec.status()), HasSubstr("endpoints.delay")) << text;
  }
}

// The name becomes a folder of the prediction log.
TEST(EndpointSpec, RefusesNamesThatAreNoNames) {
  for (const char* name : {"", ".", "..", "../x", "a/b", "a\\b", "a b", "\xc3\xa4"}) {
    EXPECT_FALSE(Parse(R"({"model": "late"})", name).ok()) << name;
  }
  EXPECT_FALSE(Parse(R"({"model": "late"})", std::string(101, 'a')).ok());
  EXPECT_TRUE(Parse(R"({"model": "late"})", "Delay-2.beta_1").ok());
}

}  // namespace
}  // namespace caisson::serving
