#include "lifecycle/serving/endpoints.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lifecycle/serving/testing.h"

namespace caisson::serving {
namespace {

using ::testing::ElementsAre;
using testing::FailingModel;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MeanModel;
using ::testing::UnorderedElementsAre;

class EndpointsTest : public ::testing::Test {
 protected:
  EndpointsTest() {
    spec_.name = "delay";
    spec_.model = "delay";
    spec_.canary.steps = {10, 50};
  }

  void Put() {
    const Status status = serving_.endpoints().Put(serving_.context(), spec_);
    ASSERT_TRUE(status.ok()) << Message(status);
  }
  // Version 1 answers 0.1, and so on.
  int AddVersion() {
    const int next = ++versions_;
    return serving_.AddVersion(MeanModel(0, 0.1f * static_cast<float>(next)));
  }
  // An endpoint whose version 1 serves and whose version 2 is on trial.
  void StartTrial(const std::string& candidate) {
    Put();
    serving_.Admit(AddVersion());
    serving_.Admit(serving_.AddVersion(candidate));
    ASSERT_EQ(Live(), (std::vector<std::string>{"2 canary 10", "1 stable 90"}));
  }
  void Reconcile() { ASSERT_TRUE(serving_.endpoints().Reconcile(serving_.context()).ok()); }

  std::vector<Deployment> Deployments() {
    return serving_.endpoints().Get(serving_.context(), "delay")->deployments;
  }
  // "2 canary 10", newest first.
  std::vector<std::string> Live() {
    std::vector<std::string> live;
    for (const Deployment& deployment : Deployments()) {
      if (deployment.ended_at != 0) continue;
      live.push_back(fmt::format("{} {} {}", deployment.version, StateName(deployment.state),
                                 deployment.traffic_percent));
    }
    return live;
  }
  int64_t Champion() {
    return serving_.registry().Resolve(serving_.context(), "delay@champion")->version;
  }
  // How many of so many requests each version answered.
  std::map<int, int> AskMany(int requests) {
    std::map<int, int> answers;
    for (int i = 0; i < requests; ++i) {
      const Result<InferResponse> response = serving_.Ask({1, 2});
      EXPECT_TRUE(response.ok()) << Message(response.status());
      if (response.ok()) ++answers[response->version];
    }
    return answers;
  }
  std::vector<std::string> EventTypes() {
    return *serving_.database().ReadFor<std::vector<std::string>>(
        serving_.context(), [](sql::Session& session) -> Result<std::vector<std::string>> {
          CAISSON_ASSIGN(const auto events,
                         events::List(session, "endpoint.", "endpoint/delay", 100));
          std::vector<std::string> types;
          for (const events::Event& event : events) types.push_back(event.type);
          std::reverse(types.begin(), types.end());
          return types;
        });
  }

  testing::TestServing serving_;
  EndpointSpec spec_;
  int versions_ = 0;
};

TEST_F(EndpointsTest, TheFirstVersionTakesOver) {
  Put();
  EXPECT_THAT(Message(serving_.Ask({1, 2}).status()),
              HasSubstr("no version of delay has the alias champion yet"));
  EXPECT_EQ(serving_.Ask({1, 2}).status().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(serving_.endpoints().Ready("delay", ""));
  serving_.Admit(AddVersion());
  EXPECT_EQ(Champion(), 1);
  EXPECT_THAT(Live(), ElementsAre("1 stable 100"));
  const InferResponse response = *serving_.Ask({1, 2}, "request-1");
  EXPECT_EQ(response.version, 1);
  EXPECT_EQ(response.model, "delay");
  EXPECT_FLOAT_EQ(response.outputs.at(0).floats()[0], 0.1f);
  EXPECT_TRUE(serving_.endpoints().Ready("delay", "1"));
  EXPECT_FALSE(serving_.endpoints().Ready("delay", "2"));
  EXPECT_THAT(EventTypes(), ElementsAre("endpoint.switched"));
}

TEST_F(EndpointsTest, AnEndpointThatComesLaterFindsTheChampion) {
  serving_.Admit(AddVersion());
  Put();
  EXPECT_EQ(serving_.Ask({1, 2})->version, 1);
}

TEST_F(EndpointsTest, EveryAnswerIsOnRecord) {
  Put();
  serving_.Admit(serving_.AddVersion(MeanModel(1, 0)));
  const InferResponse response = *serving_.Ask({0.25f, 0.75f}, "request-1", "", 989'242'000'000);
  const Prediction prediction = *serving_.endpoints().FindPrediction(response.prediction_id);
  EXPECT_THAT(prediction.features, ElementsAre(0.25f, 0.75f));
  EXPECT_FLOAT_EQ(prediction.score, 0.5f);
  EXPECT_EQ(prediction.event_time, 989'242'000'000);
  EXPECT_EQ(prediction.time, serving_.clock().now());
  std::string endpoint;
  const Deployment deployment =
      *serving_.endpoints().DeploymentOf(serving_.context(), prediction, &endpoint);
  EXPECT_EQ(endpoint, "delay");
  EXPECT_EQ(deployment.version, 1);
  EXPECT_EQ(deployment.id, Deployments().front().id);
  EXPECT_EQ(serving_.endpoints().FindPrediction("x").status().code(), StatusCode::kNotFound);
}

TEST_F(EndpointsTest, ACanaryGoesUpTheStepsAndIsPromoted) {
  StartTrial(MeanModel(0, 0.2f));
  EXPECT_EQ(Champion(), 1);
  EXPECT_THAT(AskMany(200), UnorderedElementsAre(std::pair(1, 180), std::pair(2, 20)));
  Reconcile();  // enough answers, but not the time
  EXPECT_THAT(Live(), ElementsAre("2 canary 10", "1 stable 90"));
  serving_.clock().Advance(spec_.canary.bake);
  Reconcile();
  EXPECT_THAT(Live(), ElementsAre("2 canary 50", "1 stable 50"));
  serving_.clock().Advance(spec_.canary.bake);
  Reconcile();  // the new step has seen no answers yet
  EXPECT_THAT(Live(), ElementsAre("2 canary 50", "1 stable 50"));
  EXPECT_THAT(AskMany(40), UnorderedElementsAre(std::pair(1, 20), std::pair(2, 20)));
  Reconcile();
  EXPECT_THAT(Live(), ElementsAre("2 stable 100"));
  EXPECT_EQ(Champion(), 2);
  EXPECT_THAT(AskMany(5), ElementsAre(std::pair(2, 5)));
  EXPECT_THAT(EventTypes(),
              ElementsAre("endpoint.switched", "endpoint.canary_started", "endpoint.canary_step",
                          "endpoint.retired", "endpoint.promoted"));
  EXPECT_EQ(Deployments().front().gate_decision_id, "decision-1");
}

// The candidate's failures are the candidate's: nobody is left without an answer.
TEST_F(EndpointsTest, ACanaryThatFailsIsRolledBack) {
  StartTrial(FailingModel());
  EXPECT_THAT(AskMany(100), ElementsAre(std::pair(1, 100)));
  Reconcile();
  EXPECT_THAT(Live(), ElementsAre("1 stable 100"));
  EXPECT_EQ(Champion(), 1);
  const Deployment ended = Deployments().front();
  EXPECT_EQ(ended.state, DeploymentState::kRolledBack);
  EXPECT_THAT(ended.reason, HasSubstr("10 of 10 answers failed"));
  EXPECT_EQ(EventTypes().back(), "endpoint.rolled_back");
}

// It calls bad input what the stable version takes.
TEST_F(EndpointsTest, ACanaryWithOtherInputsIsRolledBack) {
  StartTrial(MeanModel(0, 0.2f, /*columns=*/3));
  EXPECT_THAT(AskMany(100), ElementsAre(std::pair(1, 100)));
  Reconcile();
  EXPECT_THAT(Live(), ElementsAre("1 stable 100"));
}

TEST_F(EndpointsTest, BadInputIsNobodysFault) {
  StartTrial(MeanModel(0, 0.2f));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(serving_.Ask({1, 2, 3}).status().code(), StatusCode::kInvalidArgument);
  }
  Reconcile();
  EXPECT_THAT(Live(), ElementsAre("2 canary 10", "1 stable 90"));
}

TEST_F(EndpointsTest, AModelThatDoesNotLoadIsRolledBack) {
  Put();
  serving_.Admit(AddVersion());
  serving_.Admit(serving_.AddVersion("not a model"));
  EXPECT_THAT(Live(), ElementsAre("1 stable 100"));
  EXPECT_THAT(Deployments().front().reason, HasSubstr("does not load"));
  EXPECT_THAT(AskMany(20), ElementsAre(std::pair(1, 20)));
}

// As the wanted version it is not rolled back, but what answered goes on.
TEST_F(EndpointsTest, AnAliasThatNamesABrokenModelStopsNothing) {
  Put();
  serving_.Admit(AddVersion());
  const int broken = serving_.AddVersion("not a model");
  ASSERT_TRUE(serving_.registry().SetAlias(serving_.context(), "delay", "champion", broken).ok());
  Reconcile();
  Reconcile();
  EXPECT_THAT(AskMany(3), ElementsAre(std::pair(1, 3)));
  ASSERT_TRUE(serving_.registry().SetAlias(serving_.context(), "delay", "champion", 1).ok());
  Reconcile();
  EXPECT_THAT(Live(), ElementsAre("1 stable 100"));
}

TEST_F(EndpointsTest, AnAliasMovedByHandIsFollowed) {
  Put();
  serving_.Admit(AddVersion());
  const int second = AddVersion();
  ASSERT_TRUE(serving_.registry().SetAlias(serving_.context(), "delay", "champion", second).ok());
  Reconcile();
  EXPECT_THAT(Live(), ElementsAre("2 stable 100"));
  EXPECT_THAT(AskMany(3), ElementsAre(std::pair(2, 3)));
  // An alias that is gone leaves what serves.
  ASSERT_TRUE(serving_.registry().DeleteAlias(serving_.context(), "delay", "champion").ok());
  Reconcile();
  EXPECT_THAT(Live(), ElementsAre("2 stable 100"));
}

TEST_F(EndpointsTest, AnAliasThatNamesTheCanaryEndsTheTrial) {
  StartTrial(MeanModel(0, 0.2f));
  ASSERT_TRUE(serving_.registry().SetAlias(serving_.context(), "delay", "champion", 2).ok());
  Reconcile();
  EXPECT_THAT(Live(), ElementsAre("2 stable 100"));
  EXPECT_EQ(Deployments().size(), 2u);  // the same deployment, not another one
}

TEST_F(EndpointsTest, ARestartGoesOnWhereItWas) {
  StartTrial(MeanModel(0, 0.2f));
  const std::string id = serving_.Ask({1, 2})->prediction_id;
  serving_.clock().Advance(spec_.canary.bake);
  serving_.Restart();
  EXPECT_THAT(Live(), ElementsAre("2 canary 10", "1 stable 90"));
  EXPECT_TRUE(serving_.endpoints().FindPrediction(id).ok());
  EXPECT_THAT(AskMany(200), UnorderedElementsAre(std::pair(1, 180), std::pair(2, 20)));
  Reconcile();
  EXPECT_THAT(Live(), ElementsAre("2 canary 50", "1 stable 50"));
}

TEST_F(EndpointsTest, AnEventThatComesAgainChangesNothing) {
  StartTrial(MeanModel(0, 0.2f));
  const size_t events = EventTypes().size();
  serving_.Admit(2);
  serving_.Admit(1);
  EXPECT_THAT(Live(), ElementsAre("2 canary 10", "1 stable 90"));
  ASSERT_TRUE(serving_.endpoints().RollBack(serving_.context(), "delay", "by hand").ok());
  serving_.Admit(2);  // not tried again by itself
  EXPECT_THAT(Live(), ElementsAre("1 stable 100"));
  EXPECT_EQ(EventTypes().size(), events + 1);
}

TEST_F(EndpointsTest, ANewerVersionReplacesTheOneOnTrial) {
  StartTrial(MeanModel(0, 0.2f));
  serving_.Admit(serving_.AddVersion(MeanModel(0, 0.3f)));
  EXPECT_THAT(Live(), ElementsAre("3 canary 10", "1 stable 90"));
}

TEST_F(EndpointsTest, ByHand) {
  Put();
  EXPECT_EQ(serving_.endpoints().Promote(serving_.context(), "delay").code(),
            StatusCode::kFailedPrecondition);
  const int first = AddVersion();
  EXPECT_EQ(serving_.endpoints().StartCanary(serving_.context(), "delay", first).code(),
            StatusCode::kFailedPrecondition);
  serving_.Admit(first);
  const int second = AddVersion();
  EXPECT_FALSE(serving_.endpoints().StartCanary(serving_.context(), "delay", 7).ok());
  EXPECT_EQ(serving_.endpoints().StartCanary(serving_.context(), "delay", first).code(),
            StatusCode::kFailedPrecondition);
  serving_.clock().Advance(std::chrono::seconds(1));
  ASSERT_TRUE(serving_.endpoints().StartCanary(serving_.context(), "delay", second).ok());
  EXPECT_THAT(Deployments().front().reason, HasSubstr("ada"));
  ASSERT_TRUE(serving_.endpoints().RollBack(serving_.context(), "delay", "looks odd").ok());
  EXPECT_THAT(Live(), ElementsAre("1 stable 100"));
  ASSERT_TRUE(serving_.endpoints().StartCanary(serving_.context(), "delay", second).ok());
  ASSERT_TRUE(serving_.endpoints().Promote(serving_.context(), "delay").ok());
  EXPECT_THAT(Live(), ElementsAre("2 stable 100"));
  EXPECT_EQ(Champion(), 2);
  EXPECT_THAT(Message(serving_.endpoints().Promote(serving_.context(), "delya")),
              HasSubstr("did you mean 'delay'?"));
}

TEST_F(EndpointsTest, ARequestMayNameAVersion) {
  StartTrial(MeanModel(0, 0.2f));
  EXPECT_EQ(serving_.Ask({1, 2}, "", "2")->version, 2);
  EXPECT_EQ(serving_.Ask({1, 2}, "", "1")->version, 1);
  const Status status = serving_.Ask({1, 2}, "", "3").status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(status), HasSubstr("no version '3' in service; 2, 1 answer(s)"));
  EXPECT_THAT(serving_.endpoints().Metadata("delay", "")->versions, ElementsAre("2", "1"));
}

TEST_F(EndpointsTest, RemovingEndsWhatIsLive) {
  StartTrial(MeanModel(0, 0.2f));
  ASSERT_TRUE(serving_.endpoints().Remove(serving_.context(), "delay").ok());
  EXPECT_EQ(serving_.Ask({1, 2}).status().code(), StatusCode::kNotFound);
  EXPECT_THAT(serving_.endpoints().names(), IsEmpty());
  EXPECT_FALSE(serving_.endpoints().Remove(serving_.context(), "delay").ok());
  // When it comes back it follows the alias anew.
  Put();
  EXPECT_THAT(Live(), ElementsAre("1 stable 100"));
  EXPECT_EQ(Deployments().size(), 3u);
}

TEST_F(EndpointsTest, NamesBelongToOneProject) {
  Put();
  const Status status = serving_.endpoints().Put(serving_.context().WithProject("other"), spec_);
  EXPECT_EQ(status.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(Message(status), HasSubstr("project default"));
}

// It is there and says what is wrong, also when it never came up.
TEST_F(EndpointsTest, ADamagedLogIsNamed) {
  Put();
  serving_.Admit(AddVersion());
  serving_.Ask({1, 2}).IgnoreError();
  const std::string path = serving_.folder() + "/predictions/delay/log";
  ASSERT_TRUE(WriteFileAtomic(path, "{").ok());
  serving_.Restart();
  const Status status = serving_.Ask({1, 2}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(Message(status), HasSubstr(path));
  EXPECT_EQ(serving_.endpoints().Log("delay").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(serving_.endpoints().FindPrediction("x").status().code(), StatusCode::kNotFound);
}

// The log has the score even if the client asks for something else.
TEST_F(EndpointsTest, TheScoreIsLoggedWhateverIsAskedFor) {
  using onnxruntime::DataType;
  onnxruntime::Model model;
  model.graph_name = "classifier";
  model.nodes = {
      {"Cast", "", {"features"}, {"rounded"}, {{"to", int64_t{7}}}},
      {"HardSigmoid", "", {"features"}, {"probabilities"}, {{"alpha", 0.1f}, {"beta", 0.0f}}}};
  model.inputs = {{"features", DataType::kFp32, {std::string("rows"), int64_t{2}}}};
  model.outputs = {{"rounded", DataType::kInt64, {std::string("rows"), int64_t{2}}},
                   {"probabilities", DataType::kFp32, {std::string("rows"), int64_t{2}}}};
  Put();
  serving_.Admit(serving_.AddVersion(onnxruntime::WriteModel(model)));
  InferRequest request;
  request.endpoint = "delay";
  const float row[] = {3, 7};
  request.inputs = {{.name = "features",
                     .type = DataType::kFp32,
                     .shape = {1, 2},
                     .bytes = std::string(reinterpret_cast<const char*>(row), sizeof(row))}};
  request.output_names = {"rounded"};
  const InferResponse response = serving_.endpoints().Infer(request).value();
  ASSERT_EQ(response.outputs.size(), 1u);
  EXPECT_EQ(response.outputs[0].name, "rounded");
  // Of two probabilities the second is that of yes.
  EXPECT_FLOAT_EQ(serving_.endpoints().FindPrediction(response.prediction_id)->score, 0.7f);
}

}  // namespace
}  // namespace caisson::serving
