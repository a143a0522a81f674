#include "platform/events/outbox.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "platform/events/internal/event_rows.h"

namespace caisson::events {
namespace {

constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{30'000};
// Events read at a time, so that a consumer far behind does not fill the memory.
constexpr int kBatch = 200;
// How far the cursor in the database may stay behind over events that the consumer does not want.
constexpr int64_t kUnstoredEvents = 1'000;
// How often a waiting Drain looks for a cancellation, which cannot wake it.
constexpr std::chrono::milliseconds kCancelPoll{20};

struct Consumer {
  std::string name;
  std::vector<std::string> types;
  Outbox::StartAt start_at;
  Handler handler;
  telemetry::Gauge* lag = nullptr;
  telemetry::Counter* delivered = nullptr;
  telemetry::Counter* failed = nullptr;

  // All events up to this one are dealt with. Guarded by the Outbox's lock, since Drain reads them.
  int64_t cursor = 0;
  std::string error;

  // Used by the delivering thread alone. The cursor in the database; events that the consumer does
  // not want move it only now and then, since reading them again after a restart is cheaper than a
  // commit for each.
  int64_t stored_cursor = 0;
  std::chrono::milliseconds pause{0};
  std::chrono::steady_clock::time_point retry_at;

  bool Wants(const std::string& type) const {
    return types.empty() || std::find(types.begin(), types.end(), type) != types.end();
  }
};

Result<int64_t> NewestSequence(sql::Session& session) {
  int64_t newest = 0;
  CAISSON_TRY(session.Query("SELECT COALESCE(MAX(sequence), 0) FROM events_events", {},
                            [&](const sql::Row& row) {
                              newest = row.Int(0);
                              return OkStatus();
                            }));
  return newest;
}

// Moves the cursor from where we believe it to be; anything else would mean that somebody else
// delivers too.
Status MoveCursor(sql::Transaction& transaction, const std::string& consumer, int64_t from,
                  int64_t to) {
  CAISSON_ASSIGN(const int64_t moved,
                 transaction.Execute("UPDATE events_cursors SET sequence = $1, updated_at = $2"
                                     " WHERE consumer = $3 AND sequence = $4",
                                     {to, transaction.now(), consumer, from}));
  if (moved == 1) return OkStatus();
  return Aborted("the cursor of {} is not at {}: another process delivers its events", consumer,
                 from);
}

}  // namespace

class Outbox::Impl {
 public:
  Impl(sql::Database& database, const Clock& clock, telemetry::Registry& metrics)
      : database_(database), clock_(clock), metrics_(metrics) {}
  ~Impl() { Stop(); }

  void Subscribe(std::string name, std::vector<std::string> types, StartAt start_at,
                 Handler handler) {
    auto consumer = std::make_unique<Consumer>();
    const telemetry::Labels labels{{"consumer", name}};
    consumer->lag =
        &metrics_.GetGauge("caisson_events_lag", "Events that the consumer has not seen.", labels);
    consumer->delivered =
        &metrics_.GetCounter("caisson_events_delivered_total", "Events handled.", labels);
    consumer->failed = &metrics_.GetCounter("caisson_events_failed_total",
                                            "Attempts that ended with an error.", labels);
    consumer->name = std::move(name);
    consumer->types = std::move(types);
    consumer->start_at = start_at;
    consumer->handler = std::move(handler);
    consumers_.push_back(std::move(consumer));
  }

  Status Start() {
    CAISSON_TRY(LoadCursors());
    listener_ = database_.Listen(kAppendedChannel, [this] { Signal(false); });
    thread_ = std::thread([this] { Loop(); });
    return OkStatus();
  }

  void Stop() {
    if (!thread_.joinable()) return;
    // First, so that nobody calls us any more.
    listener_ = sql::Listener();
    stop_.Cancel();
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void Signal(bool end_pauses) {
    {
      std::lock_guard lock(mutex_);
      woken_ = true;
      end_pauses_ = end_pauses_ || end_pauses;
    }
    changed_.notify_all();
  }

  Status Drain(const Context& context) {
    CAISSON_ASSIGN(const int64_t target, database_.ReadFor<int64_t>(context, NewestSequence));
    std::unique_lock lock(mutex_);
    while (true) {
      const Consumer* behind = nullptr;
      for (const auto& consumer : consumers_) {
        if (consumer->cursor < target) behind = consumer.get();
      }
      if (behind == nullptr) return OkStatus();
      const Status ended = context.Check();
      if (!ended.ok()) {
        return WithContext(
            ended,
            fmt::format("the consumer {} has seen event {} of {}{}{}", behind->name, behind->cursor,
                        target, behind->error.empty() ? "" : "; its last error: ", behind->error));
      }
      changed_.wait_for(lock, context.TimeLeft(kCancelPoll) + std::chrono::microseconds(50));
    }
  }

 private:
  Status LoadCursors() {
    return database_.Write(SystemContext(), [&](sql::Transaction& transaction) -> Status {
      CAISSON_ASSIGN(const int64_t newest, NewestSequence(transaction));
      std::lock_guard lock(mutex_);
      for (const auto& consumer : consumers_) {
        const int64_t first = consumer->start_at == StartAt::kFirst ? 0 : newest;
        CAISSON_TRY(transaction.Execute(
            "INSERT INTO events_cursors (consumer, sequence, updated_at) VALUES ($1, $2, $3)"
            " ON CONFLICT (consumer) DO NOTHING",
            {consumer->name, first, transaction.now()}));
        CAISSON_TRY(transaction.Query("SELECT sequence FROM events_cursors WHERE consumer = $1",
                                      {consumer->name}, [&](const sql::Row& row) {
                                        consumer->cursor = row.Int(0);
                                        consumer->stored_cursor = consumer->cursor;
                                        return OkStatus();
                                      }));
      }
      return OkStatus();
    });
  }

  Context SystemContext() const {
    return Context::Background().WithPrincipal("system").WithCancel(stop_);
  }

  void Loop() {
    while (!stop_.cancelled()) {
      bool more = false;
      for (const auto& consumer : consumers_) more = Deliver(*consumer) || more;
      if (!more) WaitForWork();
    }
  }

  // Waits for new events, or for the end of the shortest pause.
  void WaitForWork() {
    std::optional<std::chrono::steady_clock::time_point> retry_at;
    for (const auto& consumer : consumers_) {
      if (consumer->pause.count() == 0) continue;
      if (!retry_at.has_value() || consumer->retry_at < *retry_at) retry_at = consumer->retry_at;
    }
    std::unique_lock lock(mutex_);
    const auto ready = [&] { return stopping_ || woken_; };
    if (retry_at.has_value()) {
      changed_.wait_for(lock, *retry_at - clock_.monotonic(), ready);
    } else {
      changed_.wait(lock, ready);
    }
    woken_ = false;
    const bool end_pauses = std::exchange(end_pauses_, false);
    lock.unlock();
    for (const auto& consumer : consumers_) {
      if (end_pauses) consumer->retry_at = {};
    }
  }

  // Delivers some events; true when there may be more for this consumer right now.
  bool Deliver(Consumer& consumer) {
    if (consumer.pause.count() != 0 && clock_.monotonic() < consumer.retry_at) return false;
    std::vector<Event> events;
    int64_t newest = 0;
    Status status = database_.Read(SystemContext(), [&](sql::Session& session) -> Status {
      CAISSON_ASSIGN(newest, NewestSequence(session));
      CAISSON_ASSIGN(events, ReadBatch(session, consumer.cursor));
      return OkStatus();
    });
    for (const Event& event : events) {
      if (!status.ok() || stop_.cancelled()) break;
      if (consumer.Wants(event.type)) status = Handle(consumer, event);
      if (status.ok()) SetCursor(consumer, event.sequence);
    }
    if (status.ok() && consumer.cursor - consumer.stored_cursor >= kUnstoredEvents)
      status = StoreCursor(consumer);
    consumer.lag->Set(static_cast<double>(newest - consumer.cursor));
    Account(consumer, status);
    return status.ok() && static_cast<int>(events.size()) == kBatch;
  }

  static Result<std::vector<Event>> ReadBatch(sql::Session& session, int64_t after) {
    static const std::string kText =
        fmt::format("SELECT {} FROM events_events WHERE sequence > $1 ORDER BY sequence LIMIT $2",
                    internal::kEventColumns);
    std::vector<Event> events;
    CAISSON_TRY(session.Query(kText, {after, kBatch}, [&](const sql::Row& row) -> Status {
      CAISSON_ASSIGN(Event event, internal::ReadEvent(row));
      events.push_back(std::move(event));
      return OkStatus();
    }));
    return events;
  }

  Status Handle(Consumer& consumer, const Event& event) {
    const Context context = SystemContext().WithProject(event.project).WithTraceId(event.trace_id);
    CAISSON_TRY(
        WithContext(database_.Write(context,
                                    [&](sql::Transaction& transaction) -> Status {
                                      CAISSON_TRY(consumer.handler(transaction, event));
                                      return MoveCursor(transaction, consumer.name,
                                                        consumer.stored_cursor, event.sequence);
                                    }),
                    fmt::format("event {} ({} {})", event.sequence, event.type, event.subject)));
    consumer.delivered->Increment();
    consumer.stored_cursor = event.sequence;
    return OkStatus();
  }

  Status StoreCursor(Consumer& consumer) {
    CAISSON_TRY(database_.Write(SystemContext(), [&](sql::Transaction& transaction) {
      return MoveCursor(transaction, consumer.name, consumer.stored_cursor, consumer.cursor);
    }));
    consumer.stored_cursor = consumer.cursor;
    return OkStatus();
  }

  void SetCursor(Consumer& consumer, int64_t to) {
    {
      std::lock_guard lock(mutex_);
      consumer.cursor = to;
    }
    changed_.notify_all();
  }

  // Sets the pause after an error, or ends it.
  void Account(Consumer& consumer, const Status& status) {
    {
      std::lock_guard lock(mutex_);
      consumer.error = status.ok() ? std::string() : Message(status);
    }
    if (status.ok() || stop_.cancelled()) {
      consumer.pause = std::chrono::milliseconds(0);
      return;
    }
    consumer.failed->Increment();
    consumer.pause =
        consumer.pause.count() == 0 ? kFirstPause : std::min(consumer.pause * 2, kLongestPause);
    consumer.retry_at = clock_.monotonic() + consumer.pause;
    CAISSON_LOG(kWarning, "events", "the consumer {} failed and tries again in {}: {}",
                consumer.name, HumanDuration(consumer.pause), Message(status));
  }

  sql::Database& database_;
  const Clock& clock_;
  telemetry::Registry& metrics_;
  std::vector<std::unique_ptr<Consumer>> consumers_;
  CancelSource stop_;
  sql::Listener listener_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool woken_ = false;
  bool end_pauses_ = false;
  std::thread thread_;
};

Outbox::Outbox(sql::Database& database, const Clock& clock, telemetry::Registry& metrics)
    : impl_(std::make_unique<Impl>(database, clock, metrics)) {}

Outbox::~Outbox() = default;

void Outbox::Subscribe(std::string consumer, std::vector<std::string> types, StartAt start_at,
                       Handler handler) {
  impl_->Subscribe(std::move(consumer), std::move(types), start_at, std::move(handler));
}

Status Outbox::Start() { return impl_->Start(); }

void Outbox::Stop() { impl_->Stop(); }

void Outbox::Wake() { impl_->Signal(true); }

Status Outbox::Drain(const Context& context) { return impl_->Drain(context); }

}  // namespace caisson::events
