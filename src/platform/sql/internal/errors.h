// From SQLite's result codes to Status.
#pragma once

#include <string_view>

#include "base/status.h"

struct sqlite3;

namespace caisson::sql::internal {

// Describes the connection's last error. `code` is the extended result code that the call returned,
// `what` the operation and its object, for example the text of a statement. Must be called before
// anything else uses the connection.
//
// A full disk (SQLITE_FULL, and I/O errors whose errno says so) is ResourceExhausted; CORRUPT and
// NOTADB are DataLoss; UNIQUE and PRIMARY KEY are AlreadyExists; BUSY is Unavailable; a statement
// that SQLite does not understand is Internal, since all statements are ours.
Status ErrorStatus(sqlite3* connection, int code, std::string_view what);

}  // namespace caisson::sql::internal
