#include "protocols/native/internal/handlers.h"
#include "protocols/native/routes.h"

namespace caisson::native {
namespace {

using internal::JsonHandler;
using internal::MakeRoute;

Json ToJson(const tracking::Run& run) {
  Json params = Json::MakeObject();
  for (const auto& param : run.params) params.Set(param.key, param.value);
  Json metrics = Json::MakeObject();
  for (const auto& metric : run.latest_metrics) metrics.Set(metric.key, metric.value);
  Json tags = Json::MakeObject();
  for (const auto& tag : run.tags) tags.Set(tag.key, tag.value);
  Json datasets = Json::MakeArray();
  for (const auto& input : run.dataset_inputs) {
    datasets.Append(Json::Of({{"name", input.dataset.name}, {"digest", input.dataset.digest}}));
  }
  return Json::Of(
      {{"run_id", run.info.run_id},
       {"experiment_id", run.info.experiment_id},
       {"name", run.info.run_name},
       {"status", tracking::RunStatusName(run.info.status)},
       {"user", run.info.user_id},
       {"start_time", FormatTime(run.info.start_time)},
       {"end_time", run.info.end_time.has_value() ? Json(FormatTime(*run.info.end_time)) : Json()},
       {"artifact_uri", run.info.artifact_uri},
       {"params", params},
       {"metrics", metrics},
       {"tags", tags},
       {"datasets", datasets}});
}

Result<Json> ListRuns(const Dependencies& parts, http::Request& request) {
  tracking::SearchRunsRequest search;
  search.filter = std::string(request.Query("filter"));
  search.page_token = std::string(request.Query("page_token"));
  CAISSON_ASSIGN(search.max_results, internal::QueryInt(request, "limit", 50, 1, 50'000));
  if (!request.Query("order_by").empty())
    search.order_by = {std::string(request.Query("order_by"))};
  if (!request.Query("experiment").empty()) {
    CAISSON_ASSIGN(const auto experiment,
                   parts.tracking.GetExperimentByName(request.context,
                                                      std::string(request.Query("experiment"))));
    search.experiment_ids = {experiment.id};
  } else {
    CAISSON_ASSIGN(const auto experiments, parts.tracking.SearchExperiments(request.context, {}));
    for (const auto& experiment : experiments.items) search.experiment_ids.push_back(experiment.id);
  }
  CAISSON_ASSIGN(const auto page, parts.tracking.SearchRuns(request.context, search));
  Json::Array items;
  for (const auto& run : page.items) items.push_back(ToJson(run));
  Json answer = internal::Items(std::move(items));
  if (!page.next_page_token.empty()) answer.Set("next_page_token", page.next_page_token);
  return answer;
}

// "1a2b3c" stands for the one run that starts so.
Result<std::string> CompleteRunId(const Dependencies& parts, http::Request& request) {
  const std::string id(request.Path("run_id"));
  if (id.size() >= 32) return id;
  CAISSON_ASSIGN(const auto experiments, parts.tracking.SearchExperiments(request.context, {}));
  tracking::SearchRunsRequest search;
  for (const auto& experiment : experiments.items) search.experiment_ids.push_back(experiment.id);
  search.max_results = 50'000;
  CAISSON_ASSIGN(const auto page, parts.tracking.SearchRuns(request.context, search));
  std::vector<std::string> matches;
  for (const auto& run : page.items) {
    if (run.info.run_id.rfind(id, 0) == 0) matches.push_back(run.info.run_id);
  }
  if (matches.size() == 1) return matches.front();
  if (matches.empty())
    return NotFound("no run starts with '{}'. `caisson runs list` shows them", id);
  return InvalidArgument("'{}' stands for {} runs; give more digits", id, matches.size());
}

}  // namespace

std::vector<http::Route> RunRoutes(const Dependencies& parts) {
  std::vector<http::Route> routes;
  routes.push_back(
      MakeRoute(http::Method::kGet, "/api/v1/runs", "Runs, by MLflow's filter and order",
                JsonHandler([parts](http::Request& request) { return ListRuns(parts, request); })));
  routes.push_back(MakeRoute(
      http::Method::kGet, "/api/v1/runs/{run_id}", "One run; the first digits of the id are enough",
      JsonHandler([parts](http::Request& request) -> Result<Json> {
        CAISSON_ASSIGN(const std::string id, CompleteRunId(parts, request));
        CAISSON_ASSIGN(const auto run, parts.tracking.GetRun(request.context, id));
        return ToJson(run);
      })));
  routes.push_back(MakeRoute(http::Method::kDelete, "/api/v1/runs/{run_id}",
                             "Marks a run as deleted",
                             JsonHandler([parts](http::Request& request) -> Result<Json> {
                               CAISSON_ASSIGN(const std::string id, CompleteRunId(parts, request));
                               CAISSON_TRY(parts.tracking.DeleteRun(request.context, id));
                               return Json::Of({{"run_id", id}});
                             })));
  return routes;
}

}  // namespace caisson::native
