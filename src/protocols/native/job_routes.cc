#include "protocols/native/internal/handlers.h"
#include "protocols/native/routes.h"

namespace caisson::native {
namespace {

using internal::JsonHandler;
using internal::MakeRoute;

constexpr int kLinesAtOnce = 500;
// How long a follower waits for the job before it looks for new lines again.
constexpr std::chrono::milliseconds kFollowPause{100};

Json TimeOrNull(UnixMillis time) { return time == 0 ? Json() : Json(FormatTime(time)); }

Json ToJson(const jobs::Job& job) {
  return Json::Of({{"id", job.id},
                   {"kind", job.kind},
                   {"state", jobs::StateName(job.state)},
                   {"attempt", job.attempt},
                   {"payload", job.payload},
                   {"progress", job.progress},
                   {"result", job.result},
                   {"error", job.error},
                   {"principal", job.principal},
                   {"created_at", TimeOrNull(job.created_at)},
                   {"started_at", TimeOrNull(job.started_at)},
                   {"finished_at", TimeOrNull(job.finished_at)}});
}

Result<jobs::Job> ReadJob(sql::Database& database, const Context& context, std::string_view id) {
  return database.ReadFor<jobs::Job>(context,
                                     [&](sql::Session& session) { return jobs::Get(session, id); });
}

bool Ended(const jobs::Job& job) {
  return job.state == jobs::JobState::kSucceeded || job.state == jobs::JobState::kFailed ||
         job.state == jobs::JobState::kCancelled;
}

// Writes {"line": ...} as lines appear and {"job": ...} when it has ended.
Status Follow(const Dependencies& parts, const Context& context, const std::string& id,
              int64_t after, http::BodyWriter& writer) {
  while (true) {
    // The state is read before the lines: what the job said before it ended is then among them.
    CAISSON_ASSIGN(const jobs::Job job, ReadJob(parts.database, context, id));
    CAISSON_ASSIGN(
        const std::vector<jobs::LogLine> lines,
        parts.database.ReadFor<std::vector<jobs::LogLine>>(context, [&](sql::Session& session) {
          return jobs::ReadLog(session, id, after, kLinesAtOnce);
        }));
    std::string out;
    for (const jobs::LogLine& line : lines) {
      out += WriteJson(Json::Of(
                 {{"number", line.number}, {"time", FormatTime(line.time)}, {"line", line.text}})) +
             "\n";
      after = line.number;
    }
    if (!out.empty()) CAISSON_TRY(writer.Write(out));
    if (lines.size() == kLinesAtOnce) continue;
    if (Ended(job)) return writer.Write(WriteJson(Json::Of({{"job", ToJson(job)}})) + "\n");
    const Result<jobs::Job> ended = parts.jobs.WaitFor(context.WithTimeout(kFollowPause), id);
    if (!ended.ok() && ended.status().code() != StatusCode::kDeadlineExceeded)
      return ended.status();
    CAISSON_TRY(context.Check());
  }
}

}  // namespace

std::vector<http::Route> JobRoutes(const Dependencies& parts) {
  std::vector<http::Route> routes;
  routes.push_back(MakeRoute(
      http::Method::kGet, "/api/v1/jobs", "Jobs, newest first",
      JsonHandler([parts](http::Request& request) -> Result<Json> {
        jobs::JobFilter filter;
        filter.kind = std::string(request.Query("kind"));
        filter.state = std::string(request.Query("state"));
        CAISSON_ASSIGN(const int64_t limit, internal::QueryInt(request, "limit", 50, 1, 1'000));
        filter.limit = static_cast<int>(limit);
        CAISSON_ASSIGN(const auto found, parts.database.ReadFor<std::vector<jobs::Job>>(
                                             request.context, [&](sql::Session& session) {
                                               return jobs::List(session, filter);
                                             }));
        Json::Array items;
        for (const jobs::Job& job : found) items.push_back(ToJson(job));
        return internal::Items(std::move(items));
      })));
  routes.push_back(MakeRoute(http::Method::kGet, "/api/v1/jobs/{id}", "One job",
                             JsonHandler([parts](http::Request& request) -> Result<Json> {
                               CAISSON_ASSIGN(
                                   const jobs::Job job,
                                   ReadJob(parts.database, request.context, request.Path("id")));
                               return ToJson(job);
                             })));
  http::Route follow =
      MakeRoute(http::Method::kGet, "/api/v1/jobs/{id}/follow",
                "The job's log as it grows, one JSON document a line, until it ends", nullptr);
  follow.timeout = std::chrono::hours(24);
  follow.handler = [parts](http::Request& request) -> http::Response {
    const Result<int64_t> after = internal::QueryInt(request, "after", 0, 0, INT64_MAX);
    if (!after.ok()) return http::ErrorResponse(after.status());
    const std::string id(request.Path("id"));
    const Result<jobs::Job> job = ReadJob(parts.database, request.context, id);
    if (!job.ok()) return http::ErrorResponse(job.status());
    http::Response response;
    response.headers.Set("Content-Type", "application/x-ndjson");
    response.stream = [parts, context = request.context, id,
                       after = *after](http::BodyWriter& writer) {
      return Follow(parts, context, id, after, writer);
    };
    return response;
  };
  routes.push_back(std::move(follow));
  routes.push_back(MakeRoute(http::Method::kPost, "/api/v1/jobs/{id}/cancel", "Ends a job",
                             JsonHandler([parts](http::Request& request) -> Result<Json> {
                               CAISSON_TRY(parts.jobs.Cancel(request.context, request.Path("id")));
                               return Json::MakeObject();
                             })));
  return routes;
}

}  // namespace caisson::native
