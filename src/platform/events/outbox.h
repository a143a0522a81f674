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
  std::string type;     // "monitor.drift_found"
  std::string subject;  // "endpoint/delay"
  Json payload;
  std::string trace_id;
};

const sql::Schema& EventsSchema();

// Notified by Append (sql::Transaction::Notify); the Outbox of the same database listens to it.
inline constexpr std::string_view kAppendedChannel = "events.appended";

// Writes an event in the caller's transaction; it is delivered once that has committed. The result
// is its sequence.
Result<int64_t> Append(sql::Transaction& transaction, std::string_view type,
                       std::string_view subject, const Json& payload);

// Newest first; `type_prefix` and `subject_prefix` may be empty.
Result<std::vector<Event>> List(sql::Session& session, std::string_view type_prefix,
                                std::string_view subject_prefix, int limit);

// Handles an event inside the transaction that also moves the consumer's cursor: its SQL effects
// happen exactly once. It must not have other effects; longer work goes into a job, enqueued here.
// An error leaves the cursor where it was; the event comes again after a growing pause. It runs on
// the database's writer thread. The transaction's context has the event's project and trace id and
// the principal "system".
using Handler = std::function<Status(sql::Transaction&, const Event&)>;

// Delivers events in order to named consumers, each with a durable cursor: at least once, and
// exactly once as far as the handler's SQL goes. Owned by `app`, lives shorter than the Database;
// one thread of its own, on which one event at a time is handled. Any thread may call Wake and
// Drain; the other members belong to the thread that owns the object.
//
// A consumer whose handler fails waits 50 ms, then twice as long each time, up to 30 s; the others
// go on meanwhile. A consumer that is new starts at the newest event, or at the first one; one that
// was there before goes on where it was.
class Outbox {
 public:
  enum class StartAt { kFirst, kNewest };

  Outbox(sql::Database& database, const Clock& clock, telemetry::Registry& metrics);
  ~Outbox();

  // Before Start. `types` are whole event types; none means all of them. The consumer's name is its
  // identity in the database and must not change from one start of the program to the next.
  void Subscribe(std::string consumer, std::vector<std::string> types, StartAt start_at,
                 Handler handler);
  Status Start();
  // Ends the context of the handler that runs now and waits for it.
  void Stop();
  // Tells the thread that there may be something new, and ends all pauses; cheap. A committed
  // Append does the first by itself.
  void Wake();
  // Waits until every consumer has seen all events that exist now. For tests and for an orderly
  // end. When the context ends first, the error names a consumer that is behind and why.
  Status Drain(const Context& context);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace caisson::events
