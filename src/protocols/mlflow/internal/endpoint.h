// One row of MLflow's table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocols/mlflow/internal/message.h"
#include "protocols/mlflow/routes.h"

namespace caisson::mlflow::internal {

// What a handler works with.
struct Call {
  const MlflowDependencies& services;
  const http::Request& request;
  const Json& message;  // the request by its shape
  const Context& context;
};

// Answers a request whose message was read; the result is the body. It states no rules.
using Handle = Result<std::string> (*)(const Call& call);

struct Endpoint {
  http::Method method = http::Method::kGet;
  std::string_view path;  // after /api/2.0
  Handle handle = nullptr;
  const RequestShape* shape = nullptr;
  std::string_view summary;
};

// By area.
std::vector<Endpoint> ExperimentEndpoints();
std::vector<Endpoint> RunEndpoints();
std::vector<Endpoint> LoggingEndpoints();
std::vector<Endpoint> HistoryEndpoints();
std::vector<Endpoint> LoggedModelEndpoints();
std::vector<Endpoint> RegisteredModelEndpoints();
std::vector<Endpoint> ModelVersionEndpoints();
std::vector<Endpoint> ArtifactListEndpoints();

// Routes that are not a message in and a message out.
std::vector<http::Route> BatchRoutes(const MlflowDependencies& services,
                                     const MlflowOptions& options);
std::vector<http::Route> ArtifactRoutes(const MlflowDependencies& services,
                                        const MlflowOptions& options);
std::vector<http::Route> ServerRoutes(const MlflowOptions& options, bool include_health);

// Both places of a path: /api/2.0<path> and <prefix>/ajax-api/2.0<path>.
std::vector<std::string> Twins(std::string_view path, const MlflowOptions& options);
http::Response JsonAnswer(std::string body);

}  // namespace caisson::mlflow::internal
