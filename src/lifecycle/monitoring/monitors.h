// Monitors: is what the model sees still what it was trained on, and is it still right?
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "lifecycle/serving/endpoints.h"
#include "platform/events/outbox.h"
#include "platform/sql/database.h"
#include "platform/telemetry/metrics.h"

namespace caisson::monitoring {

enum class DriftMethod { kPsi, kKs, kJensenShannon };

// Wanted state of a monitor, from caisson.yaml or the API.
struct MonitorSpec {
  std::string endpoint;  // also its name
  std::chrono::milliseconds window{
      7ll * 24 * 3600 * 1000};  // of event time, counted from the first prediction's day (UTC)
  DriftMethod drift_method = DriftMethod::kPsi;
  int drift_bins = 10;  // quantiles of the reference
  double drift_threshold = 0.2;
  int drift_windows =
      1;  // a feature has drifted when it is beyond the threshold in so many windows running
  std::vector<std::string> drift_features;  // empty: all, and the score
  std::string performance_metric = "auc";   // auc, logloss, accuracy; empty: not watched
  double performance_drop = 0.05;           // against the version's own validation metric
  int64_t min_predictions = 1'000;          // smaller windows are reported, never judged
  int64_t min_labels = 500;
  std::chrono::milliseconds cooldown{0};  // of event time, from one drift event to the next
  // What follows a finding: {"retrain": {"set": {"prepare.as_of": "${window_end}"}}}, or null.
  // Carried in the event unread.
  Json on_drift;
};

Result<MonitorSpec> ParseMonitorSpec(std::string_view name, const Json& json,
                                     std::string_view where);
Json MonitorSpecToJson(const MonitorSpec& spec);

struct FeatureDrift {
  std::string name;
  double value = 0;     // of the monitor's method
  bool beyond = false;  // above the threshold in this window
  double reference_mean = 0;
  double mean = 0;
  double missing_share = 0;
  // The bins that were compared; one more count than edges.
  std::vector<double> edges;
  std::vector<int64_t> reference_counts;
  std::vector<int64_t> counts;
};

struct WindowReport {
  std::string id;
  std::string endpoint;
  std::string model;
  int version = 0;
  UnixMillis start = 0;
  UnixMillis end = 0;
  int64_t predictions = 0;
  int64_t labels = 0;
  std::vector<FeatureDrift> features;  // the score last, as "score"
  std::optional<double> performance;   // on the labels that have arrived
  std::optional<double> reference_performance;
  std::optional<double> mean_score;
  std::optional<double> label_rate;
  bool whole = false;                 // later predictions exist
  bool judged = false;                // large and whole enough for a finding
  std::vector<std::string> findings;  // sentences; empty: all is well
  UnixMillis evaluated_at = 0;
};

const sql::Schema& MonitoringSchema();

// All monitors of the server. Owned by `app`. Evaluation reads the prediction log and the version's
// reference file, writes a report and, when there is a finding, the event monitor.drift_found, once
// for a model version and window.
class Monitors {
 public:
  struct Dependencies {
    sql::Database& database;
    registry::Registry& registry;
    serving::Endpoints& endpoints;
    const Clock& clock;
    telemetry::Registry& metrics;
    std::string reports_folder;
  };
  static Result<std::unique_ptr<Monitors>> Open(const Dependencies& dependencies);
  ~Monitors();

  Status Put(const Context& context, const MonitorSpec& spec);
  Status Remove(const Context& context, std::string_view endpoint);
  Result<std::vector<MonitorSpec>> List(const Context& context);

  // Evaluates every window that has ended in event time (the log holds later predictions) and was
  // not evaluated with the labels that are there now; `final` takes the last, still open window
  // too. Idempotent.
  Result<std::vector<WindowReport>> Evaluate(const Context& context, std::string_view endpoint,
                                             bool final);
  // The stored reports, oldest first.
  Result<std::vector<WindowReport>> Reports(const Context& context, std::string_view endpoint);

  // A page that stands alone: per-feature drift over the windows, performance, histograms against
  // the reference.
  Result<std::string> HtmlReport(const Context& context, std::string_view endpoint);
  static Json ReportToJson(const WindowReport& report);

  // Starts the thread that evaluates each monitor twice a second while predictions arrive; Stop
  // ends it.
  Status Start();
  void Stop();

 private:
  class Impl;
  explicit Monitors(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace caisson::monitoring
