// What the server counts.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "platform/http/router.h"
#include "platform/telemetry/metrics.h"

namespace caisson::http {

// The metrics of one route. Any thread. Counters for statuses are looked up when a status first
// occurs.
class RouteMetrics {
 public:
  RouteMetrics(telemetry::Registry& registry, std::string method, std::string route);
  void Record(int status, std::chrono::nanoseconds duration);

 private:
  telemetry::Counter& CounterOf(int status);

  // Statuses beyond these slots are looked up each time.
  static constexpr size_t kSlots = 8;
  struct Slot {
    std::atomic<int> status{0};
    std::atomic<telemetry::Counter*> counter{nullptr};
  };

  telemetry::Registry& registry_;
  const std::string method_;
  const std::string route_;
  telemetry::Histogram& seconds_;
  std::array<Slot, kSlots> slots_;
};

// The metrics of a server. Any thread; lives as long as the server.
class ServerMetrics {
 public:
  ServerMetrics(telemetry::Registry& registry, const Router& router);

  RouteMetrics& route(size_t index) { return *routes_[index]; }
  RouteMetrics& unmatched() { return unmatched_; }
  telemetry::Gauge& in_flight() { return in_flight_; }
  telemetry::Gauge& connections() { return connections_; }
  telemetry::Counter& received_bytes() { return received_bytes_; }
  telemetry::Counter& sent_bytes() { return sent_bytes_; }

 private:
  std::vector<std::unique_ptr<RouteMetrics>> routes_;
  RouteMetrics unmatched_;
  telemetry::Gauge& in_flight_;
  telemetry::Gauge& connections_;
  telemetry::Counter& received_bytes_;
  telemetry::Counter& sent_bytes_;
};

}  // namespace caisson::http
