// Caisson's own API under /api/v1: what the command line and the dashboard speak.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lifecycle/data/datasets.h"
#include "lifecycle/monitoring/monitors.h"
#include "lifecycle/project/projects.h"
#include "lifecycle/registry/registry.h"
#include "lifecycle/serving/endpoints.h"
#include "lifecycle/tracking/store.h"
#include "platform/events/outbox.h"
#include "platform/http/router.h"
#include "platform/jobs/jobs.h"
#include "platform/sql/database.h"

namespace caisson::native {

// What the handlers call. All of it outlives the routes.
struct Dependencies {
  sql::Database& database;
  jobs::Runner& jobs;
  events::Outbox& outbox;
  data::Datasets& datasets;
  tracking::Store& tracking;
  registry::Registry& registry;
  serving::Endpoints& endpoints;
  monitoring::Monitors& monitors;
  project::Projects& projects;
};

// The tables, one function a file. Answers are JSON; lists are {"items": [...]}; errors are
// http::ErrorResponse.
std::vector<http::Route> ProjectRoutes(const Dependencies& parts);
std::vector<http::Route> JobRoutes(const Dependencies& parts);
std::vector<http::Route> DataRoutes(const Dependencies& parts);
std::vector<http::Route> RunRoutes(const Dependencies& parts);
std::vector<http::Route> ModelRoutes(const Dependencies& parts);
std::vector<http::Route> EndpointRoutes(const Dependencies& parts);
std::vector<http::Route> MonitorRoutes(const Dependencies& parts);
std::vector<http::Route> LineageRoutes(const Dependencies& parts);
std::vector<http::Route> StartPageRoutes(const Dependencies& parts);

// One component of /readyz.
struct ReadinessCheck {
  std::string name;
  std::function<Status(const Context&)> check;
};
// /livez, /health, /readyz, /version.
std::vector<http::Route> HealthRoutes(std::string version, std::vector<ReadinessCheck> checks);

}  // namespace caisson::native
