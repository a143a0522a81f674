// One run of a query script in a database of its own.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/files.h"
#include "base/status.h"
#include "engines/duckdb/duckdb.h"
#include "lifecycle/data/query_script.h"

namespace caisson::data::internal {

// Owned by its user; one thread at a time. The order is: Open, DefineInput for each input, Run;
// then the relations that the script made can be read through database().
class ScriptSession {
 public:
  static Result<ScriptSession> Open(int threads, const std::string& memory_limit);

  // A view over any FROM item.
  Status DefineInput(const Context& context, const std::string& name, std::string_view source);
  // Sets the variables, then runs the text. Errors name `file`.
  Status Run(const Context& context, const std::string& file, std::string_view text,
             const Json& parameters);
  // What the script made, inputs left out, in alphabetical order.
  Result<std::vector<std::string>> Relations(const Context& context);
  duckdb::Database& database() { return *database_; }

 private:
  ScriptSession(TemporaryDirectory folder, std::unique_ptr<duckdb::Database> database)
      : folder_(std::move(folder)), database_(std::move(database)) {}
  TemporaryDirectory folder_;  // DuckDB spills into it
  std::unique_ptr<duckdb::Database> database_;
  std::vector<std::string> inputs_;
};

// The variables that a script reads and does not set itself.
std::vector<std::string> VariablesOf(std::string_view text);

// Writes a query's rows to `path`, in the format of the ending of `name`; returns the number of
// rows.
Result<int64_t> CopyTo(const Context& context, duckdb::Database& database, std::string_view query,
                       const std::string& path, std::string_view name);

}  // namespace caisson::data::internal
