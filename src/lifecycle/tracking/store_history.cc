// The Store's curves.
#include <algorithm>
#include <set>

#include "lifecycle/tracking/internal/store_impl.h"
#include "lifecycle/tracking/sql_builder.h"
#include "lifecycle/tracking/validation.h"

namespace caisson::tracking {
namespace {

Metric ReadMetric(const sql::Row& row, const std::string& key) {
  Metric metric;
  metric.key = key;
  metric.timestamp = row.Int(0);
  metric.step = row.Int(1);
  metric.value = internal::FromStored(row.Double(2), row.Int(3) != 0);
  return metric;
}

// A point in the order in which sampling counts.
struct Point {
  int64_t step = 0;
  int64_t timestamp = 0;
  double value = 0;  // as stored
  bool is_nan = false;

  bool operator<(const Point& other) const {
    return std::tie(step, timestamp, value, is_nan) <
           std::tie(other.step, other.timestamp, other.value, other.is_nan);
  }
};

// Cuts the points into `count` buckets as even as they can be, the larger ones first (SQL's NTILE),
// and keeps the first of each and the last of all.
std::vector<Point> Sample(std::vector<Point> points, size_t count) {
  if (points.size() <= count) return points;
  std::vector<Point> sampled;
  sampled.reserve(count);
  const size_t small = points.size() / count;
  const size_t larger = points.size() % count;
  for (size_t bucket = 0, at = 0; bucket < count; ++bucket) {
    sampled.push_back(points[at]);
    at += small + (bucket < larger ? 1 : 0);
  }
  sampled.back() = points.back();
  return sampled;
}

Result<std::vector<Point>> ReadPoints(sql::Session& session, int64_t run_key, int64_t key_id,
                                      const IntervalRequest& request) {
  std::vector<Point> points;
  const int64_t first = request.start_step.value_or(INT64_MIN);
  const int64_t last = request.end_step.value_or(INT64_MAX);
  bool sorted = true;
  CAISSON_TRY(
      session.Query("SELECT step, timestamp, value, is_nan FROM tracking_metrics WHERE run_key = "
                    "$1 AND key_id = $2",
                    {run_key, key_id}, [&](const sql::Row& row) {
                      const int64_t step = row.Int(0);
                      if (step < first || step > last) return OkStatus();
                      const Point point{step, row.Int(1), row.Double(2), row.Int(3) != 0};
                      sorted = sorted && (points.empty() || points.back() < point);
                      points.push_back(point);
                      return OkStatus();
                    }));
  if (!sorted) std::sort(points.begin(), points.end());
  return points;
}

}  // namespace

Result<Page<Metric>> Store::GetMetricHistory(const Context& context,
                                             const HistoryRequest& request) {
  if (request.max_results.has_value() && *request.max_results <= 0) {
    return InvalidArgument(
        "Invalid value {} for parameter 'max_results' supplied. It must be a positive integer.",
        *request.max_results);
  }
  static const std::vector<SortColumn> kOrder = {
      {"timestamp", true}, {"step", true}, {"value", true, false, true}, {"is_nan", true}};
  return impl_->tracking.ReadFor<Page<Metric>>(
      context, [&](sql::Session& session) -> Result<Page<Metric>> {
        const Result<internal::RunRow> run = internal::FindRun(session, request.run_id);
        if (absl::IsNotFound(run.status()))
          return Page<Metric>();  // a run that is not there has no points
        CAISSON_TRY(run);
        CAISSON_ASSIGN(const int64_t key_id, impl_->keys.Find(session, request.key));
        SqlBuilder sql;
        sql.Add("SELECT timestamp, step, value, is_nan FROM tracking_metrics WHERE run_key = ")
            .Bind(run->key);
        sql.Add(" AND key_id = ").Bind(key_id);
        if (!request.page_token.empty()) {
          CAISSON_ASSIGN(const Json token, DecodePageToken(request.page_token));
          CAISSON_TRY(AddKeysetCondition(sql, kOrder, token["after"]));
        }
        AddOrder(sql, kOrder);
        const int64_t limit = request.max_results.value_or(INT64_MAX - 1);
        sql.Add(" LIMIT ").Bind(limit + 1);
        Page<Metric> page;
        Json last;
        bool more = false;
        CAISSON_TRY(session.Query(sql.text(), sql.parameters(), [&](const sql::Row& row) {
          if (static_cast<int64_t>(page.items.size()) == limit) {
            more = true;
            return OkStatus();
          }
          page.items.push_back(ReadMetric(row, request.key));
          if (static_cast<int64_t>(page.items.size()) == limit) last = SortValues(row, 0, kOrder);
          return OkStatus();
        }));
        if (more) page.next_page_token = EncodePageToken(Json::Of({{"after", last}}));
        return page;
      });
}

Result<std::vector<RunMetric>> Store::GetMetricHistoryBulk(const Context& context,
                                                           const std::vector<std::string>& run_ids,
                                                           const std::string& key,
                                                           int64_t max_results) {
  const std::set<std::string> sorted(run_ids.begin(), run_ids.end());
  return impl_->tracking.ReadFor<std::vector<RunMetric>>(
      context, [&](sql::Session& session) -> Result<std::vector<RunMetric>> {
        std::vector<RunMetric> metrics;
        CAISSON_ASSIGN(const int64_t key_id, impl_->keys.Find(session, key));
        for (const std::string& run_id : sorted) {
          const Result<internal::RunRow> run = internal::FindRun(session, run_id);
          if (absl::IsNotFound(run.status())) continue;  // a run that is not there has no points
          CAISSON_TRY(run);
          const int64_t left = max_results - static_cast<int64_t>(metrics.size());
          if (left <= 0) break;
          CAISSON_TRY(
              session.Query("SELECT timestamp, step, value, is_nan FROM tracking_metrics WHERE "
                            "run_key = $1 AND key_id = $2 ORDER BY "
                            "timestamp, step, value, is_nan LIMIT $3",
                            {run->key, key_id, left}, [&](const sql::Row& row) {
                              metrics.push_back({run_id, ReadMetric(row, key)});
                              return OkStatus();
                            }));
        }
        return metrics;
      });
}

Result<std::vector<RunMetric>> Store::GetMetricHistoryInterval(const Context& context,
                                                               const IntervalRequest& request) {
  if (request.start_step.has_value() != request.end_step.has_value()) {
    return InvalidArgument(
        "If either start step or end step are specified, both must be specified.");
  }
  if (request.start_step.has_value() && *request.start_step > *request.end_step) {
    return InvalidArgument(
        "end_step must be greater than start_step. Found start_step={} and end_step={}.",
        *request.start_step, *request.end_step);
  }
  const auto count = static_cast<size_t>(std::max<int64_t>(1, request.max_results));
  return impl_->tracking.ReadFor<std::vector<RunMetric>>(
      context, [&](sql::Session& session) -> Result<std::vector<RunMetric>> {
        std::vector<RunMetric> metrics;
        CAISSON_ASSIGN(const int64_t key_id, impl_->keys.Find(session, request.key));
        for (const std::string& run_id : request.run_ids) {
          const Result<internal::RunRow> run = internal::FindRun(session, run_id);
          if (absl::IsNotFound(run.status())) continue;  // a run that is not there has no points
          CAISSON_TRY(run);
          CAISSON_ASSIGN(std::vector<Point> points, ReadPoints(session, run->key, key_id, request));
          for (const Point& point : Sample(std::move(points), count)) {
            Metric metric;
            metric.key = request.key;
            metric.value = internal::FromStored(point.value, point.is_nan);
            metric.timestamp = point.timestamp;
            metric.step = point.step;
            metrics.push_back({run_id, std::move(metric)});
          }
        }
        return metrics;
      });
}

}  // namespace caisson::tracking
