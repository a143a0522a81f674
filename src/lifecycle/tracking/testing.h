// A tracking store in temporary files, for the tests of every module that logs runs.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "base/clock.h"
#include "base/files.h"
#include "lifecycle/tracking/store.h"
#include "platform/sql/testing.h"

namespace caisson::tracking::testing {

// Opens in the constructor and removes its files at the end; failing to open ends the test program.
class TestStore {
 public:
  explicit TestStore(StoreOptions options = {})
      : folder_(TemporaryDirectory::Create("caisson-tracking").value()), options_(options) {
    if (options_.artifacts_destination.empty())
      options_.artifacts_destination = folder_.path() + "/artifacts";
    Open();
  }
  // Closes and opens the files again, as a restart of the program does.
  void Reopen() {
    store_.reset();
    tracking_.Reopen();
    main_.Reopen();
    Open();
  }
  Store* operator->() { return store_.get(); }
  Store& operator*() { return *store_; }
  sql::Database& main() { return *main_; }
  sql::Database& tracking() { return *tracking_; }
  const std::string& folder() const { return folder_.path(); }

 private:
  void Open() {
    Result<std::unique_ptr<Store>> store = Store::Open({*tracking_, *main_, clock_}, options_);
    if (!store.ok()) throw std::runtime_error(Message(store.status()));
    store_ = *std::move(store);
  }

  TemporaryDirectory folder_;
  StoreOptions options_;
  SystemClock clock_;
  sql::testing::TestDatabase main_;
  sql::testing::TestDatabase tracking_;
  std::unique_ptr<Store> store_;
};

}  // namespace caisson::tracking::testing
