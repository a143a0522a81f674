#include "protocols/native/internal/handlers.h"
#include "protocols/native/routes.h"

namespace caisson::native {
namespace {

http::Response Readiness(const http::Request& request, const std::vector<ReadinessCheck>& checks) {
  bool ready = true;
  Json components = Json::MakeObject();
  for (const ReadinessCheck& check : checks) {
    const Status status = check.check(request.context);
    ready = ready && status.ok();
    components.Set(check.name, status.ok() ? std::string("ok") : Message(status));
  }
  return http::Response::OfJson(
      ready ? 200 : 503, Json::Of({{"ready", ready}, {"components", std::move(components)}}));
}

}  // namespace

std::vector<http::Route> HealthRoutes(std::string version, std::vector<ReadinessCheck> checks) {
  // Alive means that this loop turns; it asks nothing of disks or neighbours, so that a slow disk
  // never kills the process.
  http::Route live =
      internal::MakeRoute(http::Method::kGet, "/livez", "The process is alive",
                          [](http::Request&) { return http::Response::Text(200, "ok\n"); });
  live.run_on = http::RunOn::kIoThread;
  live.needs_login = false;
  http::Route ready = internal::MakeRoute(
      http::Method::kGet, "/readyz", "Every component can do its work",
      [checks = std::move(checks)](http::Request& request) { return Readiness(request, checks); });
  ready.needs_login = false;
  http::Route version_route =
      internal::MakeRoute(http::Method::kGet, "/api/v1/version", "The program's version",
                          internal::JsonHandler([version](http::Request&) -> Result<Json> {
                            return Json::Of({{"name", "caisson"}, {"version", version}});
                          }));
  version_route.run_on = http::RunOn::kIoThread;
  version_route.needs_login = false;
  http::Route short_version = version_route;
  short_version.pattern = "/version";
  // What MLflow's clients and load balancers ask.
  http::Route health = live;
  health.pattern = "/health";
  health.handler = [](http::Request&) { return http::Response::Text(200, "OK"); };
  return {std::move(live), std::move(ready), std::move(version_route), std::move(short_version),
          std::move(health)};
}

}  // namespace caisson::native
