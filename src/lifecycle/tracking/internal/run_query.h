// A run search as data, and the statements that answer it.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "lifecycle/tracking/entities.h"
#include "lifecycle/tracking/internal/key_cache.h"
#include "lifecycle/tracking/search_filter.h"
#include "lifecycle/tracking/sql_builder.h"

namespace caisson::tracking::internal {

// A comparison whose key has its number.
struct RunCondition {
  Comparison comparison;
  int64_t key_id = 0;
};
// Also moves conditions on the run's name to its tag, as MLflow does.
Result<RunCondition> MakeRunCondition(sql::Session& session, KeyCache& keys,
                                      const Comparison& comparison);

struct RunOrder {
  OrderKey key;
  int64_t key_id = 0;
};
Result<RunOrder> MakeRunOrder(sql::Session& session, KeyCache& keys, std::string_view text);

struct RunQuery {
  std::vector<int64_t> experiment_ids;  // without duplicates
  ViewType view = ViewType::kActiveOnly;
  std::vector<RunCondition> conditions;
  std::vector<RunOrder> order;
};

struct RunKeyPage {
  std::vector<int64_t> run_keys;
  Json next;  // the token of the next page, null at the end
};

// The next `limit` runs after the token (null: from the start). Runs without the value that they
// are ordered by come last, NaN before them; ties go by start time, newest first, then by run id.
//
// When the first key of the order is a metric of one experiment, the runs are found in three
// phases, each along an index: those with a number in the order of the numbers, those with NaN,
// those without. Otherwise the runs of the experiment are walked from the newest, or, when a
// condition is known to fit few of them, from that condition's index and sorted.
Result<RunKeyPage> FindRunKeys(sql::Session& session, const RunQuery& query, const Json& token,
                               size_t limit);

}  // namespace caisson::tracking::internal
