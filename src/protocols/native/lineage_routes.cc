#include "lifecycle/project/explain.h"
#include "platform/audit/audit.h"
#include "platform/lineage/lineage.h"
#include "protocols/native/internal/handlers.h"
#include "protocols/native/routes.h"

namespace caisson::native {
namespace {

using internal::JsonHandler;
using internal::MakeRoute;

// The graph in the form that the query asks for: json (the default), tree, mermaid or svg.
http::Response Draw(const http::Request& request, const Result<lineage::Graph>& graph) {
  if (!graph.ok()) return http::ErrorResponse(graph.status());
  const std::string_view format = request.Query("format");
  if (format.empty() || format == "json")
    return http::Response::OfJson(200, lineage::GraphToJson(*graph));
  if (format == "tree") return http::Response::Text(200, lineage::RenderTree(*graph));
  if (format == "mermaid") return http::Response::Text(200, lineage::RenderMermaid(*graph));
  if (format == "svg") {
    http::Response response = http::Response::Text(200, lineage::RenderSvg(*graph));
    response.headers.Set("Content-Type", "image/svg+xml");
    return response;
  }
  return http::ErrorResponse(
      InvalidArgument("format is '{}'; json, tree, mermaid and svg are accepted", format));
}

Json ToJson(const events::Event& event) {
  return Json::Of({{"sequence", event.sequence},
                   {"time", FormatTime(event.time)},
                   {"type", event.type},
                   {"subject", event.subject},
                   {"payload", event.payload}});
}

Json ToJson(const audit::Entry& entry) {
  return Json::Of({{"sequence", entry.sequence},
                   {"time", FormatTime(entry.time)},
                   {"principal", entry.principal},
                   {"action", entry.action},
                   {"object", entry.object},
                   {"detail", entry.detail},
                   {"trace_id", entry.trace_id},
                   {"hash", entry.hash}});
}

}  // namespace

std::vector<http::Route> LineageRoutes(const Dependencies& parts) {
  std::vector<http::Route> routes;
  routes.push_back(MakeRoute(http::Method::kGet, "/api/v1/explain/prediction/{id}",
                             "What stands behind an answer", [parts](http::Request& request) {
                               return Draw(request, project::ExplainPrediction(
                                                        request.context, parts.database,
                                                        parts.endpoints, request.Path("id")));
                             }));
  routes.push_back(MakeRoute(http::Method::kGet, "/api/v1/explain/endpoint/{name}",
                             "What stands behind an endpoint", [parts](http::Request& request) {
                               return Draw(request, project::ExplainEndpoint(
                                                        request.context, parts.database,
                                                        parts.endpoints, request.Path("name")));
                             }));
  routes.push_back(
      MakeRoute(http::Method::kGet, "/api/v1/explain/{kind}/{name...}",
                "What stands behind any node of the graph", [parts](http::Request& request) {
                  const lineage::NodeId node{std::string(request.Path("kind")),
                                             std::string(request.Path("name"))};
                  return Draw(request, project::ExplainNode(request.context, parts.database, node));
                }));
  routes.push_back(MakeRoute(
      http::Method::kGet, "/api/v1/events", "Events, newest first",
      JsonHandler([parts](http::Request& request) -> Result<Json> {
        CAISSON_ASSIGN(const int64_t limit, internal::QueryInt(request, "limit", 50, 1, 1'000));
        CAISSON_ASSIGN(const auto found, parts.database.ReadFor<std::vector<events::Event>>(
                                             request.context, [&](sql::Session& session) {
                                               return events::List(session, request.Query("type"),
                                                                   request.Query("subject"),
                                                                   static_cast<int>(limit));
                                             }));
        Json::Array items;
        for (const auto& event : found) items.push_back(ToJson(event));
        return internal::Items(std::move(items));
      })));
  routes.push_back(MakeRoute(
      http::Method::kGet, "/api/v1/audit", "The audit log, newest first",
      JsonHandler([parts](http::Request& request) -> Result<Json> {
        audit::Filter filter;
        filter.object_prefix = std::string(request.Query("object"));
        filter.action = std::string(request.Query("action"));
        CAISSON_ASSIGN(const int64_t limit, internal::QueryInt(request, "limit", 50, 1, 1'000));
        filter.limit = static_cast<int>(limit);
        CAISSON_ASSIGN(const auto entries, parts.database.ReadFor<std::vector<audit::Entry>>(
                                               request.context, [&](sql::Session& session) {
                                                 return audit::List(session, filter);
                                               }));
        Json::Array items;
        for (const auto& entry : entries) items.push_back(ToJson(entry));
        return internal::Items(std::move(items));
      })));
  return routes;
}

}  // namespace caisson::native
