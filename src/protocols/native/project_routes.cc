#include "protocols/native/internal/handlers.h"
#include "protocols/native/routes.h"

namespace caisson::native {

using internal::BodyHandler;
using internal::JsonHandler;
using internal::MakeRoute;

std::vector<http::Route> ProjectRoutes(const Dependencies& parts) {
  std::vector<http::Route> routes;
  routes.push_back(
      MakeRoute(http::Method::kGet, "/api/v1/projects", "Projects that were run here",
                JsonHandler([&projects = parts.projects](http::Request& request) -> Result<Json> {
                  CAISSON_ASSIGN(Json items, projects.List(request.context));
                  return Json::Of({{"items", std::move(items)}});
                })));
  routes.push_back(
      MakeRoute(http::Method::kPost, "/api/v1/projects/run",
                "Starts a run of a project folder; the answer names its job",
                BodyHandler([&projects = parts.projects](http::Request& request,
                                                         const Json& body) -> Result<Json> {
                  FieldReader fields(body, "the request body");
                  project::RunRequest run;
                  run.folder = fields.String("folder");
                  run.targets = fields.Strings("targets");
                  run.force = fields.Bool("force", false);
                  run.overrides = fields.Raw("overrides");
                  run.reason = fields.String("reason", "asked for");
                  CAISSON_TRY(fields.Finish());
                  CAISSON_ASSIGN(std::string job, projects.Submit(request.context, run));
                  return Json::Of({{"job_id", job}});
                })));
  routes.push_back(
      MakeRoute(http::Method::kPost, "/api/v1/projects/plan", "What a run would do, and why",
                BodyHandler([&projects = parts.projects](http::Request& request,
                                                         const Json& body) -> Result<Json> {
                  FieldReader fields(body, "the request body");
                  const std::string folder = fields.String("folder");
                  CAISSON_TRY(fields.Finish());
                  return projects.Plan(request.context, folder);
                })));
  return routes;
}

}  // namespace caisson::native
