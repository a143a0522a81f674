// Moves the journal of the metrics file into the lineage graph and the audit log of the main file.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "platform/lineage/lineage.h"
#include "platform/sql/database.h"

namespace caisson::tracking::internal {

// What one change wants told to the main file.
struct JournalEntry {
  struct EdgeTo {
    std::string relation;
    lineage::NodeId to;
  };
  lineage::NodeId node;
  Json attributes;            // null: the node is not touched
  std::vector<EdgeTo> edges;  // from the node
  std::string audit_action;   // empty: none
  std::string audit_object;
  Json audit_detail;
};

// Writes the entry in the transaction of the change. The relay is woken when it has committed.
class Relay;
Status AppendJournal(sql::Transaction& transaction, Relay& relay, const JournalEntry& entry);

// Owned by the Store. One thread, which starts with the object and ends with it. Entries arrive in
// order and exactly once: the cursor moves in the transaction that writes what an entry says. An
// error of the main file (a full disk, say) is logged and tried again after a growing pause;
// nothing is skipped.
class Relay {
 public:
  Relay(sql::Database& tracking, sql::Database& main);
  ~Relay();
  void Wake();
  // Waits until all entries that exist now have arrived.
  Status Drain(const Context& context);

 private:
  void Run();
  // Moves what there is; the result is the sequence of the last entry that arrived.
  Result<int64_t> MoveSome();

  sql::Database& tracking_;
  sql::Database& main_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = true;
  bool stopping_ = false;
  int64_t arrived_ = 0;
  std::thread thread_;
};

}  // namespace caisson::tracking::internal
