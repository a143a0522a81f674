// A prepared statement with its parameters by number.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "platform/sql/database.h"

struct sqlite3;
struct sqlite3_stmt;

namespace caisson::sql::internal {

// Owns one sqlite3_stmt. Owned by its Connection and used by whoever uses that, one thread at a
// time.
class Statement {
 public:
  // Exactly one statement; parameters must be $1, $2, ...
  static Result<Statement> Prepare(sqlite3* connection, std::string_view text, bool keep);
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Parameters are borrowed until Reset. Their number must be the statement's highest $N.
  Status Bind(const Parameters& parameters);
  // The result code of sqlite3_step: SQLITE_ROW, SQLITE_DONE or an error.
  int Step();
  void Reset();

  sqlite3_stmt* handle() const { return handle_; }
  // Between the first Step and Reset; a statement that is in use must not be run a second time.
  bool in_use() const { return in_use_; }

 private:
  Statement(sqlite3* connection, sqlite3_stmt* handle) : connection_(connection), handle_(handle) {}
  Status ReadParameterNumbers(std::string_view text);
  int BindOne(int index, const Value& value);

  sqlite3* connection_;
  sqlite3_stmt* handle_;
  // SQLite counts parameters by first appearance; this maps $N, at N-1, to that index, 0 where $N
  // does not appear.
  std::vector<int> indexes_;
  bool in_use_ = false;
};

// The present row of a statement. On the stack of the query that runs.
class StatementRow final : public Row {
 public:
  explicit StatementRow(sqlite3_stmt* handle) : handle_(handle) {}
  bool IsNull(int column) const override;
  int64_t Int(int column) const override;
  double Double(int column) const override;
  std::string_view Text(int column) const override;

 private:
  sqlite3_stmt* handle_;
};

}  // namespace caisson::sql::internal
