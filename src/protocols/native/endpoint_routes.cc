#include "protocols/native/internal/handlers.h"
#include "protocols/native/routes.h"

namespace caisson::native {
namespace {

using internal::BodyHandler;
using internal::JsonHandler;
using internal::MakeRoute;

constexpr size_t kMostLabelsAtOnce = 100'000;

Json TimeOrNull(UnixMillis time) { return time == 0 ? Json() : Json(FormatTime(time)); }

Json ToJson(const serving::Deployment& deployment) {
  return Json::Of({{"id", deployment.id},
                   {"endpoint", deployment.endpoint},
                   {"model", deployment.model},
                   {"version", deployment.version},
                   {"state", serving::StateName(deployment.state)},
                   {"traffic_percent", deployment.traffic_percent},
                   {"canary_step", deployment.canary_step},
                   {"created_at", TimeOrNull(deployment.created_at)},
                   {"ended_at", TimeOrNull(deployment.ended_at)},
                   {"reason", deployment.reason}});
}

Json ToJson(const Dependencies& parts, const serving::EndpointStatus& status) {
  Json deployments = Json::MakeArray();
  for (const auto& deployment : status.deployments) deployments.Append(ToJson(deployment));
  Json json = Json::Of({{"name", status.spec.name},
                        {"spec", serving::EndpointSpecToJson(status.spec)},
                        {"deployments", std::move(deployments)}});
  const auto log = parts.endpoints.Log(status.spec.name);
  if (log.ok()) {
    const auto statistics = (*log)->statistics();
    json.Set("predictions", statistics.predictions);
    json.Set("labels", statistics.labels);
    json.Set("first_event_time", TimeOrNull(statistics.first_event_time));
    json.Set("last_event_time", TimeOrNull(statistics.last_event_time));
  }
  return json;
}

Result<Json> ShowEndpoint(const Dependencies& parts, http::Request& request) {
  CAISSON_ASSIGN(const auto status, parts.endpoints.Get(request.context, request.Path("endpoint")));
  return ToJson(parts, status);
}

// {"labels": [{"id": "...", "label": 1}, ...]}
Result<Json> AddLabels(const Dependencies& parts, http::Request& request, const Json& body) {
  FieldReader fields(body, "the request body");
  const Json& rows = fields.Raw("labels");
  CAISSON_TRY(fields.Finish());
  if (!rows.is_array() || rows.size() > kMostLabelsAtOnce) {
    return InvalidArgument("labels must be an array of at most {} objects {{\"id\", \"label\"}}",
                           HumanCount(kMostLabelsAtOnce));
  }
  std::vector<serving::Label> labels;
  labels.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const Json& row = rows[i];
    if (!row["id"].is_string() || !(row["label"].is_number() || row["label"].is_bool())) {
      return InvalidArgument("labels[{}] is {}; {{\"id\": \"...\", \"label\": 0 or 1}} is accepted",
                             i, WriteJson(row));
    }
    const float label = row["label"].is_bool() ? (row["label"].AsBool() ? 1.0f : 0.0f)
                                               : static_cast<float>(row["label"].AsDouble());
    labels.push_back({row["id"].AsString(), label});
  }
  CAISSON_ASSIGN(serving::PredictionLog * log, parts.endpoints.Log(request.Path("endpoint")));
  CAISSON_TRY(log->AddLabels(labels, SystemClock().now()));
  return Json::Of({{"accepted", labels.size()}});
}

http::Handler Change(
    const Dependencies& parts,
    std::function<Status(const Context&, const std::string&, const Json&)> change) {
  return BodyHandler([parts, change = std::move(change)](http::Request& request,
                                                         const Json& body) -> Result<Json> {
    CAISSON_TRY(change(request.context, std::string(request.Path("endpoint")), body));
    return ShowEndpoint(parts, request);
  });
}

}  // namespace

std::vector<http::Route> EndpointRoutes(const Dependencies& parts) {
  serving::Endpoints& endpoints = parts.endpoints;
  std::vector<http::Route> routes;
  routes.push_back(
      MakeRoute(http::Method::kGet, "/api/v1/endpoints", "Endpoints and what serves behind them",
                JsonHandler([parts](http::Request& request) -> Result<Json> {
                  CAISSON_ASSIGN(const auto found, parts.endpoints.List(request.context));
                  Json::Array items;
                  for (const auto& status : found) items.push_back(ToJson(parts, status));
                  return internal::Items(std::move(items));
                })));
  routes.push_back(MakeRoute(
      http::Method::kGet, "/api/v1/endpoints/{endpoint}", "One endpoint",
      JsonHandler([parts](http::Request& request) { return ShowEndpoint(parts, request); })));
  routes.push_back(
      MakeRoute(http::Method::kPut, "/api/v1/endpoints/{endpoint}",
                "Makes or changes an endpoint's wanted state",
                Change(parts,
                       [&endpoints](const Context& context, const std::string& name,
                                    const Json& body) -> Status {
                         CAISSON_ASSIGN(const auto spec,
                                        serving::ParseEndpointSpec(name, body, "the request body"));
                         return endpoints.Put(context, spec);
                       })));
  routes.push_back(
      MakeRoute(http::Method::kDelete, "/api/v1/endpoints/{endpoint}", "Removes an endpoint",
                JsonHandler([parts](http::Request& request) -> Result<Json> {
                  CAISSON_TRY(parts.endpoints.Remove(request.context, request.Path("endpoint")));
                  return Json::MakeObject();
                })));
  routes.push_back(MakeRoute(
      http::Method::kPost, "/api/v1/endpoints/{endpoint}/canary", "Starts a canary of a version",
      Change(parts,
             [&endpoints](const Context& context, const std::string& name,
                          const Json& body) -> Status {
               FieldReader fields(body, "the request body");
               const int64_t version = fields.Int("version");
               CAISSON_TRY(fields.Finish());
               return endpoints.StartCanary(context, name, static_cast<int>(version));
             })));
  routes.push_back(MakeRoute(
      http::Method::kPost, "/api/v1/endpoints/{endpoint}/promote", "Ends the canary for good",
      Change(parts, [&endpoints](const Context& context, const std::string& name, const Json&) {
        return endpoints.Promote(context, name);
      })));
  routes.push_back(MakeRoute(http::Method::kPost, "/api/v1/endpoints/{endpoint}/rollback",
                             "Ends the canary and keeps the stable version",
                             Change(parts,
                                    [&endpoints](const Context& context, const std::string& name,
                                                 const Json& body) -> Status {
                                      FieldReader fields(body, "the request body");
                                      const std::string reason =
                                          fields.String("reason", "asked for");
                                      CAISSON_TRY(fields.Finish());
                                      return endpoints.RollBack(context, name, reason);
                                    })));
  routes.push_back(MakeRoute(http::Method::kPost, "/api/v1/endpoints/{endpoint}/labels",
                             "Tells what turned out to be true",
                             BodyHandler([parts](http::Request& request, const Json& body) {
                               return AddLabels(parts, request, body);
                             })));
  return routes;
}

}  // namespace caisson::native
