// The whole interface in process: requests through the router, answers as text.
#include "protocols/mlflow/routes.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "lifecycle/tracking/testing.h"

namespace caisson::mlflow {
namespace {

class RoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    blobs_ = blob::BlobStore::Open(tracking_.folder() + "/blobs").value();
    registry_ = registry::Registry::Open({tracking_.main(), *blobs_, *tracking_, clock_}).value();
    Serve({});
  }
  void Serve(const MlflowOptions& options) {
    router_ = std::make_unique<http::Router>();
    const Status status = router_->Add(MlflowRoutes({*tracking_, *registry_}, options));
    ASSERT_TRUE(status.ok()) << status;
  }
  http::Response Send(http::Method method, const std::string& path, const std::string& body = "",
                      std::vector<std::pair<std::string, std::string>> query = {}) {
    http::Request request;
    request.method = method;
    request.path = path;
    request.raw_path = path;
    request.query = std::move(query);
    request.headers.Set("content-type", "application/json");
    request.body = body;
    return router_->Handle(request);
  }
  Json Post(const std::string& path, const std::string& body, int status = 200) {
    const http::Response response = Send(http::Method::kPost, "/api/2.0/mlflow/" + path, body);
    EXPECT_EQ(response.status, status) << path << ": " << response.body;
    return ParseJson(response.body).value_or(Json());
  }
  Json Get(const std::string& path, std::vector<std::pair<std::string, std::string>> query,
           int status = 200) {
    const http::Response response =
        Send(http::Method::kGet, "/api/2.0/mlflow/" + path, "", std::move(query));
    EXPECT_EQ(response.status, status) << path << ": " << response.body;
    return ParseJson(response.body).value_or(Json());
  }
  std::string NewRun() {
    return Post("runs/create", R"({"experiment_id":"0","start_time":5})")["run"]["info"]["run_id"]
        .AsString();
  }

  SystemClock clock_;
  tracking::testing::TestStore tracking_;
  std::unique_ptr<blob::BlobStore> blobs_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<http::Router> router_;
};

TEST_F(RoutesTest, ARunIsLoggedAndRead) {
  const std::string id = NewRun();
  Post(
      "runs/log-batch",
      fmt::format(R"({{"run_id":"{}","metrics":[{{"key":"m","value":1.5,"timestamp":9,"step":2}}],)"
                  R"("params":[{{"key":"p","value":"1"}}],"tags":[{{"key":"t","value":"v"}}]}})",
                  id));
  Post("runs/log-metric",
       fmt::format(R"({{"run_uuid":"{}","key":"n","value":"NaN","timestamp":"7"}})", id));
  const Json run = Get("runs/get", {{"run_id", id}})["run"];
  EXPECT_EQ(run["data"]["metrics"].size(), 2u);
  EXPECT_EQ(run["data"]["metrics"][0]["value"].AsDouble(), 1.5);
  EXPECT_EQ(run["data"]["metrics"][1]["value"].AsString(), "NaN");
  EXPECT_EQ(run["info"]["artifact_uri"].AsString(), "mlflow-artifacts:/0/" + id + "/artifacts");
  EXPECT_EQ(Get("metrics/get-history", {{"run_id", id}, {"metric_key", "m"}})["metrics"][0]["step"]
                .AsInt(),
            2);
}

TEST_F(RoutesTest, EveryPathHasItsTwin) {
  const http::Response response = Send(http::Method::kGet, "/ajax-api/2.0/mlflow/experiments/get",
                                       "", {{"experiment_id", "0"}});
  EXPECT_EQ(response.status, 200);
  Serve({.static_prefix = "/ml"});
  EXPECT_EQ(Send(http::Method::kGet, "/ml/ajax-api/2.0/mlflow/experiments/get", "",
                 {{"experiment_id", "0"}})
                .status,
            200);
  EXPECT_EQ(
      Send(http::Method::kGet, "/ajax-api/2.0/mlflow/experiments/get", "", {{"experiment_id", "0"}})
          .status,
      404);
  EXPECT_EQ(
      Send(http::Method::kGet, "/api/2.0/mlflow/experiments/get", "", {{"experiment_id", "0"}})
          .status,
      200);
  EXPECT_EQ(Send(http::Method::kGet, "/version").body, "3.17.2");
}

TEST_F(RoutesTest, BadBatchesChangeNothing) {
  const std::string id = NewRun();
  const std::string docs = " See the API docs for more information about request parameters.";
  const auto error = [&](const std::string& rest) {
    return Post("runs/log-batch", R"({"run_id":")" + id + "\"," + rest + "}", 400)["message"]
        .AsString();
  };
  EXPECT_EQ(error(R"("metrics":[{"key":"m","timestamp":1}])"),
            "Missing value for required parameter 'metrics[0].value'." + docs);
  EXPECT_EQ(
      error(R"("metrics":5)"),
      "Invalid value 5 for parameter 'metrics' supplied:  Hint: Value was of type 'int'." + docs);
  EXPECT_EQ(error(R"("params":[{"value":"1"}])"),
            "Missing value for required parameter 'params[0].key'." + docs);
  EXPECT_EQ(error(R"("metrics":[{"key":"m","value":1,"timestamp":-1}])"),
            "Invalid value -1 for parameter 'metrics[0].timestamp' supplied: metric 'm' "
            "(value=1.0). Timestamp must be a "
            "nonnegative long (64-bit integer) ");
  EXPECT_NE(
      error(
          R"("metrics":[{"key":"ok","value":1,"timestamp":1},{"key":"m","value":"x","timestamp":1}])"),
      "");
  EXPECT_EQ(Get("runs/get", {{"run_id", id}})["run"]["data"].Find("metrics"), nullptr);
}

TEST_F(RoutesTest, ArtifactsGoUpAndDown) {
  const std::string id = NewRun();
  const std::string path = "/api/2.0/mlflow-artifacts/artifacts/0/" + id + "/artifacts/d/x.txt";
  EXPECT_EQ(Send(http::Method::kPut, path, "hello").body, "{}");
  const http::Response down = Send(http::Method::kGet, path);
  ASSERT_TRUE(down.file.has_value());
  EXPECT_EQ(*ReadFile(down.file->path), "hello");
  EXPECT_EQ(*ReadFile(tracking_.folder() + "/artifacts/0/" + id + "/artifacts/d/x.txt"), "hello");
  EXPECT_EQ(Get("artifacts/list", {{"run_id", id}, {"path", "d"}})["files"][0]["path"].AsString(),
            "d/x.txt");
  EXPECT_TRUE(Send(http::Method::kGet, "/get-artifact", "", {{"run_id", id}, {"path", "d/x.txt"}})
                  .file.has_value());
  EXPECT_EQ(
      Send(http::Method::kGet, "/get-artifact", "", {{"run_id", id}, {"path", "../x"}}).status,
      400);
  EXPECT_EQ(Send(http::Method::kGet, path + "/..%2f..%2fx").status, 400);
  EXPECT_EQ(Send(http::Method::kGet, path + ".none").status, 404);
  EXPECT_EQ(Send(http::Method::kDelete, path).status, 200);
  EXPECT_EQ(Send(http::Method::kGet, path).status, 404);
  EXPECT_EQ(Send(http::Method::kPost, "/api/2.0/mlflow-artifacts/mpu/create/x", "{}").status, 501);
}

TEST_F(RoutesTest, ServersWithoutArtifactsSaySo) {
  Serve({.serve_artifacts = false});
  EXPECT_EQ(Send(http::Method::kGet, "/api/2.0/mlflow-artifacts/artifacts").status, 503);
  Serve({.artifacts_only = true});
  EXPECT_EQ(Send(http::Method::kPost, "/api/2.0/mlflow/runs/search", "{}").status, 503);
  EXPECT_EQ(Send(http::Method::kGet, "/api/2.0/mlflow-artifacts/artifacts").status, 200);
}

TEST_F(RoutesTest, VersionsAndAliases) {
  Post("registered-models/create", R"({"name":"m"})");
  EXPECT_EQ(Post("model-versions/create",
                 R"({"name":"m","source":"s3://b/x"})")["model_version"]["version"]
                .AsString(),
            "1");
  Post("registered-models/alias", R"({"name":"m","alias":"champion","version":"1"})");
  EXPECT_EQ(Get("registered-models/alias",
                {{"name", "m"}, {"alias", "champion"}})["model_version"]["aliases"][0]
                .AsString(),
            "champion");
  EXPECT_EQ(Get("model-versions/get", {{"name", "m"}, {"version", "x"}}, 400)["message"].AsString(),
            "Parameter 'version' must be an integer, got 'x'.");
  EXPECT_EQ(Get("registered-models/get", {{"name", "z"}}, 404)["error_code"].AsString(),
            "RESOURCE_DOES_NOT_EXIST");
}

}  // namespace
}  // namespace caisson::mlflow
