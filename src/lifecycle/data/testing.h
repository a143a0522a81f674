// What the tests of data share: an engine, a folder, and short ways to make tables and run suites.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/context.h"
#include "base/files.h"
#include "engines/duckdb/duckdb.h"
#include "lifecycle/data/checks.h"

namespace caisson::data::testing {

// Failing to set up ends the test program, since no test could go on. Used by one thread.
class Workbench {
 public:
  Workbench() : folder_(TemporaryDirectory::Create("caisson-data").value()) {
    Result<std::unique_ptr<duckdb::Database>> database = duckdb::Database::Open({.threads = 2});
    if (!database.ok()) throw std::runtime_error(Message(database.status()));
    database_ = *std::move(database);
  }

  std::string Path(std::string_view name) const { return JoinPath(folder_.path(), name); }
  const std::string& folder() const { return folder_.path(); }
  duckdb::Database& database() { return *database_; }

  void Execute(std::string_view statements) {
    const Status status = database_->Execute(Context::Background(), statements);
    if (!status.ok()) throw std::runtime_error(Message(status));
  }
  // The rows of a query as a file; the format is that of the ending.
  std::string WriteTable(std::string_view name, std::string_view query) {
    const std::string path = Path(name);
    Execute(fmt::format("COPY ({}) TO {}", query, duckdb::QuoteText(path)));
    return path;
  }
  std::string WriteText(std::string_view name, std::string_view text) {
    const std::string path = Path(name);
    const Status status = WriteFileAtomic(path, text);
    if (!status.ok()) throw std::runtime_error(Message(status));
    return path;
  }
  // Runs a suite over a file, or over the rows of a query.
  Result<CheckReport> CheckFile(std::string_view suite_text, const std::string& path) {
    Result<YamlDocument> document = ParseYaml(suite_text, "suite.yaml");
    if (!document.ok()) return document.status();
    Result<CheckSuite> suite = ParseCheckSuite(*document, "suite.yaml");
    if (!suite.ok()) return suite.status();
    suite->folder = folder_.path();
    return RunChecks(Context::Background(), *database_, *suite, path);
  }
  Result<CheckReport> CheckRows(std::string_view suite_text, std::string_view query) {
    Execute(fmt::format("CREATE OR REPLACE TABLE rows_to_check AS {}", query));
    return CheckFile(suite_text, "rows_to_check");
  }

 private:
  TemporaryDirectory folder_;
  std::unique_ptr<duckdb::Database> database_;
};

}  // namespace caisson::data::testing
