#include "lifecycle/tracking/internal/relay.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "platform/audit/audit.h"

namespace caisson::tracking::internal {
namespace {

constexpr int kBatchSize = 500;
constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{10'000};

struct StoredEntry {
  int64_t sequence = 0;
  std::string project;
  std::string principal;
  std::string trace_id;
  std::string entry;

  bool SameContext(const StoredEntry& other) const {
    return project == other.project && principal == other.principal && trace_id == other.trace_id;
  }
};

Json ToJson(const JournalEntry& entry) {
  Json json = Json::MakeObject();
  json.Set("kind", entry.node.kind);
  json.Set("name", entry.node.name);
  if (!entry.attributes.is_null()) json.Set("attributes", entry.attributes);
  Json edges = Json::MakeArray();
  for (const JournalEntry::EdgeTo& edge : entry.edges) {
    edges.Append(
        Json::Of({{"relation", edge.relation}, {"kind", edge.to.kind}, {"name", edge.to.name}}));
  }
  if (!edges.empty()) json.Set("edges", std::move(edges));
  if (!entry.audit_action.empty()) {
    json.Set("audit", Json::Of({{"action", entry.audit_action},
                                {"object", entry.audit_object},
                                {"detail", entry.audit_detail}}));
  }
  return json;
}

Status Apply(sql::Transaction& transaction, const Json& entry) {
  const lineage::NodeId node{entry["kind"].AsString(), entry["name"].AsString()};
  if (const Json* attributes = entry.Find("attributes")) {
    CAISSON_TRY(lineage::PutNode(transaction, node, *attributes));
  }
  for (const Json& edge : entry["edges"].array()) {
    CAISSON_TRY(lineage::PutEdge(transaction, node, edge["relation"].AsString(),
                                 {edge["kind"].AsString(), edge["name"].AsString()}));
  }
  if (const Json* audit = entry.Find("audit")) {
    CAISSON_TRY(audit::Append(transaction, (*audit)["action"].AsString(),
                              (*audit)["object"].AsString(), (*audit)["detail"]));
  }
  return OkStatus();
}

}  // namespace

Status AppendJournal(sql::Transaction& transaction, Relay& relay, const JournalEntry& entry) {
  const Context& context = transaction.context();
  CAISSON_TRY(
      transaction.Execute("INSERT INTO tracking_journal (time, project, principal, trace_id, "
                          "entry) VALUES ($1, $2, $3, $4, $5)",
                          {transaction.now(), context.project(), context.principal(),
                           context.trace_id(), WriteJson(ToJson(entry))}));
  transaction.OnCommit([&relay] { relay.Wake(); });
  return OkStatus();
}

Relay::Relay(sql::Database& tracking, sql::Database& main)
    : tracking_(tracking), main_(main), thread_([this] { Run(); }) {}

Relay::~Relay() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Relay::Wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Relay::Run() {
  std::chrono::milliseconds pause = kFirstPause;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return woken_ || stopping_; });
      if (stopping_) return;
      woken_ = false;
    }
    const Result<int64_t> arrived = MoveSome();
    std::unique_lock lock(mutex_);
    if (arrived.ok()) {
      pause = kFirstPause;
      if (*arrived > arrived_) {
        arrived_ = *arrived;
        woken_ = true;  // there may be more
      }
      lock.unlock();
      changed_.notify_all();
      continue;
    }
    CAISSON_LOG(kWarning, "tracking", "lineage and audit entries wait in the journal: {}",
                Message(arrived.status()));
    changed_.wait_for(lock, pause, [this] { return stopping_; });
    pause = std::min(pause * 2, kLongestPause);
    woken_ = true;
  }
}

Result<int64_t> Relay::MoveSome() {
  const Context context = Context::Background().WithPrincipal("system");
  CAISSON_ASSIGN(const int64_t cursor,
                 main_.ReadFor<int64_t>(context, [](sql::Session& session) -> Result<int64_t> {
                   CAISSON_ASSIGN(const std::optional<int64_t> value,
                                  session.QueryOne<int64_t>(
                                      "SELECT sequence FROM tracking_relay WHERE id = 1", {},
                                      [](const sql::Row& row) { return row.Int(0); }));
                   return value.value_or(0);
                 }));
  CAISSON_ASSIGN(const std::vector<StoredEntry> entries,
                 tracking_.ReadFor<std::vector<StoredEntry>>(context, [&](sql::Session& session) {
                   return session.QueryAll<StoredEntry>(
                       "SELECT sequence, project, principal, trace_id, entry FROM tracking_journal "
                       "WHERE sequence > $1 "
                       "ORDER BY sequence LIMIT $2",
                       {cursor, kBatchSize}, [](const sql::Row& row) {
                         return StoredEntry{row.Int(0), row.String(1), row.String(2), row.String(3),
                                            row.String(4)};
                       });
                 }));
  int64_t arrived = cursor;
  for (size_t first = 0; first < entries.size();) {
    size_t end = first + 1;
    while (end < entries.size() && entries[end].SameContext(entries[first])) ++end;
    const Context as_caller = Context::Background()
                                  .WithPrincipal(entries[first].principal)
                                  .WithProject(entries[first].project)
                                  .WithTraceId(entries[first].trace_id);
    CAISSON_TRY(main_.Write(as_caller, [&](sql::Transaction& transaction) -> Status {
      for (size_t i = first; i < end; ++i) {
        CAISSON_ASSIGN(const Json entry, ParseJson(entries[i].entry));
        CAISSON_TRY(Apply(transaction, entry));
      }
      CAISSON_TRY(transaction.Execute("UPDATE tracking_relay SET sequence = $1 WHERE id = 1",
                                      {entries[end - 1].sequence}));
      return OkStatus();
    }));
    arrived = entries[end - 1].sequence;
    first = end;
  }
  if (!entries.empty()) {
    // The last entry stays, so that the numbers go on from it and are never used twice.
    CAISSON_TRY(tracking_.Write(context, [&](sql::Transaction& transaction) -> Status {
      CAISSON_TRY(
          transaction.Execute("DELETE FROM tracking_journal WHERE sequence < $1", {arrived}));
      return OkStatus();
    }));
  }
  return arrived;
}

Status Relay::Drain(const Context& context) {
  CAISSON_ASSIGN(const int64_t last,
                 tracking_.ReadFor<int64_t>(context, [](sql::Session& session) -> Result<int64_t> {
                   CAISSON_ASSIGN(const std::optional<int64_t> value,
                                  session.QueryOne<int64_t>(
                                      "SELECT COALESCE(MAX(sequence), 0) FROM tracking_journal", {},
                                      [](const sql::Row& row) { return row.Int(0); }));
                   return value.value_or(0);
                 }));
  Wake();
  std::unique_lock lock(mutex_);
  while (arrived_ < last) {
    CAISSON_TRY(context.Check());
    changed_.wait_for(lock, context.TimeLeft(std::chrono::milliseconds(100)));
  }
  return OkStatus();
}

}  // namespace caisson::tracking::internal
