#include "platform/sql/internal/backup.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/files.h"
#include "platform/sql/internal/errors.h"

namespace caisson::sql::internal {
namespace {

// Pages between two looks at the context.
constexpr int kPagesPerStep = 1'000;

Status CopyPages(const Context& context, sqlite3* source, sqlite3* target,
                 const std::string& path) {
  sqlite3_backup* backup = sqlite3_backup_init(target, "main", source, "main");
  if (backup == nullptr)
    return ErrorStatus(target, sqlite3_extended_errcode(target),
                       fmt::format("back up to {}", path));
  int code = SQLITE_OK;
  Status status;
  while (code == SQLITE_OK && status.ok()) {
    code = sqlite3_backup_step(backup, kPagesPerStep);
    status = context.Check();
  }
  const int finish_code = sqlite3_backup_finish(backup);
  CAISSON_TRY(status);
  if (finish_code == SQLITE_OK && code == SQLITE_DONE) return OkStatus();
  return ErrorStatus(target, finish_code == SQLITE_OK ? code : finish_code,
                     fmt::format("back up to {}", path));
}

}  // namespace

Status BackupTo(const Context& context, Connection& source, const std::string& path) {
  if (FileExists(path)) return AlreadyExists("back up to {}: the file is there already", path);
  CAISSON_TRY(MakeDirectories(ParentPath(path)));
  const std::string unfinished = path + ".unfinished";
  CAISSON_TRY(RemoveFile(unfinished));
  sqlite3* target = nullptr;
  const int code = sqlite3_open_v2(
      unfinished.c_str(), &target,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  // The snapshot is taken here, so that writes between two steps do not start the copy anew.
  Status status = code == SQLITE_OK
                      ? source.Execute("BEGIN").status()
                      : ErrorStatus(target, code, fmt::format("create {}", unfinished));
  if (status.ok())
    status = source.Query("SELECT count(*) FROM sqlite_schema", {},
                          [](const Row&) { return OkStatus(); });
  if (status.ok()) status = CopyPages(context, source.handle(), target, path);
  source.set_context(nullptr);
  if (source.in_transaction()) (void)source.Execute("ROLLBACK");
  sqlite3_close(target);
  if (status.ok()) status = RenameFile(unfinished, path);
  if (status.ok()) return SyncDirectory(ParentPath(path));
  (void)RemoveFile(unfinished);
  return status;
}

}  // namespace caisson::sql::internal
