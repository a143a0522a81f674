// A database in a temporary folder, for the tests of every module that keeps state.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/files.h"
#include "platform/sql/database.h"
#include "platform/telemetry/metrics.h"

namespace caisson::sql::testing {

// Opens in the constructor and removes its folder at the end; failing to open ends the test
// program, since no test could go on. Used by one thread; the Database inside may be used by any.
class TestDatabase {
 public:
  // A new database, after `script` when that is not empty. `clock` gives the time of transactions
  // and must outlive the object; nullptr is the system's.
  explicit TestDatabase(std::string_view script = "", DatabaseOptions options = {},
                        const Clock* clock = nullptr)
      : folder_(TemporaryDirectory::Create("caisson-sql").value()),
        options_(std::move(options)),
        clock_(clock == nullptr ? &system_clock_ : clock) {
    options_.path = folder_.path() + "/test.db";
    // No test cuts the power, and a sync takes milliseconds on a busy disk.
    options_.durability = Durability::kNormal;
    Reopen();
    if (!script.empty()) Migrate({"test", {{1, "test", script}}});
  }
  // A new database with a module's tables.
  explicit TestDatabase(const Schema& schema, const Clock* clock = nullptr)
      : TestDatabase("", {}, clock) {
    Migrate(schema);
  }

  // Closes and opens the file again, as a restart of the program does.
  void Reopen() {
    database_.reset();
    database_ = Database::Open(options_, *clock_, metrics_).value();
  }

  Database* operator->() { return database_.get(); }
  Database& operator*() { return *database_; }
  const std::string& folder() const { return folder_.path(); }
  const std::string& path() const { return options_.path; }
  telemetry::Registry& metrics() { return metrics_; }

 private:
  void Migrate(const Schema& schema) {
    const Status status = database_->Migrate(schema);
    if (!status.ok()) throw std::runtime_error(Message(status));
  }

  TemporaryDirectory folder_;
  DatabaseOptions options_;
  SystemClock system_clock_;
  const Clock* clock_;
  telemetry::Registry metrics_;
  std::unique_ptr<Database> database_;
};

}  // namespace caisson::sql::testing
