// The Store's run search: filters as semi-joins, an order that an index gives where there is one,
// paging by the last row.
#include <algorithm>

#include "lifecycle/tracking/internal/run_query.h"
#include "lifecycle/tracking/internal/store_impl.h"
#include "lifecycle/tracking/python_text.h"
#include "lifecycle/tracking/validation.h"

namespace caisson::tracking {
namespace {

Result<internal::RunQuery> MakeQuery(sql::Session& session, internal::KeyCache& keys,
                                     const SearchRunsRequest& request) {
  // The order of the checks is MLflow's: it decides which error a client sees when several things
  // are wrong.
  internal::RunQuery query;
  query.view = request.view;
  CAISSON_ASSIGN(const std::vector<Comparison> filter,
                 ParseFilterSyntax(FilterDialect::kRuns, request.filter));
  for (const std::string& text : request.order_by) {
    CAISSON_ASSIGN(internal::RunOrder order, internal::MakeRunOrder(session, keys, text));
    for (const internal::RunOrder& other : query.order) {
      if (other.key.entity == order.key.entity && other.key.key == order.key.key) {
        return WithErrorId(
            Internal("`order_by` contains duplicate fields: {}", PythonReprList(request.order_by)),
            "INTERNAL_ERROR");
      }
    }
    query.order.push_back(std::move(order));
  }
  CAISSON_TRY(CheckComparators(FilterDialect::kRuns, filter));
  for (const Comparison& comparison : filter) {
    CAISSON_ASSIGN(internal::RunCondition condition,
                   internal::MakeRunCondition(session, keys, comparison));
    query.conditions.push_back(std::move(condition));
  }
  return query;
}

Status AddExperiments(const std::vector<std::string>& ids, internal::RunQuery& query) {
  for (const std::string& id : ids) {
    CAISSON_ASSIGN(const int64_t number, ParseExperimentId(id));
    if (std::find(query.experiment_ids.begin(), query.experiment_ids.end(), number) ==
        query.experiment_ids.end()) {
      query.experiment_ids.push_back(number);
    }
  }
  return OkStatus();
}

Result<Run> LoadRun(sql::Session& session, int64_t run_key) {
  CAISSON_ASSIGN(
      const std::optional<std::string> run_id,
      session.QueryOne<std::string>("SELECT run_id FROM tracking_runs WHERE run_key = $1",
                                    {run_key}, [](const sql::Row& row) { return row.String(0); }));
  CAISSON_ASSIGN(internal::RunRow row, internal::FindRun(session, run_id.value_or("")));
  Run run;
  run.info = std::move(row.info);
  CAISSON_TRY(internal::LoadRunData(session, run_key, run));
  CAISSON_ASSIGN(run.model_outputs, internal::LoadModelOutputs(session, run_key));
  return run;
}

}  // namespace

Result<Page<Run>> Store::SearchRuns(const Context& context, const SearchRunsRequest& request) {
  CAISSON_TRY(ValidateMaxResults(request.max_results));
  return impl_->tracking.ReadFor<Page<Run>>(
      context, [&](sql::Session& session) -> Result<Page<Run>> {
        CAISSON_ASSIGN(internal::RunQuery query, MakeQuery(session, impl_->keys, request));
        Json token;
        if (!request.page_token.empty()) {
          CAISSON_ASSIGN(token, DecodePageToken(request.page_token));
        }
        CAISSON_TRY(AddExperiments(request.experiment_ids, query));
        Page<Run> page;
        if (query.experiment_ids.empty()) return page;
        CAISSON_ASSIGN(
            const internal::RunKeyPage keys,
            internal::FindRunKeys(session, query, token, static_cast<size_t>(request.max_results)));
        page.items.reserve(keys.run_keys.size());
        for (const int64_t run_key : keys.run_keys) {
          CAISSON_TRY(context.Check());
          CAISSON_ASSIGN(Run run, LoadRun(session, run_key));
          page.items.push_back(std::move(run));
        }
        if (!keys.next.is_null()) page.next_page_token = EncodePageToken(keys.next);
        return page;
      });
}

}  // namespace caisson::tracking
