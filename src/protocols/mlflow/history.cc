// Curves.
#include <algorithm>

#include "base/strings.h"
#include "protocols/mlflow/internal/endpoint.h"
#include "protocols/mlflow/internal/entities_json.h"

namespace caisson::mlflow::internal {
namespace {

const RequestShape kHistory{
    {{{"run_id"}, {"run_uuid"}, {"metric_key"}, {"page_token"}, {"max_results", FieldKind::kInt}}},
    {{"run_id", {Check::kString, Check::kRequired}},
     {"metric_key", {Check::kString, Check::kRequired}},
     {"page_token", {Check::kString}}}};
const RequestShape kInterval{
    {{{"run_ids", FieldKind::kString, true},
      {"metric_key"},
      {"start_step", FieldKind::kInt},
      {"end_step", FieldKind::kInt},
      {"max_results", FieldKind::kInt}}},
    {{"run_ids", {Check::kRequired, Check::kArray, Check::kStringItems, Check::kRunIds}},
     {"metric_key", {Check::kRequired, Check::kString}},
     {"start_step", {Check::kInt}},
     {"end_step", {Check::kInt}},
     {"max_results", {Check::kInt, Check::kIntervalPoints}}}};
const RequestShape kBulk{};

void WriteMetrics(JsonWriter& writer, const std::vector<tracking::RunMetric>& metrics) {
  for (const tracking::RunMetric& metric : metrics) {
    writer.BeginItem();
    WriteMetric(writer, metric.metric, metric.run_id);
    writer.EndObject();
  }
}

Result<std::string> History(const Call& call) {
  tracking::HistoryRequest request;
  request.run_id = RunId(call.message);
  request.key = call.message["metric_key"].AsString();
  if (const Json* max_results = call.message.Find("max_results"))
    request.max_results = max_results->AsInt();
  request.page_token = call.message["page_token"].AsString();
  CAISSON_ASSIGN(const tracking::Page<tracking::Metric> page,
                 call.services.tracking.GetMetricHistory(call.context, request));
  JsonWriter writer;
  if (!page.items.empty()) {
    writer.BeginArray("metrics");
    for (const tracking::Metric& metric : page.items) {
      writer.BeginItem();
      WriteMetric(writer, metric);
      writer.EndObject();
    }
    writer.EndArray();
  }
  writer.TextIfAny("next_page_token", page.next_page_token);
  return writer.Finish();
}

Result<std::string> Interval(const Call& call) {
  tracking::IntervalRequest request;
  request.run_ids = Strings(call.message["run_ids"]);
  request.key = call.message["metric_key"].AsString();
  request.max_results = call.message["max_results"].AsInt(2'500);
  if (const Json* step = call.message.Find("start_step")) request.start_step = step->AsInt();
  if (const Json* step = call.message.Find("end_step")) request.end_step = step->AsInt();
  CAISSON_ASSIGN(const std::vector<tracking::RunMetric> metrics,
                 call.services.tracking.GetMetricHistoryInterval(call.context, request));
  JsonWriter writer;
  if (!metrics.empty()) {
    writer.BeginArray("metrics");
    WriteMetrics(writer, metrics);
    writer.EndArray();
  }
  return writer.Finish();
}

// Not a protobuf message in MLflow: the answer always has its array, and only this page of the
// interface calls it.
Result<std::string> Bulk(const Call& call) {
  constexpr size_t kMaxRuns = 100;
  constexpr int64_t kMaxPoints = 25'000;
  const std::vector<std::string> run_ids = call.request.QueryAll("run_id");
  if (run_ids.empty())
    return InvalidArgument("GetMetricHistoryBulk request must specify at least one run_id.");
  if (run_ids.size() > kMaxRuns) {
    return InvalidArgument(
        "GetMetricHistoryBulk request cannot specify more than {} run_ids. Received {} run_ids.",
        kMaxRuns, run_ids.size());
  }
  const std::optional<std::string_view> key = call.request.FindQuery("metric_key");
  if (!key.has_value())
    return InvalidArgument("GetMetricHistoryBulk request must specify a metric_key.");
  int64_t max_results = kMaxPoints;
  if (const std::optional<std::string_view> text = call.request.FindQuery("max_results")) {
    const std::optional<int64_t> number = ParseInt(*text);
    if (!number.has_value())
      return InvalidArgument("Parameter 'max_results' must be an integer, got '{}'.", *text);
    max_results = std::min(*number, kMaxPoints);
  }
  CAISSON_ASSIGN(const std::vector<tracking::RunMetric> metrics,
                 call.services.tracking.GetMetricHistoryBulk(call.context, run_ids,
                                                             std::string(*key), max_results));
  JsonWriter writer;
  writer.BeginArray("metrics");
  WriteMetrics(writer, metrics);
  writer.EndArray();
  return writer.Finish();
}

}  // namespace

std::vector<Endpoint> HistoryEndpoints() {
  using http::Method;
  return {
      {Method::kGet, "/mlflow/metrics/get-history", History, &kHistory, "The points of a metric"},
      {Method::kGet, "/mlflow/metrics/get-history-bulk-interval", Interval, &kInterval,
       "Sampled points of many runs"},
      {Method::kGet, "/mlflow/metrics/get-history-bulk", Bulk, &kBulk, "All points of many runs"},
  };
}

}  // namespace caisson::mlflow::internal
