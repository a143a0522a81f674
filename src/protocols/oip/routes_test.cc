#include "protocols/oip/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lifecycle/serving/testing.h"
#include "protocols/oip/internal/compression.h"

namespace caisson::oip {
namespace {

using http::Method;
using http::Request;
using http::Response;
using ::testing::HasSubstr;

constexpr char kAsk[] =
    R"({"id": "r-1", "inputs": [{"name": "features", "datatype": "FP32", "shape": [1, 2], "data": [0.25, 0.75]}]})";

class RoutesTest : public ::testing::Test {
 protected:
  RoutesTest() {
    EXPECT_TRUE(router_.Add(OipRoutes(serving_.endpoints(), "1.2.3")).ok());
    serving::EndpointSpec spec;
    spec.name = spec.model = "delay";
    EXPECT_TRUE(serving_.endpoints().Put(serving_.context(), spec).ok());
  }
  void Serve() { serving_.Admit(serving_.AddVersion(serving::testing::MeanModel(1, 0))); }

  Response Send(Method method, const std::string& path, const std::string& body = "",
                const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    Request request;
    request.method = method;
    request.path = path;
    request.body = body;
    for (const auto& [name, value] : headers) request.headers.Set(name, value);
    return router_.Handle(request);
  }
  Json Body(const Response& response) {
    const auto json = ParseJson(response.body);
    EXPECT_TRUE(json.ok()) << response.body;
    return json.ok() ? *json : Json();
  }
  // The error's text, after checking its status.
  std::string Error(const Response& response, int status) {
    EXPECT_EQ(response.status, status) << response.body;
    return Body(response)["error"].AsString();
  }

  serving::testing::TestServing serving_;
  http::Router router_;
};

TEST_F(RoutesTest, TellsAboutItself) {
  EXPECT_EQ(Body(Send(Method::kGet, "/v2"))["version"].AsString(), "1.2.3");
  EXPECT_EQ(Send(Method::kGet, "/v2/health/live").status, 200);
  EXPECT_EQ(Send(Method::kGet, "/v2/health/ready").status, 200);
}

TEST_F(RoutesTest, AModelWithoutAVersionIsNotReady) {
  EXPECT_EQ(Send(Method::kGet, "/v2/models/delay/ready").status, 400);
  EXPECT_THAT(Error(Send(Method::kPost, "/v2/models/delay/infer", kAsk), 503),
              HasSubstr("no version that answers"));
  const Json index = Body(Send(Method::kPost, "/v2/repository/index"));
  EXPECT_EQ(index[size_t{0}]["state"].AsString(), "UNAVAILABLE");
  EXPECT_THAT(Error(Send(Method::kGet, "/v2/models/delya"), 404),
              HasSubstr("did you mean 'delay'?"));
}

TEST_F(RoutesTest, DescribesAModel) {
  Serve();
  EXPECT_EQ(Send(Method::kGet, "/v2/models/delay/ready").status, 200);
  EXPECT_EQ(Send(Method::kGet, "/v2/models/delay/versions/1/ready").status, 200);
  EXPECT_EQ(Send(Method::kGet, "/v2/models/delay/versions/2/ready").status, 404);
  const Json metadata = Body(Send(Method::kGet, "/v2/models/delay/versions/1"));
  EXPECT_EQ(WriteJson(metadata),
            R"({"name":"delay","versions":["1"],"platform":"onnxruntime_onnx",)"
            R"("inputs":[{"name":"features","datatype":"FP32","shape":[-1,2]}],)"
            R"("outputs":[{"name":"probability","datatype":"FP32","shape":[-1,1]}]})");
  const Json config = Body(Send(Method::kGet, "/v2/models/delay/config"));
  EXPECT_EQ(config["input"][size_t{0}]["data_type"].AsString(), "TYPE_FP32");
  const Json index = Body(Send(Method::kPost, "/v2/repository/index"));
  EXPECT_EQ(index[size_t{0}]["state"].AsString(), "READY");
}

TEST_F(RoutesTest, Answers) {
  Serve();
  const Response response = Send(Method::kPost, "/v2/models/delay/infer", kAsk);
  ASSERT_EQ(response.status, 200) << response.body;
  const Json answer = Body(response);
  EXPECT_EQ(answer["id"].AsString(), "r-1");
  EXPECT_EQ(answer["model_version"].AsString(), "1");
  EXPECT_EQ(answer["outputs"][size_t{0}]["data"][size_t{0}].AsDouble(), 0.5);
  const auto prediction =
      serving_.endpoints().FindPrediction(answer["parameters"]["prediction_id"].AsString());
  ASSERT_TRUE(prediction.ok());
  EXPECT_FLOAT_EQ(prediction->score, 0.5f);
  EXPECT_EQ(Send(Method::kPost, "/v2/models/delay/versions/1/infer", kAsk).status, 200);
}

TEST_F(RoutesTest, BadRequestsAreNamed) {
  Serve();
  const auto error = [&](const std::string& body) {
    return Error(Send(Method::kPost, "/v2/models/delay/infer", body), 400);
  };
  EXPECT_THAT(error("{"), HasSubstr("not JSON"));
  EXPECT_THAT(error(R"({"inputs": []})"), HasSubstr("features"));
  EXPECT_THAT(
      error(R"({"inputs": [{"name": "f", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]})"),
      HasSubstr("features"));
  EXPECT_THAT(
      error(
          R"({"inputs": [{"name": "features", "datatype": "INT64", "shape": [1, 2], "data": [1, 2]}]})"),
      HasSubstr("FP32"));
  EXPECT_THAT(
      error(
          R"({"inputs": [{"name": "features", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}]})"),
      HasSubstr("features"));
  EXPECT_THAT(
      error(
          R"({"inputs": [{"name": "features", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]},
                                   {"name": "features", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]})"),
      HasSubstr("features"));
  EXPECT_THAT(error(R"({"outputs": [{"name": "prob"}],
                        "inputs": [{"name": "features", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]})"),
              HasSubstr("prob"));
  EXPECT_THAT(Error(Send(Method::kPost, "/v2/models/nope/infer", kAsk), 404), HasSubstr("nope"));
  EXPECT_THAT(Error(Send(Method::kPost, "/v2/models/delay/versions/9/infer", kAsk), 404),
              HasSubstr("'9'"));
  EXPECT_EQ(Send(Method::kGet, "/v2/models/delay/infer").status, 405);
  for (const char* length : {"0", "-1", "x", "1.5", "99999999999999999999"}) {
    EXPECT_THAT(Error(Send(Method::kPost, "/v2/models/delay/infer", kAsk,
                           {{"Inference-Header-Content-Length", length}}),
                      400),
                HasSubstr(length));
  }
}

TEST_F(RoutesTest, NoRowsAreNoPrediction) {
  Serve();
  const Response response = Send(
      Method::kPost, "/v2/models/delay/infer",
      R"({"inputs": [{"name": "features", "datatype": "FP32", "shape": [0, 2], "data": []}]})");
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ((*serving_.endpoints().Log("delay"))->statistics().predictions, 0u);
}

TEST_F(RoutesTest, BinaryBothWays) {
  Serve();
  const std::string head =
      R"({"parameters": {"binary_data_output": true}, "inputs": [{"name": "features", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}}]})";
  const float row[] = {0.25f, 0.75f};
  const Response response =
      Send(Method::kPost, "/v2/models/delay/infer",
           head + std::string(reinterpret_cast<const char*>(row), sizeof(row)),
           {{"Inference-Header-Content-Length", std::to_string(head.size())}});
  ASSERT_EQ(response.status, 200) << response.body;
  const size_t json_size =
      std::stoul(std::string(response.headers.Get("Inference-Header-Content-Length")));
  ASSERT_EQ(response.body.size(), json_size + sizeof(float));
  float score = 0;
  std::memcpy(&score, response.body.data() + json_size, sizeof(score));
  EXPECT_EQ(score, 0.5f);
}

TEST_F(RoutesTest, CompressedBothWays) {
  Serve();
  std::string body =
      R"({"inputs": [{"name": "features", "datatype": "FP32", "shape": [1000, 2], "data": [)";
  for (int i = 0; i < 2'000; ++i) body += i == 0 ? "0.5" : ",0.5";
  body += "]}]}";
  using internal::Encoding;
  const Response response =
      Send(Method::kPost, "/v2/models/delay/infer", internal::Compress(Encoding::kGzip, body),
           {{"Content-Encoding", "gzip"}, {"Accept-Encoding", "deflate"}});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.headers.Get("Content-Encoding"), "deflate");
  const Json answer = *ParseJson(*internal::Decompress(Encoding::kDeflate, response.body, 1 << 20));
  EXPECT_EQ(answer["outputs"][size_t{0}]["data"].size(), 1'000u);
  EXPECT_EQ(
      Send(Method::kPost, "/v2/models/delay/infer", body, {{"Content-Encoding", "br"}}).status,
      400);
  EXPECT_EQ(
      Send(Method::kPost, "/v2/models/delay/infer", body, {{"Content-Encoding", "gzip"}}).status,
      400);
  // Unpacked, the limit holds too.
  const std::string bomb = internal::Compress(Encoding::kGzip, std::string(65 << 20, ' '));
  EXPECT_EQ(
      Send(Method::kPost, "/v2/models/delay/infer", bomb, {{"Content-Encoding", "gzip"}}).status,
      413);
}

}  // namespace
}  // namespace caisson::oip
