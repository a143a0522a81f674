#include "lifecycle/monitoring/internal/window.h"

#include <cmath>

namespace caisson::monitoring::internal {
namespace {

constexpr std::string_view kScore = "score";

Result<Reference::Column> ParseColumn(const Json& json, const std::string& where) {
  Reference::Column column;
  FieldReader fields(json, where);
  column.name = fields.String("name");
  column.mean = fields.Double("mean", 0);
  fields.Double("missing", 0);
  const Json& edges = fields.Raw("edges");
  const Json& counts = fields.Raw("counts");
  CAISSON_TRY(fields.Finish());
  for (const Json& edge : edges.array()) {
    if (!edge.is_number() ||
        (!column.histogram.edges.empty() && edge.AsDouble() <= column.histogram.edges.back())) {
      return InvalidArgument("{}: `edges` must be numbers that grow", where);
    }
    column.histogram.edges.push_back(edge.AsDouble());
  }
  column.histogram.counts.clear();
  for (const Json& count : counts.array()) {
    if (!count.is_int() || count.AsInt() < 0) {
      return InvalidArgument("{}: `counts` has {}; whole numbers from 0 are accepted", where,
                             WriteJson(count));
    }
    column.histogram.counts.push_back(count.AsInt());
  }
  if (column.histogram.counts.size() != column.histogram.edges.size() + 1) {
    return InvalidArgument("{}: {} counts for {} edges; one more count than edges is accepted",
                           where, column.histogram.counts.size(), column.histogram.edges.size());
  }
  return column;
}

double Drift(DriftMethod method, const Histogram& reference, const Histogram& current) {
  switch (method) {
    case DriftMethod::kPsi:
      return PopulationStabilityIndex(reference, current);
    case DriftMethod::kKs:
      return KolmogorovSmirnov(reference, current);
    case DriftMethod::kJensenShannon:
      return JensenShannon(reference, current);
  }
  return 0;
}

bool Watched(const MonitorSpec& spec, std::string_view feature) {
  return spec.drift_features.empty() ||
         std::find(spec.drift_features.begin(), spec.drift_features.end(), feature) !=
             spec.drift_features.end();
}

// How many windows running, this one included, the feature was beyond the threshold.
int WindowsRunning(const std::string& feature, const std::vector<WindowReport>& earlier,
                   UnixMillis start) {
  int running = 1;
  UnixMillis expected_end = start;
  for (auto report = earlier.rbegin(); report != earlier.rend(); ++report) {
    if (report->end != expected_end || !report->judged) break;
    const auto entry =
        std::find_if(report->features.begin(), report->features.end(),
                     [&](const FeatureDrift& drift) { return drift.name == feature; });
    if (entry == report->features.end() || !entry->beyond) break;
    ++running;
    expected_end = report->start;
  }
  return running;
}

std::optional<double> OptionalNumber(const Json& json) {
  return json.is_number() ? std::optional<double>(json.AsDouble()) : std::nullopt;
}

}  // namespace

Result<Reference> ParseReference(std::string_view text, const std::string& source_name) {
  const Result<Json> parsed = ParseJson(text);
  if (!parsed.ok()) return WithContext(parsed.status(), source_name);
  const Json& json = *parsed;
  if (!json.is_object()) {
    return InvalidArgument("{}: expected an object, found {}", source_name, json.type_name());
  }
  Reference reference;
  for (size_t i = 0; i < json["features"].size(); ++i) {
    CAISSON_ASSIGN(
        Reference::Column column,
        ParseColumn(json["features"][i], fmt::format("{}: features[{}]", source_name, i)));
    reference.features.push_back(std::move(column));
  }
  if (json["score"].is_object()) {
    CAISSON_ASSIGN(Reference::Column score, ParseColumn(json["score"], source_name + ": score"));
    reference.score = std::move(score);
  }
  for (const auto& [name, value] : json["metrics"].object())
    reference.metrics[name] = value.AsDouble();
  return reference;
}

void WindowCollector::Column::Add(float value) {
  ++count;
  if (std::isnan(value)) {
    ++missing;
    return;
  }
  histogram.Add(value);
  // One infinite value would leave no mean at all.
  if (!std::isfinite(value)) return;
  sum += value;
  ++finite;
}

std::optional<double> WindowCollector::Column::mean() const {
  if (finite == 0) return std::nullopt;
  return sum / static_cast<double>(finite);
}

WindowCollector::WindowCollector(const Reference& reference) : reference_(reference) {
  for (const Reference::Column& column : reference.features)
    features_.push_back({.histogram = Histogram(column.histogram.edges)});
  if (reference.score.has_value()) score_.histogram = Histogram(reference.score->histogram.edges);
}

void WindowCollector::Add(const serving::Prediction& prediction, const float* label) {
  ++predictions_;
  const size_t columns = std::min(features_.size(), prediction.features.size());
  for (size_t i = 0; i < columns; ++i) features_[i].Add(prediction.features[i]);
  score_.Add(prediction.score);
  if (label != nullptr) scored_.push_back({prediction.score, *label});
}

Result<FeatureDrift> WindowCollector::Compare(const MonitorSpec& spec,
                                              const Reference::Column& reference,
                                              const Column& current) const {
  FeatureDrift drift;
  drift.name = reference.name;
  drift.reference_mean = reference.mean;
  drift.mean = current.mean().value_or(0);
  drift.missing_share = current.count == 0 ? 0
                                           : static_cast<double>(current.missing) /
                                                 static_cast<double>(current.count);
  Histogram expected = reference.histogram;
  Histogram actual = current.histogram;
  CAISSON_TRY(Coarsen(expected, actual, spec.drift_bins));
  drift.value = Drift(spec.drift_method, expected, actual);
  drift.beyond = Watched(spec, drift.name) && drift.value > spec.drift_threshold;
  drift.edges = expected.edges;
  drift.reference_counts = expected.counts;
  drift.counts = actual.counts;
  return drift;
}

Result<WindowReport> WindowCollector::Finish(const MonitorSpec& spec) const {
  WindowReport report;
  report.predictions = predictions_;
  report.labels = static_cast<int64_t>(scored_.size());
  for (size_t i = 0; i < features_.size(); ++i) {
    CAISSON_ASSIGN(FeatureDrift drift, Compare(spec, reference_.features[i], features_[i]));
    report.features.push_back(std::move(drift));
  }
  if (reference_.score.has_value()) {
    CAISSON_ASSIGN(FeatureDrift drift, Compare(spec, *reference_.score, score_));
    drift.name = std::string(kScore);
    report.features.push_back(std::move(drift));
  }
  report.mean_score = score_.mean();
  if (!scored_.empty()) {
    double positives = 0;
    for (const Scored& row : scored_) positives += row.label > 0.5f;
    report.label_rate = positives / static_cast<double>(scored_.size());
  }
  if (!spec.performance_metric.empty()) {
    CAISSON_ASSIGN(report.performance, Performance(spec.performance_metric, scored_));
    const auto known = reference_.metrics.find(spec.performance_metric);
    if (known != reference_.metrics.end()) report.reference_performance = known->second;
  }
  return report;
}

std::vector<std::string> Findings(const MonitorSpec& spec, const WindowReport& report,
                                  const std::vector<WindowReport>& earlier) {
  std::vector<std::string> findings;
  if (!report.judged) return findings;
  for (const FeatureDrift& feature : report.features) {
    if (!feature.beyond) continue;
    const int running = WindowsRunning(feature.name, earlier, report.start);
    if (running < spec.drift_windows) continue;
    findings.push_back(
        fmt::format("{} drifted: {:.3f}, above {:g}{} (mean {:.4g}, in training {:.4g})",
                    feature.name, feature.value, spec.drift_threshold,
                    running > 1 ? fmt::format(" in {} windows running", running) : "", feature.mean,
                    feature.reference_mean));
  }
  if (report.performance.has_value() && report.reference_performance.has_value() &&
      report.labels >= spec.min_labels) {
    const double sign = HigherIsBetter(spec.performance_metric) ? 1 : -1;
    const double drop = sign * (*report.reference_performance - *report.performance);
    if (drop > spec.performance_drop) {
      findings.push_back(
          fmt::format("{} is {:.4f}, {:.4f} worse than at training ({:.4f}); {:g} is accepted",
                      spec.performance_metric, *report.performance, drop,
                      *report.reference_performance, spec.performance_drop));
    }
  }
  return findings;
}

Result<WindowReport> ReportFromJson(const Json& json) {
  WindowReport report;
  report.id = json["id"].AsString();
  report.endpoint = json["endpoint"].AsString();
  report.model = json["model"].AsString();
  report.version = static_cast<int>(json["version"].AsInt());
  CAISSON_ASSIGN(report.start, ParseTime(json["start"].AsString()));
  CAISSON_ASSIGN(report.end, ParseTime(json["end"].AsString()));
  CAISSON_ASSIGN(report.evaluated_at, ParseTime(json["evaluated_at"].AsString()));
  report.predictions = json["predictions"].AsInt();
  report.labels = json["labels"].AsInt();
  report.judged = json["judged"].AsBool();
  report.whole = json["whole"].AsBool(report.judged);
  report.performance = OptionalNumber(json["performance"]);
  report.reference_performance = OptionalNumber(json["reference_performance"]);
  report.mean_score = OptionalNumber(json["mean_score"]);
  report.label_rate = OptionalNumber(json["label_rate"]);
  for (const Json& finding : json["findings"].array())
    report.findings.push_back(finding.AsString());
  for (const Json& feature : json["features"].array()) {
    FeatureDrift drift;
    drift.name = feature["name"].AsString();
    drift.value = feature["value"].AsDouble();
    drift.beyond = feature["beyond"].AsBool();
    drift.reference_mean = feature["reference_mean"].AsDouble();
    drift.mean = feature["mean"].AsDouble();
    drift.missing_share = feature["missing_share"].AsDouble();
    for (const Json& edge : feature["edges"].array()) drift.edges.push_back(edge.AsDouble());
    for (const Json& count : feature["reference_counts"].array())
      drift.reference_counts.push_back(count.AsInt());
    for (const Json& count : feature["counts"].array()) drift.counts.push_back(count.AsInt());
    report.features.push_back(std::move(drift));
  }
  return report;
}

}  // namespace caisson::monitoring::internal
