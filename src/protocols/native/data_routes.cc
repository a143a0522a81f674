#include "protocols/native/internal/handlers.h"
#include "protocols/native/routes.h"

namespace caisson::native {
namespace {

using internal::JsonHandler;
using internal::MakeRoute;

Json ToJson(const data::DatasetVersion& version, bool with_profile) {
  Json json = Json::Of({{"name", version.name()},
                        {"path", version.path},
                        {"md5", version.md5},
                        {"size", version.size},
                        {"files", version.file_count},
                        {"rows", version.profile["rows"]},
                        {"schema", version.schema},
                        {"created_at", FormatTime(version.created_at)}});
  if (with_profile) json.Set("profile", version.profile);
  return json;
}

Json ToJson(const data::CheckRun& run) {
  return Json::Of({{"id", run.id},
                   {"dataset", run.dataset},
                   {"suite", run.suite},
                   {"passed", run.passed},
                   {"time", FormatTime(run.time)},
                   {"report", run.report}});
}

}  // namespace

std::vector<http::Route> DataRoutes(const Dependencies& parts) {
  std::vector<http::Route> routes;
  routes.push_back(
      MakeRoute(http::Method::kGet, "/api/v1/datasets", "Dataset versions, newest first",
                JsonHandler([&datasets = parts.datasets](http::Request& request) -> Result<Json> {
                  CAISSON_ASSIGN(const auto versions,
                                 datasets.Versions(request.context, request.Query("path")));
                  const bool with_profile = request.Query("profile") == "true";
                  Json::Array items;
                  for (const auto& version : versions)
                    items.push_back(ToJson(version, with_profile));
                  return internal::Items(std::move(items));
                })));
  routes.push_back(
      MakeRoute(http::Method::kGet, "/api/v1/check-runs", "Results of check suites, newest first",
                JsonHandler([&datasets = parts.datasets](http::Request& request) -> Result<Json> {
                  CAISSON_ASSIGN(const auto runs,
                                 datasets.CheckRuns(request.context, request.Query("dataset")));
                  Json::Array items;
                  for (const auto& run : runs) items.push_back(ToJson(run));
                  return internal::Items(std::move(items));
                })));
  return routes;
}

}  // namespace caisson::native
