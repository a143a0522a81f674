#include "platform/audit/audit.h"

#include <utility>

#include <fmt/format.h>

#include "base/hash.h"
#include "platform/audit/resources.h"

namespace caisson::audit {
namespace {

constexpr std::string_view kColumns =
    "sequence, time, project, principal, action, object, detail, trace_id, hash";

// An entry as it is stored: the chain covers the detail's bytes, not its meaning.
struct StoredEntry {
  int64_t sequence = 0;
  UnixMillis time = 0;
  std::string project;
  std::string principal;
  std::string action;
  std::string object;
  std::string detail;
  std::string trace_id;
  std::string hash;
};

StoredEntry ReadStored(const sql::Row& row) {
  return {row.Int(0),    row.Int(1),    row.String(2), row.String(3), row.String(4),
          row.String(5), row.String(6), row.String(7), row.String(8)};
}

// The length before each field makes it impossible to move text from one field to its neighbour
// without a trace.
void AddField(std::string& bytes, std::string_view field) {
  bytes += fmt::format("{}:{}\n", field.size(), field);
}

std::string ChainHash(std::string_view previous_hash, const StoredEntry& entry) {
  std::string bytes;
  AddField(bytes, previous_hash);
  AddField(bytes, fmt::to_string(entry.sequence));
  AddField(bytes, fmt::to_string(entry.time));
  for (const std::string* field : {&entry.project, &entry.principal, &entry.action, &entry.object,
                                   &entry.detail, &entry.trace_id}) {
    AddField(bytes, *field);
  }
  return Sha256(bytes);
}

struct Head {
  int64_t sequence = 0;
  std::string hash;
};

Result<Head> ReadHead(sql::Session& session) {
  CAISSON_ASSIGN(std::optional<Head> head,
                 session.QueryOne<Head>("SELECT sequence, hash FROM audit_head WHERE id = 1", {},
                                        [](const sql::Row& row) {
                                          return Head{row.Int(0), row.String(1)};
                                        }));
  if (!head.has_value()) return DataLoss("the audit log has lost the end of its chain");
  return *std::move(head);
}

Result<Entry> ToEntry(StoredEntry stored) {
  auto detail = ParseJson(stored.detail);
  if (!detail.ok())
    return DataLoss("audit entry {}: its detail is damaged: {}", stored.sequence,
                    Message(detail.status()));
  return Entry{stored.sequence,           stored.time,
               std::move(stored.project), std::move(stored.principal),
               std::move(stored.action),  std::move(stored.object),
               *std::move(detail),        std::move(stored.trace_id),
               std::move(stored.hash)};
}

}  // namespace

const sql::Schema& AuditSchema() {
  static const sql::Schema schema{"audit", {{1, "audit", resources::kMigrations0001AuditSql}}};
  return schema;
}

Status Append(sql::Transaction& transaction, std::string_view action, std::string_view object,
              const Json& detail) {
  if (action.empty() || object.empty()) {
    return InvalidArgument("an audit entry needs an action and an object, not '{}' and '{}'",
                           action, object);
  }
  CAISSON_ASSIGN(const Head head, ReadHead(transaction));
  const Context& context = transaction.context();
  StoredEntry entry{head.sequence + 1,   transaction.now(),   context.project(),
                    context.principal(), std::string(action), std::string(object),
                    WriteJson(detail),   context.trace_id(),  ""};
  entry.hash = ChainHash(head.hash, entry);
  CAISSON_TRY(transaction.Execute(
      "INSERT INTO audit_entries (sequence, time, project, principal, action, object, detail,"
      " trace_id, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      {entry.sequence, entry.time, entry.project, entry.principal, entry.action, entry.object,
       entry.detail, entry.trace_id, entry.hash}));
  return transaction
      .Execute("UPDATE audit_head SET sequence = $1, hash = $2 WHERE id = 1",
               {entry.sequence, entry.hash})
      .status();
}

Result<std::vector<Entry>> List(sql::Session& session, const Filter& filter) {
  // A prefix is a range, which an index can serve: U+10FFFF sorts after whatever follows the
  // prefix.
  static const std::string kText = fmt::format(
      "SELECT {} FROM audit_entries WHERE ($1 = '' OR project = $1)"
      " AND ($2 = '' OR (object >= $2 AND object < $2 || '\U0010FFFF')) AND ($3 = '' OR action = "
      "$3)"
      " AND ($4 = 0 OR sequence < $4) ORDER BY sequence DESC LIMIT $5",
      kColumns);
  std::vector<Entry> entries;
  CAISSON_TRY(session.Query(
      kText,
      {filter.project, filter.object_prefix, filter.action, filter.before_sequence, filter.limit},
      [&](const sql::Row& row) -> Status {
        CAISSON_ASSIGN(Entry entry, ToEntry(ReadStored(row)));
        entries.push_back(std::move(entry));
        return OkStatus();
      }));
  return entries;
}

Status VerifyChain(sql::Session& session) {
  static const std::string kText =
      fmt::format("SELECT {} FROM audit_entries ORDER BY sequence", kColumns);
  Head last;
  CAISSON_TRY(session.Query(kText, {}, [&](const sql::Row& row) -> Status {
    const StoredEntry entry = ReadStored(row);
    if (entry.sequence != last.sequence + 1) {
      return DataLoss("audit entry {} is missing: entry {} follows entry {}", last.sequence + 1,
                      entry.sequence, last.sequence);
    }
    if (entry.hash != ChainHash(last.hash, entry)) {
      return DataLoss(
          "audit entry {} ({} {} by {}) was changed: its hash does not fit its content and the "
          "entry before it",
          entry.sequence, entry.action, entry.object, entry.principal);
    }
    last = Head{entry.sequence, entry.hash};
    return OkStatus();
  }));
  CAISSON_ASSIGN(const Head head, ReadHead(session));
  if (head.sequence == last.sequence && head.hash == last.hash) return OkStatus();
  return DataLoss(
      "audit entry {} is missing: the chain ends at entry {} but was written up to entry {}",
      last.sequence + 1, last.sequence, head.sequence);
}

}  // namespace caisson::audit
