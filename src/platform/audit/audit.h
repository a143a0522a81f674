// Who did what, when and why; appended, never rewritten.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "platform/sql/database.h"

namespace caisson::audit {

struct Entry {
  int64_t sequence = 0;
  UnixMillis time = 0;
  std::string project;
  std::string principal;
  std::string action;  // "model_version.promote"
  std::string object;  // "model/delay/3"
  Json detail;         // numbers and reasons; never secrets
  std::string trace_id;
  // SHA-256, in lower-case hex, over the previous entry's hash and this entry's fields, so that a
  // changed or missing entry shows. README.md has the exact bytes.
  std::string hash;
};

const sql::Schema& AuditSchema();

// Writes an entry in the caller's transaction; principal, project, trace and time come from the
// transaction. `action` and `object` must not be empty.
Status Append(sql::Transaction& transaction, std::string_view action, std::string_view object,
              const Json& detail);

struct Filter {
  std::string project = {};        // empty: all
  std::string object_prefix = {};  // empty: all
  std::string action = {};         // empty: all
  int64_t before_sequence = 0;     // 0: from the newest
  int limit = 100;
};
// Newest first.
Result<std::vector<Entry>> List(sql::Session& session, const Filter& filter);

// Walks the chain from its beginning; DataLoss names the first entry that does not fit, or says
// that the end is missing. About a second for 500,000 entries.
Status VerifyChain(sql::Session& session);

}  // namespace caisson::audit
