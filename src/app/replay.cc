#include "app/replay.h"

#include <mutex>
#include <thread>

#include "app/api_client.h"
#include "base/bounded_queue.h"
#include "base/json.h"
#include "base/strings.h"
#include "engines/duckdb/duckdb.h"
#include "platform/http/client.h"
#include "platform/telemetry/metrics.h"

namespace caisson::app {
namespace {

constexpr int64_t kLabelDelayMillis = 3'600'000;
constexpr size_t kLabelsAtOnce = 2'000;
constexpr size_t kQueueRows = 1'024;
constexpr std::chrono::milliseconds kLookPause{200};

struct Row {
  UnixMillis event_time = 0;
  std::vector<float> features;
  int label = -1;  // -1: none
};

struct PendingLabel {
  std::string prediction_id;
  UnixMillis due = 0;
  int label = 0;
};

// The state that reader, senders and watcher share.
class Replayer {
 public:
  Replayer(const Context& context, const ReplayRequest& request)
      : context_(context),
        request_(request),
        queue_(kQueueRows),
        latency_(telemetry::LatencyBuckets()) {}

  Result<ReplayResult> Run(const std::function<void(const ReplayProgress&)>& on_progress) {
    CAISSON_ASSIGN(database_, duckdb::Database::Open({}));
    CAISSON_TRY(ChooseColumns());
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> senders;
    for (int i = 0; i < request_.connections; ++i) senders.emplace_back([this] { SendRows(); });
    std::thread watcher([this] { Watch(); });
    const Status read = ReadRows(on_progress);
    queue_.Close();
    for (std::thread& sender : senders) sender.join();
    done_ = true;
    watcher.join();
    CAISSON_TRY(read);
    CAISSON_TRY(SendDueLabels(INT64_MAX));
    if (on_progress) on_progress(Progress());
    return Summarize(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }

 private:
  // The features are the FLOAT columns in the order of the file, as the built-in trainer takes
  // them.
  Status ChooseColumns() {
    CAISSON_ASSIGN(
        const std::vector<duckdb::Column> columns,
        database_->Describe(context_, "SELECT * FROM " + duckdb::QuoteText(request_.file)));
    std::vector<std::string> names;
    for (const duckdb::Column& column : columns) {
      names.push_back(column.name);
      if (column.type_name == "FLOAT") features_.push_back(column.name);
    }
    for (const std::string& needed : {request_.time_column, request_.target_column}) {
      if (!needed.empty() && std::find(names.begin(), names.end(), needed) == names.end()) {
        return InvalidArgument("{} has no column '{}'{}", request_.file, needed,
                               SuggestName(needed, names));
      }
    }
    if (features_.empty())
      return InvalidArgument("{} has no FLOAT columns to send as features", request_.file);
    return OkStatus();
  }

  Status ReadRows(const std::function<void(const ReplayProgress&)>& on_progress) {
    std::string select =
        fmt::format("SELECT epoch_ms({})", duckdb::QuoteName(request_.time_column));
    select += request_.target_column.empty()
                  ? ", -1"
                  : fmt::format(", CAST({} AS INTEGER)", duckdb::QuoteName(request_.target_column));
    for (const std::string& feature : features_) select += ", " + duckdb::QuoteName(feature);
    select += " FROM " + duckdb::QuoteText(request_.file);
    int64_t number = 0;
    auto shown = std::chrono::steady_clock::now();
    return database_->Query(
        context_, select,
        [&](const std::vector<duckdb::Column>&, const duckdb::Chunk& chunk) -> Status {
          for (size_t i = 0; i < chunk.row_count(); ++i, ++number) {
            if (number % request_.every != request_.offset) continue;
            Row row;
            row.event_time = chunk.Int(0, i);
            row.label = static_cast<int>(chunk.Int(1, i));
            for (size_t column = 0; column < features_.size(); ++column) {
              row.features.push_back(static_cast<float>(chunk.Double(column + 2, i)));
            }
            CAISSON_TRY(HoldBack());
            event_time_ = row.event_time;
            queue_.Push(std::move(row));
            CAISSON_TRY(SendDueLabels(event_time_));
            const auto now = std::chrono::steady_clock::now();
            if (on_progress && now - shown > std::chrono::milliseconds(250)) {
              on_progress(Progress());
              shown = now;
            }
          }
          return OkStatus();
        });
  }

  // At full speed nothing; otherwise waits for the next row's turn.
  Status HoldBack() {
    CAISSON_TRY(context_.Check());
    if (request_.hold_rate <= 0 || !holding_) return OkStatus();
    const auto now = std::chrono::steady_clock::now();
    next_turn_ =
        std::max(next_turn_, now) + std::chrono::nanoseconds(1'000'000'000 / request_.hold_rate);
    std::this_thread::sleep_until(next_turn_);
    return OkStatus();
  }

  http::ClientRequest MakeRequest(http::Method method, const std::string& path) const {
    http::ClientRequest request;
    request.method = method;
    request.url = request_.url + path;
    request.headers.Set("Content-Type", "application/json");
    if (!request_.token.empty()) request.headers.Set("Authorization", "Bearer " + request_.token);
    return request;
  }

  void SendRows() {
    http::Client client;
    while (std::optional<Row> row = queue_.Pop()) {
      http::ClientRequest request = MakeRequest(
          http::Method::kPost, "/v2/models/" + PercentEncode(request_.endpoint) + "/infer");
      request.body = fmt::format(
          R"({{"parameters":{{"event_time":{}}},"inputs":[{{"name":"features","datatype":"FP32","shape":[1,{}],"data":[{}]}}]}})",
          row->event_time, row->features.size(), fmt::join(row->features, ","));
      const auto start = std::chrono::steady_clock::now();
      const Result<http::ClientResponse> response = client.Send(context_, request);
      latency_.Observe(
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      if (!response.ok() || response->status != 200) {
        Fail(response.ok() ? response->body : Message(response.status()));
        continue;
      }
      Succeed(*row, response->body);
    }
  }

  void Fail(const std::string& why) {
    std::lock_guard lock(mutex_);
    ++failed_;
    if (first_error_.empty()) first_error_ = why;
  }

  // The id stands at a known place of the answer; a whole parse of each would cost more than the
  // inference.
  void Succeed(const Row& row, const std::string& body) {
    static constexpr std::string_view kKey = "\"prediction_id\":\"";
    const size_t at = body.find(kKey);
    if (at == std::string::npos)
      return Fail("the answer has no prediction_id: " + body.substr(0, 200));
    const size_t begin = at + kKey.size();
    std::string id = body.substr(begin, body.find('"', begin) - begin);
    std::lock_guard lock(mutex_);
    ++sent_;
    if (first_id_.empty()) first_id_ = id;
    last_id_ = id;
    if (row.label >= 0)
      labels_.push_back({std::move(id), row.event_time + kLabelDelayMillis, row.label});
  }

  // Sends the labels that are due once there are enough for a request, or all at the end.
  Status SendDueLabels(UnixMillis now) {
    std::vector<PendingLabel> due;
    {
      std::lock_guard lock(mutex_);
      if (labels_.size() < kLabelsAtOnce && now != INT64_MAX) return OkStatus();
      const auto later =
          std::stable_partition(labels_.begin(), labels_.end(),
                                [&](const PendingLabel& label) { return label.due <= now; });
      due.assign(std::make_move_iterator(labels_.begin()), std::make_move_iterator(later));
      labels_.erase(labels_.begin(), later);
    }
    for (size_t start = 0; start < due.size(); start += kLabelsAtOnce) {
      http::ClientRequest request = MakeRequest(
          http::Method::kPost, "/api/v1/endpoints/" + PercentEncode(request_.endpoint) + "/labels");
      request.body = "{\"labels\":[";
      const size_t end = std::min(due.size(), start + kLabelsAtOnce);
      for (size_t i = start; i < end; ++i) {
        request.body += fmt::format("{}{{\"id\":\"{}\",\"label\":{}}}", i == start ? "" : ",",
                                    due[i].prediction_id, due[i].label);
      }
      request.body += "]}";
      CAISSON_ASSIGN(const http::ClientResponse response, label_client_.Send(context_, request));
      if (response.status != 200) return StatusFromAnswer(response.status, response.body);
      std::lock_guard lock(mutex_);
      labels_sent_ += static_cast<int64_t>(end - start);
    }
    return OkStatus();
  }

  // Looks now and then whether the server is about to replace the model.
  void Watch() {
    if (request_.hold_rate <= 0) return;
    http::Client client;
    const auto get = [&](const std::string& path) -> Json {
      const auto response = client.Send(context_, MakeRequest(http::Method::kGet, path));
      if (!response.ok() || response->status != 200) return Json();
      const Result<Json> json = ParseJson(response->body);
      return json.ok() ? *json : Json();
    };
    while (!done_) {
      std::string why;
      for (const char* state : {"running", "queued"}) {
        if (!get(fmt::format("/api/v1/jobs?kind=project.run&state={}", state))["items"].empty())
          why = "a retrain is under way";
      }
      const Json endpoint = get("/api/v1/endpoints/" + PercentEncode(request_.endpoint));
      for (const Json& deployment : endpoint["deployments"].array()) {
        if (deployment["state"].AsString() != "canary") continue;
        why = fmt::format("version {} is on trial with {} %", deployment["version"].AsInt(),
                          deployment["traffic_percent"].AsInt());
      }
      {
        std::lock_guard lock(mutex_);
        holding_reason_ = why;
      }
      holding_ = !why.empty();
      std::this_thread::sleep_for(kLookPause);
    }
  }

  ReplayProgress Progress() {
    std::lock_guard lock(mutex_);
    return {sent_, failed_, labels_sent_, event_time_, holding_reason_};
  }

  ReplayResult Summarize(double seconds) {
    std::lock_guard lock(mutex_);
    ReplayResult result;
    result.predictions = sent_;
    result.failed = failed_;
    result.labels = labels_sent_;
    result.seconds = seconds;
    result.p50_ms = latency_.Quantile(0.5) * 1e3;
    result.p99_ms = latency_.Quantile(0.99) * 1e3;
    result.first_prediction_id = first_id_;
    result.last_prediction_id = last_id_;
    result.first_error = first_error_;
    return result;
  }

  const Context& context_;
  const ReplayRequest& request_;
  std::unique_ptr<duckdb::Database> database_;
  std::vector<std::string> features_;
  BoundedQueue<Row> queue_;
  telemetry::Histogram latency_;
  http::Client label_client_;
  UnixMillis event_time_ = 0;
  std::chrono::steady_clock::time_point next_turn_;
  std::atomic<bool> holding_{false};
  std::atomic<bool> done_{false};
  std::mutex mutex_;  // all below
  std::vector<PendingLabel> labels_;
  int64_t sent_ = 0;
  int64_t failed_ = 0;
  int64_t labels_sent_ = 0;
  std::string first_id_;
  std::string last_id_;
  std::string first_error_;
  std::string holding_reason_;
};

}  // namespace

Result<ReplayResult> Replay(const Context& context, const ReplayRequest& request,
                            const std::function<void(const ReplayProgress&)>& on_progress) {
  if (request.every < 1 || request.offset < 0 || request.offset >= request.every) {
    return InvalidArgument("--every {} --offset {}: an offset from 0 below --every is accepted",
                           request.every, request.offset);
  }
  if (request.connections < 1 || request.connections > 64) {
    return InvalidArgument("--connections {}: 1 to 64 are accepted", request.connections);
  }
  Replayer replayer(context, request);
  return replayer.Run(on_progress);
}

}  // namespace caisson::app
