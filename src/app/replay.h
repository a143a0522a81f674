// Sends recorded rows to an endpoint as if they happened now, and the labels after them.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/context.h"
#include "base/status.h"

namespace caisson::app {

struct ReplayRequest {
  std::string url;    // of the server
  std::string token;  // empty: none
  std::string endpoint;
  std::string file;  // Parquet, CSV or JSON, ordered by time
  std::string time_column;
  std::string target_column;  // empty: no labels are sent
  int64_t every = 1;          // each n-th row
  int64_t offset = 0;         // beginning with this one
  int connections = 4;
  // Requests a second while a retrain or a canary is under way, so that it has traffic to be judged
  // by; 0: never slow down.
  int64_t hold_rate = 0;
};

struct ReplayProgress {
  int64_t sent = 0;
  int64_t failed = 0;
  int64_t labels = 0;
  UnixMillis event_time = 0;
  std::string holding;  // why it goes slowly, empty at full speed
};

struct ReplayResult {
  int64_t predictions = 0;
  int64_t failed = 0;
  int64_t labels = 0;
  double seconds = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  std::string first_prediction_id;
  std::string last_prediction_id;
  std::string first_error;
};

// One row a request, as fast as it goes over the connections. A label follows an hour of event time
// after its row. The features are the FLOAT columns in the order of the file, as the built-in
// trainer takes them. `on_progress` is called on the calling thread a few times a second.
Result<ReplayResult> Replay(const Context& context, const ReplayRequest& request,
                            const std::function<void(const ReplayProgress&)>& on_progress);

}  // namespace caisson::app
