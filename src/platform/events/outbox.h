// Events: what must travel against the direction of calls (drift found, gate passed, alert fired).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "platform/sql/database.h"
#include "platform/telemetry/metrics.h"

namespace caisson::events {

struct Event {
  int64_t sequence = 0;  // the total order; without gaps that a reader could miss
  UnixMillis time = 0;
  std::string project;
  std::string type;      // "monitor.drift_found"
  std::string subject;   // "endpoint/delay"
  Json payload;
  std::string trace_id;
};

const sql::Schema& EventsSchema();

// Writes an event in the caller's transaction; it is delivered once that has committed. The result is its sequence.
Result<int64_t> Append(sql::Transaction& transaction, std::string_view type, std::string_view subject, const Json& payload);

// Newest first; `type_prefix` and `subject_prefix` may be empty.
Result<std::vector<Event>> List(sql::Session& session, std::string_view type_prefix, std::string_view subject_prefix,
                                int limit);

// Handles an event inside the transaction that also moves the consumer's cursor: its SQL effects happen exactly once. It
// must not have other effects; longer work goes into a job, enqueued here. An error leaves the cursor where it was; the event
// comes again after a growing pause.
using Handler = std::function<Status(sql::Transaction&, const Event&)>;

// Delivers events in order to named consumers, each with a durable cursor. Owned by `app`; one thread of its own. Subscribe
// before Start. A consumer that is new starts at the newest event, or at the first one.
class Outbox {
 public:
  enum class StartAt { kFirst, kNewest };

  Outbox(sql::Database& database, const Clock& clock, telemetry::Registry& metrics);
  ~Outbox();

  void Subscribe(std::string consumer, std::vector<std::string> types, StartAt start_at, Handler handler);
  Status Start();
  void Stop();
  // Tells the thread that there may be something new; cheap. Append does it by itself through the database's commit hook
  // of this Outbox.
  void Wake();
  // Waits until every consumer has seen all events that exist now. For tests and for an orderly end.
  Status Drain(const Context& context);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace caisson::events
