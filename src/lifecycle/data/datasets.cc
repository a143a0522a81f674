#include "lifecycle/data/datasets.h"

#include "base/ids.h"
#include "lifecycle/data/resources.h"
#include "platform/audit/audit.h"
#include "platform/lineage/lineage.h"

namespace caisson::data {
namespace {

constexpr std::string_view kVersionColumns =
    "path, md5, size, file_count, schema_json, profile_json, created_at";
constexpr std::string_view kCheckColumns =
    "id, dataset, suite, suite_md5, passed, report_json, created_at";

Json ParseStored(std::string_view text) {
  Result<Json> json = ParseJson(text);
  return json.ok() ? *std::move(json) : Json();
}

DatasetVersion ReadVersion(const sql::Row& row) {
  DatasetVersion version;
  version.path = row.String(0);
  version.md5 = row.String(1);
  version.size = row.Int(2);
  version.file_count = row.Int(3);
  version.schema = ParseStored(row.Text(4));
  version.profile = ParseStored(row.Text(5));
  version.created_at = row.Int(6);
  return version;
}

CheckRun ReadCheckRun(const sql::Row& row) {
  CheckRun run;
  run.id = row.String(0);
  run.dataset = row.String(1);
  run.suite = row.String(2);
  run.suite_md5 = row.String(3);
  run.passed = row.Int(4) != 0;
  run.report = ParseStored(row.Text(5));
  run.time = row.Int(6);
  return run;
}

Result<std::optional<DatasetVersion>> SelectVersion(sql::Session& session, std::string_view project,
                                                    std::string_view path, std::string_view md5) {
  static const std::string statement =
      fmt::format("SELECT {} FROM data_versions WHERE project = $1 AND path = $2 AND md5 = $3",
                  kVersionColumns);
  return session.QueryOne<DatasetVersion>(statement, {project, path, md5}, ReadVersion);
}

Status InsertVersion(sql::Transaction& transaction, const DatasetVersion& version) {
  const std::string& project = transaction.context().project();
  CAISSON_TRY(transaction.Execute(
      "INSERT INTO data_versions (project, path, md5, size, file_count, schema_json, profile_json, "
      "created_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      {project, version.path, version.md5, version.size, version.file_count,
       WriteJson(version.schema), WriteJson(version.profile), version.created_at}));
  const Json attributes = Json::Of({{"path", version.path},
                                    {"md5", version.md5},
                                    {"size", version.size},
                                    {"rows", version.profile["rows"]}});
  CAISSON_TRY(lineage::PutNode(transaction, {"dataset_version", version.name()}, attributes));
  return audit::Append(transaction, "dataset.version_recorded", "dataset/" + version.name(),
                       attributes);
}

Status InsertCheckRun(sql::Transaction& transaction, const CheckRun& run) {
  const std::string& project = transaction.context().project();
  CAISSON_TRY(
      transaction.Execute("INSERT INTO data_check_runs (id, project, dataset, suite, suite_md5, "
                          "passed, report_json, created_at) "
                          "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                          {run.id, project, run.dataset, run.suite, run.suite_md5, run.passed,
                           WriteJson(run.report), run.time}));
  const lineage::NodeId node{"check_run", run.id};
  const Json attributes = Json::Of({{"suite", run.suite},
                                    {"passed", run.passed},
                                    {"checks", static_cast<int64_t>(run.report["results"].size())},
                                    {"rows", run.report["row_count"]}});
  CAISSON_TRY(lineage::PutNode(transaction, node, attributes));
  CAISSON_TRY(lineage::PutEdge(transaction, {"dataset_version", run.dataset}, "checked_by", node));
  return audit::Append(transaction, "dataset.checked", "dataset/" + run.dataset, attributes);
}

}  // namespace

std::string DatasetVersion::name() const { return path + "@" + md5.substr(0, 8); }

const sql::Schema& DataSchema() {
  static const sql::Schema schema{"data", {{1, "datasets", resources::kMigrations0001DatasetsSql}}};
  return schema;
}

Result<DatasetVersion> Datasets::RecordVersion(const Context& context,
                                               const DatasetVersion& version) {
  return database_.WriteFor<DatasetVersion>(
      context, [&](sql::Transaction& transaction) -> Result<DatasetVersion> {
        CAISSON_ASSIGN(auto present,
                       SelectVersion(transaction, context.project(), version.path, version.md5));
        if (present.has_value()) return *std::move(present);
        DatasetVersion stored = version;
        stored.created_at = transaction.now();
        CAISSON_TRY(InsertVersion(transaction, stored));
        return stored;
      });
}

Result<CheckRun> Datasets::RecordCheckRun(const Context& context, const CheckRun& run) {
  return database_.WriteFor<CheckRun>(
      context, [&](sql::Transaction& transaction) -> Result<CheckRun> {
        static const std::string statement = fmt::format(
            "SELECT {} FROM data_check_runs WHERE project = $1 AND dataset = $2 AND suite = $3 AND "
            "suite_md5 = $4",
            kCheckColumns);
        CAISSON_ASSIGN(auto present,
                       transaction.QueryOne<CheckRun>(
                           statement, {context.project(), run.dataset, run.suite, run.suite_md5},
                           ReadCheckRun));
        if (present.has_value()) return *std::move(present);
        CheckRun stored = run;
        stored.time = transaction.now();
        stored.id = NewId(stored.time);
        CAISSON_TRY(InsertCheckRun(transaction, stored));
        return stored;
      });
}

Result<std::vector<DatasetVersion>> Datasets::Versions(const Context& context,
                                                       std::string_view path) {
  return database_.ReadFor<std::vector<DatasetVersion>>(context, [&](sql::Session& session) {
    static const std::string statement = fmt::format(
        "SELECT {} FROM data_versions WHERE project = $1 AND ($2 = '' OR path = $2) "
        "ORDER BY created_at DESC, path, md5",
        kVersionColumns);
    return session.QueryAll<DatasetVersion>(statement, {context.project(), path}, ReadVersion);
  });
}

Result<std::optional<DatasetVersion>> Datasets::FindVersion(const Context& context,
                                                            std::string_view path,
                                                            std::string_view md5) {
  return database_.ReadFor<std::optional<DatasetVersion>>(context, [&](sql::Session& session) {
    return SelectVersion(session, context.project(), path, md5);
  });
}

Result<std::vector<CheckRun>> Datasets::CheckRuns(const Context& context,
                                                  std::string_view dataset) {
  return database_.ReadFor<std::vector<CheckRun>>(context, [&](sql::Session& session) {
    static const std::string statement = fmt::format(
        "SELECT {} FROM data_check_runs WHERE project = $1 AND ($2 = '' OR dataset = $2) "
        "ORDER BY created_at DESC, id DESC",
        kCheckColumns);
    return session.QueryAll<CheckRun>(statement, {context.project(), dataset}, ReadCheckRun);
  });
}

}  // namespace caisson::data
