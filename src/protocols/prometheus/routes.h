// What Prometheus scrapes.
#pragma once

#include <vector>

#include "platform/http/router.h"
#include "platform/telemetry/metrics.h"

namespace caisson::prometheus {

// GET /metrics in the text exposition format 0.0.4. The registry outlives the routes.
std::vector<http::Route> PrometheusRoutes(telemetry::Registry& metrics);

}  // namespace caisson::prometheus
