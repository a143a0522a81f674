#include "lifecycle/monitoring/monitors.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/files.h"
#include "base/ids.h"
#include "base/log.h"
#include "lifecycle/monitoring/internal/report_page.h"
#include "lifecycle/monitoring/internal/window.h"
#include "lifecycle/monitoring/resources.h"
#include "platform/audit/audit.h"
#include "platform/lineage/lineage.h"

namespace caisson::monitoring {
namespace {

using internal::Reference;
using internal::WindowCollector;

constexpr std::chrono::milliseconds kTick{500};
constexpr UnixMillis kDay = 24ll * 3600 * 1000;

struct MonitorRow {
  std::string project;
  MonitorSpec spec;
};

Result<MonitorSpec> ReadSpec(const std::string& endpoint, std::string_view text) {
  CAISSON_ASSIGN(const Json json, ParseJson(text));
  return ParseMonitorSpec(endpoint, json, "the stored monitor " + endpoint);
}

Result<std::vector<MonitorRow>> ListMonitors(sql::Session& session, std::string_view project,
                                             std::string_view endpoint) {
  std::vector<MonitorRow> rows;
  CAISSON_TRY(session.Query(
      "SELECT project, endpoint, spec FROM monitoring_monitors WHERE ($1 = '' OR project = $1) "
      "AND ($2 = '' OR endpoint = $2) ORDER BY project, endpoint",
      {project, endpoint}, [&](const sql::Row& row) -> Status {
        CAISSON_ASSIGN(MonitorSpec spec, ReadSpec(row.String(1), row.Text(2)));
        rows.push_back({row.String(0), std::move(spec)});
        return OkStatus();
      }));
  return rows;
}

Result<std::vector<WindowReport>> ListReports(sql::Session& session, std::string_view project,
                                              std::string_view endpoint) {
  std::vector<WindowReport> reports;
  CAISSON_TRY(
      session.Query("SELECT report FROM monitoring_windows WHERE project = $1 AND endpoint = $2 "
                    "ORDER BY window_start, version",
                    {project, endpoint}, [&](const sql::Row& row) -> Status {
                      CAISSON_ASSIGN(const Json json, ParseJson(row.Text(0)));
                      CAISSON_ASSIGN(WindowReport report, internal::ReportFromJson(json));
                      reports.push_back(std::move(report));
                      return OkStatus();
                    }));
  return reports;
}

std::vector<WindowReport> OfVersionBefore(const std::vector<WindowReport>& reports, int version,
                                          UnixMillis start) {
  std::vector<WindowReport> earlier;
  for (const WindowReport& report : reports) {
    if (report.version == version && report.start < start) earlier.push_back(report);
  }
  std::sort(earlier.begin(), earlier.end(),
            [](const WindowReport& a, const WindowReport& b) { return a.start < b.start; });
  return earlier;
}

UnixMillis FloorTo(UnixMillis time, UnixMillis length) {
  const UnixMillis rest = time % length;
  return time - (rest < 0 ? rest + length : rest);
}

// Where the windows of an endpoint lie. The first report fixes them: they stay where they are when
// the oldest predictions go, or when one comes that is older.
class Grid {
 public:
  Grid(const std::vector<WindowReport>& known, UnixMillis first_event_time, UnixMillis length)
      : anchor_(known.empty() ? FloorTo(first_event_time, kDay) : known.front().start),
        length_(length) {}
  UnixMillis StartOf(UnixMillis time) const { return anchor_ + FloorTo(time - anchor_, length_); }
  UnixMillis length() const { return length_; }

 private:
  UnixMillis anchor_;
  UnixMillis length_;
};

// How far a monitor has looked since the program started.
struct Progress {
  std::chrono::milliseconds window{0};
  uint64_t labels = 0;
  UnixMillis until = 0;  // windows before are reported, or had no predictions
};

}  // namespace

const sql::Schema& MonitoringSchema() {
  static const sql::Schema schema{"monitoring",
                                  {{1, "monitors", resources::kMigrations0001MonitorsSql}}};
  return schema;
}

class Monitors::Impl {
 public:
  explicit Impl(Dependencies dependencies) : parts_(std::move(dependencies)) {}
  ~Impl() { Stop(); }

  const Dependencies& parts() const { return parts_; }

  Status Start() {
    thread_ = std::thread([this] { Loop(); });
    return OkStatus();
  }

  void Stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    stop_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  Result<MonitorSpec> FindMonitor(const Context& context, std::string_view endpoint) {
    CAISSON_ASSIGN(const auto rows, parts_.database.ReadFor<std::vector<MonitorRow>>(
                                        context, [&](sql::Session& session) {
                                          return ListMonitors(session, context.project(), endpoint);
                                        }));
    if (rows.empty())
      return NotFound("endpoint {} has no monitor; add one under `monitors:` in caisson.yaml",
                      endpoint);
    return rows.front().spec;
  }

  // The windows that are due, in order; each may announce a finding, which later ones then see. One
  // pass over the log serves all of them.
  Result<std::vector<WindowReport>> Evaluate(const Context& context, const MonitorSpec& spec,
                                             bool final) {
    std::lock_guard lock(evaluate_mutex_);
    std::vector<WindowReport> evaluated;
    CAISSON_ASSIGN(serving::PredictionLog * log, parts_.endpoints.Log(spec.endpoint));
    const serving::PredictionLog::Statistics statistics = log->statistics();
    if (statistics.predictions == 0) return evaluated;
    CAISSON_ASSIGN(std::vector<WindowReport> known, Reports(context, spec.endpoint));
    const Grid grid(known, statistics.first_event_time, spec.window.count());
    Progress& progress = progress_[{context.project(), spec.endpoint}];
    const bool revisit =
        final || progress.window != spec.window || progress.labels != statistics.labels;
    const UnixMillis open = grid.StartOf(statistics.last_event_time);
    const UnixMillis from = revisit ? grid.StartOf(statistics.first_event_time) : progress.until;
    const UnixMillis to = final ? open + grid.length() : open;
    if (from < to) {
      CAISSON_ASSIGN(Windows windows, Collect(context, *log, grid, from, to, known));
      for (const auto& [start, versions] : windows) {
        CAISSON_TRY(
            ReportWindow(context, spec, start, start < open, final, versions, known, evaluated));
      }
    }
    progress = {spec.window, statistics.labels, open};
    return evaluated;
  }

  Result<std::vector<WindowReport>> Reports(const Context& context, std::string_view endpoint) {
    return parts_.database.ReadFor<std::vector<WindowReport>>(context, [&](sql::Session& session) {
      return ListReports(session, context.project(), endpoint);
    });
  }

 private:
  void Loop() {
    while (true) {
      {
        std::unique_lock lock(mutex_);
        stop_.wait_for(lock, kTick, [this] { return stopping_; });
        if (stopping_) return;
      }
      const Status status = EvaluateAll();
      if (!status.ok()) CAISSON_LOG(kWarning, "monitoring", "{}", Message(status));
    }
  }

  Status EvaluateAll() {
    const Context context = Context::Background().WithPrincipal("system");
    CAISSON_ASSIGN(const auto rows, parts_.database.ReadFor<std::vector<MonitorRow>>(
                                        context, [](sql::Session& session) {
                                          return ListMonitors(session, "", "");
                                        }));
    for (const MonitorRow& row : rows) {
      const auto result = Evaluate(context.WithProject(row.project), row.spec, false);
      // Said once, not twice a second for as long as it lasts.
      std::string& problem = problems_[{row.project, row.spec.endpoint}];
      const std::string now = result.ok() ? "" : std::string(Message(result.status()));
      if (!now.empty() && now != problem) {
        CAISSON_LOG(kWarning, "monitoring", "monitor {}: {}", row.spec.endpoint, now);
      }
      problem = now;
    }
    return OkStatus();
  }

  using Versions = std::map<std::pair<std::string, int>, WindowCollector>;
  using Windows = std::map<UnixMillis, Versions>;

  // The windows that are due among those that begin in [from, to). Those without predictions are
  // not in the result.
  Result<Windows> Collect(const Context& context, const serving::PredictionLog& log,
                          const Grid& grid, UnixMillis from, UnixMillis to,
                          const std::vector<WindowReport>& known) {
    std::set<UnixMillis> settled;
    std::set<UnixMillis> unsettled;
    for (const WindowReport& report : known) {
      (IsSettled(report, grid.length()) ? settled : unsettled).insert(report.start);
    }
    Windows windows;
    CAISSON_TRY(log.Scan(
        context, from, to, [&](const serving::PredictionLog::LabelledPrediction& row) -> Status {
          const UnixMillis start = grid.StartOf(row.prediction.event_time);
          if (settled.count(start) > 0 && unsettled.count(start) == 0) return OkStatus();
          Versions& versions = windows[start];
          const std::pair<std::string, int> key{row.prediction.model, row.prediction.version};
          auto collector = versions.find(key);
          if (collector == versions.end()) {
            CAISSON_ASSIGN(const Reference* reference, ReferenceOf(context, key.first, key.second));
            collector = versions.emplace(key, WindowCollector(*reference)).first;
          }
          collector->second.Add(row.prediction, row.label);
          return OkStatus();
        }));
    return windows;
  }

  // Nothing more can be learned of a window that was whole and has all its labels.
  static bool IsSettled(const WindowReport& report, UnixMillis length) {
    return report.whole && report.labels == report.predictions &&
           report.end == report.start + length;
  }

  // Whether a report takes the place of an older one. One on fewer predictions never does: the log
  // has dropped the others since.
  static bool Adds(const WindowReport& report, const WindowReport& old, bool evaluate_again) {
    if (report.end != old.end) return true;
    if (report.predictions < old.predictions) return false;
    return evaluate_again || report.predictions > old.predictions || report.labels != old.labels ||
           report.whole != old.whole;
  }

  Status ReportWindow(const Context& context, const MonitorSpec& spec, UnixMillis start, bool whole,
                      bool evaluate_again, const Versions& versions,
                      std::vector<WindowReport>& known, std::vector<WindowReport>& evaluated) {
    int64_t total = 0;
    for (const auto& [key, collector] : versions) total += collector.predictions();
    for (const auto& [key, collector] : versions) {
      CAISSON_ASSIGN(WindowReport report, collector.Finish(spec));
      report.id =
          fmt::format("{}/{}/{}", spec.endpoint, key.second, FormatTime(start).substr(0, 16));
      report.endpoint = spec.endpoint;
      report.model = key.first;
      report.version = key.second;
      report.start = start;
      report.end = start + spec.window.count();
      report.whole = whole;
      // A version that answered for a part of the window only saw some of its days.
      report.judged =
          whole && report.predictions >= spec.min_predictions && 2 * report.predictions >= total;
      report.findings =
          internal::Findings(spec, report, OfVersionBefore(known, report.version, start));
      report.evaluated_at = parts_.clock.now();
      const auto old = std::find_if(known.begin(), known.end(), [&](const WindowReport& other) {
        return other.version == report.version && other.start == report.start;
      });
      if (old != known.end()) {
        if (!Adds(report, *old, evaluate_again)) continue;
        known.erase(old);
      }
      CAISSON_TRY(Store(context, spec, report));
      known.push_back(report);
      evaluated.push_back(std::move(report));
    }
    return OkStatus();
  }

  // A version without a reference file is watched by its labels only.
  Result<const Reference*> ReferenceOf(const Context& context, const std::string& model,
                                       int version) {
    const std::pair<std::string, int> key{model, version};
    const auto known = references_.find(key);
    if (known != references_.end()) return &known->second;
    Reference reference;
    // A version that was deleted still has answers in the log.
    const Result<registry::ModelVersion> entry =
        parts_.registry.GetVersion(context, model, version);
    if (!entry.ok() && entry.status().code() != StatusCode::kNotFound) return entry.status();
    const Result<std::string> path =
        entry.ok() ? parts_.registry.ModelFile(context, *entry, "reference.json") : entry.status();
    if (path.ok()) {
      CAISSON_ASSIGN(const std::string text, ReadFile(*path));
      CAISSON_ASSIGN(reference, internal::ParseReference(
                                    text, fmt::format("{}/{} reference.json", model, version)));
    }
    return &references_.emplace(key, std::move(reference)).first->second;
  }

  Status Store(const Context& context, const MonitorSpec& spec, const WindowReport& report) {
    return parts_.database.Write(context, [&](sql::Transaction& transaction) -> Status {
      CAISSON_TRY(transaction.Execute(
          "INSERT INTO monitoring_windows (project, endpoint, model, version, window_start, "
          "window_end, predictions, labels, "
          "report, evaluated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
          "ON CONFLICT (project, endpoint, version, window_start) DO UPDATE SET window_end = "
          "excluded.window_end, "
          "predictions = excluded.predictions, labels = excluded.labels, report = excluded.report, "
          "evaluated_at = excluded.evaluated_at",
          {context.project(), report.endpoint, report.model, report.version, report.start,
           report.end, report.predictions, report.labels, WriteJson(ReportToJson(report)),
           report.evaluated_at}));
      return report.findings.empty() ? OkStatus() : Announce(transaction, spec, report);
    });
  }

  // Once for a version and window, and not before the cooldown of the last one is over.
  Status Announce(sql::Transaction& transaction, const MonitorSpec& spec,
                  const WindowReport& report) {
    const std::string& project = transaction.context().project();
    CAISSON_ASSIGN(
        const auto last,
        transaction.QueryOne<int64_t>(
            "SELECT max(window_end) FROM monitoring_findings WHERE project = $1 AND endpoint = $2",
            {project, spec.endpoint}, [](const sql::Row& row) { return row.Int(0); }));
    const bool first = last.value_or(0) == 0;
    if (!first && report.end < *last + std::max<int64_t>(spec.cooldown.count(), 1))
      return OkStatus();
    CAISSON_ASSIGN(
        const int64_t inserted,
        transaction.Execute(
            "INSERT INTO monitoring_findings (project, endpoint, version, window_start, "
            "window_end, "
            "announced_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            {project, spec.endpoint, report.version, report.start, report.end, transaction.now()}));
    if (inserted == 0) return OkStatus();
    const Json payload = Json::Of({{"endpoint", spec.endpoint},
                                   {"model", report.model},
                                   {"version", report.version},
                                   {"window_start", report.start},
                                   {"window_end", report.end},
                                   {"report", report.id},
                                   {"findings", Json::ArrayOf(report.findings)},
                                   {"on_drift", spec.on_drift}});
    const lineage::NodeId node{"drift_report", report.id};
    CAISSON_TRY(lineage::PutNode(transaction, node,
                                 Json::Of({{"window_start", FormatTime(report.start)},
                                           {"window_end", FormatTime(report.end)},
                                           {"findings", Json::ArrayOf(report.findings)}})));
    CAISSON_TRY(
        lineage::PutEdge(transaction, node, "observed",
                         {"model_version", fmt::format("{}/{}", report.model, report.version)}));
    CAISSON_TRY(
        audit::Append(transaction, "monitor.drift_found", "endpoint/" + spec.endpoint, payload));
    CAISSON_LOG(kWarning, "monitoring", "endpoint {}: {}", spec.endpoint, report.findings.front());
    return events::Append(transaction, "monitor.drift_found", "endpoint/" + spec.endpoint, payload)
        .status();
  }

  Dependencies parts_;
  std::mutex evaluate_mutex_;  // and the two below
  std::map<std::pair<std::string, int>, Reference> references_;
  std::map<std::pair<std::string, std::string>, Progress> progress_;     // by project and endpoint
  std::map<std::pair<std::string, std::string>, std::string> problems_;  // of the thread alone
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

Monitors::Monitors(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Monitors::~Monitors() = default;

Result<std::unique_ptr<Monitors>> Monitors::Open(const Dependencies& dependencies) {
  CAISSON_TRY(MakeDirectories(dependencies.reports_folder));
  return std::unique_ptr<Monitors>(new Monitors(std::make_unique<Impl>(dependencies)));
}

Status Monitors::Start() { return impl_->Start(); }
void Monitors::Stop() { impl_->Stop(); }

Status Monitors::Put(const Context& context, const MonitorSpec& spec) {
  return impl_->parts().database.Write(context, [&](sql::Transaction& transaction) -> Status {
    const std::string text = WriteJson(MonitorSpecToJson(spec));
    CAISSON_ASSIGN(
        const int64_t changed,
        transaction.Execute("INSERT INTO monitoring_monitors (project, endpoint, spec, updated_at) "
                            "VALUES ($1, $2, $3, $4) ON CONFLICT (project, endpoint) DO UPDATE SET "
                            "spec = excluded.spec, updated_at = excluded.updated_at "
                            "WHERE monitoring_monitors.spec <> excluded.spec",
                            {context.project(), spec.endpoint, text, transaction.now()}));
    if (changed == 0) return OkStatus();
    CAISSON_TRY(lineage::PutNode(transaction, {"monitor", spec.endpoint}, MonitorSpecToJson(spec)));
    return audit::Append(transaction, "monitor.put", "endpoint/" + spec.endpoint,
                         MonitorSpecToJson(spec));
  });
}

Status Monitors::Remove(const Context& context, std::string_view endpoint) {
  return impl_->parts().database.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(
        const int64_t removed,
        transaction.Execute("DELETE FROM monitoring_monitors WHERE project = $1 AND endpoint = $2",
                            {context.project(), endpoint}));
    if (removed == 0) return NotFound("endpoint {} has no monitor", endpoint);
    return audit::Append(transaction, "monitor.removed", fmt::format("endpoint/{}", endpoint),
                         Json::MakeObject());
  });
}

Result<std::vector<MonitorSpec>> Monitors::List(const Context& context) {
  return impl_->parts().database.ReadFor<std::vector<MonitorSpec>>(
      context, [&](sql::Session& session) -> Result<std::vector<MonitorSpec>> {
        CAISSON_ASSIGN(const auto rows, ListMonitors(session, context.project(), ""));
        std::vector<MonitorSpec> specs;
        for (const MonitorRow& row : rows) specs.push_back(row.spec);
        return specs;
      });
}

Result<std::vector<WindowReport>> Monitors::Evaluate(const Context& context,
                                                     std::string_view endpoint, bool final) {
  CAISSON_ASSIGN(const MonitorSpec spec, impl_->FindMonitor(context, endpoint));
  return impl_->Evaluate(context, spec, final);
}

Result<std::vector<WindowReport>> Monitors::Reports(const Context& context,
                                                    std::string_view endpoint) {
  CAISSON_ASSIGN(std::vector<WindowReport> reports, impl_->Reports(context, endpoint));
  // A monitor that was removed leaves its reports; one that never was is a mistake.
  if (reports.empty()) CAISSON_TRY(impl_->FindMonitor(context, endpoint));
  return reports;
}

Result<std::string> Monitors::HtmlReport(const Context& context, std::string_view endpoint) {
  CAISSON_ASSIGN(const MonitorSpec spec, impl_->FindMonitor(context, endpoint));
  CAISSON_ASSIGN(const std::vector<WindowReport> reports, impl_->Reports(context, endpoint));
  const std::string page = internal::ReportPage(spec, reports);
  CAISSON_TRY(
      WriteFileAtomic(JoinPath(impl_->parts().reports_folder, spec.endpoint + ".html"), page));
  return page;
}

}  // namespace caisson::monitoring
