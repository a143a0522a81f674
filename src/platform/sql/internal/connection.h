// One SQLite connection with its cache of prepared statements.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/context.h"
#include "platform/sql/database.h"
#include "platform/sql/internal/statement.h"

struct sqlite3;

namespace caisson::sql::internal {

// Owned by the Writer or the ReaderPool. One thread at a time. Everything that runs on it ends with
// the error of the context in force, soon after that has ended.
class Connection final : public Session {
 public:
  enum class Mode { kWrite, kRead };
  static Result<std::unique_ptr<Connection>> Open(const std::string& path, Mode mode,
                                                  Durability durability);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The context that bounds what runs from now on; nullptr for none. It must live until it is
  // replaced.
  void set_context(const Context* context) { context_ = context; }

  Status Query(std::string_view statement, const Parameters& parameters,
               const std::function<Status(const Row&)>& on_row) override;
  Result<int64_t> Execute(std::string_view statement, const Parameters& parameters = {}) override;

  // Several statements without parameters, separated by semicolons; not cached.
  Status RunScript(std::string_view script);

  // False as soon as SQLite has rolled back by itself, as it does after a full disk or an
  // interrupted write.
  bool in_transaction() const;

  // Pages in the write-ahead log after the last commit, and moving them into the database file. A
  // full checkpoint empties the log; without `full` only what no reader is in the way of is moved.
  // Never waits for readers.
  int wal_pages() const { return wal_pages_; }
  Status Checkpoint(bool full);

  sqlite3* handle() const { return handle_; }

 private:
  struct CachedStatement {
    std::string text;
    Statement statement;
  };
  // A statement from the cache, or one of its own when the cached one is running further up the
  // stack.
  class Borrowed;

  Connection(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  Status Configure(Mode mode, Durability durability);
  Result<Borrowed> Borrow(std::string_view text);
  Status StepStatus(int code, std::string_view text);

  static int OnProgress(void* self);
  static int OnBusy(void* self, int count);
  static int OnWal(void* self, sqlite3* handle, const char* database, int pages);

  sqlite3* handle_;
  std::string path_;
  const Context* context_ = nullptr;
  bool wait_when_busy_ = true;
  int wal_pages_ = 0;
  // The most recently used first; the map points into the list and its keys are the texts there.
  std::list<CachedStatement> statements_;
  std::unordered_map<std::string_view, std::list<CachedStatement>::iterator> by_text_;
};

}  // namespace caisson::sql::internal
