#include "protocols/native/internal/handlers.h"
#include "protocols/native/routes.h"

namespace caisson::native {
namespace {

using internal::BodyHandler;
using internal::JsonHandler;
using internal::MakeRoute;

Json ToJson(const std::vector<monitoring::WindowReport>& reports) {
  Json::Array items;
  for (const auto& report : reports) items.push_back(monitoring::Monitors::ReportToJson(report));
  return internal::Items(std::move(items));
}

}  // namespace

std::vector<http::Route> MonitorRoutes(const Dependencies& parts) {
  monitoring::Monitors& monitors = parts.monitors;
  std::vector<http::Route> routes;
  routes.push_back(MakeRoute(http::Method::kGet, "/api/v1/monitors", "Monitors",
                             JsonHandler([&monitors](http::Request& request) -> Result<Json> {
                               CAISSON_ASSIGN(const auto specs, monitors.List(request.context));
                               Json::Array items;
                               for (const auto& spec : specs) {
                                 items.push_back(
                                     Json::Of({{"endpoint", spec.endpoint},
                                               {"spec", monitoring::MonitorSpecToJson(spec)}}));
                               }
                               return internal::Items(std::move(items));
                             })));
  routes.push_back(MakeRoute(
      http::Method::kPut, "/api/v1/monitors/{endpoint}",
      "Makes or changes a monitor's wanted state",
      BodyHandler([&monitors](http::Request& request, const Json& body) -> Result<Json> {
        CAISSON_ASSIGN(const auto spec, monitoring::ParseMonitorSpec(request.Path("endpoint"), body,
                                                                     "the request body"));
        CAISSON_TRY(monitors.Put(request.context, spec));
        return monitoring::MonitorSpecToJson(spec);
      })));
  routes.push_back(
      MakeRoute(http::Method::kDelete, "/api/v1/monitors/{endpoint}", "Removes a monitor",
                JsonHandler([&monitors](http::Request& request) -> Result<Json> {
                  CAISSON_TRY(monitors.Remove(request.context, request.Path("endpoint")));
                  return Json::MakeObject();
                })));
  routes.push_back(MakeRoute(
      http::Method::kPost, "/api/v1/monitors/{endpoint}/evaluate",
      "Evaluates the windows that are due; with {\"final\": true} the open one too",
      BodyHandler([&monitors](http::Request& request, const Json& body) -> Result<Json> {
        FieldReader fields(body, "the request body");
        const bool final = fields.Bool("final", false);
        CAISSON_TRY(fields.Finish());
        CAISSON_ASSIGN(const auto reports,
                       monitors.Evaluate(request.context, request.Path("endpoint"), final));
        return ToJson(reports);
      })));
  routes.push_back(MakeRoute(http::Method::kGet, "/api/v1/monitors/{endpoint}/reports",
                             "Reports of a monitor, oldest first",
                             JsonHandler([&monitors](http::Request& request) -> Result<Json> {
                               CAISSON_ASSIGN(
                                   const auto reports,
                                   monitors.Reports(request.context, request.Path("endpoint")));
                               return ToJson(reports);
                             })));
  http::Route page = MakeRoute(http::Method::kGet, "/monitors/{endpoint}",
                               "The report of a monitor as a page", nullptr);
  page.handler = [&monitors](http::Request& request) -> http::Response {
    Result<std::string> html = monitors.HtmlReport(request.context, request.Path("endpoint"));
    if (!html.ok()) return http::ErrorResponse(html.status());
    return http::Response::Html(200, *std::move(html));
  };
  routes.push_back(std::move(page));
  return routes;
}

}  // namespace caisson::native
