#include "platform/audit/audit.h"
#include "protocols/native/internal/handlers.h"
#include "protocols/native/routes.h"

namespace caisson::native {
namespace {

using internal::BodyHandler;
using internal::JsonHandler;
using internal::MakeRoute;

Json ToJson(const registry::ModelVersion& version) {
  Json tags = Json::MakeObject();
  for (const auto& tag : version.tags) tags.Set(tag.key, tag.value);
  return Json::Of({{"model", version.model},
                   {"version", version.version},
                   {"aliases", Json::ArrayOf(version.aliases)},
                   {"status", version.status},
                   {"run_id", version.run_id},
                   {"digest", version.digest},
                   {"description", version.description},
                   {"created_at", FormatTime(version.creation_time)},
                   {"tags", tags}});
}

Json ToJson(const registry::DecisionRecord& record) {
  Json candidate = Json::MakeObject();
  for (const auto& [name, value] : record.candidate_metrics) candidate.Set(name, value);
  Json champion;
  if (record.champion_metrics.has_value()) {
    champion = Json::MakeObject();
    for (const auto& [name, value] : *record.champion_metrics) champion.Set(name, value);
  }
  Json json = registry::ToJson(record.decision);
  json.Set("id", record.id);
  json.Set("model", record.model);
  json.Set("version", record.version);
  json.Set("champion_version",
           record.champion_version.has_value() ? Json(*record.champion_version) : Json());
  json.Set("candidate_metrics", std::move(candidate));
  json.Set("champion_metrics", std::move(champion));
  json.Set("decided_at", FormatTime(record.time));
  json.Set("principal", record.principal);
  return json;
}

Result<registry::DecisionRecord> Decision(const Dependencies& parts, const Context& context,
                                          const std::string& model, int64_t version) {
  return parts.database.ReadFor<registry::DecisionRecord>(context, [&](sql::Session& session) {
    return registry::FindDecision(session, context.project(), model, version);
  });
}

Result<Json> ListVersions(const Dependencies& parts, http::Request& request) {
  registry::SearchRequest search;
  const std::string name(request.Query("model"));
  if (!name.empty()) search.filter = fmt::format("name = '{}'", ReplaceAll(name, "'", "''"));
  search.max_results = 10'000;
  CAISSON_ASSIGN(const auto page, parts.registry.SearchVersions(request.context, search));
  Json::Array items;
  for (const auto& version : page.items) {
    Json item = ToJson(version);
    const auto decision = Decision(parts, request.context, version.model, version.version);
    item.Set("gate",
             decision.ok() ? Json(decision->decision.admitted ? "admitted" : "refused") : Json());
    items.push_back(std::move(item));
  }
  return internal::Items(std::move(items));
}

Result<Json> ShowVersion(const Dependencies& parts, http::Request& request) {
  CAISSON_ASSIGN(const int64_t number, internal::PathVersion(request));
  const std::string model(request.Path("model"));
  CAISSON_ASSIGN(const auto version, parts.registry.GetVersion(request.context, model, number));
  Json json = ToJson(version);
  const auto decision = Decision(parts, request.context, model, number);
  json.Set("gate", decision.ok() ? ToJson(*decision) : Json());
  CAISSON_ASSIGN(const auto files, parts.registry.Files(request.context, model, number));
  Json::Array list;
  for (const auto& file : files) {
    list.push_back(Json::Of({{"path", file.path}, {"sha256", file.digest}, {"size", file.size}}));
  }
  json.Set("files", Json(std::move(list)));
  return json;
}

// Moves an alias by hand. A version that its gate refused needs `force`, and the audit log says so.
Result<Json> Promote(const Dependencies& parts, http::Request& request, const Json& body) {
  CAISSON_ASSIGN(const int64_t number, internal::PathVersion(request));
  const std::string model(request.Path("model"));
  FieldReader fields(body, "the request body");
  const std::string alias = fields.String("alias", "champion");
  const bool force = fields.Bool("force", false);
  CAISSON_TRY(fields.Finish());
  const auto decision = Decision(parts, request.context, model, number);
  if (decision.ok() && !decision->decision.admitted && !force) {
    std::vector<std::string> lines;
    for (const auto& line : decision->decision.lines)
      lines.push_back((line.passed ? "passed: " : "failed: ") + line.why);
    return FailedPrecondition(
        "{} version {} was refused by its gate:\n  {}\nUse --force to promote it all the same; the "
        "audit log will say so",
        model, number, Join(lines, "\n  "));
  }
  CAISSON_TRY(parts.database.Write(request.context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_TRY(parts.registry.SetAlias(transaction, model, alias, number));
    const Json detail = Json::Of({{"alias", alias},
                                  {"forced", force},
                                  {"admitted", decision.ok() && decision->decision.admitted}});
    return audit::Append(transaction, "model_version.promoted_by_hand",
                         fmt::format("model/{}/{}", model, number), detail);
  }));
  return Json::Of({{"model", model}, {"version", number}, {"alias", alias}, {"forced", force}});
}

}  // namespace

std::vector<http::Route> ModelRoutes(const Dependencies& parts) {
  std::vector<http::Route> routes;
  routes.push_back(MakeRoute(
      http::Method::kGet, "/api/v1/model-versions", "Model versions, with their gates' decisions",
      JsonHandler([parts](http::Request& request) { return ListVersions(parts, request); })));
  routes.push_back(MakeRoute(
      http::Method::kGet, "/api/v1/models/{model}/versions/{version}",
      "One version, its files and its gate",
      JsonHandler([parts](http::Request& request) { return ShowVersion(parts, request); })));
  routes.push_back(MakeRoute(
      http::Method::kPost, "/api/v1/models/{model}/versions/{version}/promote",
      "Moves an alias to a version", BodyHandler([parts](http::Request& request, const Json& body) {
        return Promote(parts, request, body);
      })));
  return routes;
}

}  // namespace caisson::native
