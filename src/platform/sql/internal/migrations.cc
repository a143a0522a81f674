#include "platform/sql/internal/migrations.h"

#include <string>
#include <vector>

#include "base/hash.h"
#include "base/log.h"

namespace caisson::sql::internal {
namespace {

constexpr std::string_view kVersion = CAISSON_VERSION;

struct AppliedStep {
  int64_t number = 0;
  std::string name;
  std::string checksum;
  std::string version;  // of the program that applied it
};

Status CheckNumbers(const Schema& schema) {
  for (size_t i = 0; i < schema.migrations.size(); ++i) {
    if (schema.migrations[i].number != static_cast<int>(i) + 1) {
      return Internal("the schema of {}: step {} stands where {} is expected", schema.module,
                      schema.migrations[i].number, i + 1);
    }
  }
  return OkStatus();
}

Result<std::vector<AppliedStep>> ReadApplied(Session& session, std::string_view module) {
  return session.QueryAll<AppliedStep>(
      "SELECT number, name, checksum, version FROM caisson_migrations WHERE module = $1 ORDER BY "
      "number",
      {module}, [](const Row& row) {
        return AppliedStep{row.Int(0), row.String(1), row.String(2), row.String(3)};
      });
}

// The steps in the file must be the first ones of the program's.
Status CheckApplied(const Schema& schema, const std::vector<AppliedStep>& applied) {
  for (size_t i = 0; i < applied.size(); ++i) {
    const AppliedStep& step = applied[i];
    if (i >= schema.migrations.size()) {
      return FailedPrecondition(
          "the database has step {} ({}) of {}, written by caisson {}; this is caisson {}, which "
          "knows {} steps. Use caisson "
          "{} or newer, or restore the backup from before the upgrade",
          step.number, step.name, schema.module, step.version, kVersion, schema.migrations.size(),
          applied.back().version);
    }
    const Migration& known = schema.migrations[i];
    if (step.number != known.number || step.checksum != Sha256(known.script)) {
      return FailedPrecondition(
          "step {} ({}) of {} in the database differs from the one in this program (caisson {}); "
          "it was written by caisson {}. "
          "Use caisson {}, or restore a backup that this version has written",
          step.number, step.name, schema.module, kVersion, step.version, step.version);
    }
  }
  return OkStatus();
}

Status ApplyStep(WriteTransaction& transaction, std::string_view module,
                 const Migration& migration) {
  CAISSON_TRY(
      WithContext(transaction.RunScript(migration.script),
                  fmt::format("step {} ({}) of {}", migration.number, migration.name, module)));
  return transaction
      .Execute(
          "INSERT INTO caisson_migrations (module, number, name, checksum, version, applied_at)"
          " VALUES ($1, $2, $3, $4, $5, $6)",
          {module, migration.number, migration.name, Sha256(migration.script), kVersion,
           transaction.now()})
      .status();
}

}  // namespace

Status Migrate(Writer& writer, const Schema& schema) {
  CAISSON_TRY(CheckNumbers(schema));
  const Context context = Context::Background().WithPrincipal("system");
  std::vector<AppliedStep> applied;
  CAISSON_TRY(writer.Write(context, [&](Transaction& transaction) -> Status {
    CAISSON_TRY(transaction.Execute(
        "CREATE TABLE IF NOT EXISTS caisson_migrations (module TEXT NOT NULL,"
        " number BIGINT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL,"
        " version TEXT NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (module, number))"));
    CAISSON_ASSIGN(applied, ReadApplied(transaction, schema.module));
    return OkStatus();
  }));
  CAISSON_TRY(CheckApplied(schema, applied));
  for (size_t i = applied.size(); i < schema.migrations.size(); ++i) {
    // Every transaction of a Writer is a WriteTransaction.
    CAISSON_TRY(writer.Write(context, [&](Transaction& transaction) {
      return ApplyStep(static_cast<WriteTransaction&>(transaction), schema.module,
                       schema.migrations[i]);
    }));
    CAISSON_LOG(kDebug, "sql", "{}: applied step {} ({})", schema.module,
                schema.migrations[i].number, schema.migrations[i].name);
  }
  return OkStatus();
}

}  // namespace caisson::sql::internal
