// SQL: one writer thread with group commit, a few readers, migrations.
//
// The surface names no engine, so that the same domain code runs on PostgreSQL. Statements use $1,
// $2, ... as parameters and keep to the SQL that SQLite and PostgreSQL share.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "platform/telemetry/metrics.h"

namespace caisson::sql {

// A blob parameter; plain strings are text.
struct Bytes {
  std::string_view bytes;
};

// One parameter. Text and bytes are borrowed for the call.
class Value {
 public:
  Value(std::nullptr_t) {}
  Value(bool value) : value_(static_cast<int64_t>(value)) {}
  Value(int value) : value_(static_cast<int64_t>(value)) {}
  Value(long value) : value_(static_cast<int64_t>(value)) {}
  Value(long long value) : value_(static_cast<int64_t>(value)) {}
  Value(unsigned value) : value_(static_cast<int64_t>(value)) {}
  Value(unsigned long value) : value_(static_cast<int64_t>(value)) {}
  Value(double value) : value_(value) {}
  Value(const char* value) : value_(std::string_view(value)) {}
  Value(std::string_view value) : value_(value) {}
  Value(const std::string& value) : value_(std::string_view(value)) {}
  Value(Bytes value) : value_(value) {}
  template <typename T>
  Value(const std::optional<T>& value) {
    if (value.has_value()) *this = Value(*value);
  }

  const std::variant<std::monostate, int64_t, double, std::string_view, Bytes>& get() const {
    return value_;
  }

 private:
  std::variant<std::monostate, int64_t, double, std::string_view, Bytes> value_;
};

using Parameters = std::vector<Value>;

// The present row of a running query; valid until the next row. Columns count from 0. A null reads
// as 0 or empty text.
class Row {
 public:
  virtual bool IsNull(int column) const = 0;
  virtual int64_t Int(int column) const = 0;
  virtual double Double(int column) const = 0;
  virtual std::string_view Text(int column) const = 0;
  std::string String(int column) const { return std::string(Text(column)); }
  std::optional<int64_t> OptionalInt(int column) const {
    return IsNull(column) ? std::nullopt : std::optional<int64_t>(Int(column));
  }
  std::optional<std::string> OptionalString(int column) const {
    return IsNull(column) ? std::nullopt : std::optional<std::string>(String(column));
  }

 protected:
  ~Row() = default;
};

// A connection lent to a function for the length of a read or a transaction. Used only inside that
// function, on its thread. Statements are prepared once a connection and cached by their text, so
// pass constant text and parameters.
class Session {
 public:
  // Runs a query; `on_row` may stop it early by returning an error, which Query returns.
  virtual Status Query(std::string_view statement, const Parameters& parameters,
                       const std::function<Status(const Row&)>& on_row) = 0;
  // Runs a statement without rows; the result is the number of rows changed.
  virtual Result<int64_t> Execute(std::string_view statement,
                                  const Parameters& parameters = {}) = 0;

  // The first row through `read`, or nothing.
  template <typename T>
  Result<std::optional<T>> QueryOne(std::string_view statement, const Parameters& parameters,
                                    const std::function<T(const Row&)>& read) {
    std::optional<T> found;
    CAISSON_TRY(Query(statement, parameters, [&](const Row& row) {
      if (!found.has_value()) found = read(row);
      return OkStatus();
    }));
    return found;
  }
  // All rows through `read`.
  template <typename T>
  Result<std::vector<T>> QueryAll(std::string_view statement, const Parameters& parameters,
                                  const std::function<T(const Row&)>& read) {
    std::vector<T> rows;
    CAISSON_TRY(Query(statement, parameters, [&](const Row& row) {
      rows.push_back(read(row));
      return OkStatus();
    }));
    return rows;
  }

 protected:
  ~Session() = default;
};

// A session inside a write transaction.
class Transaction : public Session {
 public:
  // Runs on the writer thread after the transaction is durable and before Write returns; not at all
  // when it is rolled back. Keep it short: it holds up the writer. It is meant for waking others.
  virtual void OnCommit(std::function<void()> action) = 0;
  // Once the transaction is durable, wakes whoever listens to `channel` (Database::Listen), as
  // PostgreSQL's NOTIFY does. Several notifications of a channel may become one. A module uses
  // channels that start with its own name.
  virtual void Notify(std::string_view channel) = 0;
  // Who asks, for the audit log and the tables' own history.
  virtual const Context& context() const = 0;
  // The time of the transaction; one value for all that it writes.
  virtual UnixMillis now() const = 0;

 protected:
  ~Transaction() = default;
};

// One step of a module's schema. Numbers count from 1 without gaps; a step that was released is
// never changed.
struct Migration {
  int number = 0;
  std::string_view name;
  std::string_view script;  // statements separated by semicolons
};

struct Schema {
  std::string_view module;  // "tracking"; tables are named tracking_*
  std::vector<Migration> migrations;
};

enum class Durability {
  kFull,    // every commit is synced: survives a power cut
  kNormal,  // survives kill -9; a power cut may take the last commits, never consistency
};

struct DatabaseOptions {
  std::string path = {};  // missing folders are made
  Durability durability = Durability::kFull;
  int readers = 4;
  // The most write functions that may wait for the writer; more answer ResourceExhausted.
  int write_queue_capacity = 10'000;
  // The most write functions that share one commit.
  int group_size = 1'000;
};

// Keeps a function listening to a channel for as long as it lives. Must go before the Database
// does. Its destructor waits for a call of the function that is under way.
class Listener {
 public:
  Listener() = default;
  explicit Listener(std::function<void()> remove) : remove_(std::move(remove)) {}
  Listener(Listener&& other) noexcept : remove_(std::exchange(other.remove_, nullptr)) {}
  Listener& operator=(Listener&& other) noexcept {
    if (this != &other) {
      if (remove_) remove_();
      remove_ = std::exchange(other.remove_, nullptr);
    }
    return *this;
  }
  ~Listener() {
    if (remove_) remove_();
  }

 private:
  std::function<void()> remove_;
};

// A database file. Owned by `app`, outlives every domain. Any thread may call Read and Write.
//
// Write runs the function on the single writer thread inside a transaction and returns after the
// commit is durable. Functions that wait together share a commit, each in a savepoint of its own:
// one that fails is rolled back alone, and its Status goes to its caller. The function may run
// again when the commit of its group failed, so it must not have effects outside the database. Read
// runs the function on the calling thread with a read-only connection on one snapshot.
//
// Neither may be called from inside a function of the same kind (Internal says so): pass the
// Session on. A Read inside a write function sees the state before the transaction. A call ends
// with the context's error soon after its deadline or its cancellation, except that a commit under
// way is waited for, since its outcome must be known.
//
// Errors: a value that breaks a UNIQUE or PRIMARY KEY constraint is AlreadyExists and names the
// constraint; CHECK and NOT NULL are InvalidArgument, FOREIGN KEY is FailedPrecondition. A full
// disk or a full queue is ResourceExhausted; writing works again as soon as there is room. A
// damaged file is DataLoss. Another process that holds the file is Unavailable.
class Database {
 public:
  static Result<std::unique_ptr<Database>> Open(const DatabaseOptions& options, const Clock& clock,
                                                telemetry::Registry& metrics);
  ~Database();

  // Brings a module's tables up to date, in one transaction a step, each recorded with its
  // checksum. A newer or a changed step in the file is FailedPrecondition, naming the version of
  // the program that is needed.
  Status Migrate(const Schema& schema);

  Status Write(const Context& context, const std::function<Status(Transaction&)>& function);
  Status Read(const Context& context, const std::function<Status(Session&)>& function);

  // The same with a value as the result.
  template <typename T>
  Result<T> WriteFor(const Context& context,
                     const std::function<Result<T>(Transaction&)>& function) {
    std::optional<T> value;
    CAISSON_TRY(Write(context, [&](Transaction& transaction) -> Status {
      CAISSON_ASSIGN(value, function(transaction));
      return OkStatus();
    }));
    return *std::move(value);
  }
  template <typename T>
  Result<T> ReadFor(const Context& context, const std::function<Result<T>(Session&)>& function) {
    std::optional<T> value;
    CAISSON_TRY(Read(context, [&](Session& session) -> Status {
      CAISSON_ASSIGN(value, function(session));
      return OkStatus();
    }));
    return *std::move(value);
  }

  // Calls `function` on the writer thread after each commit that notified `channel`
  // (Transaction::Notify); the rules of OnCommit hold, and it must not call Listen or drop a
  // Listener. Any thread may call Listen.
  [[nodiscard]] Listener Listen(std::string_view channel, std::function<void()> function);

  // Write functions that wait for the writer now.
  size_t queued_writes() const;

  // OK when a trivial read works; used by /readyz.
  Status Ping(const Context& context);
  // An online copy into a new file, consistent at one moment; writing goes on meanwhile.
  // AlreadyExists when the file is there. The copy appears under its name only when it is whole and
  // synced.
  Status BackupTo(const Context& context, const std::string& path);

 private:
  class Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace caisson::sql
