// DuckDB: SQL over columns and files. Loaded on first use.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/json.h"
#include "base/status.h"

namespace caisson::duckdb {

enum class ColumnType { kBoolean, kInteger, kDouble, kText, kTimestamp, kDate, kOther };

struct Column {
  std::string name;
  ColumnType type = ColumnType::kOther;
  std::string type_name;  // DuckDB's own: "BIGINT", "DECIMAL(18,3)"
};

// A piece of a result, up to 2,048 rows, read by column. Valid during the callback that got it.
// Columns of nested and rare types (lists, structs, intervals, bit strings) arrive as text: DuckDB
// casts them to VARCHAR.
class Chunk {
 public:
  virtual size_t row_count() const = 0;
  virtual bool IsNull(size_t column, size_t row) const = 0;
  // Integers of every width (beyond 64 bits the nearest int64), booleans, dates (days since
  // 1970-01-01) and timestamps (microseconds since then). 0 for a null.
  virtual int64_t Int(size_t column, size_t row) const = 0;
  // Every numeric type, decimals and booleans included; NaN for a null and for what is not a
  // number.
  virtual double Double(size_t column, size_t row) const = 0;
  virtual std::string Text(size_t column, size_t row) const = 0;  // any type, as DuckDB prints it
  // Copies a numeric column into floats; nulls become NaN.
  virtual void CopyFloats(size_t column, float* out) const = 0;

 protected:
  ~Chunk() = default;
};

struct Options {
  int threads = 2;
  std::string memory_limit = "1GB";
  std::string temporary_directory = {};  // empty: no spilling
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Json>> rows;
  bool truncated = false;  // there were more rows than asked for
};

// An in-memory database. Owned by its user. Any thread may call; one statement runs at a time and
// the others wait for their turn; a statement that is started inside another one's callback is
// FailedPrecondition. Nothing is fetched from the network: extensions are neither installed nor
// loaded by themselves. A context that ends interrupts the running statement, within some 10 ms.
// Rows keep the order of the file, and times are UTC. Errors carry DuckDB's text on one line; a
// missing file is NotFound, a full memory limit ResourceExhausted, a statement that is wrong
// InvalidArgument.
class Database {
 public:
  // NotFound, saying where was looked and how to get it, when the library is missing.
  static Result<std::unique_ptr<Database>> Open(const Options& options);
  ~Database();

  // Runs one or several statements, without rows.
  Status Execute(const Context& context, std::string_view statements);
  // Runs one statement; `on_chunk` gets the rows in order and may end the query with an error.
  Status Query(const Context& context, std::string_view statement,
               const std::function<Status(const std::vector<Column>&, const Chunk&)>& on_chunk);
  // The same for small results: timestamps and dates as text, numbers as numbers. Stops after
  // `max_rows` and says so in the table.
  Result<Table> QueryTable(const Context& context, std::string_view statement,
                           size_t max_rows = 10'000);
  // The columns that a statement would yield.
  Result<std::vector<Column>> Describe(const Context& context, std::string_view statement);

 private:
  class Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The library's version ("v1.5.6"), or why it cannot be loaded.
Result<std::string> Version();

// 'text' with quotes doubled, and "name" likewise, for building statements.
std::string QuoteText(std::string_view text);
std::string QuoteName(std::string_view name);

}  // namespace caisson::duckdb
