// Reading and writing the wanted state of a monitor, and its reports.
#include "lifecycle/monitoring/monitors.h"
#include "lifecycle/monitoring/statistics.h"

namespace caisson::monitoring {
namespace {

constexpr std::pair<std::string_view, DriftMethod> kMethods[] = {
    {"psi", DriftMethod::kPsi}, {"ks", DriftMethod::kKs}, {"js", DriftMethod::kJensenShannon}};

std::string_view MethodName(DriftMethod method) {
  for (const auto& [name, known] : kMethods) {
    if (known == method) return name;
  }
  return "psi";
}

Result<std::chrono::milliseconds> ReadDuration(const std::string& text, const std::string& where) {
  const Result<Duration> duration = ParseDuration(text);
  if (!duration.ok()) return WithContext(duration.status(), where);
  return std::chrono::duration_cast<std::chrono::milliseconds>(*duration);
}

Status ReadDrift(const Json& json, const std::string& where, MonitorSpec& spec) {
  if (json.is_null()) return OkStatus();
  FieldReader fields(json, where);
  const std::string method = fields.String("method", "psi");
  const int64_t bins = fields.Int("bins", spec.drift_bins);
  spec.drift_threshold = fields.Double("threshold", spec.drift_threshold);
  const int64_t windows = fields.Int("windows", spec.drift_windows);
  spec.drift_features = fields.Strings("features");
  CAISSON_TRY(fields.Finish());
  const auto known = std::find_if(std::begin(kMethods), std::end(kMethods),
                                  [&](const auto& entry) { return entry.first == method; });
  if (known == std::end(kMethods))
    return InvalidArgument("{}.method is '{}'; psi, ks and js are accepted", where, method);
  spec.drift_method = known->second;
  if (bins < 2 || bins > 20) {
    return InvalidArgument("{}.bins is {}; 2 to 20 are accepted", where, bins);
  }
  if (windows < 1 || windows > 1'000) {
    return InvalidArgument("{}.windows is {}; 1 to 1000 are accepted", where, windows);
  }
  spec.drift_bins = static_cast<int>(bins);
  spec.drift_windows = static_cast<int>(windows);
  if (!(spec.drift_threshold > 0))
    return InvalidArgument("{}.threshold is {}; a number above 0 is accepted", where,
                           spec.drift_threshold);
  return OkStatus();
}

Status ReadPerformance(const Json& json, const std::string& where, MonitorSpec& spec) {
  if (json.is_null()) {
    spec.performance_metric.clear();
    return OkStatus();
  }
  FieldReader fields(json, where);
  spec.performance_metric = fields.String("metric", spec.performance_metric);
  spec.performance_drop = fields.Double("drop", spec.performance_drop);
  CAISSON_TRY(fields.Finish());
  if (!(spec.performance_drop >= 0)) {
    return InvalidArgument("{}.drop is {}; 0 or a number above it is accepted", where,
                           spec.performance_drop);
  }
  const Status known = Performance(spec.performance_metric, {}).status();
  return known.ok() ? known : WithContext(known, where);
}

Json OrNull(const std::optional<double>& value) {
  return value.has_value() ? Json(*value) : Json();
}

Json FeatureToJson(const FeatureDrift& feature) {
  return Json::Of({{"name", feature.name},
                   {"value", feature.value},
                   {"beyond", feature.beyond},
                   {"reference_mean", feature.reference_mean},
                   {"mean", feature.mean},
                   {"missing_share", feature.missing_share},
                   {"edges", Json::ArrayOf(feature.edges)},
                   {"reference_counts", Json::ArrayOf(feature.reference_counts)},
                   {"counts", Json::ArrayOf(feature.counts)}});
}

}  // namespace

Result<MonitorSpec> ParseMonitorSpec(std::string_view name, const Json& json,
                                     std::string_view where_view) {
  const std::string where(where_view);
  FieldReader fields(json, where);
  MonitorSpec spec;
  spec.endpoint = std::string(name);
  const std::string reference = fields.String("reference", "training");
  const std::string window = fields.String("window", "7d");
  const std::string cooldown = fields.String("cooldown", "0s");
  spec.min_predictions = fields.Int("min_predictions", spec.min_predictions);
  spec.min_labels = fields.Int("min_labels", spec.min_labels);
  const Json& drift = fields.Raw("drift");
  const Json& performance = fields.Raw("performance");
  spec.on_drift = fields.Raw("on_drift");
  CAISSON_TRY(fields.Finish());
  CAISSON_TRY(serving::CheckEndpointName(name, where));
  if (spec.min_predictions < 0 || spec.min_labels < 0) {
    return InvalidArgument("{}: min_predictions is {} and min_labels {}; 0 and more are accepted",
                           where, spec.min_predictions, spec.min_labels);
  }
  if (reference != "training") {
    return InvalidArgument(
        "{}.reference is '{}'; 'training' is accepted: what the version that answers was trained "
        "on",
        where, reference);
  }
  CAISSON_ASSIGN(spec.window, ReadDuration(window, where + ".window"));
  CAISSON_ASSIGN(spec.cooldown, ReadDuration(cooldown, where + ".cooldown"));
  if (spec.window < std::chrono::minutes(1))
    return InvalidArgument("{}.window is {}; at least 1m is accepted", where, window);
  CAISSON_TRY(ReadDrift(drift, where + ".drift", spec));
  CAISSON_TRY(ReadPerformance(performance, where + ".performance", spec));
  return spec;
}

Json MonitorSpecToJson(const MonitorSpec& spec) {
  Json drift = Json::Of({{"method", MethodName(spec.drift_method)},
                         {"bins", spec.drift_bins},
                         {"threshold", spec.drift_threshold},
                         {"windows", spec.drift_windows}});
  if (!spec.drift_features.empty()) drift.Set("features", Json::ArrayOf(spec.drift_features));
  Json json = Json::Of({{"reference", "training"},
                        {"window", fmt::format("{}ms", spec.window.count())},
                        {"cooldown", fmt::format("{}ms", spec.cooldown.count())},
                        {"min_predictions", spec.min_predictions},
                        {"min_labels", spec.min_labels},
                        {"drift", drift}});
  if (!spec.performance_metric.empty()) {
    json.Set("performance",
             Json::Of({{"metric", spec.performance_metric}, {"drop", spec.performance_drop}}));
  }
  if (!spec.on_drift.is_null()) json.Set("on_drift", spec.on_drift);
  return json;
}

Json Monitors::ReportToJson(const WindowReport& report) {
  Json features = Json::MakeArray();
  for (const FeatureDrift& feature : report.features) features.Append(FeatureToJson(feature));
  return Json::Of({{"id", report.id},
                   {"endpoint", report.endpoint},
                   {"model", report.model},
                   {"version", report.version},
                   {"start", FormatTime(report.start)},
                   {"end", FormatTime(report.end)},
                   {"predictions", report.predictions},
                   {"labels", report.labels},
                   {"whole", report.whole},
                   {"judged", report.judged},
                   {"performance", OrNull(report.performance)},
                   {"reference_performance", OrNull(report.reference_performance)},
                   {"mean_score", OrNull(report.mean_score)},
                   {"label_rate", OrNull(report.label_rate)},
                   {"findings", Json::ArrayOf(report.findings)},
                   {"features", std::move(features)},
                   {"evaluated_at", FormatTime(report.evaluated_at)}});
}

}  // namespace caisson::monitoring
