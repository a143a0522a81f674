#include "protocols/mlflow/routes.h"

#include <utility>

#include "protocols/mlflow/internal/endpoint.h"
#include "protocols/mlflow/internal/errors.h"

namespace caisson::mlflow {
namespace {

using internal::Endpoint;

http::Response Answer(const MlflowDependencies& services, const Endpoint& endpoint,
                      const http::Request& request) {
  static const internal::RequestShape kEmpty;
  const Result<Json> message =
      internal::ReadRequest(request, endpoint.shape == nullptr ? kEmpty : *endpoint.shape);
  if (!message.ok()) return internal::ErrorAnswer(message.status());
  Result<std::string> body = endpoint.handle({services, request, *message, request.context});
  if (!body.ok()) return internal::ErrorAnswer(body.status());
  return internal::JsonAnswer(*std::move(body));
}

// What a server that only proxies artifacts says to everything else.
http::Response DisabledAnswer(std::string_view pattern) {
  return http::Response::Text(
      503, fmt::format("Endpoint: {} disabled due to the mlflow server running in "
                       "`--artifacts-only` mode. To enable tracking "
                       "server functionality, run `mlflow server` without `--artifacts-only`",
                       pattern));
}

http::Route MakeRoute(const MlflowDependencies& services, const MlflowOptions& options,
                      const Endpoint& endpoint, const std::string& pattern) {
  http::Route route;
  route.method = endpoint.method;
  route.pattern = pattern;
  route.summary = endpoint.summary;
  route.tag = "mlflow";
  route.on_error = internal::ErrorAnswer;
  if (options.artifacts_only) {
    route.handler = [pattern](http::Request&) { return DisabledAnswer(pattern); };
  } else {
    route.handler = [services, endpoint](http::Request& request) {
      return Answer(services, endpoint, request);
    };
  }
  return route;
}

}  // namespace

namespace internal {

std::vector<std::string> Twins(std::string_view path, const MlflowOptions& options) {
  return {fmt::format("/api/2.0{}", path),
          fmt::format("{}/ajax-api/2.0{}", options.static_prefix, path)};
}

http::Response JsonAnswer(std::string body) {
  http::Response response;
  response.headers.Set("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

}  // namespace internal

std::vector<http::Route> MlflowRoutes(const MlflowDependencies& dependencies,
                                      const MlflowOptions& options, bool include_health) {
  std::vector<http::Route> routes;
  for (const auto& area : {internal::ExperimentEndpoints(), internal::RunEndpoints(),
                           internal::LoggingEndpoints(), internal::HistoryEndpoints(),
                           internal::LoggedModelEndpoints(), internal::RegisteredModelEndpoints(),
                           internal::ModelVersionEndpoints(), internal::ArtifactListEndpoints()}) {
    for (const Endpoint& endpoint : area) {
      for (const std::string& pattern : internal::Twins(endpoint.path, options)) {
        routes.push_back(MakeRoute(dependencies, options, endpoint, pattern));
      }
    }
  }
  for (auto&& special : {internal::BatchRoutes(dependencies, options),
                         internal::ArtifactRoutes(dependencies, options),
                         internal::ServerRoutes(options, include_health)}) {
    for (const http::Route& route : special) routes.push_back(route);
  }
  return routes;
}

}  // namespace caisson::mlflow
