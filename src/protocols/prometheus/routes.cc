#include "protocols/prometheus/routes.h"

namespace caisson::prometheus {

std::vector<http::Route> PrometheusRoutes(telemetry::Registry& metrics) {
  http::Route route;
  route.method = http::Method::kGet;
  route.pattern = "/metrics";
  route.summary = "Metrics in Prometheus' text form";
  route.tag = "prometheus";
  route.needs_login = false;
  route.handler = [&metrics](http::Request&) {
    http::Response response = http::Response::Text(200, metrics.Expose());
    response.headers.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    return response;
  };
  return {std::move(route)};
}

}  // namespace caisson::prometheus
