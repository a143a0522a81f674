// Dataset versions and what is known of them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "platform/sql/database.h"

namespace caisson::data {

// A file or folder at one moment, named by DVC's hash of it.
struct DatasetVersion {
  std::string path;  // in the project, "data/flights.parquet"
  std::string md5;   // with ".dir" for a folder
  int64_t size = 0;  // bytes
  int64_t file_count = 1;
  Json schema;   // [{"name", "type"}], null for what is not a table
  Json profile;  // see profile.h; null until profiled
  UnixMillis created_at = 0;
  // "data/flights.parquet@1a2b3c4d": the path and the first eight digits. Its lineage node is
  // dataset_version with this name.
  std::string name() const;
};

// One run of a check suite against a version.
struct CheckRun {
  std::string id;
  std::string dataset;  // DatasetVersion::name()
  std::string suite;    // "checks/flights.yaml"
  std::string suite_md5;
  bool passed = false;
  Json report;  // CheckReport as JSON, see checks.h
  UnixMillis time = 0;
};

const sql::Schema& DataSchema();

// The record of data in the database; the bytes are in the project's DVC cache. Owned by `app`; any
// thread.
class Datasets {
 public:
  explicit Datasets(sql::Database& database) : database_(database) {}

  // Both are idempotent: the same version (path and md5), or the same version and suite, is
  // recorded once. They write the lineage nodes dataset_version and check_run and the audit entry
  // in the same transaction.
  Result<DatasetVersion> RecordVersion(const Context& context, const DatasetVersion& version);
  Result<CheckRun> RecordCheckRun(const Context& context, const CheckRun& run);

  Result<std::vector<DatasetVersion>> Versions(
      const Context& context, std::string_view path);  // newest first; empty path: all
  Result<std::optional<DatasetVersion>> FindVersion(const Context& context, std::string_view path,
                                                    std::string_view md5);
  Result<std::vector<CheckRun>> CheckRuns(const Context& context,
                                          std::string_view dataset);  // newest first; empty: all

 private:
  sql::Database& database_;
};

}  // namespace caisson::data
