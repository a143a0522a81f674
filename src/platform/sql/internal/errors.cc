#include "platform/sql/internal/errors.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <sqlite3.h>

namespace caisson::sql::internal {
namespace {

// Statements can be long; their beginning is enough to find them.
std::string_view Shorten(std::string_view text) { return text.substr(0, 200); }

bool IsDiskFull(int error_number) {
  // EFBIG is what a file size limit of the process (RLIMIT_FSIZE) gives.
  return error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
}

Status ConstraintStatus(int code, const char* message) {
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return AlreadyExists("{}", message);
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return FailedPrecondition("{}: a row that is referred to is missing, or is still in use",
                                message);
    default:
      return InvalidArgument("{}", message);
  }
}

int LastErrno(sqlite3* connection) {
  const int error_number = sqlite3_system_errno(connection);
  if (error_number != 0) return error_number;
  // SQLite 3.40 does not keep the errno of a COMMIT; the log's file object does.
  sqlite3_file* log = nullptr;
  int of_log = 0;
  if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
      log != nullptr && log->pMethods != nullptr) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &of_log);
  }
  return of_log;
}

Status InputOutputStatus(sqlite3* connection, int code, std::string_view what,
                         const char* message) {
  const int error_number = LastErrno(connection);
  if (IsDiskFull(error_number)) {
    return ResourceExhausted(
        "{}: no space left for the database ({}); free some disk space, writing then goes on by "
        "itself",
        Shorten(what), std::strerror(error_number));
  }
  if (code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_CORRUPTFS) {
    return DataLoss("{}: the database file is damaged ({}); restore it from a backup",
                    Shorten(what), message);
  }
  return Unavailable("{}: {} ({}); check the disk that holds the database", Shorten(what), message,
                     error_number == 0 ? "no errno" : std::strerror(error_number));
}

}  // namespace

Status ErrorStatus(sqlite3* connection, int code, std::string_view what) {
  const char* message = connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return ConstraintStatus(code, message);
    case SQLITE_FULL:
      return ResourceExhausted(
          "{}: no space left for the database; free some disk space, writing then goes on by "
          "itself",
          Shorten(what));
    case SQLITE_IOERR:
      return InputOutputStatus(connection, code, what, message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DataLoss("{}: the database file is damaged ({}); restore it from a backup",
                      Shorten(what), message);
    case SQLITE_CANTOPEN: {
      const int error_number = connection != nullptr ? sqlite3_system_errno(connection) : 0;
      if (error_number != 0) return ErrnoStatus(error_number, what);
      return Unavailable("{}: {}", Shorten(what), message);
    }
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return Unavailable("{}: {}; another process holds the database file", Shorten(what), message);
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return PermissionDenied("{}: {}", Shorten(what), message);
    case SQLITE_NOMEM:
      return ResourceExhausted("{}: out of memory", Shorten(what));
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
      return InvalidArgument("{}: {}", Shorten(what), message);
    case SQLITE_ABORT:
    case SQLITE_SCHEMA:
      return Aborted("{}: {}", Shorten(what), message);
    case SQLITE_INTERRUPT:
      return Cancelled("{}: interrupted", Shorten(what));
    default:
      return Internal("{}: {} (SQLite code {})", Shorten(what), message, code);
  }
}

}  // namespace caisson::sql::internal
