#include "platform/http/internal/server_metrics.h"

namespace caisson::http {

RouteMetrics::RouteMetrics(telemetry::Registry& registry, std::string method, std::string route)
    : registry_(registry),
      method_(std::move(method)),
      route_(std::move(route)),
      seconds_(registry.GetHistogram("caisson_http_request_seconds",
                                     "Time from a request's head to its answer, by route.",
                                     {{"route", route_}}, telemetry::LatencyBuckets())) {}

void RouteMetrics::Record(int status, std::chrono::nanoseconds duration) {
  CounterOf(status).Increment();
  seconds_.Observe(std::chrono::duration<double>(duration).count());
}

telemetry::Counter& RouteMetrics::CounterOf(int status) {
  for (Slot& slot : slots_) {
    int expected = slot.status.load(std::memory_order_acquire);
    if (expected == 0 && slot.status.compare_exchange_strong(expected, status)) expected = status;
    if (expected != status) continue;
    telemetry::Counter* counter = slot.counter.load(std::memory_order_acquire);
    if (counter != nullptr) return *counter;
    counter = &registry_.GetCounter(
        "caisson_http_requests_total", "Requests answered, by method, route and status.",
        {{"method", method_}, {"route", route_}, {"status", std::to_string(status)}});
    slot.counter.store(counter, std::memory_order_release);
    return *counter;
  }
  return registry_.GetCounter(
      "caisson_http_requests_total", "Requests answered, by method, route and status.",
      {{"method", method_}, {"route", route_}, {"status", std::to_string(status)}});
}

ServerMetrics::ServerMetrics(telemetry::Registry& registry, const Router& router)
    : unmatched_(registry, "", "unmatched"),
      in_flight_(registry.GetGauge("caisson_http_requests_in_flight",
                                   "Requests that wait for a worker or are on one.")),
      connections_(registry.GetGauge("caisson_http_connections", "Open connections.")),
      received_bytes_(registry.GetCounter("caisson_http_received_bytes_total",
                                          "Bytes read from clients, heads included.")),
      sent_bytes_(registry.GetCounter("caisson_http_sent_bytes_total",
                                      "Bytes written to clients, heads included.")) {
  for (const Route* route : router.routes()) {
    routes_.push_back(std::make_unique<RouteMetrics>(
        registry, std::string(MethodName(route->method)), route->pattern));
  }
}

}  // namespace caisson::http
