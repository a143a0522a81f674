// Every answer that a model gave, and what later turned out to be true.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/status.h"

namespace caisson::serving {

// One row of one answer.
struct Prediction {
  std::string id;       // see PredictionLog
  UnixMillis time = 0;  // when it was answered
  UnixMillis event_time =
      0;  // when what it is about happens; the request says so, otherwise `time`
  std::string model;
  int version = 0;
  std::vector<float> features;  // in the order of the version's signature
  float score = 0;              // of the row; see the README on which output it is
};

struct Label {
  std::string prediction_id;
  float label = 0;
};

// The rows of one request that share a version and a time.
struct PredictionBatch {
  UnixMillis time = 0;
  UnixMillis event_time = 0;
  std::string_view model;
  int version = 0;
  const float* features = nullptr;  // rows x columns, row-major
  const float* scores = nullptr;    // one a row
  size_t rows = 0;
  size_t columns = 0;
};

// An append-only log in segment files, one folder an endpoint (the form is
// docs/formats/prediction_log.md). Owned by the Endpoints; any thread may append and read. An
// append is one write system call and survives kill -9 when it returned; a power cut may take the
// last moments. An id tells where its record is, so that finding it needs no index. A torn record
// at the end of the last segment is cut off on opening.
class PredictionLog {
 public:
  struct Options {
    std::string folder;
    uint64_t segment_bytes = 64 << 20;
    uint64_t retain_bytes = 4ull << 30;  // the oldest segments go first; at least one stays
  };
  static Result<std::unique_ptr<PredictionLog>> Open(const Options& options);
  ~PredictionLog();

  // The id of the first row; row i has RowId(id, i). `request_id` of the client may be empty and is
  // stored.
  Result<std::string> Append(const PredictionBatch& batch, std::string_view request_id);
  static std::string RowId(std::string_view first_id, size_t row);

  // NotFound when the id is not of this log or its segment was retired.
  Result<Prediction> Find(std::string_view id) const;

  // Labels may come in any order and again; the last one for an id counts. Unknown ids are
  // InvalidArgument, naming the first, and nothing is stored.
  Status AddLabels(const std::vector<Label>& labels, UnixMillis time);

  struct LabelledPrediction {
    const Prediction& prediction;
    const float* label;  // null while it has not arrived
  };
  // Visits the predictions with from <= event_time < to, in the order of the log.
  Status Scan(const Context& context, UnixMillis from, UnixMillis to,
              const std::function<Status(const LabelledPrediction&)>& visit) const;

  struct Statistics {
    uint64_t predictions = 0;
    uint64_t labels = 0;
    UnixMillis first_event_time = 0;  // 0 when empty
    UnixMillis last_event_time = 0;
    uint64_t bytes = 0;
  };
  Statistics statistics() const;

 private:
  class Impl;
  explicit PredictionLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace caisson::serving
