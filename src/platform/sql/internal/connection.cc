#include "platform/sql/internal/connection.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "platform/sql/internal/errors.h"

namespace caisson::sql::internal {
namespace {

// Statements are constant texts, so a module has some dozens; the bound is for those that are
// composed, such as searches.
constexpr size_t kMaxCachedStatements = 256;
// Virtual machine steps between two looks at the context: some tens of microseconds.
constexpr int kProgressSteps = 4'000;
// How long to wait for another process, in milliseconds, and in what steps.
constexpr int kBusyTimeout = 5'000;
constexpr int kBusyStep = 5;

}  // namespace

class Connection::Borrowed {
 public:
  explicit Borrowed(Statement* cached) : statement_(cached) {}
  explicit Borrowed(Statement own) : own_(std::move(own)), statement_(nullptr) {}
  Borrowed(Borrowed&& other) noexcept
      : own_(std::move(other.own_)),
        statement_(std::exchange(other.statement_, nullptr)),
        valid_(other.valid_) {
    other.valid_ = false;
  }
  ~Borrowed() {
    if (valid_) (*this)->Reset();
  }
  Statement* operator->() { return own_.has_value() ? &*own_ : statement_; }

 private:
  std::optional<Statement> own_;
  Statement* statement_;
  bool valid_ = true;
};

Result<std::unique_ptr<Connection>> Connection::Open(const std::string& path, Mode mode,
                                                     Durability durability) {
  sqlite3* handle = nullptr;
  const int access =
      mode == Mode::kWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  // The destructor also closes a handle whose opening failed, as SQLite asks for.
  std::unique_ptr<Connection> connection(new Connection(handle, path));
  if (code != SQLITE_OK)
    return ErrorStatus(handle, code, fmt::format("open the database {}", path));
  CAISSON_TRY(WithContext(connection->Configure(mode, durability),
                          fmt::format("open the database {}", path)));
  return connection;
}

Connection::~Connection() {
  by_text_.clear();
  statements_.clear();
  sqlite3_close(handle_);
}

Status Connection::Configure(Mode mode, Durability durability) {
  sqlite3_busy_handler(handle_, &Connection::OnBusy, this);
  CAISSON_TRY(
      RunScript("PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"));
  if (mode == Mode::kRead) {
    CAISSON_TRY(RunScript("PRAGMA query_only=ON; PRAGMA cache_size=-4000;"));
  } else {
    CAISSON_TRY(RunScript("PRAGMA journal_mode=WAL; PRAGMA cache_size=-16000;"));
    CAISSON_TRY(RunScript(durability == Durability::kFull ? "PRAGMA synchronous=FULL;"
                                                          : "PRAGMA synchronous=NORMAL;"));
    // The writer decides when to checkpoint; the hook only counts. It replaces SQLite's own
    // automatic checkpoint.
    sqlite3_wal_hook(handle_, &Connection::OnWal, this);
  }
  sqlite3_progress_handler(handle_, kProgressSteps, &Connection::OnProgress, this);
  return OkStatus();
}

int Connection::OnProgress(void* self) {
  const Context* context = static_cast<Connection*>(self)->context_;
  return context != nullptr && !context->Check().ok();
}

int Connection::OnBusy(void* self, int count) {
  auto* connection = static_cast<Connection*>(self);
  if (!connection->wait_when_busy_ || count * kBusyStep >= kBusyTimeout || OnProgress(self) != 0)
    return 0;
  sqlite3_sleep(kBusyStep);
  return 1;
}

int Connection::OnWal(void* self, sqlite3*, const char*, int pages) {
  static_cast<Connection*>(self)->wal_pages_ = pages;
  return SQLITE_OK;
}

Result<Connection::Borrowed> Connection::Borrow(std::string_view text) {
  const auto found = by_text_.find(text);
  if (found != by_text_.end()) {
    Statement& statement = found->second->statement;
    if (statement.in_use()) {
      CAISSON_ASSIGN(Statement own, Statement::Prepare(handle_, text, false));
      return Borrowed(std::move(own));
    }
    statements_.splice(statements_.begin(), statements_, found->second);
    return Borrowed(&statement);
  }
  CAISSON_ASSIGN(Statement statement, Statement::Prepare(handle_, text, true));
  if (statements_.size() >= kMaxCachedStatements && !statements_.back().statement.in_use()) {
    by_text_.erase(statements_.back().text);
    statements_.pop_back();
  }
  statements_.push_front(CachedStatement{std::string(text), std::move(statement)});
  by_text_.emplace(statements_.front().text, statements_.begin());
  return Borrowed(&statements_.front().statement);
}

Status Connection::StepStatus(int code, std::string_view text) {
  // An interrupted statement is the context's doing; its own error says which of the two ended it.
  if ((code & 0xff) == SQLITE_INTERRUPT && context_ != nullptr) {
    const Status ended = context_->Check();
    if (!ended.ok()) return ended;
  }
  return ErrorStatus(handle_, code, text);
}

Status Connection::Query(std::string_view text, const Parameters& parameters,
                         const std::function<Status(const Row&)>& on_row) {
  CAISSON_ASSIGN(Borrowed statement, Borrow(text));
  CAISSON_TRY(statement->Bind(parameters));
  const StatementRow row(statement->handle());
  int code = SQLITE_OK;
  while ((code = statement->Step()) == SQLITE_ROW) CAISSON_TRY(on_row(row));
  return code == SQLITE_DONE ? OkStatus() : StepStatus(code, text);
}

Result<int64_t> Connection::Execute(std::string_view text, const Parameters& parameters) {
  CAISSON_ASSIGN(Borrowed statement, Borrow(text));
  CAISSON_TRY(statement->Bind(parameters));
  // sqlite3_changes still tells of the statement before after one that changes nothing, such as
  // CREATE TABLE.
  const int64_t before = sqlite3_total_changes64(handle_);
  int code = SQLITE_OK;
  while ((code = statement->Step()) == SQLITE_ROW) {
  }
  if (code != SQLITE_DONE) return StepStatus(code, text);
  return sqlite3_total_changes64(handle_) == before ? 0 : sqlite3_changes64(handle_);
}

Status Connection::RunScript(std::string_view script) {
  const char* next = script.data();
  const char* end = script.data() + script.size();
  while (next < end) {
    sqlite3_stmt* handle = nullptr;
    const char* tail = nullptr;
    int code = sqlite3_prepare_v2(handle_, next, static_cast<int>(end - next), &handle, &tail);
    const std::string_view text(next,
                                static_cast<size_t>(tail != nullptr ? tail - next : end - next));
    if (code != SQLITE_OK) return ErrorStatus(handle_, code, text);
    if (handle != nullptr) {  // otherwise only spaces or a comment were left
      while ((code = sqlite3_step(handle)) == SQLITE_ROW) {
      }
      const Status status = code == SQLITE_DONE ? OkStatus() : StepStatus(code, text);
      sqlite3_finalize(handle);
      CAISSON_TRY(status);
    }
    next = tail;
  }
  return OkStatus();
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

Status Connection::Checkpoint(bool full) {
  wait_when_busy_ = false;
  int pages_in_log = 0;
  int pages_moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(
      handle_, "main", full ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &pages_in_log,
      &pages_moved);
  wait_when_busy_ = true;
  if (code == SQLITE_OK && pages_moved == pages_in_log) wal_pages_ = 0;
  // Readers in the way are not an error: the rest is moved the next time.
  if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY) return OkStatus();
  return ErrorStatus(handle_, code, fmt::format("checkpoint the database {}", path_));
}

}  // namespace caisson::sql::internal
