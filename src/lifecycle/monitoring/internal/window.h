// One window of one version: from predictions to a report.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "lifecycle/monitoring/monitors.h"
#include "lifecycle/monitoring/statistics.h"

namespace caisson::monitoring::internal {

// What a version was trained on: its reference.json (docs/formats/model_folder.md).
struct Reference {
  struct Column {
    std::string name;
    double mean = 0;
    Histogram histogram;
  };
  std::vector<Column> features;  // in the order of the model's columns
  std::optional<Column> score;
  std::map<std::string, double> metrics;
};
Result<Reference> ParseReference(std::string_view text, const std::string& source_name);

// Collects the predictions of a window and sums them up. One thread.
class WindowCollector {
 public:
  explicit WindowCollector(const Reference& reference);
  void Add(const serving::Prediction& prediction, const float* label);
  int64_t predictions() const { return predictions_; }

  // Everything but ids, times and findings.
  Result<WindowReport> Finish(const MonitorSpec& spec) const;

 private:
  struct Column {
    Histogram histogram;
    double sum = 0;  // of the finite values
    int64_t finite = 0;
    int64_t missing = 0;
    int64_t count = 0;
    void Add(float value);
    std::optional<double> mean() const;  // nothing without a finite value
  };
  Result<FeatureDrift> Compare(const MonitorSpec& spec, const Reference::Column& reference,
                               const Column& current) const;

  const Reference& reference_;
  std::vector<Column> features_;
  Column score_;
  std::vector<Scored> scored_;
  int64_t predictions_ = 0;
};

// What a person should know of the window: features beyond the threshold in `spec.drift_windows`
// windows running (this and the newest of `earlier`, which is ordered by time and of the same
// version), and a drop of performance.
std::vector<std::string> Findings(const MonitorSpec& spec, const WindowReport& report,
                                  const std::vector<WindowReport>& earlier);

// A stored report; the inverse of Monitors::ReportToJson.
Result<WindowReport> ReportFromJson(const Json& json);

}  // namespace caisson::monitoring::internal
