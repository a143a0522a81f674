// Brings the tables of a module up to date.
#pragma once

#include "base/status.h"
#include "platform/sql/database.h"
#include "platform/sql/internal/writer.h"

namespace caisson::sql::internal {

// The contract is Database::Migrate's. What was applied is in the table caisson_migrations, a row a
// step.
Status Migrate(Writer& writer, const Schema& schema);

}  // namespace caisson::sql::internal
