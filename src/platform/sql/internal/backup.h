// An online copy of a database.
#pragma once

#include <string>

#include "base/status.h"
#include "platform/sql/internal/connection.h"

namespace caisson::sql::internal {

// The contract is Database::BackupTo's. `source` is a read connection outside a transaction.
Status BackupTo(const Context& context, Connection& source, const std::string& path);

}  // namespace caisson::sql::internal
