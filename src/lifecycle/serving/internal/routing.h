// The published picture of what answers where; Infer reads it and nothing else.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engines/onnxruntime/onnxruntime.h"
#include "lifecycle/serving/endpoints.h"
#include "lifecycle/serving/internal/canary.h"
#include "platform/telemetry/metrics.h"

namespace caisson::serving::internal {

// A version in memory.
struct LoadedVersion {
  std::string model;
  int version = 0;
  std::unique_ptr<onnxruntime::Session> session;
};

// What one arm answered since its step began. Any thread.
class ArmCounters {
 public:
  ArmCounters() : latency_(telemetry::LatencyBuckets()) {}
  void Count(bool error, double seconds) {
    requests_.fetch_add(1, std::memory_order_relaxed);
    if (error) errors_.fetch_add(1, std::memory_order_relaxed);
    latency_.Observe(seconds);
  }
  Observation observation() const {
    const int64_t requests = requests_.load(std::memory_order_relaxed);
    return {requests, errors_.load(std::memory_order_relaxed),
            requests == 0 ? 0 : latency_.Quantile(0.99)};
  }

 private:
  std::atomic<int64_t> requests_{0};
  std::atomic<int64_t> errors_{0};
  telemetry::Histogram latency_;
};

// A live deployment in the table. Counters are shared by successive tables as long as the step
// lasts.
struct Arm {
  std::string deployment_id;
  UnixMillis step_started_at = 0;
  int percent = 0;
  std::shared_ptr<const LoadedVersion> version;
  std::shared_ptr<ArmCounters> counters;
};

struct Route {
  std::string project;
  EndpointSpec spec;
  std::shared_ptr<PredictionLog> log;  // null when it cannot be opened; then there are no arms
  std::vector<Arm> arms;               // the canary first; only those whose model is loaded
  std::string problem;                 // why nothing answers, or an older version than is wanted
};

using RoutingTable = std::map<std::string, Route, std::less<>>;

// The arm that answers a request; the same request id always meets the same arm while the split
// stands.
const Arm& ChooseArm(const Route& route, std::string_view request_id, uint64_t sequence);

// Publishes tables. Any thread; a reader keeps the table that it got for as long as it wants.
class PublishedTable {
 public:
  std::shared_ptr<const RoutingTable> Get() const {
    std::lock_guard lock(mutex_);
    return table_;
  }
  void Set(std::shared_ptr<const RoutingTable> table) {
    std::lock_guard lock(mutex_);
    table_.swap(table);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const RoutingTable> table_ = std::make_shared<const RoutingTable>();
};

}  // namespace caisson::serving::internal
